/**
 * The proxy API of external key stores, version 1, as both of its sides know it: what is asked and answered, which errors there
 * are, how long things may be. Pure: bodies come as bytes and leave as text.
 * https://github.com/aws/aws-kms-xksproxy-api-spec
 */
import { hash } from 'node:crypto'
import { fromBase64, toBase64 } from '../model/json.ts'
import { CURLY, Scanner, SQUARE } from '../model/scanner.ts'

/** The service that requests are signed for. */
export const XKS_SERVICE = 'kms-xks-proxy'
/** What every path goes on with behind the prefix. */
export const XKS_BASE = '/kms/xks/v1'
export const XKS_ALGORITHM = 'AES_GCM'
export const CDIV_ALGORITHM = 'SHA_256'
/** Dots alone would be steps of a path, which signatures are over without. */
export const EXTERNAL_KEY_ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/

export const XKS_LIMITS = {
  /** Bytes that are encrypted, or were: what a proxy must at least take, and ours takes at most. */
  data: 4300,
  additionalData: 8192,
  metadata: 20,
  uri: 256,
  path: 128,
  arn: 2048,
  /** Characters of an error's message. */
  message: 511,
  usages: 10,
  fleet: 10,
} as const

export const IV_LENGTHS = [12, 16] as const
export const TAG_LENGTH = 16

/** Every error a proxy may answer with, and its status. */
const XKS_ERRORS = {
  ValidationException: 400,
  InvalidStateException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  AuthenticationFailedException: 401,
  AccessDeniedException: 403,
  KeyNotFoundException: 404,
  InvalidUriPathException: 404,
  ThrottlingException: 429,
  InternalException: 500,
  UnsupportedOperationException: 501,
  DependencyTimeoutException: 503,
} as const

export type XksErrorName = keyof typeof XKS_ERRORS

/** An error of the API: refused by a proxy, or to be told by one. */
export class XksError extends Error {
  override readonly name: XksErrorName

  constructor(name: XksErrorName, message = '', options?: ErrorOptions) {
    super(message, options)
    this.name = name
  }

  get status(): number {
    return XKS_ERRORS[this.name]
  }
}

/** What the KMS tells of the request that made it ask. */
export interface RequestMetadata {
  /** Of the health check there is no principal. */
  readonly awsPrincipalArn?: string
  readonly awsSourceVpc?: string
  readonly awsSourceVpce?: string
  readonly kmsKeyArn?: string
  readonly kmsOperation: string
  readonly kmsRequestId: string
  readonly kmsViaService?: string
}

export interface XksRequests {
  readonly health: { readonly requestMetadata: RequestMetadata }
  readonly metadata: { readonly requestMetadata: RequestMetadata }
  readonly encrypt: EncryptRequest
  readonly decrypt: DecryptRequest
}

export interface EncryptRequest {
  readonly requestMetadata: RequestMetadata
  readonly plaintext: Uint8Array
  readonly encryptionAlgorithm: string
  readonly additionalAuthenticatedData?: Uint8Array
  readonly ciphertextDataIntegrityValueAlgorithm?: string
}

export interface DecryptRequest extends Sealed {
  readonly requestMetadata: RequestMetadata
  readonly encryptionAlgorithm: string
  readonly additionalAuthenticatedData?: Uint8Array
}

/** What encryption gives, and decryption takes. */
export interface Sealed {
  readonly ciphertext: Uint8Array
  readonly initializationVector: Uint8Array
  readonly authenticationTag: Uint8Array
  readonly ciphertextMetadata?: Uint8Array
}

export interface XksAnswers {
  readonly health: Health
  readonly metadata: KeyMetadata
  readonly encrypt: Sealed & { readonly ciphertextDataIntegrityValue?: Uint8Array }
  readonly decrypt: { readonly plaintext: Uint8Array }
}

export interface Health {
  readonly xksProxyFleetSize: number
  readonly xksProxyVendor: string
  readonly xksProxyModel: string
  readonly ekmVendor: string
  readonly ekmFleetDetails: readonly FleetMember[]
}

export interface FleetMember {
  readonly id: string
  readonly model: string
  readonly healthStatus: 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE'
}

export interface KeyMetadata {
  readonly keySpec: string
  readonly keyUsage: readonly string[]
  readonly keyStatus: 'ENABLED' | 'DISABLED'
}

export type XksApi = keyof XksRequests

/** Where an API is called, behind `XksProxyUriPath`. */
export function xksPath(api: XksApi, externalKeyId?: string): string {
  return externalKeyId === undefined ? `/${api}` : `/keys/${externalKeyId}/${api}`
}

