/**
 * The server as a function: a request in, AWS's answer out. The one place where an error becomes a `__type` and a status.
 * Nothing of a request is looked at before its signature, but whether it is a call at all and how large it is.
 */
import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import { KmsError, fail, Unreachable } from '../errors.ts'
import { decode, encode, MAX_BODY } from '../model/json.ts'
import { OPERATIONS, TARGET_PREFIX } from '../model/kms.ts'
import type { OperationName } from '../model/kms.ts'
import { administered, isAdministration, type Administration } from './admin.ts'
import type { Answering, Handle, HttpRequest, HttpResponse, StreamingService, Verified } from './message.ts'
import { Origins } from './origins.ts'
import { errorDocument, FORM, parametersOf, XML, type QueryService } from './query.ts'
import { SigV4, type Credentials } from './sigv4.ts'

/** A request's context, as the door makes it. */
type Called = Context & { readonly requestId: string }

/** What a door knows of the service behind it. */
export interface Callable {
  call(name: string, input: unknown, context: Called): unknown
}

export interface HandlerOptions {
  service: Callable
  identities: Credentials
  now: () => Date
  /** Told of every answer that is our own fault, in one line without any content of the request. */
  log: (line: string) => void
  /** False before the room is open and while it closes: `/ready` says so. */
  ready: () => boolean
  /** CloudTrail, asked by the name of an operation: what is in the body, parsed, and back. */
  cloudtrail?: (name: string, input: unknown, context: Context) => Promise<object>
  /** Services that speak the query protocol, by the names that signatures have for them. */
  queries?: Readonly<Record<string, QueryService>>
  /** A service whose requests are not collected before they are looked at. */
  streaming?: StreamingService
  /** What may be looked at and changed from outside, for whoever holds the token. */
  admin?: Administration
  /** Throws for a Region that nobody can reach. */
  reach?: (region: string) => void
}

type Headers = Readonly<Record<string, string>>

const CONTENT_TYPE = 'application/x-amz-json-1.1'
const QUERY_NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

export function createHandler(options: HandlerOptions): Handle {
  const { service, identities, now, log, ready, cloudtrail, queries = {}, admin, reach, streaming } = options
  const services = ['kms', ...(cloudtrail ? ['cloudtrail'] : []), ...Object.keys(queries)]
  const sigv4 = new SigV4(identities, now, services)
  const origins = new Origins()

  async function call(
    request: HttpRequest,
    headers: Headers,
    requestId: string,
    verified: (who: Verified) => void,
  ): Promise<HttpResponse> {
    const who = sigv4.verify(request)
    const { caller, region, service: meant } = who
    verified(who)
    const name = meant === 'kms' ? operationOf(request) : undefined
    const context = expiring(name, request, { caller, region, requestId, origin: origins.of(request) })
    const query = Object.hasOwn(queries, meant) ? queries[meant] : undefined
    if (query) {
      if (mediaOf(request) !== FORM) fail('UnknownOperationException')
      const body = await query.call(parametersOf(request), context)
      return { status: 200, headers: { ...headers, 'content-type': XML }, body }
    }
    if (name === undefined) {
      const output = await cloudtrail!(eventOperation(request), parsed(request), context)
      return { status: 200, headers, body: JSON.stringify(output) }
    }
    const output = await service.call(name, decode(name, request.body), context)
    return { status: 200, headers, body: encode(name, output as never) }
  }

  async function handle(request: HttpRequest, verified: (who: Verified) => void = () => {}): Promise<HttpResponse> {
    const requestId = randomUUID()
    const headers = { ...answerHeaders(requestId), date: dates.at(now()) }
    const path = request.url.split('?', 1)[0]
    try {
      if (path === '/health') return probe(request, headers, 'ok')
      if (path === '/ready') return probe(request, headers, ready() ? 'ok' : 'unavailable')
      if (request.body.length > MAX_BODY) fail('RequestEntityTooLarge')
      if (admin && isAdministration(path, admin)) return await administered(request, headers, admin)
      if (path !== '/') return refusal(new KmsError('UnknownOperationException'), headers, 404)
      if (request.method !== 'POST') return notAllowed(headers, 'POST')
      reach?.(regionClaimed(request))
      return await call(request, headers, requestId, verified)
    } catch (error) {
      const answer = answerTo(error, requestId)
      if (mediaOf(request) !== FORM || Object.keys(queries).length === 0) return refusal(answer, headers)
      const namespace = namespaceFor(request, queries)
      return { headers: { ...headers, 'content-type': XML }, ...errorDocument(answer, requestId, namespace) }
    }
  }

  /** The error to answer with; what is our own fault is logged. */
  function answerTo(error: unknown, requestId: string): KmsError {
    if (error instanceof Unreachable) throw error
    const known = error instanceof KmsError
    const answer = known ? error : new KmsError('KMSInternalException')
    if (!known || answer.status >= 500) log(`${requestId} ${answer.code} ${trace(error)}`)
    return answer
  }

  /** `handle` for requests of which all is known already that the headers say. */
  function trusted(
    target: number,
    body: Uint8Array,
    from: Omit<Context, 'requestId'>,
  ): HttpResponse | Promise<HttpResponse> {
    const requestId = randomUUID()
    const name = NAMES[target]!
    const head = () => ({ ...answerHeaders(requestId), date: dates.at(now()) })
    const answer = (output: unknown) => ({ status: 200, headers: head(), body: encode(name, output as never) })
    const refused = (error: unknown) => refusal(answerTo(error, requestId), head())
    try {
      reach?.(from.region)
      const output = service.call(name, decode(name, body), { ...from, requestId })
      return output instanceof Promise ? output.then(answer).catch(refused) : answer(output)
    } catch (error) {
      return refused(error)
    }
  }

  const dates = new Dates()
  const answering: Answering = {
    targets: NAMES.map((name) => `${TARGET_PREFIX}.${name}`),
    handle,
    trusted,
    find: (accessKeyId) => identities.find(accessKeyId),
    now: () => now().getTime(),
  }
  return Object.assign((request: HttpRequest) => handle(request), { streaming, answering })
}

