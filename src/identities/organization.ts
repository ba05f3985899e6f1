/** Organizations: which accounts stand under which units, and what the policies of these have to say. */
import type { CallerPolicies, PolicyKind, Source } from '../decision.ts'
import type { InlinePolicyConfig, MemberConfig, Organization, OrganizationConfig, UnitConfig } from '../identity.ts'
import { parseDocument, parseIdentityPolicy } from '../policy/document.ts'

/** What an account is held to for being in an organization. */
export interface Membership {
  readonly organization: Organization
  /** A level each, from the root down; none for the management account. */
  readonly serviceControl: CallerPolicies['serviceControl']
  readonly resourceControl: readonly Source[]
}

/** The members of an organization by their account ids. Throws MalformedPolicyDocumentException for policies that are none. */
export function membershipsOf(config: OrganizationConfig): ReadonlyMap<string, Membership> {
  const members = new Map<string, Membership>()
  visit(config, config.root, { path: `${config.id}/`, service: [], resource: [] }, members)
  if (!members.has(config.managementAccount)) {
    enroll(
      config,
      { id: config.managementAccount },
      { path: `${config.id}/r-root/`, service: [], resource: [] },
      members,
    )
  }
  return members
}

interface Level {
  readonly path: string
  readonly service: CallerPolicies['serviceControl']
  readonly resource: readonly Source[]
}

function visit(config: OrganizationConfig, unit: UnitConfig, above: Level, members: Map<string, Membership>): void {
  const isRoot = unit === config.root
  const path = `${above.path}${unit.id ?? (isRoot ? 'r-root' : `ou-${members.size}`)}/`
  const level = below(above, path, unit)
  for (const member of unit.accounts ?? []) enroll(config, member, level, members)
  for (const inner of unit.units ?? []) visit(config, inner, level, members)
}

function enroll(
  config: OrganizationConfig,
  member: MemberConfig,
  above: Level,
  members: Map<string, Membership>,
): void {
  if (members.has(member.id)) throw new TypeError(`account ${member.id} stands in its organization twice`)
  const { managementAccount, id } = config
  const level = below(above, above.path, member)
  const isManagement = member.id === managementAccount
  members.set(member.id, {
    organization: { id, paths: [level.path], managementAccount },
    // Neither kind of policy affects the management account.
    serviceControl: isManagement ? [] : level.service,
    resourceControl: isManagement ? [] : level.resource,
  })
}

function below(
  above: Level,
  path: string,
  { serviceControlPolicies, resourceControlPolicies = [] }: UnitConfig,
): Level {
  const own = serviceControlPolicies?.map((policy) => sourceFrom('scp', policy, parseIdentityPolicy)) ?? [FULL]
  return {
    path,
    service: [...above.service, own],
    resource: [...above.resource, ...resourceControlPolicies.map((policy) => sourceFrom('rcp', policy, parseDocument))],
  }
}

const FULL = sourceFrom(
  'scp',
  {
    name: 'FullAWSAccess',
    document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
  },
  parseIdentityPolicy,
)

function sourceFrom(kind: PolicyKind, { name, document }: InlinePolicyConfig, parse: typeof parseDocument): Source {
  return { kind, name, document: parse(typeof document === 'string' ? document : JSON.stringify(document)) }
}
