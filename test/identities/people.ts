/** Identities over a store in memory, with a clock to turn, and ways to write down who there is. */
import { randomBytes } from 'node:crypto'
import type { ExecutionContext } from 'ava'
import { Hsm } from '../../bindings/node/index.js'
import { nativeBackend } from '../../src/backends/native.ts'
import { systemEntropy } from '../../src/entropy.ts'
import { KmsError } from '../../src/errors.ts'
import { Identities } from '../../src/identities/identities.ts'
import type { AccountConfig, OrganizationConfig, RoleConfig } from '../../src/identity.ts'
import { Roots } from '../../src/roots.ts'
import { Secrets } from '../../src/secrets.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'

export const HERE = '111122223333'
export const THERE = '444455556666'
export const NOON = Date.UTC(2026, 0, 31, 12)

export interface Book {
  identities: Identities
  store: Store
  /** The same store under what may be another configuration, as after a restart. */
  reopen(accounts?: readonly AccountConfig[]): Promise<Identities>
  /** Moves the time on. */
  pass(seconds: number): void
}

export async function book(
  t: ExecutionContext,
  accounts: readonly AccountConfig[] = PEOPLE,
  organization?: OrganizationConfig,
  simulatedMfa = true,
): Promise<Book> {
  const hsm = Hsm.create(randomBytes(32))
  const store = await openSqlite(':memory:', hsm)
  t.teardown(async () => {
    await store.close()
    hsm.close()
  })
  let now = NOON
  const secrets = new Secrets(store, nativeBackend(hsm, { roots: new Roots([]), window: 0 }), systemEntropy)
  const reopen = (declared = accounts) =>
    Identities.open({
      ...{ store, secrets, entropy: systemEntropy, clock: () => now, accounts: declared, organization, simulatedMfa },
    })
  return { identities: await reopen(), store, reopen, pass: (seconds) => (now += seconds * 1000) }
}

export const allow = (action: string, resource = '*') => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: action, Resource: resource }],
})

/** Trust in these principals, for these actions, under these conditions. */
export const trusts = (
  AWS: string | readonly string[],
  Condition: object = {},
  Action: unknown = 'sts:AssumeRole',
) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { AWS }, Action, Condition }],
})

export const role = (name: string, trustPolicy: object, more: Partial<RoleConfig> = {}): RoleConfig => ({
  ...{ name, trustPolicy },
  ...more,
})

export const user = (name: string, account = HERE) => `arn:aws:iam::${account}:user/${name}`
export const roleArn = (name: string, account = HERE) => `arn:aws:iam::${account}:role/${name}`

/** Alice may assume whatever trusts her account; bob is told of nowhere but in trust policies. */
const PEOPLE: readonly AccountConfig[] = [
  {
    id: HERE,
    accessKeys: [{ id: 'AKIAROOT', secret: 'of the root' }],
    users: [
      {
        ...{
          name: 'alice',
          path: '/ops/',
          accessKeys: [{ id: 'AKIAALICE', secret: 'of alice' }],
          tags: { team: 'red' },
        },
        ...{ policies: [{ name: 'assume', document: allow('sts:*') }], groups: ['readers'] },
      },
      { name: 'bob', accessKeys: [{ id: 'AKIABOB', secret: 'of bob' }] },
    ],
    groups: [{ name: 'readers', attachedPolicies: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] }],
    roles: [role('app', trusts(HERE), { path: '/service/', tags: { team: 'blue', stage: 'prod' } })],
    policies: [{ name: 'bound', document: allow('kms:*') }],
  },
]

/** Asserts that `act` fails with the exception `code`, and with `message` when one is given. */
export async function refuses(t: ExecutionContext, act: Promise<unknown>, code: string, message?: string) {
  const error = await t.throwsAsync(act, { instanceOf: KmsError })
  t.is(error.code, code)
  if (message !== undefined) t.is(error.message, message)
}
