/** Request bodies as they come from a socket, collected whole within a limit and a time, or read as a stream; and left alone. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { MAX_BODY } from '../model/json.ts'
import type { StreamedResponse } from './message.ts'

/** A body over the limit, or of a refused request, is read on until here, so that its sender gets to hear why. */
const PATIENCE = 16 * MAX_BODY

/** Collects bodies, each within the same time. */
export class Collector {
  readonly #limit: number
  /** Whose bodies are still coming, oldest first, and when that has to end. */
  readonly #coming = new Map<IncomingMessage, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The body, or `undefined` when it is over the limit. */
  collect(request: IncomingMessage): Promise<Uint8Array | undefined> {
    this.#coming.set(request, performance.now() + this.#limit)
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      let length = 0
      request.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= MAX_BODY) chunks.push(chunk)
        else if (length > PATIENCE) resolve(undefined)
      })
      request.on('end', () => {
        this.#coming.delete(request)
        if (length > MAX_BODY) resolve(undefined)
        else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
      })
      request.on('error', (error) => {
        this.#coming.delete(request)
        reject(error)
      })
    })
  }

  /** The requests whose time is over. */
  late(): IncomingMessage[] {
    const now = performance.now()
    const late: IncomingMessage[] = []
    for (const [request, deadline] of this.#coming) {
      if (deadline > now) break
      this.#coming.delete(request)
      late.push(request)
    }
    return late
  }
}

/** A body as a stream. Whoever stops reading it does not close the connection, on which an answer has yet to go out. */
export class Incoming implements AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  /** The client waits to hear that it may go on. */
  #waits: boolean

  constructor(request: IncomingMessage, response: ServerResponse, waits: boolean) {
    this.#request = request
    this.#response = response
    this.#waits = waits
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#waits) this.#response.writeContinue()
    this.#waits = false
    return this.#request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
  }

  /** Reads what is left. False when there is more than anybody wants to read, so that the connection has to end. */
  async drained(): Promise<boolean> {
    if (this.#request.readableEnded) return true
    if (this.#waits) return false
    let left = PATIENCE
    for await (const chunk of this) if ((left -= chunk.length) < 0) return false
    return true
  }
}

/** Lets go of what an answer's body holds, even if nobody has begun to read it. */
export async function leave(body: StreamedResponse['body']): Promise<void> {
  if (typeof body !== 'string' && !(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.()
}
