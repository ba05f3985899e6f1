/** The body of a request, held to what the request says of it: its length, its hash, its checksums, its chunks' signatures. */
import { createHash } from 'node:crypto'
import { fail } from '../../../errors.ts'
import type { StreamedRequest } from '../../../http/message.ts'
import { fromBase64, toBase64 } from '../../../model/json.ts'
import type { Checksum } from '../shapes.ts'
import { CHECKSUMS, type Digest } from '../checksums.ts'
import { dechunked } from './chunked.ts'
import { UNSIGNED_PAYLOAD, type Signed } from './signatures.ts'

/** A body that may be read once. Reading throws where it is not as was said, at its end at the latest. */
export interface Payload {
  readonly body: AsyncIterable<Uint8Array>
  /** Undefined where nobody has said it. */
  readonly length: number | undefined
  /** The checksum that comes with it, if any; it is known once the body has been read. */
  readonly checksum: (() => Checksum | undefined) | undefined
  /** Whether anything but its signature tells that it arrived whole. */
  readonly isChecked: boolean
}

/** How a body is sent, by what `x-amz-content-sha256` says. */
const STREAMING: Readonly<Record<string, { readonly signed: boolean; readonly trailer: boolean }>> = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { signed: true, trailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { signed: false, trailer: true },
}
const PREFIX = 'x-amz-checksum-'

/** Something a body has to agree with once it has been read. */
interface Check {
  readonly digest: Digest
  /** Throws unless it does. */
  readonly settle: (found: Uint8Array) => void
}

export function payloadOf(request: StreamedRequest, { payload, chain }: Signed): Payload {
  const { headers } = request
  const streaming = Object.hasOwn(STREAMING, payload) ? STREAMING[payload] : undefined
  const trailers = streaming?.trailer ? namesOf(headers['x-amz-trailer']) : []
  const promised = new Promised(headers, trailers)
  const checks = [
    ...sha256Check(payload, streaming !== undefined),
    ...md5Check(headers['content-md5']),
    ...promised.checks,
  ]
  const length = lengthOf(headers, streaming !== undefined)
  const told = (fields: ReadonlyMap<string, string>) => promised.told(fields)
  const body = streaming
    ? dechunked(request.body, { length: length!, chain: streaming.signed ? chain : undefined, trailers, told })
    : request.body
  const isPromised = promised.checks.length > 0
  const isChecked = isPromised || headers['content-md5'] !== undefined
  const checksum = isPromised ? () => promised.checksum : undefined
  return { body: checked(body, checks), length, checksum, isChecked }
}

/** The checksum that a head tells of, and its other fields: where it is not of the body. */
export function withoutChecksum(headers: StreamedRequest['headers']) {
  const [algorithm, ...more] = algorithmsIn(headers)
  if (more.length > 0) many()
  if (algorithm === undefined) return { told: undefined, rest: headers }
  const { [PREFIX + algorithm.toLowerCase()]: value, ...rest } = headers
  return { told: { algorithm, value: value! }, rest }
}

function algorithmsIn(headers: StreamedRequest['headers']): string[] {
  return Object.keys(CHECKSUMS).filter((name) => headers[PREFIX + name.toLowerCase()] !== undefined)
}

function many(): never {
  fail('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
}

/** The body as it comes; its last piece is followed by a throw if any check fails. */
async function* checked(body: AsyncIterable<Uint8Array>, checks: readonly Check[]): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    for (const { digest } of checks) digest.update(piece)
    yield piece
  }
  for (const { digest, settle } of checks) settle(digest.digest())
}

function lengthOf(headers: StreamedRequest['headers'], streaming: boolean): number | undefined {
  const given = headers[streaming ? 'x-amz-decoded-content-length' : 'content-length']
  if (given === undefined && !streaming) return undefined
  return given !== undefined && /^\d{1,15}$/.test(given) ? Number(given) : missingLength()
}

export function missingLength(): never {
  fail('MissingContentLength', 'You must provide the Content-Length HTTP header.')
}

function sha256Check(payload: string, streaming: boolean): Check[] {
  if (streaming || payload === UNSIGNED_PAYLOAD) return []
  if (!/^[0-9a-f]{64}$/.test(payload)) {
    const ways = [UNSIGNED_PAYLOAD, ...Object.keys(STREAMING)].join(', ')
    fail('InvalidArgument', `x-amz-content-sha256 must be ${ways}, or a valid sha256 value.`)
  }
  const settle = (found: Uint8Array) => {
    if (Buffer.from(found).toString('hex') !== payload)
      fail('XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.")
  }
  return [{ digest: createHash('sha256'), settle }]
}

function md5Check(given: string | undefined): Check[] {
  if (given === undefined) return []
  const wanted = fromBase64(given)
  if (wanted?.length !== 16) fail('InvalidDigest', 'The Content-MD5 you specified was invalid.')
  const settle = (found: Uint8Array) => {
    if (!wanted.equals(found)) fail('BadDigest', 'The Content-MD5 you specified did not match what we received.')
  }
  return [{ digest: createHash('md5'), settle }]
}

/** The checksum that a request promises, in its head or at the end of its body; S3 takes one at most. */
class Promised {
  readonly checks: readonly Check[]
  #value: string | undefined
  readonly #algorithm: string | undefined

  constructor(headers: StreamedRequest['headers'], trailers: readonly string[]) {
    const inHead = algorithmsIn(headers)
    const [algorithm, ...more] = [...inHead, ...trailers.map(algorithmOf)]
    if (more.length > 0) many()
    this.#algorithm = algorithm
    this.checks = algorithm === undefined ? [] : [this.#check(algorithm)]
    if (algorithm !== undefined && inHead.length > 0) this.#take(algorithm, headers[PREFIX + algorithm.toLowerCase()]!)
  }

  get checksum(): Checksum | undefined {
    return this.#value === undefined ? undefined : { algorithm: this.#algorithm!, value: this.#value }
  }

  told(fields: ReadonlyMap<string, string>): void {
    for (const [name, value] of fields) this.#take(algorithmOf(name), value)
  }

  #take(algorithm: string, value: string): void {
    if (fromBase64(value)?.length !== CHECKSUMS[algorithm]!.size)
      fail('InvalidRequest', `Value for ${PREFIX}${algorithm.toLowerCase()} header is invalid.`)
    this.#value = value
  }

  #check(algorithm: string): Check {
    const settle = (found: Uint8Array) => {
      if (toBase64(found) !== this.#value)
        fail('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`)
    }
    return { digest: CHECKSUMS[algorithm]!.start(), settle }
  }
}

function namesOf(header = ''): string[] {
  return header
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
}

function algorithmOf(header: string): string {
  const name = header.slice(PREFIX.length).toUpperCase()
  if (!header.startsWith(PREFIX) || !Object.hasOwn(CHECKSUMS, name))
    fail('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported')
  return name
}
