/**
 * S3 Bucket Keys: what the KMS gave a requester for a bucket is used again for a while, so that most requests do not ask it;
 * such uses are neither checked nor logged. Who only may have keys made has none opened: the two are kept apart.
 */
import type { Clock, Instant } from '../../clock.ts'

interface Kept<T> {
  readonly key: Promise<T>
  readonly until: Instant
}

/** AWS says no more than that it is a limited time. */
const LIFETIME = 5 * 60_000
const MOST = 1000

export class BucketKeys {
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept<{ plaintext: Uint8Array }>>()
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What `make` made for the same question not long ago, or makes now; the plaintext is a copy, the caller's to wipe. */
  async get<T extends { readonly plaintext: Uint8Array }>(question: unknown, make: () => Promise<T>): Promise<T> {
    const name = JSON.stringify(question)
    if (this.#closed) return make()
    this.#expire()
    let kept = this.#kept.get(name) as Kept<T> | undefined
    if (!kept) this.#kept.set(name, (kept = { key: make(), until: this.#clock() + LIFETIME }))
    try {
      const found = await kept.key
      return { ...found, plaintext: Uint8Array.from(found.plaintext) }
    } catch (error) {
      if (this.#kept.get(name) === kept) this.#kept.delete(name)
      throw error
    }
  }

  /** Forgets all, and keeps none from now on. */
  close(): void {
    this.#closed = true
    for (const name of this.#kept.keys()) this.#forget(name)
  }

  /** Forgets the oldest first: they are in the order in which they were made. */
  #expire(): void {
    const now = this.#clock()
    for (const [name, { until }] of this.#kept) {
      // A clock that was set back does not make keys live longer.
      if (now < until && until <= now + LIFETIME && this.#kept.size < MOST) continue
      this.#forget(name)
    }
  }

  /** One that is still on its way is wiped when it comes. */
  #forget(name: string): void {
    this.#kept.get(name)?.key.then(wipe, () => undefined)
    this.#kept.delete(name)
  }
}

function wipe({ plaintext }: { plaintext: Uint8Array }): void {
  plaintext.fill(0)
}
