/**
 * Whether AWS would allow a request, told from plain JSON: to test policies without a service, a key or a network.
 *
 * ```ts
 * import { authorize } from 'strongroom/authorization'
 *
 * const { effect, because } = authorize({
 *   principal: 'arn:aws:iam::111122223333:user/alice',
 *   action: 'kms:Decrypt',
 *   resource: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
 *   context: { 'kms:EncryptionContext:dept': 'radiology' },
 *   identityPolicies: [{ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*' } }],
 * })
 * ```
 */
import {
  decide,
  denialText,
  type CallerPolicies,
  type Decision,
  type PolicyKind,
  type Question,
  type Source,
} from './decision.ts'
import { fail } from './errors.ts'
import { granteesOf, granting } from './granting.ts'
import type { Grant } from './grants.ts'
import type { GrantConstraints, GrantOperation } from './model/kms.ts'
import type { ContextReader, Values } from './policy/context.ts'
import { parseDocument, parseIdentityPolicy } from './policy/document.ts'
import { examine, type Examined } from './policy/evaluate.ts'
import { askerOf, isService, type Asker } from './policy/principal.ts'

/** A policy as its text, or as the object that the text stands for. */
export type Policy = string | object
export type ContextValue = string | number | boolean | readonly string[]

export interface Principal {
  /** Of a root, user, role, role session or federated user; or a service's name. */
  readonly arn: string
  /** Of a session: its role's, when that has a path. */
  readonly roleArn?: string
  /** Of a service: the account it works for; that of the key unless given. */
  readonly account?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** A grant in the shape that ListGrants gives; only what decides is read. */
export interface GrantEntry {
  readonly GrantId?: string
  readonly GranteePrincipal?: string
  readonly GranteeServicePrincipal?: string
  readonly Operations: readonly GrantOperation[]
  readonly Constraints?: GrantConstraints
  readonly [others: string]: unknown
}

export interface AuthorizationRequest {
  readonly principal: string | Principal
  /** `kms:Decrypt` */
  readonly action: string
  /** The ARN of a key or an alias, or `*`. */
  readonly resource: string
  /** Condition keys by AWS's names, in any case. */
  readonly context?: Readonly<Record<string, ContextValue>>
  /** Unless given, the one that CreateKey makes by default: it leaves all to the account's identity policies. */
  readonly keyPolicy?: Policy
  readonly identityPolicies?: readonly Policy[]
  readonly permissionsBoundary?: Policy
  readonly sessionPolicies?: readonly Policy[]
  /** A list for each level, from the organization's root to the account. */
  readonly serviceControlPolicies?: readonly (readonly Policy[])[]
  readonly resourceControlPolicies?: readonly Policy[]
  readonly endpointPolicy?: Policy
  readonly grants?: readonly GrantEntry[]
  /** When it is asked; without it there is no aws:CurrentTime. */
  readonly time?: Date
}

export interface StatementReport {
  readonly policy: string
  readonly kind: PolicyKind
  readonly index: number
  readonly sid: string | undefined
  readonly effect: 'Allow' | 'Deny'
  readonly applies: boolean
  /** The first part that is not about the request: `principal`, `action`, `resource` or a condition. */
  readonly because: string
}

export interface Authorization {
  readonly effect: 'Allow' | 'Deny'
  /** The kind of policy that denied explicitly. */
  readonly explicit: PolicyKind | undefined
  /** AWS's words, of a Deny. */
  readonly message: string | undefined
  readonly because: readonly string[]
  readonly statements: readonly StatementReport[]
}

/** Decides as AWS would. Throws MalformedPolicyDocumentException or ValidationException for what cannot be read. */
export function authorize(request: AuthorizationRequest): Authorization {
  requireKnown(request)
  return report(questionOf(request))
}

/** The decision about a question, with all that was considered. */
export function report(question: Question): Authorization {
  const decision = decide(question)
  return {
    effect: decision.allowed ? 'Allow' : 'Deny',
    explicit: decision.explicit,
    message: decision.allowed ? undefined : denialText(question.asker, question.action, question.resource, decision),
    because: reasonsOf(decision),
    statements: sourcesOf(question).flatMap((source) => examine(source.document, question).map(reportOf(source))),
  }
}

const FIELDS = new Set([
  ...['principal', 'action', 'resource', 'context', 'keyPolicy', 'identityPolicies', 'permissionsBoundary'],
  ...['sessionPolicies', 'serviceControlPolicies', 'resourceControlPolicies', 'endpointPolicy', 'grants', 'time'],
])

function requireKnown(request: AuthorizationRequest): void {
  const unknown = Object.keys(request).find((field) => !FIELDS.has(field))
  if (unknown !== undefined) refuse(`unknown field \`${unknown}\``)
  if (!/^[\w-]+:\w+$/.test(request.action)) refuse(`\`${request.action}\` is no action`)
  if (request.resource !== '*' && !RESOURCE.test(request.resource)) refuse(`\`${request.resource}\` is no ARN of KMS`)
}

const RESOURCE = /^arn:[\w-]+:kms:(?<region>[\w-]+):(?<owner>\d{12}):(?<type>key|alias)\/.+$/

function questionOf(request: AuthorizationRequest): Question {
  const { action, resource, keyPolicy, resourceControlPolicies = [], endpointPolicy } = request
  const { owner, type } = RESOURCE.exec(resource)?.groups ?? {}
  const principal = typeof request.principal === 'string' ? { arn: request.principal } : request.principal
  const asker = askerFrom(principal, owner)
  const context = readerOf(request, principal, asker)
  const isKey = type === 'key'
  return {
    asker,
    action,
    resource,
    owner: owner ?? asker.account,
    policies: policiesOf(request, asker),
    resourcePolicy: isKey ? sourceOf('resource', 'key policy', keyPolicy ?? defaultPolicy(owner!)) : undefined,
    resourceControl: resourceControlPolicies.map((it, i) => sourceOf('rcp', `resource control policy ${i + 1}`, it)),
    endpoint: endpointPolicy === undefined ? undefined : sourceOf('endpoint', 'VPC endpoint policy', endpointPolicy),
    grant: isKey ? grantFor(request, asker, context)?.id : undefined,
    context,
  }
}

// Who asks ----------------------------------------------------------------------------------------

const ROLE = /^arn:([\w-]+):iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/
const SESSION = /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\/[^/]+$/

/** A role asks through a session of it. */
function askerFrom({ arn, roleArn, account }: Principal, owner: string | undefined): Asker {
  if (isService(arn)) return { type: 'Service', arn, account: account ?? owner ?? refuse('a service needs an account') }
  const [, partition, id, role] = ROLE.exec(arn) ?? []
  if (role) return askerFrom({ arn: `arn:${partition}:sts::${id}:assumed-role/${role}/session`, roleArn: arn }, owner)
  const session = SESSION.exec(arn)
  const assumed = session ? `arn:${session[1]}:iam::${session[2]}:role/${session[3]}` : undefined
  return askerOf(arn, roleArn ?? assumed) ?? refuse(`\`${arn}\` is no principal`)
}

// Policies ----------------------------------------------------------------------------------------

const ALL = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } }

