/**
 * Temporary credentials: of a role's session, of a federated user's, and of one's own for a while. Each is a record like any
 * other, so that it outlives the process, and what it may do is asked of its principal whenever it is used.
 */
import type { Instant } from '../clock.ts'
import { fail, KmsError } from '../errors.ts'
import type { Caller } from '../identity.ts'
import type { Origin } from '../origin.ts'
import { parseIdentityPolicy } from '../policy/document.ts'
import { arnOfEntity, type RoleEntity, type SessionEntity, type SessionOf, type Tags } from './entities.ts'
import type { Identities } from './identities.ts'
import { newTemporaryKey } from './ids.ts'
import { isTrusted, ownDecision, type Wish } from './trust.ts'

export interface SessionTag {
  readonly Key: string
  readonly Value: string
}

interface SessionRequest {
  readonly caller: Caller
  readonly origin?: Origin | undefined
  readonly durationSeconds?: number | undefined
}

interface DeviceRequest extends SessionRequest {
  /** A device of the caller's. Nobody keeps a list of them: none proves anything, or where that is simulated any six digits do. */
  readonly serialNumber?: string | undefined
  readonly tokenCode?: string | undefined
}

interface LimitedRequest extends SessionRequest {
  /** A session policy. */
  readonly policy?: string | undefined
  /** Managed policies as further session policies. */
  readonly policyArns?: readonly string[] | undefined
  readonly tags?: readonly SessionTag[] | undefined
}

export interface AssumeRoleRequest extends LimitedRequest, DeviceRequest {
  readonly roleArn: string
  readonly roleSessionName: string
  readonly externalId?: string | undefined
  readonly transitiveTagKeys?: readonly string[] | undefined
  readonly sourceIdentity?: string | undefined
}

export interface FederationRequest extends LimitedRequest {
  readonly name: string
}

/** Credentials, shown this once, and whom they make of who uses them. */
export interface Issued {
  readonly accessKeyId: string
  readonly secret: string
  readonly token: string
  readonly expires: Instant
  readonly caller: Caller
  /** Percent of what session policies and tags may come to. */
  readonly packedPolicySize: number | undefined
}

/** What a role's session hands on to sessions started from it. */
interface RoleSession extends SessionEntity {
  readonly transitive?: readonly string[]
}

const HOUR = 3600
const SHORTEST = 900

export async function assumeRole(identities: Identities, request: AssumeRoleRequest): Promise<Issued> {
  const { caller, roleArn, roleSessionName, origin, externalId } = request
  requireText(roleSessionName, 'roleSessionName')
  const limits = limitsOf(identities, request)
  const inherited = inheritedBy(identities, caller)
  const tags = { ...tagsOf(request.tags ?? []), ...refuseOverrides(inherited.tags, request.tags ?? []) }
  const transitive = transitiveOf(request, inherited.tags)
  const sourceIdentity = sourceIdentityOf(request)
  // What a device proved lasts for one's own session and the roles assumed from it, not for those assumed by these.
  const mfa = isWithDevice(identities, request) || (caller.type === 'User' && caller.session?.mfa === true)

  if (caller.type === 'Root') refuse('Roles may not be assumed by root accounts.')
  const role = roleNamed(identities, roleArn)
  const now = identities.clock()
  const wish = role && {
    ...{ caller, role, origin, now, mfa, sessionName: roleSessionName, externalId, sourceIdentity },
    ...{ tags: tagsOf(request.tags ?? []), transitive: request.transitiveTagKeys ?? [] },
  }
  const actions = [
    'sts:AssumeRole',
    ...taggingOf(tags),
    ...(sourceIdentity === undefined ? [] : ['sts:SetSourceIdentity']),
  ]
  for (const action of actions) requireTrust(identities, action, roleArn, caller, wish)
  const seconds = roleSeconds(request, role!)
  // The id tells this role from one of the same name that is made later.
  const of = { type: 'AssumedRole' as const, role: role!.name, roleId: role!.id, sessionName: roleSessionName }
  return issue(identities, {
    ...{ account: role!.account, of },
    ...{ ...limits, seconds, mfa, tags, transitive, sourceIdentity },
  })
}

/** One's own rights, for a while; with a device, or to keep the permanent keys out of harm's way. Nobody has to allow it. */
export async function getSessionToken(identities: Identities, request: DeviceRequest): Promise<Issued> {
  const { caller, origin } = request
  const of = ownSession(caller, 'GetSessionToken')
  const seconds = ownSeconds(request)
  const wish = { caller, origin, now: identities.clock(), mfa: isWithDevice(identities, request), tags: {} }
  if (ownDecision('sts:GetSessionToken', '*', wish).explicit) denied(caller, 'sts:GetSessionToken', '*')
  return issue(identities, { ...UNLIMITED, account: caller.account, of, seconds, mfa: wish.mfa })
}

