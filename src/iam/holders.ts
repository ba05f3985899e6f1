/** Users, roles and groups: made, shown, renamed, tagged, bounded, deleted. What they have in common is written once. */
import type { GroupEntity, RoleEntity, UserEntity } from '../identities/entities.ts'
import { newId } from '../identities/ids.ts'
import { KmsError } from '../errors.ts'
import { holderShown, rootShown } from './shown.ts'
import {
  changing,
  conflict,
  KINDS,
  missing,
  pageOf,
  present,
  tagged,
  tagsOf,
  taken,
  untagged,
  type Holder,
  type Input,
  type Kind,
  type Action,
  type World,
} from './world.ts'

const PREFIXES = { user: 'AIDA', role: 'AROA', group: 'AGPA' } as const

/** The operations on one kind of them. */
function holderActions(kind: Kind): Record<string, Action> {
  const { title } = kind
  const named = (world: World) => present(world, kind.kind, nameIn(world, kind))
  return {
    [`Create${title}`]: (world) =>
      changing(world, (now) => {
        const name = kind.nameOf(world.input)!
        if (world.identities.entity(kind.kind, world.account, name)) taken(title, name)
        const entity = make(world, kind, name, now)
        return { edits: { put: [entity] }, made: { [title]: holderShown(entity, true) } }
      }),
    [`Get${title}`]: (world) => ({
      [title]: isRootItself(world, kind) ? rootShown(world) : holderShown(named(world), true),
    }),
    [`List${title}s`]: ({ identities, account, input }) => {
      const all: readonly Holder[] = identities.entities(kind.kind, account)
      const { items, ...end } = pageOf(under(all, input), input, ({ name }) => name)
      return { [`${title}s`]: items.map((each) => holderShown(each, false)), ...end }
    },
    [`Delete${title}`]: (world) =>
      changing(world, () => {
        const entity = named(world)
        refuseInUse(world, entity)
        return { edits: { remove: [entity] }, made: {} }
      }),
    [`List${title}Tags`]: (world) => {
      const { items, ...end } = pageOf(tagsOf(bearing(named(world)).tags), world.input, ({ Key }) => Key)
      return { Tags: items, ...end }
    },
    [`Tag${title}`]: change(named, (entity, { Tags }) => ({ tags: tagged(bearing(entity).tags, Tags) })),
    [`Untag${title}`]: change(named, (entity, { TagKeys }) => ({ tags: untagged(bearing(entity).tags, TagKeys) })),
    [`Put${title}PermissionsBoundary`]: change(named, (_, { PermissionsBoundary }, world) => ({
      boundary: requirePolicy(world, PermissionsBoundary!),
    })),
    [`Delete${title}PermissionsBoundary`]: change(named, () => ({ boundary: undefined })),
  }
}

/** An action that changes some fields of an entity. */
function change<T extends Holder>(
  find: (world: World) => T,
  edit: (entity: T, input: Input, world: World) => object,
  made: (entity: T) => object = () => ({}),
): Action {
  return (world) =>
    changing(world, () => {
      const entity = find(world)
      const next = { ...entity, ...edit(entity, world.input, world) }
      return { edits: { put: [next] }, made: made(next) }
    })
}

const role = (world: World): RoleEntity => present(world, 'role', world.input.RoleName!)

export const HOLDERS: Readonly<Record<string, Action>> = {
  ...holderActions(KINDS.user),
  ...holderActions(KINDS.role),
  ...holderActions(KINDS.group),
  UpdateUser: (world) => rename(world, 'user', world.input.UserName!, world.input.NewUserName),
  UpdateGroup: (world) => rename(world, 'group', world.input.GroupName!, world.input.NewGroupName),
  UpdateRole: change(role, ({ description, maxSessionDuration }, { Description, MaxSessionDuration }) => ({
    description: Description ?? description,
    maxSessionDuration: MaxSessionDuration ?? maxSessionDuration,
  })),
  UpdateRoleDescription: change(
    role,
    (_, { Description }) => ({ description: Description }),
    (entity) => ({ Role: holderShown(entity, true) }),
  ),
  UpdateAssumeRolePolicy: change(role, (_, { PolicyDocument }) => ({ trust: PolicyDocument })),
  GetGroup: (world) => {
    const group = present(world, 'group', world.input.GroupName!)
    const { items, ...end } = pageOf(membersOf(world, group), world.input, ({ name }) => name)
    return { Group: holderShown(group, true), Users: items.map((user) => holderShown(user, false)), ...end }
  },
  ListGroupsForUser: (world) => {
    const { groups } = present(world, 'user', world.input.UserName!)
    const found = groups.toSorted().map((name) => present(world, 'group', name))
    const { items, ...end } = pageOf(found, world.input, ({ name }) => name)
    return { Groups: items.map((group) => holderShown(group, false)), ...end }
  },
  AddUserToGroup: membership((groups, name) => [...groups.filter((each) => each !== name), name]),
  RemoveUserFromGroup: membership((groups, name) => groups.filter((each) => each !== name)),
  ListInstanceProfilesForRole: (world) => {
    role(world)
    return { InstanceProfiles: [], IsTruncated: false }
  },
  ListAccountAliases: () => ({ AccountAliases: [], IsTruncated: false }),
}

