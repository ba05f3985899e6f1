/**
 * Condition keys, a row each: how to read `kms:ViaService` or `aws:PrincipalTag/team` from a call. Values are effective ones:
 * an optional parameter that was left out has its default. What a row reads decides how long a decision may be kept.
 */
import type { Context } from './context.ts'
import { DAY, type Instant } from './clock.ts'
import type { Key } from './keys.ts'
import { isPrimary } from './keys.ts'
import type { CreateGrantRequest, CreateKeyRequest, GrantConstraints, Tag } from './model/kms.ts'
import type { Call, Resource } from './operation.ts'
import type { ContextReader, Values } from './policy/context.ts'

/** One question about one resource of a call. */
export interface Asked {
  readonly call: Call
  readonly context: Context
  readonly action: string
  /** Where the action takes place, which for the replica of a key is another Region than that of the call. */
  readonly region: string
  /** Undefined for an action on no resource in particular. */
  readonly resource: Resource | undefined
  readonly key: Key | undefined
  /** What had to be looked up first, because some policy asks for it. */
  readonly aliases: readonly string[] | undefined
  readonly lastUse: Instant | undefined
}

/** All that the members of requests are called which conditions are about. */
type Input = Readonly<Record<string, unknown>>

export type Read = (asked: Asked) => Values

const input = ({ call }: Asked): Input => call.input as Input
const member =
  (name: string): Read =>
  (asked) =>
    text(input(asked)[name])
const flag = (value: boolean): string => String(value)

/** The member `name`, or else what it is by default; of these operations alone. */
function defaulted(name: string, value: string, ...operations: readonly string[]): Read {
  return (asked) => (operations.includes(asked.call.operation) ? (text(input(asked)[name]) ?? value) : undefined)
}

/** A fact about the key, or about the one that CreateKey is to make. */
function ofKey(known: (key: Key) => Values, wanted: (request: CreateKeyRequest) => Values): Read {
  return ({ key, call }) =>
    key ? known(key) : call.operation === 'CreateKey' ? wanted(call.input as CreateKeyRequest) : undefined
}

const specWanted = ({ KeySpec, CustomerMasterKeySpec }: CreateKeyRequest) =>
  KeySpec ?? CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT'
const keySpec = ofKey((key) => key.spec, specWanted)
const keyUsage = ofKey(
  (key) => key.usage,
  ({ KeyUsage }) => KeyUsage ?? 'ENCRYPT_DECRYPT',
)

/** The same for a caller and a resource, whatever else a request says. */
const FIXED: Readonly<Record<string, Read>> = {
  'kms:calleraccount': ({ call }) => call.caller.account,
  'kms:keyorigin': ofKey(
    (key) => key.origin,
    ({ Origin }) => Origin ?? 'AWS_KMS',
  ),
  'kms:keyspec': keySpec,
  'kms:customermasterkeyspec': keySpec,
  'kms:keyusage': keyUsage,
  'kms:customermasterkeyusage': keyUsage,
  'kms:multiregion': ofKey(
    (key) => flag(key.multiRegion !== undefined),
    ({ MultiRegion }) => flag(MultiRegion ?? false),
  ),
  'kms:multiregionkeytype': ofKey(
    (key) => (key.multiRegion ? (isPrimary(key) ? 'PRIMARY' : 'REPLICA') : undefined),
    ({ MultiRegion }) => (MultiRegion ? 'PRIMARY' : undefined),
  ),
  'kms:resourcealiases': ({ aliases }) => aliases,
  'aws:principalaccount': ({ call }) => (isService(call) ? undefined : call.caller.account),
  'aws:principalarn': ({ call }) => (isService(call) ? undefined : (call.caller.roleArn ?? call.caller.arn)),
  'aws:principalorgid': ({ call }) => call.caller.organization?.id,
  'aws:principalorgpaths': ({ call }) => call.caller.organization?.paths,
  'aws:principaltype': ({ call }) => PRINCIPAL_TYPES[call.caller.type],
  'aws:principalisawsservice': ({ call }) => flag(isService(call)),
  'aws:principalservicename': ({ call }) => (isService(call) ? call.caller.arn : undefined),
  'aws:principalservicenameslist': ({ call }) => (isService(call) ? [call.caller.arn] : undefined),
  'aws:userid': ({ call }) => call.caller.principalId,
  'aws:username': ({ call }) => (call.caller.type === 'User' ? call.caller.userName : undefined),
  'aws:sourceidentity': ({ call }) => call.caller.session?.sourceIdentity,
  'aws:tokenissuetime': ({ call }) => instantText(call.caller.session?.created),
  'aws:multifactorauthpresent': ({ call }) => call.caller.session && flag(call.caller.session.mfa),
  'aws:resourceaccount': ({ resource, call }) => resource?.account ?? call.caller.account,
  'aws:requestedregion': ({ region }) => region,
}

