/**
 * What the admin route does, without the route: GET shows everybody, with no secrets; PUT adds what it is given to what there
 * is, in the place of whatever has the same name; DELETE removes what it names. All three speak the document of the config file.
 */
import { fail, KmsError } from '../errors.ts'
import type { AccessKeyConfig, AccountConfig, UserConfig } from '../identity.ts'
import { ConfigError } from '../schema.ts'
import { arnOfEntity, type Entity, type GroupEntity, type Kind, type RoleEntity, type UserEntity } from './entities.ts'
import type { Edits, Identities } from './identities.ts'
import { parseIdentities } from './written.ts'

export interface Answer {
  readonly status: number
  /** JSON. */
  readonly body: string
}

/** Answers a request of the admin route, which has to know by then that it is the administrator's. */
export async function admin(identities: Identities, method: string, body: string): Promise<Answer> {
  try {
    const verb = Object.hasOwn(VERBS, method) ? VERBS[method]! : undefined
    if (!verb) return answer(405, { message: `${method} is none of ${Object.keys(VERBS).join(', ')}` })
    await verb(identities, body)
    const accounts = identities.accounts().map((account) => accountOf(identities, account))
    return answer(200, { accounts, organization: identities.organization })
  } catch (error) {
    if (error instanceof ConfigError) return answer(400, { message: error.message })
    if (!(error instanceof KmsError)) throw error
    return answer(error.code === 'NoSuchEntity' ? 404 : error.status, { code: error.code, message: error.message })
  }
}

const VERBS: Readonly<Record<string, (identities: Identities, body: string) => Promise<void>>> = {
  GET: () => Promise.resolve(),
  async PUT(identities, body) {
    const { accounts, organization } = parseIdentities(body, 'changes')
    await put(identities, accounts)
    if (organization) await identities.organize(organization)
  },
  async DELETE(identities, body) {
    const { accounts, organization } = parseIdentities(body, 'names')
    if (organization && organization.id !== identities.organization?.id) {
      fail('NoSuchEntity', `There is no organization ${organization.id}.`)
    }
    await remove(identities, accounts)
    if (organization) await identities.organize(undefined)
  },
}

function answer(status: number, body: object): Answer {
  return { status, body: JSON.stringify(body) }
}

// GET ---------------------------------------------------------------------------------------------

/** An account as a configuration would have it, but for the secrets. */
function accountOf(identities: Identities, id: string): object {
  const keys = identities.entities('accessKey', id)
  const keysOf = (owner: string) => keys.filter(({ user }) => user === owner).map(({ name }) => ({ id: name }))
  return {
    id,
    accessKeys: keysOf(''),
    users: identities.entities('user', id).map((user) => ({
      ...heldBy(user),
      ...{ accessKeys: keysOf(user.name), groups: user.groups, permissionsBoundary: user.boundary, tags: user.tags },
    })),
    groups: identities.entities('group', id).map(heldBy),
    roles: identities.entities('role', id).map((role) => ({
      ...{ ...heldBy(role), trustPolicy: JSON.parse(role.trust) as object, description: role.description },
      ...{ maxSessionDuration: role.maxSessionDuration, permissionsBoundary: role.boundary, tags: role.tags },
    })),
    policies: identities.entities('policy', id).map((policy) => ({
      ...{ name: policy.name, path: policy.path, description: policy.description },
      document: JSON.parse(identities.managedPolicy(arnOfEntity(policy))!) as object,
    })),
  }
}

type Holder = UserEntity | RoleEntity | GroupEntity

function heldBy({ name, path, policies, attached }: Holder): object {
  const inline = Object.entries(policies).map(([called, text]) => ({
    name: called,
    document: JSON.parse(text) as object,
  }))
  return { name, path, policies: inline, attachedPolicies: attached }
}

// PUT ---------------------------------------------------------------------------------------------

function put(identities: Identities, accounts: readonly AccountConfig[]): Promise<void> {
  const withKeys = <T extends AccountConfig | UserConfig>(owner: T, account: string): T =>
    owner.accessKeys ? { ...owner, accessKeys: newKeys(identities, account, owner.accessKeys) } : owner
  return identities.declare(
    accounts.map((account) => ({
      ...withKeys(account, account.id),
      users: account.users?.map((user) => withKeys(user, account.id)) ?? [],
    })),
  )
}

