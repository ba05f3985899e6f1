/** The handler as a function of the Fetch standard: `room.fetch(request)`, for tests and for servers that speak it. */
import { Readable } from 'node:stream'
import { headerRecord } from './message.ts'
import type { Handle, RequestHead, StreamedResponse, StreamingService } from './message.ts'

/** The standard's request does not keep `Host`; it is the URL's, unless the caller set the field. */
export function toFetch(handle: Handle): (request: Request) => Promise<Response> {
  return async (request) => {
    const { host, pathname, search } = new URL(request.url)
    const head = {
      method: request.method,
      url: pathname + search,
      headers: headerRecord(Object.entries({ host, ...Object.fromEntries(request.headers) })),
    }
    const { streaming } = handle
    const { status, headers, body } = streaming?.takes(head)
      ? await streamed(streaming, head, request)
      : await handle({ ...head, body: new Uint8Array(await request.arrayBuffer()) })
    return new Response(contentOf(body), { status, headers })
  }
}

function streamed(streaming: StreamingService, head: RequestHead, { body }: Request): Promise<StreamedResponse> {
  return streaming.answer({ ...head, body: (body as AsyncIterable<Uint8Array> | null) ?? Readable.from([]) })
}

/** Some answers must have no body at all, not even an empty one. */
function contentOf(body: StreamedResponse['body']): ConstructorParameters<typeof Response>[0] {
  if (typeof body === 'string') return body || null
  if (body instanceof Uint8Array) return new Uint8Array(body)
  return Readable.toWeb(Readable.from(body, { objectMode: false })) as ReadableStream
}
