/**
 * Who may: the order in which policies and grants are asked, over values that are parsed already. Nothing is looked up here,
 * and nothing is done; a decision is a value that carries its reasons.
 */
import type { ContextReader } from './policy/context.ts'
import type { Document } from './policy/document.ts'
import { applying, type Applying } from './policy/evaluate.ts'
import type { Asker } from './policy/principal.ts'

export type PolicyKind = 'identity' | 'resource' | 'boundary' | 'session' | 'scp' | 'rcp' | 'endpoint'

export interface Source {
  readonly kind: PolicyKind
  /** What explanations call it: `key policy`, a policy's ARN, `inline policy reader of user/alice`. */
  readonly name: string
  readonly document: Document
}

export interface CallerPolicies {
  /** The root user has one that allows all. */
  readonly identity: readonly Source[]
  readonly boundary: Source | undefined
  /** undefined: the session was started without one. */
  readonly session: readonly Source[] | undefined
  /** A level each, from the organization's root over its units to the account; none when none apply. */
  readonly serviceControl: readonly (readonly Source[])[]
}

export interface Question {
  readonly asker: Asker
  /** `kms:Decrypt` */
  readonly action: string
  /** The ARN of a key or an alias, or `*`. */
  readonly resource: string
  /** The account that owns the resource; the asker's own for `*`. */
  readonly owner: string
  readonly policies: CallerPolicies
  /** The key's policy; aliases and `*` have none. */
  readonly resourcePolicy: Source | undefined
  /** Of the owner's account; none for keys that AWS manages and for kms:RetireGrant. */
  readonly resourceControl: readonly Source[]
  /** The policy of the VPC endpoint that the request came through. */
  readonly endpoint: Source | undefined
  /** The id of a grant that was found to allow it. */
  readonly grant: string | undefined
  /** The grant is to the asker's account, and the asker is not its root. */
  readonly grantToAccount?: boolean
  readonly context: ContextReader
}

/** A statement that decided. */
export interface Ground {
  readonly kind: PolicyKind
  readonly name: string
  readonly statement: Applying
}

/** What would have had to say yes and did not. */
export type Missing = 'identity' | 'resource' | 'scp' | 'rcp' | 'boundary' | 'session' | 'endpoint'

export interface Decision {
  readonly allowed: boolean
  /** The kind of policy that denied explicitly. */
  readonly explicit: PolicyKind | undefined
  /** The allows of a yes, the denies of an explicit no. */
  readonly grounds: readonly Ground[]
  /** The grant that said yes. */
  readonly grant: string | undefined
  readonly missing: readonly Missing[]
}

/** What each kind of policy has to say about the question; undefined where there is no such policy. */
interface Voices {
  readonly resource: readonly Ground[] | undefined
  readonly identity: readonly Ground[]
  readonly scp: readonly (readonly Ground[])[]
  readonly rcp: readonly Ground[]
  readonly boundary: readonly Ground[] | undefined
  readonly session: readonly Ground[] | undefined
  readonly endpoint: readonly Ground[] | undefined
}

export function decide(question: Question): Decision {
  const voices = listen(question)
  const denies = deniesOf(voices)
  if (denies.length > 0) return no(denies[0]!.kind, denies, [])
  const fences = silentFences(voices)
  return fences.length > 0 ? no(undefined, [], fences) : wayIn(question, voices)
}

function listen(question: Question): Voices {
  const { policies, resourcePolicy, endpoint, resourceControl } = question
  const { identity, boundary, session, serviceControl } = question.asker.type === 'Service' ? NOBODYS : policies
  return {
    resource: resourcePolicy && hear(resourcePolicy, question),
    identity: hearAll(identity, question),
    scp: serviceControl.length === 0 ? NONE : serviceControl.map((level) => hearAll(level, question)),
    rcp: hearAll(resourceControl, question),
    boundary: boundary && hear(boundary, question),
    session: session && hearAll(session, question),
    endpoint: endpoint && hear(endpoint, question),
  }
}

const NONE: readonly never[] = []

/** A service has no identity that policies could be attached to, and is in no organization. */
const NOBODYS: CallerPolicies = { identity: NONE, boundary: undefined, session: undefined, serviceControl: NONE }

function hear({ kind, name, document }: Source, question: Question): readonly Ground[] {
  const statements = applying(document, question)
  return statements.length === 0 ? NONE : statements.map((statement) => ({ kind, name, statement }))
}

function hearAll(sources: readonly Source[], question: Question): readonly Ground[] {
  if (sources.length === 1) return hear(sources[0]!, question)
  return sources.length === 0 ? NONE : sources.flatMap((source) => hear(source, question))
}

/** Any deny is final. When several kinds deny, the sentence tells of the first in the order the guide lists them. */
function deniesOf({ resource, identity, scp, rcp, boundary, session, endpoint }: Voices): readonly Ground[] {
  const all = [resource, identity, ...scp, rcp, boundary, session, endpoint]
  return all.some((grounds) => grounds?.some(isDeny)) ? all.flatMap((grounds) => grounds?.filter(isDeny) ?? []) : NONE
}

function isDeny({ statement }: Ground): boolean {
  return statement.effect === 'Deny'
}

/**
 * Fences around every way in: none of them may be silent, not even for a grant. To RCPs RCPFullAWSAccess is always attached,
 * so that their denies alone matter.
 */
function silentFences({ endpoint, scp }: Voices): Missing[] {
  const silent: Missing[] = []
  if (endpoint?.length === 0) silent.push('endpoint')
  if (scp.some((level) => level.length === 0)) silent.push('scp')
  return silent
}