const NAMES = Object.keys(OPERATIONS) as OperationName[]

/** The `Date` of answers, which is the same for a second. */
class Dates {
  #second = -1
  #text = ''

  at(date: Date): string {
    const second = Math.floor(date.getTime() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#text = date.toUTCString()
    }
    return this.#text
  }
}

/** The Region a request says it is for; what is sent to an endpoint that is out of reach is not even read. */
function regionClaimed({ headers }: HttpRequest): string {
  return /Credential=[^/]*\/\d*\/([\w-]+)\//.exec(headers['authorization'] ?? '')?.[1] ?? ''
}

/** A grant that is to end says so in a header, which the signature covers. */
function expiring(name: OperationName | undefined, { headers }: HttpRequest, context: Called): Called {
  const given = headers['x-strongroom-grant-expires-in']
  if (given === undefined) return context
  const seconds = /^[1-9]\d{0,8}$/.test(given) ? Number(given) : Infinity
  if (name !== 'CreateGrant' || seconds > LONGEST_GRANT) {
    const rule = `from 1 to ${LONGEST_GRANT} seconds, on CreateGrant alone`
    fail('ValidationException', `x-strongroom-grant-expires-in takes ${rule}.`)
  }
  return { ...context, grantExpiresIn: seconds * 1000 }
}

const LONGEST_GRANT = 3650 * 86_400

/** Whose namespace an error is told in: that of the service the request was signed for, if it was. */
function namespaceFor({ headers }: HttpRequest, queries: Readonly<Record<string, QueryService>>): string {
  const meant = /\/(\w+)\/aws4_request/.exec(headers['authorization'] ?? '')?.[1] ?? ''
  return (Object.hasOwn(queries, meant) ? queries[meant]?.namespace : undefined) ?? QUERY_NAMESPACE
}

function mediaOf({ headers }: HttpRequest): string | undefined {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
}

/** The operation of CloudTrail that is asked; botocore gives it its whole name. */
function eventOperation(request: HttpRequest): string {
  const target = /^(?:com\.amazonaws\.cloudtrail\.v20131101\.)?CloudTrail_20131101\.(\w+)$/
  const name = target.exec(request.headers['x-amz-target'] ?? '')?.[1]
  return name !== undefined && mediaOf(request) === CONTENT_TYPE ? name : fail('UnknownOperationException')
}

function parsed({ body }: HttpRequest): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString() || '{}')
  } catch {
    fail('SerializationException')
  }
}

/** An answer to what never became a request: a body over the limit, a broken header. Undated, for sockets keep the date. */
export function earlyRefusal(error: KmsError, status = error.status): HttpResponse {
  return refusal(error, answerHeaders(randomUUID()), status)
}

function operationOf(request: HttpRequest): OperationName {
  const [prefix, name = '', ...rest] = request.headers['x-amz-target']?.split('.') ?? []
  const known = prefix === TARGET_PREFIX && rest.length === 0 && Object.hasOwn(OPERATIONS, name)
  return known && mediaOf(request) === CONTENT_TYPE ? (name as OperationName) : fail('UnknownOperationException')
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