const PRINCIPAL_TYPES: Readonly<Record<string, string | undefined>> = {
  Root: 'Account',
  User: 'User',
  AssumedRole: 'AssumedRole',
  FederatedUser: 'FederatedUser',
}

/** Different from request to request. */
const ASKED: Readonly<Record<string, Read>> = {
  'kms:bypasspolicylockoutsafetycheck': defaulted(
    'BypassPolicyLockoutSafetyCheck',
    'false',
    'CreateKey',
    'PutKeyPolicy',
  ),
  'kms:datakeypairspec': member('KeyPairSpec'),
  'kms:encryptionalgorithm': encryptionAlgorithm,
  'kms:encryptioncontextkeys': (asked) => keysOf(encryptionContext(asked)),
  'kms:expirationmodel': defaulted('ExpirationModel', 'KEY_MATERIAL_EXPIRES', 'ImportKeyMaterial'),
  'kms:grantconstrainttype': (asked) => constraintType(constraints(asked)),
  'kms:grantconstraintsourcearn': ({ call }) => creatingGrant(call)?.Constraints?.SourceArn,
  'kms:grantisforawsresource': ({ call, context }) =>
    RESOURCE_GRANTS.has(call.operation) ? flag(context.via?.mode === 'forwarded') : undefined,
  'kms:grantoperations': ({ call }) => creatingGrant(call)?.Operations,
  'kms:granteeprincipal': ({ call }) => creatingGrant(call)?.GranteePrincipal,
  'kms:granteeserviceprincipal': ({ call }) => creatingGrant(call)?.GranteeServicePrincipal,
  'kms:retiringprincipal': ({ call }) => creatingGrant(call)?.RetiringPrincipal,
  'kms:retiringserviceprincipal': ({ call }) => creatingGrant(call)?.RetiringServicePrincipal,
  'kms:keyagreementalgorithm': member('KeyAgreementAlgorithm'),
  'kms:macalgorithm': member('MacAlgorithm'),
  'kms:messagetype': defaulted('MessageType', 'RAW', 'Sign', 'Verify'),
  'kms:policyname': defaulted('PolicyName', 'default', 'GetKeyPolicy', 'PutKeyPolicy'),
  'kms:primaryregion': member('PrimaryRegion'),
  'kms:replicaregion': member('ReplicaRegion'),
  'kms:reencryptonsamekey': ({ call }) =>
    call.operation === 'ReEncrypt' ? flag(call.source.arn === call.destination.arn) : undefined,
  'kms:requestalias': requestAlias,
  'kms:rotationperiodindays': defaulted('RotationPeriodInDays', '365', 'EnableKeyRotation'),
  'kms:schedulekeydeletionpendingwindowindays': defaulted('PendingWindowInDays', '30', 'ScheduleKeyDeletion'),
  'kms:signingalgorithm': member('SigningAlgorithm'),
  'kms:validto': (asked) => secondsText((input(asked).ValidTo as Date | undefined)?.getTime()),
  'kms:viaservice': ({ context, region }) =>
    context.via?.mode === 'forwarded' ? `${context.via.service.split('.', 1)[0]}.${region}.amazonaws.com` : undefined,
  'kms:wrappingalgorithm': member('WrappingAlgorithm'),
  'kms:wrappingkeyspec': member('WrappingKeySpec'),
  'kms:recipientattestation:imagesha384': ({ call }) =>
    call.recipient?.platform === 'enclave' ? register(call, 0) : undefined,
  'aws:tagkeys': (asked) =>
    (input(asked).TagKeys as readonly string[] | undefined) ?? tagsIn(asked)?.map((tag) => tag.TagKey),
  'aws:sourceip': ({ context: { origin, via } }) => (origin.endpoint || via ? undefined : origin.sourceIp),
  'aws:vpcsourceip': ({ context: { origin, via } }) => (origin.endpoint && !via ? origin.sourceIp : undefined),
  'aws:sourcevpc': ({ context }) => context.origin.endpoint?.vpc,
  'aws:sourcevpce': ({ context }) => context.origin.endpoint?.id,
  'aws:sourcearn': ({ context }) => context.via?.sourceArn,
  'aws:sourceaccount': ({ context }) => context.via?.sourceAccount,
  'aws:viaawsservice': ({ context }) => flag(context.via?.mode === 'forwarded'),
  'aws:calledvia': forwarders,
  'aws:calledviafirst': (asked) => forwarders(asked)?.[0],
  'aws:calledvialast': (asked) => forwarders(asked)?.at(-1),
  'aws:securetransport': ({ context }) => flag(context.origin.secure),
  'aws:useragent': ({ context }) => context.origin.userAgent,
}

