/**
 * Sessions of a token: one for what is done on the spot, and a bounded pool for what waits in a thread. After any error a
 * session is thrown away, since some tokens leave the operation active in it for good.
 */
import { createPublicKey } from 'node:crypto'
import type { Cryptoki, Handle } from './cryptoki.ts'
import { CKF_RW_SESSION, CKF_SERIAL_SESSION } from './numbers.ts'

export class Sessions {
  private readonly cryptoki: Cryptoki
  private readonly slot: Handle
  private readonly limit: number
  /** Never busy when it is asked for: what is done on the spot is over before anybody else can ask. */
  private immediate: Handle | undefined
  private readonly idle: Handle[] = []
  private readonly waiting: (() => void)[] = []
  private readonly quieted: (() => void)[] = []
  private busy = 0
  private closed = false
  /** Of a session that is logged in. */
  private state: number | undefined

  constructor(cryptoki: Cryptoki, slot: Handle, limit: number) {
    this.cryptoki = cryptoki
    this.slot = slot
    this.limit = limit
  }

  onTheSpot<T>(act: (session: Handle) => T): T {
    const session = (this.immediate ??= this.another())
    try {
      return act(session)
    } catch (error) {
      this.immediate = undefined
      this.end(session)
      throw error
    }
  }

  async aside<T>(act: (session: Handle) => Promise<T>): Promise<T> {
    while (this.busy >= this.limit) {
      await new Promise<void>((resolve) => this.waiting.push(resolve))
    }
    this.busy++
    let session: Handle | undefined
    try {
      session = this.idle.pop() ?? this.another()
      const done = await act(session)
      if (this.closed) this.end(session)
      else this.idle.push(session)
      return done
    } catch (error) {
      if (session) this.end(session)
      throw error
    } finally {
      this.busy--
      const next = this.waiting.shift()
      if (next) next()
      else if (this.busy === 0) for (const tell of this.quieted.splice(0)) tell()
    }
  }

  /** A session of the caller's own, logged in or not. */
  begin(): Handle {
    return this.cryptoki.C_OpenSession(this.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  }

  /** `anchor` is logged in, and so have to be those that come. */
  keepTo(anchor: Handle): void {
    this.state = this.stateOf(anchor)
  }

  /**
   * The same, logged in. Who lost all sessions is not any more, and opens another without a word of that: keys would be missing
   * in it that are there.
   */
  another(): Handle {
    const session = this.begin()
    if (this.stateOf(session) === this.state) return session
    this.end(session)
    throw new Error('CKR_USER_NOT_LOGGED_IN: the session is another than those before')
  }

  private stateOf(session: Handle): number {
    return this.cryptoki.C_GetSessionInfo(session).state
  }

  /** What a session that is broken says to its end is of no account. */
  end(session: Handle): void {
    try {
      this.cryptoki.C_CloseSession(session)
    } catch {
      // It was thrown away because something was wrong with it.
    }
    forgetErrors()
  }

  /** Resolves when nothing is at work in a thread. */
  async quiet(): Promise<void> {
    if (this.busy > 0) await new Promise<void>((resolve) => this.quieted.push(resolve))
  }

  /** Those at work are ended when their work is. */
  close(): void {
    this.closed = true
    if (this.immediate) this.end(this.immediate)
    this.immediate = undefined
    for (const session of this.idle.splice(0)) this.end(session)
  }
}

/** What a thread makes of `buffers`, which are kept until then: the driver does not keep them from being collected. */
export async function holding<T>(work: Promise<T>, ...buffers: Uint8Array[]): Promise<T> {
  const made = await work
  buffers.length = 0
  return made
}

/**
 * `bytes` at an address, be there none of them: the driver passes on an empty buffer of its own as NULL, which tokens refuse as
 * a bad argument, and some then stay at it for good.
 */
export function located(bytes: Buffer): Buffer {
  return bytes.length === 0 ? NOWHERE : bytes
}

const NOWHERE = Buffer.alloc(1).subarray(0, 0)

/**
 * Modules that find Node's own OpenSSL leave their errors in a queue of this thread, where node:crypto takes the oldest for its
 * own: a key that is perfectly good would be refused with it. Reading what is no key empties the queue.
 */
export function forgetErrors(): void {
  try {
    createPublicKey({ key: NO_KEY, type: 'spki', format: 'der' })
  } catch {
    // As it should.
  }
}

const NO_KEY = Buffer.alloc(1)
