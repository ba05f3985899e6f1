/** Why somebody may, or may not: the question put to every statement in turn, with nothing done. */
import { report, type Authorization, type ContextValue } from './authorization.ts'
import type { Authority } from './authorize.ts'
import type { Context } from './context.ts'
import { fail } from './errors.ts'
import { OPERATIONS } from './model/kms.ts'
import { find } from './find.ts'
import { Call, type World } from './operation.ts'

export interface Explanation extends Authorization {
  readonly principal: string
  readonly action: string
  /** The key's ARN, or `*`. */
  readonly resource: string
}

export interface Explained {
  /** `kms:Decrypt` */
  readonly action: string
  /** A key by any of its names; none for actions on no resource. */
  readonly key?: string | undefined
  /** Condition keys and their values, as a request would bring them along: `kms:EncryptionContext:dept`. */
  readonly context?: Readonly<Record<string, ContextValue>> | undefined
}

const PAIR = /^kms:encryptioncontext:(.+)$/i

/** What would be decided for the caller of `context`, and why. */
export async function explain(
  { action, key: name, context: told = {} }: Explained,
  context: Context,
  authority: Authority,
  world: World,
): Promise<Explanation> {
  const operation = action.replace(/^kms:/i, '')
  if (operation === action || !(operation in OPERATIONS || /^ReEncrypt(From|To)$/.test(operation))) {
    fail('ValidationException', `\`${action}\` is no action of KMS`)
  }
  const pairs = Object.entries(told).flatMap(([key, value]) => {
    const pair = PAIR.exec(key)?.[1]
    return pair === undefined ? [] : [[pair, String(value)] as const]
  })
  const EncryptionContext = pairs.length > 0 ? Object.fromEntries(pairs) : undefined
  const input = { KeyId: name, EncryptionContext, SourceEncryptionContext: EncryptionContext }
  const request = { ...input, DestinationEncryptionContext: EncryptionContext }
  const call = new Call(operation, request, context, world.records.scope(context.region, context.caller.account), world)
  const key = name === undefined ? undefined : await find(call, name)
  const values = new Map(Object.entries(told).map(([name, value]) => [name.toLowerCase(), value]))
  const question = await authority.question({ action: `kms:${operation}`, resource: key }, call, (name) => {
    const value = values.get(name)
    return typeof value === 'object' || value === undefined ? value : String(value)
  })
  return { principal: context.caller.arn, action, resource: question.resource, ...report(question) }
}