/**
 * What AES-GCM authenticates besides the plaintext once ciphertexts carry metadata: both, each behind its length, so that one
 * never passes for the other.
 */
export function proxyAad(additional: Uint8Array | undefined, metadata: Uint8Array | undefined): Uint8Array {
  const length = additional?.length ?? 0
  const head = Uint8Array.of(length >> 8, length)
  return Buffer.concat([
    head,
    additional ?? head.subarray(2),
    Uint8Array.of(metadata?.length ?? 0),
    metadata ?? new Uint8Array(),
  ])
}

/** The ciphertext data integrity value: a hash of all that a caller has to hand back, without lengths. */
export function integrityValue(additional: Uint8Array | undefined, sealed: Sealed): Uint8Array {
  const { ciphertextMetadata, initializationVector, ciphertext, authenticationTag } = sealed
  const nothing = new Uint8Array()
  const whole = [
    additional ?? nothing,
    ciphertextMetadata ?? nothing,
    initializationVector,
    ciphertext,
    authenticationTag,
  ]
  return hash('sha256', Buffer.concat(whole), 'buffer')
}

/** Throws a ValidationException for what is no such request, and UnsupportedOperationException for more than we take. */
export function parseXksRequest<A extends XksApi>(api: A, body: Uint8Array): XksRequests[A] {
  return parse(REQUESTS[api], body) as XksRequests[A]
}

/** Throws an XksError for what is no such answer. */
export function parseXksAnswer<A extends XksApi>(api: A, body: Uint8Array): XksAnswers[A] {
  return parse(ANSWERS[api], body) as XksAnswers[A]
}

/** The error in a body that came with another status than 200; undefined when there is none of the API in it. */
export function parseXksError(body: Uint8Array): XksError | undefined {
  try {
    const { errorName, errorMessage } = parse(ERROR, body) as { errorName: string; errorMessage?: string }
    return Object.hasOwn(XKS_ERRORS, errorName) ? new XksError(errorName as XksErrorName, errorMessage) : undefined
  } catch {
    return undefined
  }
}

/** A request or an answer as the body of a message; bytes become base64. */
export function writeXks(message: XksRequests[XksApi] | XksAnswers[XksApi]): string {
  return JSON.stringify(message, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    // Of a Buffer, `value` is already what it makes of itself in JSON.
    const member = this[key]
    return member instanceof Uint8Array ? toBase64(member) : value
  })
}

/** The body that tells of an error; only printable ASCII is allowed in its message. */
export function writeXksError({ name, message }: XksError): string {
  const errorMessage = message.replace(/[^\x20-\x7e]/g, '?').slice(0, XKS_LIMITS.message)
  return JSON.stringify(errorMessage === '' ? { errorName: name } : { errorName: name, errorMessage })
}

// Shapes ------------------------------------------------------------------------------------------

type Read = (scanner: Scanner, name: string) => unknown
/** Members by name; those whose names end in `?` may be absent, and the others not. */
type Members = Readonly<Record<string, Read>>

const invalid = (problem: string): never => {
  throw new XksError('ValidationException', problem)
}

function parse(read: Read, body: Uint8Array): unknown {
  try {
    const scanner = new Scanner(new TextDecoder('utf-8', { fatal: true }).decode(body))
    const value = read(scanner, 'body')
    scanner.end()
    return value
  } catch (error) {
    if (error instanceof XksError) throw error
    // Neither the decoder nor the scanner quotes what it read.
    throw new XksError('ValidationException', `no valid JSON: ${(error as Error).message}`, { cause: error })
  }
}

/** Members nobody knows are ignored, for the API may grow; `null` is absence. */
function object(members: Members): Read {
  const optional = new Map(Object.entries(members).map(([key, read]) => [key.replace('?', ''), read]))
  const required = Object.keys(members).filter((key) => !key.endsWith('?'))
  return (scanner, name) => {
    if (scanner.peek() !== CURLY) invalid(`${name} must be an object`)
    const value: Record<string, unknown> = {}
    const seen = new Set<string>()
    for (let more = scanner.open(CURLY); more; more = scanner.more(CURLY)) {
      const key = scanner.key()
      const read = optional.get(key)
      if (seen.has(key)) scanner.refuse('duplicate key')
      seen.add(key)
      if (!read) scanner.skip()
      else if (!scanner.literal('null')) value[key] = read(scanner, key)
    }
    for (const key of required) if (!Object.hasOwn(value, key)) invalid(`${key} is missing`)
    return value
  }
}

const QUOTE = 0x22