/** Different from moment to moment: a decision that asks for one of these is not kept. */
const PASSING: Readonly<Record<string, Read>> = {
  'aws:currenttime': ({ call }) => instantText(call.now),
  'aws:epochtime': ({ call }) => secondsText(call.now),
  'aws:multifactorauthage': ({ call: { caller, now } }) =>
    caller.session?.mfa ? String(Math.floor((now - caller.session.created) / 1000)) : undefined,
  'kms:trailingdayswithoutkeyusage': ({ call, key, lastUse }) =>
    key && UNUSED_FOR.has(call.operation) ? String(Math.floor((call.now - (lastUse ?? key.created)) / DAY)) : undefined,
}

/** Families of keys: a name after a prefix. */
const FAMILIES: readonly {
  readonly prefix: string
  readonly fixed: boolean
  read(asked: Asked, name: string): Values
}[] = [
  { prefix: 'aws:principaltag/', fixed: true, read: ({ call }, name) => inAnyCase(call.caller.tags, name) },
  {
    prefix: 'aws:resourcetag/',
    fixed: true,
    read: ({ key }, name) => key?.tags.find(({ TagKey }) => TagKey.toLowerCase() === name)?.TagValue,
  },
  {
    prefix: 'aws:requesttag/',
    fixed: false,
    read: (asked, name) => tagsIn(asked)?.find(({ TagKey }) => TagKey.toLowerCase() === name)?.TagValue,
  },
  {
    prefix: 'kms:encryptioncontext:',
    fixed: false,
    read: (asked, name) => inAnyCase(encryptionContext(asked) ?? {}, name),
  },
  {
    prefix: 'kms:recipientattestation:pcr',
    fixed: false,
    read: ({ call }, name) => (call.recipient?.platform === 'enclave' ? register(call, Number(name)) : undefined),
  },
  {
    prefix: 'kms:recipientattestation:nitrotpmpcr',
    fixed: false,
    read: ({ call }, name) => (call.recipient?.platform === 'tpm' ? register(call, Number(name)) : undefined),
  },
]

/** A map, in which a condition key called `constructor` is only one that nobody knows. */
const ROWS = new Map([FIXED, ASKED, PASSING].flatMap((rows) => Object.entries(rows)))

/** Reads the condition keys of `asked`, by their names in lower case. */
export function readerOf(asked: Asked): ContextReader {
  return (key) => (ROWS.get(key) ?? inFamily(key))?.(asked)
}

/** The reader of one condition key, for reading it from many requests. */
export function readOf(key: string): Read {
  return ROWS.get(key) ?? inFamily(key) ?? (() => undefined)
}

function inFamily(key: string): Read | undefined {
  const family = FAMILIES.find(({ prefix }) => key.startsWith(prefix))
  return family && ((asked) => family.read(asked, key.slice(family.prefix.length)))
}

/** How long what a condition key says holds: for a caller and a key; for a request; for a moment. */
export function holds(key: string): 'fixed' | 'asked' | 'passing' {
  if (Object.hasOwn(PASSING, key)) return 'passing'
  if (Object.hasOwn(ASKED, key)) return 'asked'
  return FAMILIES.some(({ prefix, fixed }) => !fixed && key.startsWith(prefix)) ? 'asked' : 'fixed'
}

