/**
 * What there is to tell of an event, as the trail keeps it: in parts, of which those that many events share are kept once.
 * Made when the event happens, of what is then known; record.ts makes CloudTrail records of it when somebody reads.
 */
import { KmsError } from '../errors.ts'
import type {
  KeyMetadata,
  ReplicateKeyRequest,
  ReplicateKeyResponse,
  UpdatePrimaryRegionRequest,
} from '../model/kms.ts'
import type { Json, JsonObject, TrailResource, UserIdentity } from './cloudtrail.ts'
import type {
  ObservedAlias,
  ObservedCall,
  ObservedContext,
  ObservedDecision,
  ObservedOrigin,
  ObservedRecipient,
  ObservedResource,
  ServiceEvent,
} from './observed.ts'
import type { Row } from './parameters.ts'
import { known, shown, spelled } from './shown.ts'
import { identityOf, serviceItself } from './useridentity.ts'

export interface Told {
  readonly name: string
  readonly region: string
  readonly readOnly: boolean
  readonly identity: UserIdentity
  /** Of whom the event is told first. */
  readonly account: string
  readonly ip: string
  readonly agent: string
  readonly tls?: JsonObject
  readonly endpoint?: { readonly id: string; readonly account: string }
  readonly parameters?: JsonObject
  readonly response?: JsonObject
  readonly additional?: JsonObject
  /** Null when there is no such field. */
  readonly resources?: readonly TrailResource[] | null
  readonly error?: readonly [code: string, message: string]
  readonly decisions?: readonly Json[]
  /** Of what the KMS did by itself. */
  readonly service?: { readonly details?: JsonObject; readonly asCall?: true }
  /** What else there is to tell of the same event, in another Region: what is different there. */
  readonly elsewhere?: Partial<Told>
}

/** Who, how and what: the same for every such call that comes the same way. */
export function frameOf({ name, readOnly }: Row, context: ObservedContext): Told {
  const { caller, region, via, origin } = context
  const { tls, endpoint } = origin
  return {
    name,
    region,
    readOnly,
    identity: identityOf(context),
    account: caller.account,
    ip: via?.service ?? origin.sourceIp,
    agent: via?.service ?? origin.userAgent,
    ...(!via && tls && { tls: tlsOf(tls) }),
    ...(!via && endpoint && { endpoint: { id: endpoint.id, account: endpoint.account } }),
  }
}

/** What a success adds, but for the maps of its parameters, when those are told apart. */
export function successOf(row: Row, call: ObservedCall, output: unknown, parameters: readonly string[]): Partial<Told> {
  const answer = (output ?? {}) as Readonly<Record<string, unknown>>
  return {
    ...requested(row, call, parameters),
    ...some('response', capped(answered(row, call, answer), 100)),
    ...some('additional', capped({ ...row.materials?.(call), ...circumstancesOf(row, call) }, 28)),
    resources: resourcesOf(row, call, answer),
    ...elsewhereOf(row, call, answer),
  }
}

/** What a failure adds. */
export function failureOf(row: Row, call: ObservedCall, error: unknown): Partial<Told> {
  return {
    ...requested(row, call, row.request),
    ...some('additional', capped(circumstancesOf(row, call), 28)),
    resources: resourcesOf(row, call, {}),
    error: errorOf(error),
    ...decisionsOf(call.decisions),
  }
}

/** What the KMS did by itself. */
export function serviceTold({ name, key, details, additional }: ServiceEvent): Told {
  const told = details || DETAILED.has(name) ? { keyId: key.id, ...details } : undefined
  return {
    name,
    region: key.region,
    readOnly: false,
    identity: serviceItself(key.account),
    account: key.account,
    ip: 'AWS Internal',
    agent: 'AWS Internal',
    resources: [resourceOf(key)],
    ...(additional && { additional }),
    service: { ...(told && { details: told }), ...(name === 'SynchronizeMultiRegionKey' && { asCall: true }) },
  }
}

const DETAILED = new Set(['RotateKey', 'DeleteExpiredKeyMaterial', 'ExpireGrant'])

function tlsOf({ version, cipher, host, keyExchange }: NonNullable<ObservedOrigin['tls']>): JsonObject {
  return {
    tlsVersion: version,
    cipherSuite: cipher,
    clientProvidedHostHeader: host,
    ...(keyExchange !== undefined && { keyExchange }),
  }
}

function requested(row: Row, call: ObservedCall, members: readonly string[]): Partial<Told> {
  const request = (typeof call.input === 'object' && call.input !== null ? call.input : {}) as Record<string, unknown>
  const parameters = known(
    members.map((member) => {
      const value = shown(row.requestShapes[member]!, request[member])
      return [spelled(member), value ?? defaultOf(row, member, call, request)] as const
    }),
  )
  return some('parameters', capped(parameters, 100))
}

/** What a parameter stands for that was left out; one that was given and makes no sense stands for nothing. */
function defaultOf(row: Row, member: string, call: ObservedCall, request: Record<string, unknown>): Json | undefined {
  if (request[member] !== undefined && request[member] !== null) return undefined
  const value = row.defaults[member]
  return typeof value === 'function' ? value(call, request) : value
}

function answered(row: Row, { key }: ObservedCall, answer: Readonly<Record<string, unknown>>): JsonObject {
  return known(
    row.response.map((member) => {
      const value = member === 'KeyId' ? key?.arn : shown(row.responseShapes[member]!, answer[member])
      return [spelled(member), value] as const
    }),
  )
}

function circumstancesOf(row: Row, call: ObservedCall): JsonObject {
  return { ...row.about?.(call), ...placeOf(call), ...(call.recipient && { recipient: recipientOf(call.recipient) }) }
}

