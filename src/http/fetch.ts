/** The handler as a function of the Fetch standard: `room.fetch(request)`, for tests and for servers that speak it. */
import { headerRecord } from './message.ts'
import type { Handle } from './message.ts'

/** The standard's request does not keep `Host`; it is the URL's, unless the caller set the field. */
export function toFetch(handle: Handle): (request: Request) => Promise<Response> {
  return async (request) => {
    const { host, pathname, search } = new URL(request.url)
    const { status, headers, body } = await handle({
      method: request.method,
      url: pathname + search,
      headers: headerRecord(Object.entries({ host, ...Object.fromEntries(request.headers) })),
      body: new Uint8Array(await request.arrayBuffer()),
    })
    return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers })
  }
}
