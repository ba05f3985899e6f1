/** Who waits for whom on a disk: work on ranges that overlap is done in the order it came, all other work at once. */

/** Reads go on together; a write is alone on its range. */
export type Sharing = 'shared' | 'alone'

interface Entry {
  readonly first: number
  /** One past the last. */
  readonly end: number
  readonly sharing: Sharing
  readonly done: Promise<unknown>
}

export class Ranges {
  readonly #entries = new Set<Entry>()

  /** Does `work` after everything earlier that overlaps with it. Its place in the order is taken before this returns. */
  async hold<T>(first: number, end: number, sharing: Sharing, work: () => Promise<T>): Promise<T> {
    const before = [...this.#entries].filter(
      (other) => other.first < end && first < other.end && (sharing === 'alone' || other.sharing === 'alone'),
    )
    // Only earlier work is waited for, so nobody waits in a circle.
    const result = before.length === 0 ? work() : Promise.all(before.map(({ done }) => done)).then(work)
    const entry: Entry = { first, end, sharing, done: result.catch(() => undefined) }
    this.#entries.add(entry)
    try {
      return await result
    } finally {
      this.#entries.delete(entry)
    }
  }

  /** Resolves when all that came until now is done. */
  async idle(): Promise<void> {
    await Promise.all([...this.#entries].map(({ done }) => done))
  }
}
