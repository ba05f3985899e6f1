/** IAM and STS of a room, asked as the door asks them: with the parameters of a form. */
import type { ExecutionContext } from 'ava'
import { KmsError, Strongroom, type AccountConfig } from '../../src/index.ts'
import { iam } from '../../src/iam/iam.ts'
import { inProcess } from '../../src/inprocess.ts'
import { sts } from '../../src/sts/sts.ts'

export const ACCOUNT = '111122223333'

export const document = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement })
export const ALLOW = { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' }
export const TRUST = document({ Effect: 'Allow', Principal: { AWS: ACCOUNT }, Action: 'sts:AssumeRole' })

export interface Scene {
  readonly room: Strongroom
  /** The answer; in the name of the root unless another is told. */
  ask(action: string, parameters?: Record<string, string>, who?: string): Promise<string>
  /** The code and words of a refusal. */
  refusal(action: string, parameters?: Record<string, string>, who?: string): Promise<string>
}

export async function scene(t: ExecutionContext, account: Partial<AccountConfig> = {}): Promise<Scene> {
  const accounts = [{ id: ACCOUNT, ...account }]
  const room = await Strongroom.open({ memory: true, accounts, now: () => new Date('2026-03-01T12:00:00Z') })
  t.teardown(() => room.close())
  const services = [sts(room.identities), iam(room.identities)]
  const ask: Scene['ask'] = (action, parameters = {}, who = `arn:aws:iam::${ACCOUNT}:root`) => {
    const context = inProcess(room.identities, { arn: who, account: ACCOUNT, region: 'us-east-1' })
    const service = services[/^(GetCallerIdentity|AssumeRole|Get(Session|Federation)Token)$/.test(action) ? 0 : 1]!
    const form = new Map(Object.entries({ Action: action, ...parameters }))
    return service.call(form, { ...context, caller: context.caller, requestId: 'the-request' })
  }
  const refusal: Scene['refusal'] = (...asked) =>
    ask(...asked).then(
      () => 'nothing was refused',
      (error: unknown) => (error instanceof KmsError ? `${error.code}: ${error.message}` : String(error)),
    )
  return { room, ask, refusal }
}

/** The texts of all elements of this name. */
export function texts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text]) => text!)
}
