/** Two accounts with people in them, for asking a real room who may. */
import type { ExecutionContext } from 'ava'
import { Strongroom, type AccountConfig, type Client, type StrongroomOptions } from '../../src/index.ts'

export const [HOME, AWAY] = ['111122223333', '444455556666']

export const arn = {
  root: (account = HOME) => `arn:aws:iam::${account}:root`,
  user: (name: string, account = HOME) => `arn:aws:iam::${account}:user/${name}`,
  role: (name: string, account = HOME) => `arn:aws:iam::${account}:role/${name}`,
  session: (role: string, name = 'one', account = HOME) => `arn:aws:sts::${account}:assumed-role/${role}/${name}`,
}

type Json = Record<string, unknown>

export const document = (...Statement: Json[]): string => JSON.stringify({ Version: '2012-10-17', Statement })
export const allow = (Action: string | string[], more: Json = {}): Json => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
})
export const deny = (Action: string | string[], more: Json = {}): Json => ({ ...allow(Action, more), Effect: 'Deny' })
export const to = (...AWS: string[]): Json => ({ Principal: { AWS } })
export const when = (operator: string, key: string, value: unknown): Json => ({
  Condition: { [operator]: { [key]: value } },
})

/** Leaves the key to the account's IAM policies. */
export const delegating = allow('kms:*', to(arn.root()))

const trusting = (account: string) =>
  document({ Effect: 'Allow', Principal: { AWS: arn.root(account) }, Action: 'sts:AssumeRole' })
export const inline = (...statements: Json[]) => ({ policies: [{ name: 'own', document: document(...statements) }] })

export const ACCOUNTS: AccountConfig[] = [
  {
    id: HOME,
    accessKeys: [{ id: 'home', secret: 'home' }],
    users: [
      { name: 'admin', ...inline(allow('*')) },
      { name: 'alice', ...inline(allow(['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey', 'kms:CreateGrant'])) },
      { name: 'bob' },
      {
        name: 'blue',
        tags: { team: 'blue' },
        ...inline(allow('kms:Encrypt', when('StringEquals', 'aws:ResourceTag/team', '${aws:PrincipalTag/team}'))),
      },
      { name: 'denied', ...inline(allow('kms:*'), deny('kms:Decrypt')) },
    ],
    roles: [
      { name: 'app', trustPolicy: trusting(HOME), ...inline(allow('kms:Decrypt')) },
      { name: 'developer', trustPolicy: trusting(HOME) },
    ],
  },
  {
    id: AWAY,
    accessKeys: [{ id: 'away', secret: 'away' }],
    users: [{ name: 'partner', ...inline(allow('kms:*')) }, { name: 'idle' }],
  },
]

export interface Stage {
  room: Strongroom
  /** In the name of this principal. */
  as(who: string): Client
  /** A key with this policy; its ARN. */
  key(...statements: Json[]): Promise<string>
  pass(millis: number): void
}

export async function stage(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Stage> {
  let now = Date.UTC(2026, 0, 1)
  const room = await Strongroom.open({ memory: true, now: () => new Date(now), accounts: ACCOUNTS, ...options })
  t.teardown(() => room.close())
  return {
    room,
    as: (who) => room.as({ arn: who }),
    async key(...statements) {
      const Policy = document(...statements)
      const { KeyMetadata } = await room.createKey({ Policy, BypassPolicyLockoutSafetyCheck: true })
      return KeyMetadata!.Arn!
    },
    pass(millis) {
      now += millis
    },
  }
}