/** After the denies are out of the way, whatever was heard is an allow. */
function wayIn(question: Question, voices: Voices): Decision {
  const { asker, owner, grant } = question
  const { resource } = voices
  if (asker.type === 'Service') return alone(grant, resource)
  const isOwn = asker.account === owner
  // Aliases and resources that are none have no policy: only the account they are in can allow it.
  if (!resource) return isOwn ? byIdentity(voices, [], undefined) : no(undefined, [], ['resource'])
  if (!isOwn) return acrossAccounts(question, resource, voices)
  // A grant to an account is one to its administrators, as a key policy that names it is: they pass it on by identity policies.
  if (grant !== undefined) return question.grantToAccount ? byIdentity(voices, [], grant) : yes([], grant)
  const direct = resource.filter((ground) => isEnough(ground, voices))
  if (direct.length > 0) return yes(direct, undefined)
  // Whom the key names needs no identity policy: it was the boundary or session policy of a role that was silent.
  if (!resource.some(isDelegation))
    return no(undefined, [], resource.length > 0 ? silentLimits(voices) : without(voices))
  return byIdentity(voices, resource.filter(isDelegation), undefined)
}

/** Of a service nobody but the key can say that it may. */
function alone(grant: string | undefined, resource: readonly Ground[] | undefined): Decision {
  if (grant !== undefined) return yes([], grant)
  return resource && resource.length > 0 ? yes(resource, undefined) : no(undefined, [], ['resource'])
}

/**
 * Both accounts must say yes: the key's by policy or grant, the caller's by its own policies. That a grant does not do without
 * the latter is the general rule for two accounts; the guide does not say so for grants.
 */
function acrossAccounts({ action, grant }: Question, resource: readonly Ground[], voices: Voices): Decision {
  if (isKept(action.toLowerCase())) return no(undefined, [], ['resource'])
  if (grant !== undefined) return byIdentity(voices, [], grant)
  return resource.length > 0 ? byIdentity(voices, resource, undefined) : no(undefined, [], without(voices))
}

/** What can be done to keys of other accounts; all else fails, whatever policies say (facts: operations). */
const ACROSS_ACCOUNTS = new Set(
  [
    ...[
      'CreateGrant',
      'ListGrants',
      'RetireGrant',
      'RevokeGrant',
      'DescribeKey',
      'GetKeyRotationStatus',
      'GetPublicKey',
    ],
    ...['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'Encapsulate', 'Decapsulate', 'DeriveSharedSecret'],
    ...['GenerateDataKey', 'GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'],
    ...['GenerateDataKeyWithoutPlaintext', 'GenerateMac', 'VerifyMac', 'Sign', 'Verify'],
  ].map((operation) => `kms:${operation}`.toLowerCase()),
)

/** What a KMS key's account keeps for itself; other services have no such list. */
function isKept(action: string): boolean {
  return action.startsWith('kms:') && !ACROSS_ACCOUNTS.has(action)
}

/** What limits a caller whom the key policy names so: a role by boundary and session policy, all others by neither. */
function isEnough({ statement: { naming } }: Ground, voices: Voices): boolean {
  return naming !== 'account' && (naming !== 'role' || silentLimits(voices).length === 0)
}

/** An allow that names the account makes identity policies count. */
function isDelegation({ statement }: Ground): boolean {
  return statement.naming === 'account'
}

function byIdentity(voices: Voices, resource: readonly Ground[], grant: string | undefined): Decision {
  const missing = [...(voices.identity.length === 0 ? (['identity'] as const) : []), ...silentLimits(voices)]
  return missing.length > 0 ? no(undefined, [], missing) : yes([...resource, ...voices.identity], grant)
}

function silentLimits({ boundary, session }: Voices): Missing[] {
  const silent: Missing[] = []
  if (boundary?.length === 0) silent.push('boundary')
  if (session?.length === 0) silent.push('session')
  return silent
}

/** What is missing when the key policy is silent. */
function without({ identity }: Voices): Missing[] {
  return identity.length === 0 ? ['resource', 'identity'] : ['resource']
}

function yes(grounds: readonly Ground[], grant: string | undefined): Decision {
  return { allowed: true, explicit: undefined, grounds, grant, missing: NONE }
}

function no(explicit: PolicyKind | undefined, grounds: readonly Ground[], missing: readonly Missing[]): Decision {
  return { allowed: false, explicit, grounds, grant: undefined, missing }
}

/** What AWS's sentences call a kind of policy: with an article where it denied, without where it was silent. */
const KINDS: Readonly<Record<PolicyKind, readonly [denied: string, silent: string]>> = {
  identity: ['an identity-based policy', 'identity-based policy'],
  resource: ['a resource-based policy', 'resource-based policy'],
  scp: ['a service control policy', 'service control policy'],
  rcp: ['a resource control policy', 'resource control policy'],
  boundary: ['a permissions boundary', 'permissions boundary'],
  // Spelled so in the IAM user guide.
  session: ['a sessions policy', 'session policy'],
  endpoint: ['a VPC endpoint policy', 'VPC endpoint policy'],
}

/** AWS's sentence for a no. Of all that was missing it tells the first. */
export function denialText(asker: Asker, action: string, resource: string, decision: Decision): string {
  const { explicit, missing } = decision
  const reason = explicit
    ? `with an explicit deny in ${KINDS[explicit][0]}`
    : `because no ${KINDS[missing[0] ?? 'identity'][1]} allows the ${action} action`
  return `User: ${asker.arn} is not authorized to perform: ${action} on resource: ${resource} ${reason}`
}
