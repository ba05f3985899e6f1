/**
 * An external key store proxy: the AWS KMS, ours or the real one, asks it to encrypt and decrypt under keys that never come to
 * it. A server as a function; `listen` puts it behind a socket.
 */
import { readFileSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { KmsError } from '../errors.ts'
import { toFetch } from '../http/fetch.ts'
import type { Handle, HttpRequest, HttpResponse } from '../http/message.ts'
import { listen, type Listener, type ListenOptions } from '../http/server.ts'
import { Buckets } from '../quotas/buckets.ts'
import { authenticator, type Admission } from './authentication.ts'
import {
  EXTERNAL_KEY_ID,
  parseXksRequest,
  writeXks,
  writeXksError,
  XKS_BASE,
  XKS_LIMITS,
  XksError,
  type XksApi,
} from './api.ts'
import { ExternalKeys, type KeysOptions } from './keys.ts'
import { answers, type Keyring } from './answers.ts'
import { permits, type ExternalKeyConfig } from './permits.ts'

export interface XksProxyOptions extends KeysOptions, Admission {
  readonly keys: readonly ExternalKeyConfig[]
  /** What paths begin with, before `/kms/xks/v1`: `/clinic`. */
  readonly pathPrefix?: string | undefined
  /** Requests a second that are answered; more are throttled. Default: no limit. */
  readonly rate?: number | undefined
  /** Milliseconds that keys may take; then DependencyTimeoutException. Default 240: the KMS itself waits 250. */
  readonly timeoutMillis?: number | undefined
  readonly now?: () => Date
  /** Hears of every request: a line of JSON with no secret in it. */
  readonly log?: ((line: string) => void) | undefined
}

export interface XksProxy {
  /** As a web server's function; requests must be signed. */
  fetch(request: Request): Promise<Response>
  /** Serves HTTP, or HTTPS, on loopback unless it is told otherwise. */
  listen(options?: ListenOptions): Promise<Listener>
  /** Makes the key of this external key id, unless it is there; whether it was made. */
  createKey(id: string): Promise<boolean>
  /** Stops serving and wipes what is open. */
  close(): Promise<void>
}

/** Opens a proxy; keys that are to be there and are not, are made. */
export async function xksProxy(options: XksProxyOptions): Promise<XksProxy> {
  const keys = await ExternalKeys.open(options)
  try {
    for (const { id, create } of options.keys) if (create) await keys.create(id)
  } catch (error) {
    await keys.close()
    throw error
  }
  const handle = handler(keys, options)
  const listeners = new Set<Listener>()
  return {
    fetch: toFetch(handle),
    async listen(settings = {}) {
      const listener = await listen(handle, settings)
      listeners.add(listener)
      return listener
    },
    createKey: (id) => keys.create(id),
    async close() {
      await Promise.all([...listeners].map((listener) => listener.close()))
      await keys.close()
    },
  }
}

/** What is told of a request in the log. */
interface Told {
  api?: XksApi
  key?: string
  accessKeyId?: string
  kmsRequestId?: string
  kmsOperation?: string
  kmsKeyArn?: string | undefined
  awsPrincipalArn?: string | undefined
}

/** More than the longest request there can be. */
const MAX_BODY = 65_536

function handler(keys: ExternalKeys, options: XksProxyOptions): Handle {
  const { pathPrefix = '', rate, timeoutMillis = 240, now, log = () => undefined } = options
  const clock: Clock = now ? () => now().getTime() : Date.now
  const authenticate = authenticator(options, clock)
  const bucket = rate === undefined ? undefined : new Buckets([rate])
  const keyring: Keyring = { keys, vendor: 'strongroom', model: `strongroom ${version()}`, timeoutMillis }
  const serve = answers(keyring)
  const permit = permits(options.keys, keys)
  const route = router(pathPrefix)

  async function answer(request: HttpRequest, told: Told): Promise<string> {
    told.accessKeyId = authenticate(request)
    if (bucket && !bucket.take(0, 1, clock())) throw new XksError('ThrottlingException', 'the rate is exceeded')
    const { api, id } = route(request.url)
    told.api = api
    if (id !== undefined) told.key = id
    requireBody(request)
    const key = id === undefined ? undefined : await permit.find(id)
    const asked = parseXksRequest(api, request.body)
    Object.assign(told, asked.requestMetadata)
    if (key) permit.admit(key, api, asked)
    return writeXks(await serve[api](asked as never, key as never))
  }

  return async (request) => {
    const told: Told = {}
    let response: HttpResponse
    let cause: unknown
    try {
      response = request.method === 'POST' ? ok(await answer(request, told)) : METHOD_NOT_ALLOWED
    } catch (problem) {
      const error = xksErrorOf(problem)
      if (error.name === 'InternalException') cause = problem
      response = { status: error.status, headers: JSON_HEADERS, body: writeXksError(error) }
    }
    log(lineOf(new Date(clock()), response, told, cause))
    return response
  }
}

const JSON_HEADERS = { 'content-type': 'application/json' }
const ok = (body: string): HttpResponse => ({ status: 200, headers: JSON_HEADERS, body })
const METHOD_NOT_ALLOWED: HttpResponse = {
  status: 405,
  headers: { ...JSON_HEADERS, allow: 'POST' },
  body: writeXksError(new XksError('UnsupportedOperationException', 'only POST')),
}

/** Which API a path is of, and which key it names. */
function router(prefix: string): (url: string) => { api: XksApi; id?: string } {
  const base = `${prefix}${XKS_BASE}/`
  return (url) => {
    if (url === `${base}health`) return { api: 'health' }
    const [area, id = '', api = '', ...rest] = url.startsWith(base) ? url.slice(base.length).split('/') : []
    if (url.length <= XKS_LIMITS.uri) {
      const known = api === 'metadata' || api === 'encrypt' || api === 'decrypt'
      if (area === 'keys' && known && rest.length === 0 && EXTERNAL_KEY_ID.test(id)) return { api, id }
    }
    throw new XksError('InvalidUriPathException', 'nothing is at this path')
  }
}

function requireBody({ headers, body }: HttpRequest): void {
  if (!/^application\/json *(?:;.*)?$/i.test(headers['content-type'] ?? '')) {
    throw new XksError('ValidationException', 'the content type must be application/json')
  }
  if (body.length > MAX_BODY) throw new XksError('ValidationException', `the body is longer than ${MAX_BODY} bytes`)
}

/** What goes wrong behind the proxy; no more is told than its kind. */
function xksErrorOf(problem: unknown): XksError {
  if (problem instanceof XksError) return problem
  const code = problem instanceof KmsError ? problem.code : ''
  if (code === 'InvalidCiphertextException' || code === 'UnsupportedOperationException') return new XksError(code)
  if (code === 'DependencyTimeoutException') return new XksError(code, 'the keys do not answer in time')
  if (code === 'ThrottlingException') return new XksError(code, 'the keys are used too often')
  return new XksError('InternalException', 'the keys cannot be used')
}

function lineOf(time: Date, { status, body }: HttpResponse, told: Told, cause: unknown): string {
  const { api, key, accessKeyId, kmsRequestId, kmsOperation, kmsKeyArn, awsPrincipalArn } = told
  const error = status === 200 ? undefined : (JSON.parse(body as string) as { errorName: string }).errorName
  const why = cause === undefined ? undefined : cause instanceof Error ? cause.name : typeof cause
  return JSON.stringify({
    ...{ time, status, error, cause: why, api, key, accessKeyId },
    ...{ kmsRequestId, kmsOperation, kmsKeyArn, awsPrincipalArn },
  })
}

function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}