/** Those that come with a secret. One that is known may come without, and stays as it is. */
function newKeys(identities: Identities, account: string, keys: readonly AccessKeyConfig[]): AccessKeyConfig[] {
  return keys.filter(({ id, secret }) => {
    const owner = identities.accounts().find((each) => identities.entity('accessKey', each, id))
    if (owner !== undefined && owner !== account) fail('EntityAlreadyExists', `access key ${id} is another account's`)
    if (owner === undefined && secret === undefined) fail('ValidationError', `access key ${id} has no secret`)
    return secret !== undefined
  })
}

// DELETE ------------------------------------------------------------------------------------------

function remove(identities: Identities, accounts: readonly AccountConfig[]): Promise<void> {
  return identities.change(() => {
    const all = accounts.map((account) => removalFrom(identities, account))
    return { put: all.flatMap((edits) => edits.put ?? []), remove: all.flatMap((edits) => edits.remove ?? []) }
  })
}

const KINDS = ['user', 'role', 'group', 'policy', 'accessKey', 'session'] as const

/** What an account loses: all that is in it, when nothing of it is named. */
function removalFrom(identities: Identities, { id: account, ...named }: AccountConfig): Edits {
  const everything = KINDS.flatMap((kind): readonly Entity[] => identities.entities(kind, account))
  if (Object.keys(named).length === 0) return { remove: everything }
  const found = namedIn(named).map(([kind, name]) => {
    const entity = identities.entity(kind, account, name)
    return entity ?? fail('NoSuchEntity', `There is no ${kind} ${name} in account ${account}.`)
  })
  const gone = new Set(found.flatMap((entity) => [entity, ...everything.filter((other) => isOf(other, entity))]))
  return {
    remove: [...gone],
    put: everything.filter((each) => !gone.has(each)).flatMap((each) => releasedFrom(each, gone) ?? []),
  }
}

/** A user of whom keys are named loses these and stays. */
function namedIn({ accessKeys = [], users = [], groups = [], roles = [], policies = [] }: Omit<AccountConfig, 'id'>) {
  const keys = (list: readonly AccessKeyConfig[]) => list.map(({ id }): [Kind, string] => ['accessKey', id])
  const each = (kind: Kind, list: readonly { name: string }[]) => list.map(({ name }): [Kind, string] => [kind, name])
  return [
    ...keys(accessKeys),
    ...users.flatMap((user) => (user.accessKeys ? keys(user.accessKeys) : each('user', [user]))),
    ...[...each('group', groups), ...each('role', roles), ...each('policy', policies)],
  ]
}

/** Whether an entity is nothing without `owner`: a key of a user, or a session. */
function isOf(entity: Entity, owner: Entity): boolean {
  if (entity.kind === 'accessKey') return owner.kind === 'user' && entity.user === owner.name
  if (entity.kind !== 'session') return false
  const { of } = entity
  if (of.type === 'AssumedRole') return owner.kind === 'role' && of.role === owner.name
  return of.type !== 'Root' && owner.kind === 'user' && of.user === owner.name
}

/**
 * A holder without its ties to groups and policies that are gone; undefined when it had none. A boundary stays even so: without
 * its policy it allows nothing, where without the boundary there would be no limit.
 */
function releasedFrom(entity: Entity, gone: ReadonlySet<Entity>): Holder | undefined {
  if (entity.kind === 'policy' || entity.kind === 'accessKey' || entity.kind === 'session') return undefined
  const lost = new Set([...gone].flatMap((each) => (each.kind === 'policy' ? [arnOfEntity(each)] : [])))
  const attached = entity.attached.filter((arn) => !lost.has(arn))
  const isAttached = attached.length === entity.attached.length
  if (entity.kind !== 'user') return isAttached ? undefined : { ...entity, attached }
  const left = new Set([...gone].flatMap((each) => (each.kind === 'group' ? [each.name] : [])))
  const groups = entity.groups.filter((name) => !left.has(name))
  return isAttached && groups.length === entity.groups.length ? undefined : { ...entity, attached, groups }
}