function defaultPolicy(owner: string): Policy {
  const root = { Effect: 'Allow', Principal: { AWS: owner }, Action: 'kms:*', Resource: '*' }
  return { Version: '2012-10-17', Statement: root }
}

function policiesOf(request: AuthorizationRequest, { type }: Asker): CallerPolicies {
  const { permissionsBoundary: boundary, sessionPolicies, serviceControlPolicies = [] } = request
  const identity = request.identityPolicies ?? (type === 'Root' ? [ALL] : [])
  return {
    identity: identity.map((it, i) => sourceOf('identity', `identity policy ${i + 1}`, it)),
    boundary: boundary === undefined ? undefined : sourceOf('boundary', 'permissions boundary', boundary),
    session: sessionPolicies?.map((it, i) => sourceOf('session', `session policy ${i + 1}`, it)),
    serviceControl: serviceControlPolicies.map((level, i) =>
      level.map((it, j) => sourceOf('scp', `service control policy ${i + 1}.${j + 1}`, it)),
    ),
  }
}

const NAMING: readonly PolicyKind[] = ['resource', 'rcp', 'endpoint']

function sourceOf(kind: PolicyKind, name: string, policy: Policy): Source {
  const text = typeof policy === 'string' ? policy : JSON.stringify(policy)
  return { kind, name, document: NAMING.includes(kind) ? parseDocument(text) : parseIdentityPolicy(text) }
}

function sourcesOf({ policies, resourcePolicy, resourceControl, endpoint }: Question): Source[] {
  const { identity, boundary, session = [], serviceControl } = policies
  const all = [
    resourcePolicy,
    ...identity,
    boundary,
    ...session,
    ...serviceControl.flat(),
    ...resourceControl,
    endpoint,
  ]
  return all.filter((source) => source !== undefined)
}

