/** From accounts as a configuration has them to the records of everybody in them. */
import type {
  AccessKeyConfig,
  AccountConfig,
  GroupConfig,
  ManagedPolicyConfig,
  PolicyDocument,
  RoleConfig,
  UserConfig,
} from '../identity.ts'
import type { Clock, Instant } from '../clock.ts'
import type {
  AccessKeyEntity,
  Entity,
  EntityOf,
  GroupEntity,
  Kind,
  PolicyEntity,
  RoleEntity,
  UserEntity,
} from './entities.ts'
import { declaredId } from './ids.ts'

/** What there is already: what is declared again keeps its id. */
interface Present {
  readonly clock: Clock
  entity<K extends Kind>(kind: K, account: string, name: string): EntityOf<K> | undefined
}

/** Everybody that `accounts` declare. Throws a TypeError for what no configuration may say. */
export function entitiesOf(accounts: readonly AccountConfig[], present: Present): Entity[] {
  const now = present.clock()
  const keys = new Set<string>()
  return accounts.flatMap((config): Entity[] => {
    const { id: account, accessKeys = [], users = [], groups = [], roles = [], policies = [] } = config
    if (!/^\d{12}$/.test(account)) throw new TypeError(`account id \`${account}\` is not 12 digits`)
    const entities = [
      ...keysOf(account, '', accessKeys, now),
      ...users.flatMap((user) => [
        userOf(account, user, present, now),
        ...keysOf(account, user.name, user.accessKeys, now),
      ]),
      ...groups.map((group) => groupOf(account, group, present, now)),
      ...roles.map((role) => roleOf(account, role, present, now)),
      ...policies.map((policy) => policyOf(account, policy, present, now)),
    ]
    for (const { kind, name } of entities) {
      if (kind === 'accessKey' && keys.has(name)) throw new TypeError(`access key \`${name}\` is listed twice`)
      if (kind === 'accessKey') keys.add(name)
    }
    return entities
  })
}

function keysOf(
  account: string,
  user: string,
  keys: readonly AccessKeyConfig[] = [],
  created: Instant,
): AccessKeyEntity[] {
  return keys.map(({ id: name, secret, sessionToken }) => ({
    ...{ kind: 'accessKey', account, name, created, user, secret, active: true },
    ...(sessionToken === undefined ? {} : { sessionToken }),
  }))
}

type Holding = Pick<UserConfig, 'name' | 'path' | 'policies' | 'attachedPolicies'>

function holderOf(
  kind: 'user' | 'role' | 'group',
  account: string,
  { name, path = '/', policies = [], attachedPolicies = [] }: Holding,
  present: Present,
  now: Instant,
) {
  const known = present.entity(kind, account, name)
  const inline = Object.fromEntries(policies.map((policy) => [policy.name, textOf(policy.document)]))
  const id = known?.id ?? declaredId(PREFIXES[kind], kind, account, name)
  return { account, name, path, id, created: known?.created ?? now, policies: inline, attached: attachedPolicies }
}

const PREFIXES = { user: 'AIDA', role: 'AROA', group: 'AGPA' } as const

function userOf(account: string, user: UserConfig, present: Present, now: Instant): UserEntity {
  const { groups = [], permissionsBoundary: boundary, tags = {} } = user
  return { kind: 'user', ...holderOf('user', account, user, present, now), groups, boundary, tags }
}

function groupOf(account: string, group: GroupConfig, present: Present, now: Instant): GroupEntity {
  return { kind: 'group', ...holderOf('group', account, group, present, now) }
}

function roleOf(account: string, role: RoleConfig, present: Present, now: Instant): RoleEntity {
  const { trustPolicy, description = '', maxSessionDuration = 3600, permissionsBoundary: boundary, tags = {} } = role
  const rest = { trust: textOf(trustPolicy), description, maxSessionDuration, boundary, tags }
  return { kind: 'role', ...holderOf('role', account, role, present, now), ...rest }
}

function policyOf(account: string, policy: ManagedPolicyConfig, present: Present, now: Instant): PolicyEntity {
  const { name, path = '/', description = '', document } = policy
  const known = present.entity('policy', account, name)
  return {
    ...{ kind: 'policy', account, name, path, description, tags: known?.tags ?? {} },
    id: known?.id ?? declaredId('ANPA', 'policy', account, name),
    created: known?.created ?? now,
    updated: now,
    versions: [{ id: 'v1', document: textOf(document), created: now }],
    defaultVersion: 'v1',
  }
}

function textOf(document: PolicyDocument): string {
  return typeof document === 'string' ? document : JSON.stringify(document)
}
