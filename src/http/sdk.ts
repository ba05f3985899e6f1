/**
 * The AWS SDK for JavaScript without a socket: `new KMSClient({ requestHandler: room.requestHandler() })`. The client signs and
 * parses as ever; only the wire is missing. The SDK's interfaces are met by shape, so that this package needs none of it.
 */
import { Readable } from 'node:stream'
import { leave } from './bodies.ts'
import { headerRecord } from './message.ts'
import type { Handle, StreamedResponse } from './message.ts'

/** What the SDK hands to the last of its middleware, as far as it concerns us. */
export interface SdkRequest {
  method: string
  path: string
  query?: Record<string, string | string[] | null>
  headers: Record<string, string>
  body?: unknown
}

export interface SdkResponse {
  statusCode: number
  headers: Record<string, string>
  body: Uint8Array | Readable
}

/** Either kind of signal the SDK knows: the platform's, or its own older one. */
interface Signal {
  readonly aborted: boolean
  onabort: unknown
  addEventListener?: unknown
  removeEventListener?: unknown
}

export class SdkHandler {
  readonly #handle: Handle

  constructor(handle: Handle) {
    this.#handle = handle
  }

  readonly metadata = { handlerProtocol: 'http/1.1' }

  async handle(request: SdkRequest, options: { abortSignal?: Signal } = {}): Promise<{ response: SdkResponse }> {
    const { method, headers, body } = request
    const { abortSignal } = options
    const head = { method, url: target(request), headers: headerRecord(Object.entries(headers)) }
    const { streaming } = this.#handle
    const answer: Promise<StreamedResponse> = streaming?.takes(head)
      ? streaming.answer({ ...head, body: stream(body, abortSignal) })
      : this.#handle({ ...head, body: bytes(body) })
    const {
      status,
      headers: fields,
      body: content,
    } = await unlessAborted(abortSignal, answer).catch((error: unknown) => {
      // What comes of it all the same has no reader.
      void answer.then(({ body }) => leave(body)).catch(() => undefined)
      throw error
    })
    return { response: { statusCode: status, headers: { ...fields }, body: received(content) } }
  }

  // There is nothing to configure, and nothing to close: the room outlives its clients.
  readonly updateHttpClientConfig = (): void => {}
  readonly httpHandlerConfigs = (): Record<string, never> => ({})
  readonly destroy = (): void => {}
}

function target({ path, query = {} }: SdkRequest): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values]
      .flat()
      .map((value) => `${encodeURIComponent(name)}${value === null ? '' : `=${encodeURIComponent(value)}`}`),
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

function received(content: StreamedResponse['body']): Uint8Array | Readable {
  const whole = typeof content === 'string' || content instanceof Uint8Array
  return whole ? bytes(content) : Readable.from(content, { objectMode: false })
}

/** The body as it comes; it breaks off when the client aborts. */
async function* stream(body: unknown, signal: Signal | undefined): AsyncGenerator<Uint8Array> {
  for await (const chunk of isStream(body) ? body : [bytes(body)]) {
    if (signal?.aborted) throw aborted()
    yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  }
}

function isStream(body: unknown): body is AsyncIterable<Uint8Array | string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

function bytes(body: unknown): Uint8Array {
  if (body instanceof Uint8Array) return body
  if (typeof body === 'string') return Buffer.from(body)
  if (body === undefined || body === null) return new Uint8Array()
  throw new TypeError('a streamed request body is not a KMS request')
}

function aborted(): Error {
  return Object.assign(new Error('Request aborted'), { name: 'AbortError' })
}

/** The work itself cannot be called back; its caller no longer waits for it. */
async function unlessAborted<T>(signal: Signal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work
  let stop = () => {}
  const abortion = new Promise<never>((_, reject) => {
    stop = () => reject(aborted())
  })
  if (signal.aborted) stop()
  else if (signal instanceof AbortSignal) signal.addEventListener('abort', stop, { once: true })
  else signal.onabort = stop
  try {
    return await Promise.race([abortion, work])
  } finally {
    if (signal instanceof AbortSignal) signal.removeEventListener('abort', stop)
  }
}