// The context -------------------------------------------------------------------------------------

/** What a request always says of itself, and over it what it is given to say. */
function readerOf(request: AuthorizationRequest, { tags = {} }: Principal, asker: Asker): ContextReader {
  const { region, owner } = RESOURCE.exec(request.resource)?.groups ?? {}
  const { time, context = {} } = request
  const found = new Map<string, Values>([
    ['aws:principalarn', asker.type === 'Service' ? undefined : (asker.roleArn ?? asker.arn)],
    ['aws:principalaccount', asker.type === 'Service' ? undefined : asker.account],
    ['aws:principaltype', asker.type === 'Root' ? 'Account' : asker.type],
    ['aws:principalisawsservice', String(asker.type === 'Service')],
    ['aws:principalservicename', asker.type === 'Service' ? asker.arn : undefined],
    ['aws:username', asker.type === 'User' ? asker.arn.slice(asker.arn.lastIndexOf('/') + 1) : undefined],
    ['kms:calleraccount', asker.account],
    ['aws:currenttime', time?.toISOString()],
    ['aws:epochtime', time && String(Math.floor(time.getTime() / 1000))],
    ['aws:requestedregion', region],
    ['aws:resourceaccount', owner],
    ['aws:securetransport', 'true'],
    ...Object.entries(tags).map(([name, value]) => [`aws:principaltag/${name}`.toLowerCase(), value] as const),
    ...Object.entries(context).map(([name, value]) => [name.toLowerCase(), valuesOf(value)] as const),
  ])
  return (key) => found.get(key)
}

function valuesOf(value: ContextValue): Values {
  return typeof value === 'object' ? value : String(value)
}

// Grants ------------------------------------------------------------------------------------------

const CONTEXT = 'kms:encryptioncontext:'

function grantFor(request: AuthorizationRequest, asker: Asker, context: ContextReader): Grant | undefined {
  const { grants = [], action, time } = request
  const sourceArn = context('aws:sourcearn')
  const pairs = Object.entries(request.context ?? {}).filter(([name]) => name.toLowerCase().startsWith(CONTEXT))
  return granting(grants.map(grantOf), {
    operation: action.slice(action.indexOf(':') + 1) as GrantOperation,
    grantees: granteesOf(asker),
    // A context of no pairs and none at all are the same to AWS.
    encryptionContext: Object.fromEntries(pairs.map(([name, value]) => [name.slice(CONTEXT.length), String(value)])),
    sourceArn: typeof sourceArn === 'string' ? sourceArn : undefined,
    now: time?.getTime() ?? 0,
    delay: 0,
    tokens: new Set(),
    child: undefined,
  })
}

/** As a record that is in effect: what is not known of it decides nothing. */
function grantOf(entry: GrantEntry, index: number): Grant {
  const grantee = entry.GranteePrincipal ?? entry.GranteeServicePrincipal ?? refuse('a grant needs a grantee')
  return {
    ...{ region: '', account: '', keyId: '', name: '', issuer: '', retiring: '', request: '' },
    ...{ version: 0, created: -Infinity, expires: Infinity },
    id: entry.GrantId ?? `grant ${index + 1}`,
    grantee,
    operations: entry.Operations,
    constraints: entry.Constraints,
  }
}

// Reasons -----------------------------------------------------------------------------------------

function reasonsOf({ grounds, grant, missing }: Decision): string[] {
  return [
    ...(grant === undefined ? [] : [`The grant ${grant} allows it.`]),
    ...grounds.map(({ name, statement }) => `${titleOf(statement)} of the ${name} ${VERBS[statement.effect]} it.`),
    ...missing.map((kind) => `No ${SILENT[kind]} allows it.`),
  ]
}

const VERBS = { Allow: 'allows', Deny: 'denies' } as const

const SILENT = {
  identity: 'identity policy',
  resource: 'statement of the key policy',
  boundary: 'statement of the permissions boundary',
  session: 'session policy',
  scp: 'service control policy of some level',
  rcp: 'resource control policy',
  endpoint: 'statement of the VPC endpoint policy',
} as const

function titleOf({ index, sid }: Pick<Examined, 'index' | 'sid'>): string {
  return sid ? `Statement \`${sid}\`` : `Statement ${index + 1}`
}

function reportOf({ name, kind }: Source) {
  return ({ index, sid, effect, applies, because }: Examined): StatementReport => ({
    ...{ policy: name, kind, index, sid, effect, applies, because },
  })
}

function refuse(message: string): never {
  fail('ValidationException', message)
}