/** Some of a user's rights for somebody else: none at all but those that session policies share with the user's own. */
export async function getFederationToken(identities: Identities, request: FederationRequest): Promise<Issued> {
  const { caller, origin, name } = request
  requireText(name, 'name', 32)
  const own = ownSession(caller, 'GetFederationToken')
  const limits = limitsOf(identities, request)
  const tags = tagsOf(request.tags ?? [])
  const seconds = ownSeconds(request)
  const user = `arn:aws:sts::${caller.account}:federated-user/${name}`
  const wish = { caller, origin, now: identities.clock(), mfa: false, tags }
  for (const action of ['sts:GetFederationToken', ...taggingOf(tags)]) {
    if (!ownDecision(action, user, wish).allowed) denied(caller, action, user)
  }
  return issue(identities, {
    ...{ ...UNLIMITED, ...limits, account: caller.account, tags, seconds },
    of: { ...(own.type === 'User' ? own : { user: '' }), type: 'FederatedUser', name },
  })
}

/** What has to be allowed, too, when there are tags. */
function taggingOf(tags: Tags): string[] {
  return Object.keys(tags).length > 0 ? ['sts:TagSession'] : []
}

// Issuing -----------------------------------------------------------------------------------------

interface Draft extends Limits {
  readonly account: string
  readonly of: SessionOf
  readonly seconds: number
  readonly mfa: boolean
  readonly tags: Tags
  readonly transitive: readonly string[]
  readonly sourceIdentity: string | undefined
}

interface Limits {
  readonly policies: readonly string[] | undefined
  readonly policyArns: readonly string[]
  readonly packedPolicySize: number | undefined
}

const UNLIMITED = {
  ...{ policies: undefined, policyArns: [], packedPolicySize: undefined },
  ...{ mfa: false, tags: {}, transitive: [], sourceIdentity: undefined },
}

async function issue(identities: Identities, { seconds, ...draft }: Draft): Promise<Issued> {
  const { packedPolicySize, ...facts } = draft
  const { id, secret, token } = newTemporaryKey(identities.entropy)
  await identities.change((created) => {
    const lasts = { created, expires: created + seconds * 1000 }
    const session: RoleSession = { kind: 'session', name: id, secret, token, ...lasts, ...facts }
    return { put: [session] }
  })
  const { expires, caller: made } = identities.find(id)!
  return { accessKeyId: id, secret, token, expires, caller: made, packedPolicySize }
}

// Who may -----------------------------------------------------------------------------------------

function requireTrust(
  identities: Identities,
  action: string,
  roleArn: string,
  caller: Caller,
  wish: (Wish & { readonly role: RoleEntity }) | undefined,
): void {
  // A role that is not there is refused like one that trusts nobody.
  if (!wish || !isTrusted(action, wish, identities.resourceControl(wish.role.account))) denied(caller, action, roleArn)
}

function denied(caller: Caller, action: string, resource: string): never {
  refuse(`User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource}`)
}

function refuse(message: string): never {
  fail('AccessDenied', message)
}

function roleNamed(identities: Identities, arn: string): RoleEntity | undefined {
  const [, account, name] = /^arn:aws[\w-]*:iam::(\d{12}):role\/(?:[!-~]+\/)?([\w+=,.@-]+)$/.exec(arn) ?? []
  if (account === undefined) fail('ValidationError', `${arn} is invalid`)
  const role = identities.entity('role', account, name!)
  return role && arnOfEntity(role) === arn ? role : undefined
}

/** A session cannot start another one of its own. */
function ownSession(
  { type, session, userName, principalId }: Caller,
  operation: string,
): { type: 'User'; user: string; userId: string } | { type: 'Root' } {
  if (session || (type !== 'User' && type !== 'Root')) refuse(`Cannot call ${operation} with session credentials`)
  return type === 'User' ? { type, user: userName!, userId: principalId } : { type: 'Root' }
}

// What a request says -----------------------------------------------------------------------------