const RESOURCE_GRANTS = new Set(['CreateGrant', 'ListGrants', 'RevokeGrant'])
const UNUSED_FOR = new Set(['DisableKey', 'ScheduleKeyDeletion'])

function isService({ caller }: Call): boolean {
  return caller.type === 'Service'
}

/** The encryption context that `asked` is about; of a grant, that of its constraint. */
export function encryptionContext({
  call,
  action,
}: Pick<Asked, 'call' | 'action'>): Readonly<Record<string, string>> | undefined {
  const request = call.input as Record<string, Readonly<Record<string, string>> | undefined>
  if (action === 'kms:ReEncryptFrom') return request.SourceEncryptionContext
  if (action === 'kms:ReEncryptTo') return request.DestinationEncryptionContext
  const { EncryptionContextEquals, EncryptionContextSubset } = constraintsOf(call) ?? {}
  return request.EncryptionContext ?? EncryptionContextEquals ?? EncryptionContextSubset
}

function encryptionAlgorithm({ call, action }: Asked): Values {
  const request = call.input as Record<string, string | undefined>
  const named = {
    'kms:ReEncryptFrom': 'SourceEncryptionAlgorithm',
    'kms:ReEncryptTo': 'DestinationEncryptionAlgorithm',
  }
  const field = named[action as keyof typeof named] ?? 'EncryptionAlgorithm'
  return ENCRYPTING.test(call.operation) ? (request[field] ?? 'SYMMETRIC_DEFAULT') : undefined
}

const ENCRYPTING = /^(Encrypt|Decrypt|ReEncrypt|GenerateDataKey\w*)$/

/** The alias by which the request named the key; absent when it named it by itself. */
function requestAlias({ call, action }: Asked): Values {
  const request = call.input as Record<string, string | undefined>
  const named = { 'kms:ReEncryptFrom': request.SourceKeyId, 'kms:ReEncryptTo': request.DestinationKeyId }
  const name = named[action as keyof typeof named] ?? request.KeyId
  return name === undefined || name === null ? undefined : /(?:^|:)(alias\/.+)$/.exec(name)?.[1]
}

function creatingGrant({ operation, input: request }: Call): CreateGrantRequest | undefined {
  return operation === 'CreateGrant' ? (request as CreateGrantRequest) : undefined
}

/** The constraints of the grant that is made, or retired. */
function constraintsOf(call: Call): GrantConstraints | undefined {
  return creatingGrant(call)?.Constraints ?? (call.operation === 'RetireGrant' ? call.grant?.constraints : undefined)
}

const constraints = ({ call }: Asked) => constraintsOf(call)

function constraintType(found: GrantConstraints | undefined): Values {
  if (found?.EncryptionContextEquals) return 'EncryptionContextEquals'
  return found?.EncryptionContextSubset ? 'EncryptionContextSubset' : undefined
}

function tagsIn(asked: Asked): readonly Tag[] | undefined {
  return input(asked).Tags as readonly Tag[] | undefined
}

function forwarders({ context: { via } }: Asked): readonly string[] | undefined {
  return via?.mode === 'forwarded' ? [via.service] : undefined
}

/** Names are compared whatever their case, values as they are. */
function inAnyCase(values: Readonly<Record<string, string>>, name: string): string | undefined {
  if (Object.hasOwn(values, name)) return values[name]
  return Object.entries(values).find(([key]) => key.toLowerCase() === name)?.[1]
}

function keysOf(values: object | undefined): readonly string[] | undefined {
  return values && Object.keys(values)
}

function register({ recipient }: Call, index: number): string | undefined {
  const bytes = recipient?.pcrs.get(index)
  return bytes && Buffer.from(bytes).toString('hex')
}

function text(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function secondsText(instant: Instant | undefined): string | undefined {
  return instant === undefined ? undefined : String(Math.floor(instant / 1000))
}

function instantText(instant: Instant | undefined): string | undefined {
  return instant === undefined ? undefined : `${new Date(instant).toISOString().slice(0, 19)}Z`
}