const text =
  (most: number, pattern = /^/): Read =>
  (scanner, name) => {
    if (scanner.peek() !== QUOTE) invalid(`${name} must be a string`)
    const value = scanner.string()
    return value.length >= 1 && value.length <= most && pattern.test(value)
      ? value
      : invalid(`${name} is not as it must be`)
  }

const bytes =
  (most: number, fits: (length: number) => boolean = () => true): Read =>
  (scanner, name) => {
    if (scanner.peek() !== QUOTE) invalid(`${name} must be a string`)
    const value = fromBase64(scanner.string()) ?? invalid(`${name} is not encoded as it must be`)
    if (value.length > most) {
      throw new XksError('UnsupportedOperationException', `${name} is longer than ${most} bytes`)
    }
    return fits(value.length) ? value : invalid(`${name} has a length it must not have`)
  }

const list =
  (most: number, read: Read): Read =>
  (scanner, name) => {
    if (scanner.peek() !== SQUARE) invalid(`${name} must be a list`)
    const values: unknown[] = []
    for (let more = scanner.open(SQUARE); more; more = scanner.more(SQUARE)) values.push(read(scanner, name))
    return values.length >= 1 && values.length <= most ? values : invalid(`${name} must have 1 to ${most} elements`)
  }

const count: Read = (scanner, name) => {
  const value = scanner.number()
  return Number.isSafeInteger(value) && value > 0 ? value : invalid(`${name} must be a whole number above zero`)
}

const WORD = text(128)
const ARN = text(XKS_LIMITS.arn)
const DATA = bytes(XKS_LIMITS.data, (length) => length > 0)
const ADDITIONAL = bytes(XKS_LIMITS.additionalData)
const METADATA = bytes(Infinity, (length) => length <= XKS_LIMITS.metadata)
const IV = bytes(Infinity, (length) => IV_LENGTHS.some((each) => each === length))
const TAG = bytes(Infinity, (length) => length === TAG_LENGTH)

/** What is told of a request: nothing is checked of it but that it is there, as a proxy must not know what the KMS will say. */
const about = (...more: readonly string[]): Read => {
  const optional = ['awsPrincipalArn', 'awsSourceVpc', 'awsSourceVpce', 'kmsKeyArn', 'kmsViaService']
  const names = optional.map((name) => (more.includes(name) ? name : `${name}?`))
  return object(Object.fromEntries([...names, 'kmsOperation', 'kmsRequestId'].map((name) => [name, ARN])))
}

const CRYPTOGRAPHIC = about('awsPrincipalArn', 'kmsKeyArn')
const SEALED = { ciphertext: DATA, initializationVector: IV, authenticationTag: TAG, 'ciphertextMetadata?': METADATA }

const REQUESTS: Readonly<Record<XksApi, Read>> = {
  health: object({ requestMetadata: about() }),
  metadata: object({ requestMetadata: about('awsPrincipalArn') }),
  encrypt: object({
    requestMetadata: CRYPTOGRAPHIC,
    plaintext: DATA,
    encryptionAlgorithm: WORD,
    'additionalAuthenticatedData?': ADDITIONAL,
    'ciphertextDataIntegrityValueAlgorithm?': WORD,
  }),
  decrypt: object({
    ...SEALED,
    requestMetadata: CRYPTOGRAPHIC,
    encryptionAlgorithm: WORD,
    'additionalAuthenticatedData?': ADDITIONAL,
  }),
}

const NAME = text(512)

const ANSWERS: Readonly<Record<XksApi, Read>> = {
  health: object({
    xksProxyFleetSize: count,
    xksProxyVendor: NAME,
    xksProxyModel: NAME,
    ekmVendor: NAME,
    ekmFleetDetails: list(
      XKS_LIMITS.fleet,
      object({ id: NAME, model: NAME, healthStatus: text(16, /^(?:ACTIVE|DEGRADED|UNAVAILABLE)$/) }),
    ),
  }),
  metadata: object({
    keySpec: WORD,
    keyUsage: list(XKS_LIMITS.usages, WORD),
    keyStatus: text(16, /^(?:ENABLED|DISABLED)$/),
  }),
  encrypt: object({ ...SEALED, 'ciphertextDataIntegrityValue?': bytes(Infinity, (length) => length === 32) }),
  decrypt: object({ plaintext: DATA }),
}

/** The name decides; what is said besides is for people, and need not be as it should be. */
const SAID: Read = (scanner) => (scanner.peek() === QUOTE ? scanner.string() : scanner.skip())
const ERROR = object({ errorName: WORD, 'errorMessage?': SAID })
