/**
 * S3's endpoint: requests in S3's own form, signed for it or presigned, to S3 and back. Bodies go through as they come; what
 * a request says of its body is checked on the way, so that nothing is kept of what was not sent as it was signed.
 */
import { randomBytes } from 'node:crypto'
import { KmsError, Unreachable } from '../../../errors.ts'
import type { RequestHead, StreamedRequest, StreamedResponse, StreamingService } from '../../../http/message.ts'
import { Origins } from '../../../http/origins.ts'
import type { Credentials } from '../../../http/sigv4.ts'
import { WrongRegion } from '../refusals.ts'
import { answerOf, inputOf } from './answers.ts'
import { refusalOf } from './errors.ts'
import { payloadOf } from './payload.ts'
import { placeOf, routeOf, type Operations } from './routes.ts'
import { claimOf, verify } from './signatures.ts'

export interface DoorOptions {
  readonly identities: Credentials
  readonly now: () => Date
  /** Told of every answer that is our own fault, in one line without any content of the request. */
  readonly log: (line: string) => void
  /** Throws for a Region that nobody can reach. */
  readonly reach?: (region: string) => void
}

export function s3Door(s3: Operations, options: DoorOptions): StreamingService {
  const origins = new Origins()

  async function answered(request: StreamedRequest, requestId: string): Promise<StreamedResponse> {
    const { identities, now, reach } = options
    const claim = claimOf(request)
    reach?.(claim.region)
    const signed = verify(request, claim, identities, now().getTime())
    const place = placeOf(request)
    const query = queryOf(request)
    const route = routeOf(request, place, query)
    const input = await inputOf(route, place, query, request, (headers) => payloadOf({ ...request, headers }, signed))
    const { caller, region } = signed
    const context = { caller, region, requestId, origin: origins.of(request) }
    const output = await s3[route.call](input as never, context)
    return answerOf(route, output as Record<string, unknown>, query)
  }

  function refused(error: unknown, { url }: RequestHead, ids: Ids): StreamedResponse {
    const known = error instanceof KmsError
    const { code, status, body } = refusalOf(known ? error : OUR_FAULT, { Resource: url.split('?', 1)[0]!, ...ids })
    if (status >= 500 && status !== 501) options.log(`${ids.RequestId} ${code} ${known ? '' : traceOf(error)}`)
    const headers: Record<string, string> = { 'content-type': 'application/xml' }
    if (error instanceof WrongRegion) headers['x-amz-bucket-region'] = error.region
    return { status, headers, body: status === 304 ? '' : body }
  }

  /** A body that breaks off is our fault, and too late to be answered for. It hears of a reader who leaves before it began. */
  function accounted(body: AsyncIterable<Uint8Array>, { RequestId }: Ids): AsyncIterable<Uint8Array> {
    const iterator = body[Symbol.asyncIterator]()
    const told: AsyncIterableIterator<Uint8Array> = {
      next: () =>
        iterator.next().catch((error: unknown) => {
          options.log(`${RequestId} InternalError ${traceOf(error)}`)
          throw error
        }),
      return: async () => {
        await iterator.return?.()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]: () => told,
    }
    return told
  }

  return {
    takes: isForS3,
    async answer(request) {
      const ids = { RequestId: randomBytes(8).toString('hex').toUpperCase(), HostId: randomBytes(32).toString('hex') }
      const body = new Watched(request.body)
      let answer: StreamedResponse
      try {
        answer = await answered({ ...request, body }, ids.RequestId)
        if (isStream(answer.body)) answer = { ...answer, body: accounted(answer.body, ids) }
      } catch (error) {
        if (error instanceof Unreachable) throw error
        if (body.broken) throw body.broken
        answer = refused(error, request, ids)
      }
      return finished(request.method, answer, {
        'x-amz-request-id': ids.RequestId,
        'x-amz-id-2': ids.HostId,
        date: options.now().toUTCString(),
        server: 'AmazonS3',
      })
    },
  }
}

interface Ids {
  readonly RequestId: string
  readonly HostId: string
}

const OUR_FAULT = new KmsError('InternalError', 'We encountered an internal error. Please try again.')

const SIGNED = /^AWS4-HMAC-SHA256 .*\/s3\/aws4_request/
const PRESIGNED = /[?&](?:X-Amz-Credential=[^&]*(?:%2F|\/)s3(?:%2F|\/)aws4_request|AWSAccessKeyId=)/i

/** A look at what every request has: those to the key management are told by their first two words. */
function isForS3({ method, url, headers }: RequestHead): boolean {
  if (method === 'POST' && url === '/') return false
  const authorization = headers['authorization']
  if (authorization !== undefined) return SIGNED.test(authorization) || authorization.startsWith('AWS ')
  return PRESIGNED.test(url) || (!/^\/(?:$|\?|_strongroom\/|health|ready)/.test(url) && saysAmazon(headers))
}

const saysAmazon = (headers: RequestHead['headers']): boolean =>
  Object.keys(headers).some((name) => name.startsWith('x-amz-'))

function queryOf({ url }: RequestHead): URLSearchParams {
  const mark = url.indexOf('?')
  // A form's `+` is a blank, and in this query it is what it is.
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1).replaceAll('+', '%2B'))
}

/** A body that remembers what reading it threw: then there is nobody left to answer. */
class Watched implements AsyncIterable<Uint8Array> {
  readonly #body: AsyncIterable<Uint8Array>
  broken: Error | undefined

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#body = body
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const iterator = this.#body[Symbol.asyncIterator]()
    return {
      next: () =>
        iterator.next().catch((error: unknown) => {
          throw (this.broken = error instanceof Error ? error : new Error('the body broke off'))
        }),
      return: async () => {
        await iterator.return?.()
        return { done: true, value: undefined }
      },
    }
  }
}

function isStream(body: StreamedResponse['body']): body is AsyncIterable<Uint8Array> {
  return typeof body !== 'string' && !(body instanceof Uint8Array)
}

function finished(method: string, { status, headers, body }: StreamedResponse, ours: object): StreamedResponse {
  const fields = { ...ours, ...headers }
  if (method === 'HEAD') return { status, headers: fields, body: '' }
  if (status === 204 || status === 304) return { status, headers: fields, body: '' }
  if (typeof body !== 'string') return { status, headers: fields, body }
  return { status, headers: { ...fields, 'content-length': String(Buffer.byteLength(body)) }, body }
}

/** Where it happened, without what was said. */
function traceOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack?.split('\n') ?? []) : []
  return lines
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .join(' < ')
}