/** The custom key stores that keys are in, and what is behind them. */
function placeOf({ key, source, destination, keyStore }: ObservedCall): JsonObject {
  const placed = [key, source, destination].find((each) => each?.customKeyStoreId !== undefined)
  if (placed) {
    const { customKeyStoreId, clusterId, xksKeyId } = placed
    return known(Object.entries({ customKeyStoreId, clusterId, xksKeyId }))
  }
  if (!keyStore) return {}
  return known(Object.entries({ customKeyStoreName: keyStore.name, clusterId: keyStore.cluster?.id }))
}

function recipientOf({ moduleId, platform, pcrs }: ObservedRecipient): JsonObject {
  const digest = (index: number): string => Buffer.from(pcrs.get(index) ?? []).toString('hex')
  const measured =
    platform === 'enclave'
      ? { attestationDocumentEnclaveImageDigest: digest(0) }
      : Object.fromEntries(
          TPM_REGISTERS.filter((index) => pcrs.has(index)).map((index) => [
            `attestationDocumentNitroTPMPCR${index}`,
            digest(index),
          ]),
        )
  return { attestationDocumentModuleId: moduleId, ...measured }
}

const TPM_REGISTERS = [4, 7, 8, 9, 16, 23]

function resourcesOf(
  { resources }: Row,
  call: ObservedCall,
  answer: Readonly<Record<string, unknown>>,
): readonly TrailResource[] | null {
  if (resources === 'none') return []
  const named = resources === 'absent' ? [] : resources === 'made' ? made(answer.KeyMetadata) : found(call)
  return named.length > 0 ? named.map(resourceOf) : null
}

function found({ source, destination, alias, key }: ObservedCall): readonly ObservedResource[] {
  // A second key beside the first is one of its relatives, which the record of its own Region is about.
  if (source && destination) return [source, destination]
  const target = key ?? (alias && targetOf(alias))
  return [...(alias ? [alias] : []), ...(target ? [target] : [])]
}

/** The key that an alias which is moved or deleted belongs to. */
function targetOf({ arn, account, alias }: ObservedAlias): ObservedResource | undefined {
  return alias ? { arn: arn.replace(/:alias\/.*$/, `:key/${alias.target}`), account } : undefined
}

function made(metadata: unknown): readonly ObservedResource[] {
  const { Arn: arn, AWSAccountId: account } = (metadata ?? {}) as Partial<KeyMetadata>
  return arn !== undefined && account !== undefined ? [{ arn, account }] : []
}

function resourceOf({ arn, account }: ObservedResource): TrailResource {
  return { accountId: account, type: 'AWS::KMS::Key', ARN: arn }
}

/** What the Region of a replica sees of an event in that of its primary key. */
function elsewhereOf({ name }: Row, { input }: ObservedCall, answer: object): Pick<Told, 'elsewhere'> {
  switch (name) {
    case 'UpdatePrimaryRegion':
      return { elsewhere: { region: (input as UpdatePrimaryRegionRequest).PrimaryRegion, resources: null } }
    case 'ReplicateKey':
      return { elsewhere: creationOf(input as ReplicateKeyRequest, answer) }
    default:
      return {}
  }
}

function creationOf({ ReplicaRegion: region }: ReplicateKeyRequest, answer: ReplicateKeyResponse): Partial<Told> {
  const keyMetadata = shown('KeyMetadata', answer.ReplicaKeyMetadata) as JsonObject | undefined
  const { description, origin, keySpec, keyUsage } = keyMetadata ?? {}
  return {
    name: 'CreateKey',
    region,
    parameters: known(Object.entries({ description, origin, keySpec, keyUsage, multiRegion: true })),
    response: known([['keyMetadata', keyMetadata]]),
    resources: made(answer.ReplicaKeyMetadata).map(resourceOf),
  }
}

/** A failure in AWS's words; what is our own fault is not told in ours. */
function errorOf(error: unknown): readonly [string, string] {
  if (!(error instanceof KmsError)) return ['KMSInternalException', '']
  const code = error.code === 'AccessDeniedException' ? 'AccessDenied' : error.code
  return [
    code,
    Buffer.from(error.message)
      .subarray(0, MESSAGE_BYTES)
      .toString()
      .replace(/\ufffd$/, ''),
  ]
}

const MESSAGE_BYTES = 1024

function decisionsOf(decisions: ObservedCall['decisions']): Pick<Told, 'decisions'> {
  const refused = (decisions ?? []).filter((decision) => decision !== undefined && !decision.allowed)
  return refused.length === 0 ? {} : { decisions: refused.map((decision) => reasonsOf(decision!)) }
}

function reasonsOf({ allowed, explicit, grounds, missing }: ObservedDecision): Json {
  return {
    allowed,
    ...(explicit !== undefined && { explicit }),
    grounds: grounds.map(({ kind, name, statement: { index, sid, effect } }) => ({
      kind,
      name,
      statement: index,
      ...(sid !== undefined && { sid }),
      effect,
    })),
    missing: [...missing],
  }
}

/** CloudTrail leaves out a field that has grown too large, and says so in its place. */
function capped(value: JsonObject, kib: number): JsonObject {
  const originalSize = Buffer.byteLength(JSON.stringify(value))
  return originalSize <= kib * 1024 ? value : { omitted: true, originalSize, reason: 'too large' }
}

function some<K extends 'parameters' | 'response' | 'additional'>(name: K, value: JsonObject): Partial<Told> {
  return Object.keys(value).length > 0 ? { [name]: value } : {}
}