function membership(edit: (groups: readonly string[], name: string) => readonly string[]): Action {
  return (world) => {
    const find = (there: World) => present(there, 'user', there.input.UserName!)
    return change(find, ({ groups }, { GroupName }, there) => {
      present(there, 'group', GroupName!)
      return { groups: edit(groups, GroupName!) }
    })(world)
  }
}

function nameIn({ input, caller }: World, kind: Kind): string {
  // GetUser without a name is about whoever asks.
  const name = kind.nameOf(input) ?? (caller.type === 'User' ? caller.userName : undefined)
  if (name !== undefined) return name
  throw new KmsError('ValidationError', 'Must specify userName when calling with non-User credentials')
}

/** The root has no name to be asked for by. */
function isRootItself({ input, caller }: World, kind: Kind): boolean {
  return kind.nameOf(input) === undefined && caller.type === 'Root'
}

function make(world: World, { kind }: Kind, name: string, created: number): Holder {
  const { identities, account, input } = world
  const { Path: path = '/', PermissionsBoundary, Tags, Description: description = '' } = input
  const id = newId(identities.entropy, PREFIXES[kind])
  const base = { account, name, created, path, id, policies: {}, attached: [] }
  if (kind === 'group') return { kind, ...base }
  const boundary = PermissionsBoundary === undefined ? undefined : requirePolicy(world, PermissionsBoundary)
  const marks = { boundary, tags: tagged({}, Tags) }
  if (kind === 'user') return { kind, ...base, ...marks, groups: [] }
  const { AssumeRolePolicyDocument: trust = '', MaxSessionDuration: maxSessionDuration = 3600 } = input
  return { kind, ...base, ...marks, trust, description, maxSessionDuration }
}

function requirePolicy({ identities }: World, arn: string): string {
  if (identities.managedPolicy(arn) !== undefined) return arn
  throw new KmsError('NoSuchEntity', `Policy ${arn} does not exist or is not attachable.`)
}

function rename(world: World, kind: 'user' | 'group', name: string, to: string | undefined): Promise<object> {
  return changing(world, () => {
    const entity: UserEntity | GroupEntity = present(world, kind, name)
    if (to !== undefined && to !== name && world.identities.entity(kind, world.account, to))
      taken(KINDS[kind].title, to)
    const next = { ...entity, name: to ?? name, path: world.input.NewPath ?? entity.path }
    if (next.name === name) return { edits: { put: [next] }, made: {} }
    return { edits: { put: [next, ...followers(world, kind, name, next.name)], remove: [entity] }, made: {} }
  })
}

/** What names a user or a group by its name, and has to name it anew. */
function followers({ identities, account }: World, kind: 'user' | 'group', name: string, to: string) {
  if (kind === 'user') {
    const keys = identities.entities('accessKey', account).filter(({ user }) => user === name)
    return keys.map((key) => ({ ...key, user: to }))
  }
  const members = identities.entities('user', account).filter(({ groups }) => groups.includes(name))
  return members.map((user) => ({ ...user, groups: user.groups.map((each) => (each === name ? to : each)) }))
}

/** What still hangs on somebody has to go first. */
function refuseInUse(world: World, entity: Holder): void {
  if (Object.keys(entity.policies).length > 0) conflict('Cannot delete entity, must delete policies first.')
  if (entity.attached.length > 0) conflict('Cannot delete entity, must detach all policies first.')
  if (entity.kind === 'user') {
    const keys = world.identities.entities('accessKey', world.account)
    if (keys.some(({ user }) => user === entity.name)) conflict('Cannot delete entity, must delete access keys first.')
    if (entity.groups.length > 0) conflict('Cannot delete entity, must remove users from group first.')
  }
  if (entity.kind === 'group' && membersOf(world, entity).length > 0) {
    conflict('Cannot delete entity, must remove users from group first.')
  }
}

function membersOf({ identities, account }: World, { name }: GroupEntity): readonly UserEntity[] {
  return identities.entities('user', account).filter(({ groups }) => groups.includes(name))
}

function under<T extends Holder>(all: readonly T[], { PathPrefix = '/' }: Input): readonly T[] {
  return all.filter(({ path }) => path.startsWith(PathPrefix))
}

/** Groups bear no tags; the model has no operation that asks for them. */
function bearing(entity: Holder): UserEntity | RoleEntity {
  return entity.kind === 'group' ? missing(`The group with name ${entity.name} bears no tags.`) : entity
}
