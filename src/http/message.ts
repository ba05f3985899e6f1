/** A request and its answer as plain values: what every door hands to the handler, and gets back. */
import type { Context } from '../context.ts'
import type { Caller, Credential } from '../identity.ts'
import type { Endpoint } from '../origin.ts'

type Eventually<T> = T | Promise<T>

/** A request without its body. */
export interface RequestHead {
  readonly method: string
  /** The request target as it stood on the wire: raw path, and query if any. */
  readonly url: string
  /** Lower-case names; several fields of one name are joined with `,`. Made by `headerRecord`, so it has no prototype. */
  readonly headers: Readonly<Record<string, string>>
  /** How it came; absent when it never left this process. */
  readonly way?: Way
}

export interface HttpRequest extends RequestHead {
  readonly body: Uint8Array
}

/** What a socket knows of a request besides what was sent. */
export interface Way {
  readonly address: string
  readonly secure: boolean
  readonly tls?: {
    readonly version: string
    readonly cipher: string
    /** Who the client is, by a certificate that was asked of it. */
    readonly client?: string | undefined
  }
  /** The interface endpoint that the socket stands for. */
  readonly endpoint?: Endpoint
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
}

/** A request whose body comes as it is read. Reading throws when the client goes away. */
export interface StreamedRequest extends RequestHead {
  readonly body: AsyncIterable<Uint8Array>
}

/** An answer whose body may be made as it is read; it is read to its end, or returned from. */
export interface StreamedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string | AsyncIterable<Uint8Array>
}

/** A service whose requests and answers are of any length. It verifies, answers and refuses in its own way. */
export interface StreamingService {
  /** Whether a request is for it, by a look at what comes before the body. */
  takes(head: RequestHead): boolean
  /** Throws only where nobody is to be answered: the endpoint is out of reach, or the client has gone. */
  answer(request: StreamedRequest): Promise<StreamedResponse>
}

/** Who sent a request, which was signed for. */
export interface Verified<C = Caller> {
  /** Which service it is meant for. */
  readonly service: string
  readonly caller: C
  readonly region: string
  readonly accessKeyId: string
  /** The access key and the scope, as `Authorization` has them, and the key that signs for both. */
  readonly credential: string
  readonly key: Buffer
}

/** What answers requests that come by the front. */
export interface Answering {
  /** What `X-Amz-Target` says of each operation. */
  readonly targets: readonly string[]
  /** A request as it came; `verified` is told who sent it, once that is certain. */
  handle(request: HttpRequest, verified: (who: Verified) => void): Promise<HttpResponse>
  /** A request of somebody who was verified before, by the place of its target. Answers on the spot where it can. */
  trusted(target: number, body: Uint8Array, context: Omit<Context, 'requestId'>): Eventually<HttpResponse>
  find(accessKeyId: string): Credential | undefined
  now(): number
}

/** The whole server as a function; sockets, `fetch` and the SDK seam are adapters around one of these. */
export interface Handle {
  (request: HttpRequest): Promise<HttpResponse>
  /** Asked first, before the body is collected. */
  readonly streaming?: StreamingService | undefined
  /** The way of those whose signatures are confirmed elsewhere. */
  readonly answering?: Answering | undefined
}

/** A record of header fields without a prototype, so that a header called `constructor` is only a header. */
export function headerRecord(fields: Iterable<readonly [name: string, value: string]>): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>
  for (const [field, value] of fields) {
    const name = field.toLowerCase()
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before},${value}`
  }
  return headers
}
