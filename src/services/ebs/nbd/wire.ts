/** A socket as a conversation: so many bytes are taken when they are wanted, and messages are sent whole. */
import type { Socket } from 'node:net'

export class Wire {
  readonly #socket: Socket
  #woken: () => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    const wake = () => this.#woken()
    socket.on('readable', wake).on('end', wake).on('close', wake)
    // What breaks a connection ends it; whoever takes next is told.
    socket.on('error', () => socket.destroy())
  }

  /** The next `length` bytes; undefined when the connection ended before them. One taker at a time. */
  async take(length: number): Promise<Buffer | undefined> {
    if (length === 0) return Buffer.alloc(0)
    for (;;) {
      const bytes = this.#socket.read(length) as Buffer | null
      // At the end a socket gives what is left, however little.
      if (bytes) return bytes.length === length ? bytes : undefined
      if (this.#socket.readableEnded || this.#socket.destroyed) return undefined
      await new Promise<void>((resolve) => (this.#woken = resolve))
    }
  }

  /** Sends the parts of a message together; resolves when they are on their way, or can go nowhere any more. */
  send(parts: readonly Buffer[]): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) {
        resolve()
        return
      }
      this.#socket.cork()
      for (const part of parts.slice(0, -1)) this.#socket.write(part)
      this.#socket.write(parts.at(-1)!, () => resolve())
      this.#socket.uncork()
    })
  }

  /** Says goodbye after what was sent, and takes nothing more. A peer who does not listen keeps no process alive. */
  end(): void {
    this.#socket.unref()
    if (this.#socket.writable) this.#socket.end(() => this.#socket.destroy())
    else this.#socket.destroy()
  }
}