function roleSeconds({ caller, durationSeconds = HOUR }: SessionRequest, { maxSessionDuration }: RoleEntity): number {
  requireSeconds(durationSeconds, 12 * HOUR)
  if (caller.type === 'AssumedRole' && durationSeconds > HOUR) {
    fail(
      'ValidationError',
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
    )
  }
  if (durationSeconds > maxSessionDuration) {
    fail('ValidationError', 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.')
  }
  return durationSeconds
}

/** Twelve hours unless it is said otherwise, 36 at the most; the root's last an hour however long they are asked for. */
function ownSeconds({ caller, durationSeconds }: SessionRequest): number {
  if (durationSeconds !== undefined) requireSeconds(durationSeconds, 36 * HOUR)
  return caller.type === 'Root' ? Math.min(durationSeconds ?? HOUR, HOUR) : (durationSeconds ?? 12 * HOUR)
}

function requireSeconds(seconds: number, most: number): void {
  if (seconds < SHORTEST) violation(seconds, 'durationSeconds', `have value greater than or equal to ${SHORTEST}`)
  if (seconds > most) violation(seconds, 'durationSeconds', `have value less than or equal to ${most}`)
}

function requireText(text: string, member: string, longest = 64): void {
  if (text.length < 2) violation(text, member, 'have length greater than or equal to 2')
  if (text.length > longest) violation(text, member, `have length less than or equal to ${longest}`)
  if (!/^[\w+=,.@-]*$/.test(text)) violation(text, member, 'satisfy regular expression pattern: [\\w+=,.@-]*')
}

function violation(value: string | number, member: string, constraint: string): never {
  const told = `Value '${value}' at '${member}' failed to satisfy constraint: Member must ${constraint}`
  fail('ValidationError', `1 validation error detected: ${told}`)
}

function isWithDevice({ simulatedMfa }: Identities, { serialNumber, tokenCode }: DeviceRequest): boolean {
  if (serialNumber === undefined && tokenCode === undefined) return false
  if (simulatedMfa && serialNumber !== undefined && /^\d{6}$/.test(tokenCode ?? '')) return true
  refuse('MultiFactorAuthentication failed with invalid MFA one time pass code.')
}

const POLICY_SIZE = 2048
const POLICY_ARNS = 10

function limitsOf(identities: Identities, { policy, policyArns = [], tags = [] }: LimitedRequest): Limits {
  if (policy !== undefined) readPolicy(policy)
  if (policyArns.length > POLICY_ARNS) fail('LimitExceeded', `Cannot exceed quota for PolicyArns: ${POLICY_ARNS}`)
  for (const arn of policyArns) {
    if (identities.managedPolicy(arn) === undefined) fail('ValidationError', `Policy ${arn} does not exist.`)
  }
  const isPacked = policy !== undefined || policyArns.length + tags.length > 0
  const size = [policy ?? '', ...policyArns, ...tags.flatMap(({ Key, Value }) => [Key, Value])].join('').length
  const packedPolicySize = isPacked ? Math.ceil((100 * size) / (2 * POLICY_SIZE)) : undefined
  if ((policy?.length ?? 0) > POLICY_SIZE || (packedPolicySize ?? 0) > 100) {
    const percent = Math.max(packedPolicySize!, Math.ceil((100 * policy!.length) / POLICY_SIZE))
    fail('PackedPolicyTooLarge', `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`)
  }
  return { policies: policy === undefined ? undefined : [policy], policyArns, packedPolicySize }
}

function readPolicy(text: string): void {
  try {
    parseIdentityPolicy(text)
  } catch (error) {
    throw error instanceof KmsError ? new KmsError('MalformedPolicyDocument', error.message) : error
  }
}

const TAGS = 50

function tagsOf(tags: readonly SessionTag[]): Tags {
  if (tags.length > TAGS) violation(tags.length, 'tags', `have length less than or equal to ${TAGS}`)
  for (const { Key, Value } of tags) {
    if (!/^.{1,128}$/su.test(Key)) violation(Key, 'tags.member.key', 'have length between 1 and 128')
    if (!/^.{0,256}$/su.test(Value)) violation(Value, 'tags.member.value', 'have length less than or equal to 256')
  }
  if (new Set(tags.map(({ Key }) => Key.toLowerCase())).size < tags.length) {
    invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  }
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))
}

/** The tags that come along from the caller's session: all that were said to be transitive when it was started. */
function inheritedBy(identities: Identities, { account, accessKeyId }: Caller): { readonly tags: Tags } {
  const session: RoleSession | undefined = identities.entity('session', account, accessKeyId)
  const names = new Set(session?.transitive)
  return { tags: Object.fromEntries(Object.entries(session?.tags ?? {}).filter(([name]) => names.has(name))) }
}

function refuseOverrides(inherited: Tags, tags: readonly SessionTag[]): Tags {
  const names = new Set(Object.keys(inherited).map((name) => name.toLowerCase()))
  if (tags.some(({ Key }) => names.has(Key.toLowerCase()))) {
    invalid(
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    )
  }
  return inherited
}

function transitiveOf({ tags = [], transitiveTagKeys = [] }: AssumeRoleRequest, inherited: Tags): string[] {
  const named = new Map(tags.map(({ Key }) => [Key.toLowerCase(), Key]))
  const chosen = transitiveTagKeys.map(
    (key) =>
      named.get(key.toLowerCase()) ??
      invalid('The specified transitive tag key must be included in the requested tags.'),
  )
  return [...Object.keys(inherited), ...chosen]
}

/** Once said it is handed on from session to session, and none of them can say another. */
function sourceIdentityOf({ caller, sourceIdentity, roleArn }: AssumeRoleRequest): string | undefined {
  if (sourceIdentity !== undefined) requireText(sourceIdentity, 'sourceIdentity')
  const known = caller.session?.sourceIdentity
  if (known !== undefined && sourceIdentity !== undefined && sourceIdentity !== known) {
    denied(caller, 'sts:SetSourceIdentity', roleArn)
  }
  return sourceIdentity ?? known
}

function invalid(message: string): never {
  fail('InvalidParameterValue', message)
}
