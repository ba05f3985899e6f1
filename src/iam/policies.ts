/** Policies: written into users, roles and groups, or managed apart, in versions, and attached to them. */
import { arnOfEntity, type PolicyEntity } from '../identities/entities.ts'
import { newId } from '../identities/ids.ts'
import { encoded, policyShown, versionShown, type Uses } from './shown.ts'
import {
  AWS_POLICIES,
  changing,
  conflict,
  exceeded,
  KINDS,
  missing,
  pageOf,
  present,
  presentPolicy,
  readablePolicy,
  tagged,
  tagsOf,
  taken,
  untagged,
  type Holder,
  type Kind,
  type Action,
  type World,
} from './world.ts'

/** Characters of all inline policies together, and of a managed one; blanks do not count. */
const INLINE = { user: 2048, role: 10_240, group: 5120 }
const MANAGED = 6144
const ATTACHED = 10
const VERSIONS = 5

function size(documents: readonly string[]): number {
  return documents.join('').replace(/\s/g, '').length
}

/** Operations on the policies of one kind of holders. */
function attachmentActions(kind: Kind): Record<string, Action> {
  const { title } = kind
  const named = (world: World): Holder => present(world, kind.kind, kind.nameOf(world.input)!)
  const put = (world: World, edit: (entity: Holder) => Holder) =>
    changing(world, () => ({ edits: { put: [edit(named(world))] }, made: {} }))
  const naming = ({ name }: Holder) => ({ [`${title}Name`]: name })
  return {
    [`Put${title}Policy`]: (world) =>
      put(world, (entity) => {
        const policies = { ...entity.policies, [world.input.PolicyName!]: world.input.PolicyDocument! }
        if (size(Object.values(policies)) > INLINE[kind.kind]) {
          exceeded(`Maximum policy size of ${INLINE[kind.kind]} bytes exceeded for ${kind.kind} ${entity.name}`)
        }
        return { ...entity, policies }
      }),
    [`Get${title}Policy`]: (world) => {
      const entity = named(world)
      const { PolicyName = '' } = world.input
      const document = inline(entity, PolicyName, kind)
      return { ...naming(entity), PolicyName, PolicyDocument: encoded(document) }
    },
    [`List${title}Policies`]: (world) => {
      const names = Object.keys(named(world).policies).toSorted()
      const { items, ...end } = pageOf(names, world.input, (name) => name)
      return { PolicyNames: items, ...end }
    },
    [`Delete${title}Policy`]: (world) =>
      put(world, (entity) => {
        const { PolicyName = '' } = world.input
        inline(entity, PolicyName, kind)
        const rest = Object.entries(entity.policies).filter(([name]) => name !== PolicyName)
        return { ...entity, policies: Object.fromEntries(rest) }
      }),
    [`Attach${title}Policy`]: (world) =>
      put(world, (entity) => {
        const { PolicyArn = '' } = world.input
        if (world.identities.managedPolicy(PolicyArn) === undefined) {
          missing(`Policy ${PolicyArn} does not exist or is not attachable.`)
        }
        const attached = [...entity.attached.filter((arn) => arn !== PolicyArn), PolicyArn]
        if (attached.length > ATTACHED) exceeded(`Cannot exceed quota for PoliciesPer${title}: ${ATTACHED}`)
        return { ...entity, attached }
      }),
    [`Detach${title}Policy`]: (world) =>
      put(world, (entity) => {
        const { PolicyArn = '' } = world.input
        if (!entity.attached.includes(PolicyArn)) missing(`Policy ${PolicyArn} was not found.`)
        return { ...entity, attached: entity.attached.filter((arn) => arn !== PolicyArn) }
      }),
    [`ListAttached${title}Policies`]: (world) => {
      const { items, ...end } = pageOf(named(world).attached.toSorted(), world.input, (arn) => arn)
      const AttachedPolicies = items.map((PolicyArn) => ({ PolicyName: PolicyArn.replace(/.*\//, ''), PolicyArn }))
      return { AttachedPolicies, ...end }
    },
  }
}

function inline(entity: Holder, name: string, { kind }: Kind): string {
  if (Object.hasOwn(entity.policies, name)) return entity.policies[name]!
  return missing(`The ${kind} policy with name ${name} cannot be found.`)
}

export const POLICIES: Readonly<Record<string, Action>> = {
  ...attachmentActions(KINDS.user),
  ...attachmentActions(KINDS.role),
  ...attachmentActions(KINDS.group),
  CreatePolicy: (world) =>
    changing(world, (now) => {
      const { identities, account, input } = world
      const {
        PolicyName: name = '',
        PolicyDocument: document = '',
        Path: path = '/',
        Description: description = '',
      } = input
      if (identities.entity('policy', account, name)) taken('A policy called', name)
      requireSize(document)
      const policy: PolicyEntity = {
        ...{ kind: 'policy', account, name, path, description, created: now, updated: now },
        ...{ id: newId(identities.entropy, 'ANPA'), tags: tagged({}, input.Tags), defaultVersion: 'v1' },
        versions: [{ id: 'v1', document, created: now }],
      }
      return { edits: { put: [policy] }, made: { Policy: policyShown(policy, UNUSED, true) } }
    }),
  GetPolicy: (world) => {
    const policy = readablePolicy(world, world.input.PolicyArn!)
    return { Policy: policyShown(policy, usesOf(world, policy), true) }
  },
  ListPolicies: (world) => {
    const { identities, account, input } = world
    const { PathPrefix = '/', OnlyAttached = false, Scope = 'All' } = input
    const found = [
      ...(Scope === 'AWS' ? [] : identities.entities('policy', account)),
      ...(Scope === 'Local' ? [] : AWS_POLICIES),
    ]
      .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
      .filter(({ path }) => path.startsWith(PathPrefix))
      .map((policy) => ({ policy, uses: usesOf(world, policy) }))
      .filter(({ uses }) => !OnlyAttached || uses.attached > 0)
    const { items, ...end } = pageOf(found, input, ({ policy }) => rank(policy))
    return { Policies: items.map(({ policy, uses }) => policyShown(policy, uses, false)), ...end }
  },
  DeletePolicy: (world) =>
    changing(world, () => {
      const policy = presentPolicy(world, world.input.PolicyArn!)
      if (attachedTo(world, arnOfEntity(policy)).length > 0) conflict('Cannot delete a policy attached to entities.')
      if (policy.versions.length > 1)
        conflict(
          "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
        )
      return { edits: { remove: [policy] }, made: {} }
    }),
  CreatePolicyVersion: (world) =>
    changed(world, (policy, now) => {
      const { PolicyDocument: document = '', SetAsDefault = false } = world.input
      requireSize(document)
      if (policy.versions.length >= VERSIONS) {
        exceeded(
          `A managed policy can have up to ${VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
        )
      }
      const newest = Math.max(...policy.versions.map(({ id }) => Number(id.slice(1))))
      const version = { id: `v${newest + 1}`, document, created: now }
      const defaultVersion = SetAsDefault ? version.id : policy.defaultVersion
      const next = { ...policy, versions: [...policy.versions, version], defaultVersion, updated: now }
      return { next, made: { PolicyVersion: versionShown(next, version, false) } }
    }),
  GetPolicyVersion: (world) => {
    const { PolicyArn = '', VersionId = '' } = world.input
    const policy = readablePolicy(world, PolicyArn)
    return { PolicyVersion: versionShown(policy, versionOf(policy, VersionId), true) }
  },
  ListPolicyVersions: (world) => {
    const policy = readablePolicy(world, world.input.PolicyArn!)
    // v9 comes before v10.
    const { items, ...end } = pageOf(policy.versions, world.input, ({ id }) => id.slice(1).padStart(9, '0'))
    return { Versions: items.map((version) => versionShown(policy, version, false)), ...end }
  },
  DeletePolicyVersion: (world) =>
    changed(world, (policy) => {
      const { id } = versionOf(policy, world.input.VersionId!)
      if (id === policy.defaultVersion) conflict('Cannot delete the default version of a policy.')
      return { next: { ...policy, versions: policy.versions.filter((version) => version.id !== id) }, made: {} }
    }),
  SetDefaultPolicyVersion: (world) =>
    changed(world, (policy, now) => {
      const { id } = versionOf(policy, world.input.VersionId!)
      return { next: { ...policy, defaultVersion: id, updated: now }, made: {} }
    }),
  ListEntitiesForPolicy: (world) => {
    const { PolicyArn: arn = '', EntityFilter, PathPrefix = '/' } = world.input
    const having = attachedTo(world, arn).filter(({ path }) => path.startsWith(PathPrefix))
    const of = (kind: Holder['kind'], title: string) =>
      having
        .filter((each) => each.kind === kind && [undefined, title].includes(EntityFilter))
        .map(({ name, id }) => ({ [`${title}Name`]: name, [`${title}Id`]: id }))
    return {
      ...{ PolicyGroups: of('group', 'Group'), PolicyUsers: of('user', 'User'), PolicyRoles: of('role', 'Role') },
      IsTruncated: false,
    }
  },
  TagPolicy: (world) =>
    changed(world, (policy) => ({ next: { ...policy, tags: tagged(policy.tags, world.input.Tags) }, made: {} })),
  UntagPolicy: (world) =>
    changed(world, (policy) => ({
      next: { ...policy, tags: untagged(policy.tags, world.input.TagKeys) },
      made: {},
    })),
  ListPolicyTags: (world) => {
    const { items, ...end } = pageOf(
      tagsOf(presentPolicy(world, world.input.PolicyArn!).tags),
      world.input,
      ({ Key }) => Key,
    )
    return { Tags: items, ...end }
  },
}

function changed(
  world: World,
  edit: (policy: PolicyEntity, now: number) => { next: PolicyEntity; made: object },
): Promise<object> {
  return changing(world, (now) => {
    const { next, made } = edit(presentPolicy(world, world.input.PolicyArn!), now)
    return { edits: { put: [next] }, made }
  })
}

function requireSize(document: string): void {
  if (size([document]) > MANAGED) exceeded(`Cannot exceed quota for PolicySize: ${MANAGED}`)
}

function versionOf(policy: PolicyEntity, id: string) {
  const found = policy.versions.find((version) => version.id === id)
  return found ?? missing(`Policy ${arnOfEntity(policy)} version ${id} does not exist or is not attachable.`)
}

/** The account's own may be named like one of AWS's: the order of pages tells them apart. */
function rank({ name, account }: PolicyEntity): string {
  return `${name} ${account}`
}

const UNUSED: Uses = { attached: 0, bounding: 0 }

/** How many have a policy, and how many are bounded by it. */
function usesOf(world: World, policy: PolicyEntity): Uses {
  const arn = arnOfEntity(policy)
  const bounding = holders(world).filter((each) => 'boundary' in each && each.boundary === arn)
  return { attached: attachedTo(world, arn).length, bounding: bounding.length }
}

function attachedTo(world: World, arn: string): Holder[] {
  return holders(world).filter(({ attached }) => attached.includes(arn))
}

function holders({ identities, account }: World): Holder[] {
  return (['user', 'role', 'group'] as const).flatMap((kind): readonly Holder[] => identities.entities(kind, account))
}
