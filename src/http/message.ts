/** A request and its answer as plain values: what every door hands to the handler, and gets back. */
import type { Endpoint } from '../origin.ts'

export interface HttpRequest {
  readonly method: string
  /** The request target as it stood on the wire: raw path, and query if any. */
  readonly url: string
  /** Lower-case names; several fields of one name are joined with `,`. Made by `headerRecord`, so it has no prototype. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** How it came; absent when it never left this process. */
  readonly way?: Way
}

/** What a socket knows of a request besides what was sent. */
export interface Way {
  readonly address: string
  readonly secure: boolean
  readonly tls?: { readonly version: string; readonly cipher: string }
  /** The interface endpoint that the socket stands for. */
  readonly endpoint?: Endpoint
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | string
}

/** The whole server as a function; sockets, `fetch` and the SDK seam are adapters around one of these. */
export type Handle = (request: HttpRequest) => Promise<HttpResponse>

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
