/** Whether a caller may use a service: what identities, the resource's policy and organizations say, as IAM weighs them. */
import { refusal, type Authority } from '../authorize.ts'
import { partitionOf } from '../arn.ts'
import type { Context } from '../context.ts'
import { decide, type Source } from '../decision.ts'
import { Call, type World } from '../operation.ts'
import type { ContextReader } from '../policy/context.ts'
import { parseDocument } from '../policy/document.ts'
import type { Wanted } from './world.ts'

const NOTHING_TOLD: ContextReader = () => undefined

/** Throws AccessDeniedException, in IAM's words, for what nobody allows. */
export async function permit(
  { action, resource, policy }: Wanted,
  context: Context,
  { authority, world }: { readonly authority: Authority; readonly world: World },
  told: ContextReader = NOTHING_TOLD,
): Promise<void> {
  const scope = world.records.scope(context.region, context.caller.account)
  const call = new Call(action, {}, context, scope, world)
  const ask = { action, resource }
  const question = await authority.question(ask, call, told)
  const own = policy === undefined ? undefined : sourceOf(policy, resource!.account, context)
  const decision = decide(own ? { ...question, resourcePolicy: own } : question)
  if (!decision.allowed) throw refusal(ask, call, decision)
}

/**
 * A policy as one of the two ways in. Within its account either the resource's policy or the identity's is enough, which is
 * as if the policy left everything to its account.
 */
function sourceOf(policy: string, account: string, { region, caller }: Context): Source {
  const document = parseDocument(policy)
  const name = 'resource policy'
  if (caller.account !== account) return { kind: 'resource', name, document }
  const root = { AWS: `arn:${partitionOf(region)}:iam::${account}:root` }
  const delegation = parseDocument(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: root, Action: '*', Resource: '*' }],
    }),
  )
  const statements = [...document.statements, ...delegation.statements]
  return {
    kind: 'resource',
    name,
    document: { ...document, statements, rules: [...document.rules, ...delegation.rules] },
  }
}
