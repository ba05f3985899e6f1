/** A door with as much of S3 behind it as a door can tell apart, and requests to it, signed by the SDK's own signer. */
import { createHash } from 'node:crypto'
import { Hash } from '@smithy/core/serde'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Context } from '../../../../src/context.ts'
import { headerRecord } from '../../../../src/http/message.ts'
import type { StreamedRequest, StreamedResponse } from '../../../../src/http/message.ts'
import type { AccessKeyConfig } from '../../../../src/identity.ts'
import { s3Door } from '../../../../src/services/s3/http/door.ts'
import type { Operations } from '../../../../src/services/s3/http/routes.ts'
import { book } from '../../../http/book.ts'

export const AT = new Date('2026-03-01T12:00:00Z')
const SESSION = { id: 'ASIASESSION', secret: 'temporary', sessionToken: 'FwoGZXIvYXdzEXAMPLE//token+=' }
const ROOT: AccessKeyConfig = { id: 'test', secret: 'test' }
const IDENTITIES = book([{ id: '000000000000', accessKeys: [ROOT, SESSION] }], AT.getTime() + 60_000)

interface Asked {
  readonly call: string
  readonly input: Readonly<Record<string, unknown>>
  readonly context: Context
}

/** What operations answer, by their names; one may throw. */
type Answers = Readonly<Record<string, (input: Asked['input']) => object>>

export function standIn(answers: Answers = {}, now = AT) {
  const asked: Asked[] = []
  const log: string[] = []
  /** Bodies that were read to their end. */
  const kept: string[] = []
  const operation = (call: string) => async (input: Asked['input'], context: Context) => {
    asked.push({ call, input, context })
    if ('Body' in input) kept.push((await bytesOf(input['Body'] as AsyncIterable<Uint8Array>)).toString())
    return answers[call]?.(input) ?? {}
  }
  const s3 = new Proxy({} as Operations, { get: (_, call) => operation(String(call)) })
  const door = s3Door(s3, { identities: IDENTITIES, now: () => now, log: (line) => log.push(line) })
  const send = async (request: StreamedRequest | Promise<StreamedRequest>) => answered(await door.answer(await request))
  return { door, send, asked, kept, log }
}

/** An answer with its body read, and the code of its error, if it is one. */
async function answered({ status, headers, body }: StreamedResponse) {
  const text = typeof body === 'string' ? body : (await bytesOf(body)).toString()
  return { status, headers, body: text, code: /<Code>(.*)<\/Code>/.exec(text)?.[1] }
}

async function bytesOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body)
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

export interface Sending {
  readonly method?: string
  /** As it stands on the wire. */
  readonly path?: string
  readonly query?: Record<string, string>
  readonly headers?: Record<string, string>
  readonly body?: string
  /** What the signature says of the body; the SHA-256 of the body by default. */
  readonly payload?: string
  readonly at?: Date
  readonly as?: AccessKeyConfig
  readonly unsigned?: string[]
  /** Seconds that a presigned URL is to hold. */
  readonly presigned?: number
}

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A request as it comes in. */
export async function signed(sending: Sending = {}): Promise<StreamedRequest> {
  const { method = 'GET', path = '/', query = {}, body = '', payload = hashOf(body), at = AT, as = ROOT } = sending
  const credentials = { accessKeyId: as.id, secretAccessKey: as.secret, sessionToken: as.sessionToken }
  const sha256 = Hash.bind(null, 'sha256')
  const signer = new SignatureV4({ credentials, region: 'us-east-1', service: 's3', sha256, uriEscapePath: false })
  const host = { host: '127.0.0.1:4599' }
  const told = { 'x-amz-content-sha256': sending.presigned === undefined ? payload : 'UNSIGNED-PAYLOAD' }
  const length: Record<string, string> = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const headers = { ...host, ...told, ...length, ...sending.headers }
  const request = { method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers, body }
  const options = { signingDate: at, unsignableHeaders: new Set([...(sending.unsigned ?? []), 'content-length']) }
  const result =
    sending.presigned === undefined
      ? await signer.sign(request, options)
      : await signer.presign(request, { ...options, expiresIn: sending.presigned })
  const search = Object.entries((result.query ?? {}) as Record<string, string>)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&')
  return {
    method,
    url: search === '' ? path : `${path}?${search}`,
    headers: headerRecord(Object.entries({ ...length, ...result.headers })),
    body: inPieces(body),
    // Only what came by a socket has to say how long it is.
    way: { address: '127.0.0.1', secure: false },
  }
}

/** A body that comes in pieces which end anywhere. */
export async function* inPieces(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export const TEMPORARY = SESSION
