/**
 * The server as a function: a request in, AWS's answer out. The one place where an error becomes a `__type` and a status.
 * Nothing of a request is looked at before its signature, but whether it is a call at all and how large it is.
 */
import { randomUUID } from 'node:crypto'
import { KmsError, fail } from '../errors.ts'
import type { Context } from '../context.ts'
import { decode, encode, MAX_BODY } from '../model/json.ts'
import { OPERATIONS, TARGET_PREFIX } from '../model/kms.ts'
import type { OperationName } from '../model/kms.ts'
import type { Handle, HttpRequest, HttpResponse } from './message.ts'
import { SigV4, type Credentials } from './sigv4.ts'

/** What a door knows of the service behind it. */
export interface Callable {
  call(name: string, input: unknown, context: Context): unknown
}

export interface HandlerOptions {
  service: Callable
  identities: Credentials
  now: () => Date
  /** Told of every answer that is our own fault, in one line without any content of the request. */
  log: (line: string) => void
  /** False before the room is open and while it closes: `/ready` says so. */
  ready: () => boolean
}

const ORIGIN = { sourceIp: '127.0.0.1', userAgent: '', secure: false }
const CONTENT_TYPE = 'application/x-amz-json-1.1'

export function createHandler({ service, identities, now, log, ready }: HandlerOptions): Handle {
  const sigv4 = new SigV4(identities, now)

  async function call(request: HttpRequest, requestId: string): Promise<string> {
    if (request.body.length > MAX_BODY) fail('RequestEntityTooLarge')
    const { caller, region } = sigv4.verify(request)
    const name = operationOf(request)
    const output = await service.call(name, decode(name, request.body), { caller, region, requestId, origin: ORIGIN })
    return encode(name, output as never)
  }

  return async function handle(request) {
    const requestId = randomUUID()
    const headers = { ...answerHeaders(requestId), date: now().toUTCString() }
    const path = request.url.split('?', 1)[0]
    try {
      if (path === '/health') return probe(request, headers, 'ok')
      if (path === '/ready') return probe(request, headers, ready() ? 'ok' : 'unavailable')
      if (path !== '/') return refusal(new KmsError('UnknownOperationException'), headers, 404)
      if (request.method !== 'POST') return notAllowed(headers, 'POST')
      return { status: 200, headers, body: await call(request, requestId) }
    } catch (error) {
      const known = error instanceof KmsError
      const answer = known ? error : new KmsError('KMSInternalException')
      if (!known || answer.status >= 500) log(`${requestId} ${answer.code} ${trace(error)}`)
      return refusal(answer, headers)
    }
  }
}

/** An answer to what never became a request: a body over the limit, a broken header. Undated, for sockets keep the date. */
export function earlyRefusal(error: KmsError, status = error.status): HttpResponse {
  return refusal(error, answerHeaders(randomUUID()), status)
}

function operationOf({ headers }: HttpRequest): OperationName {
  const media = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  const [prefix, name = '', ...rest] = headers['x-amz-target']?.split('.') ?? []
  const known = prefix === TARGET_PREFIX && rest.length === 0 && Object.hasOwn(OPERATIONS, name)
  return known && media === CONTENT_TYPE ? (name as OperationName) : fail('UnknownOperationException')
}

function answerHeaders(requestId: string): Record<string, string> {
  return {
    'x-amzn-requestid': requestId,
    'cache-control': 'no-cache, no-store, must-revalidate, private',
    expires: '0',
    pragma: 'no-cache',
    'content-type': CONTENT_TYPE,
  }
}

/** `{"__type","message"}`; AccessDeniedException alone spells `Message`, and an empty message has no member at all. */
function refusal(error: KmsError, headers: Record<string, string>, status = error.status): HttpResponse {
  const key = error.code === 'AccessDeniedException' ? 'Message' : 'message'
  const body = JSON.stringify({ __type: error.code, [key]: error.message || undefined })
  return { status, headers: { ...headers, 'x-amzn-errortype': error.code }, body }
}

function notAllowed(headers: Record<string, string>, allow: string): HttpResponse {
  return refusal(new KmsError('UnknownOperationException'), { ...headers, allow }, 405)
}

function probe({ method }: HttpRequest, headers: Record<string, string>, status: 'ok' | 'unavailable'): HttpResponse {
  if (method !== 'GET' && method !== 'HEAD') return notAllowed(headers, 'GET, HEAD')
  const body = method === 'HEAD' ? '' : JSON.stringify({ status })
  return { status: status === 'ok' ? 200 : 503, headers: { ...headers, 'content-type': 'application/json' }, body }
}

/**
 * Where it happened, without what was said: messages of the platform quote the values they complain about, and those can be
 * key material. Names, codes and places suffice to find a fault.
 */
function trace(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code = 'code' in error && typeof error.code === 'string' ? ` [${error.code}]` : ''
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? []
  const place = frames.map((line) => line.trim()).join(' < ')
  return `${error.name}${code} ${place}${error.cause === undefined ? '' : ` <= ${trace(error.cause)}`}`
}
