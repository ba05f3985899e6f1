/**
 * When each key was last used, for GetKeyLastUsage. A use costs its call a few stores into a pocket of the key; what is
 * in the pockets is written down in batches: when a call finds that a minute is over, by a sweep, and on closing. A
 * process that dies forgets its last minute, as AWS may be an hour late.
 */
import { randomUUID } from 'node:crypto'
import type { Instant } from './clock.ts'
import type { Key } from './keys.ts'
import { eraseUse, putUse, storedUse, type Use } from './store/lastusage.ts'
import { isConflict, type Change, type Store } from './store/store.ts'

/** What events on record are called outside, by their numbers. */
export interface Names {
  eventId(number: number): string
  requestId(number: number): string
}

const EVERY = 60_000
const AT_A_TIME = 500

export class LastUsage {
  /** Set where there is a trail. */
  names: Names | undefined
  private readonly store: Store
  /** Keys used since their last use was written down, by ARN. */
  private readonly pending = new Map<string, Key>()
  /** When they are to be written down next; of no account while there are none. */
  private due: Instant = 0

  constructor(store: Store) {
    this.store = store
  }

  /** Notes that `operation` has just been done with `key`, and the number of the event that tells of it. */
  note(key: Key, operation: string, now: Instant, requestId: string | undefined, event: number | undefined): void {
    const used = key.used
    used.operation = operation
    used.at = now
    used.requestId = requestId
    used.event = event
    if (!used.pending) this.enlist(key, now)
    if (now >= this.due) this.flushLater(now)
  }

  /** The last use of `key`; undefined if there was none yet. */
  async of(key: Key): Promise<Use | undefined> {
    const used = this.pending.get(key.arn)
    return used ? this.useOf(used) : storedUse(this.store, key)
  }

  /** Writes down what is pending. */
  async flush(): Promise<void> {
    const keys = [...this.pending.values()]
    for (let i = 0; i < keys.length; i += AT_A_TIME) await this.write(keys.slice(i, i + AT_A_TIME))
  }

  /** Forgets the last use of a key that is gone: what is left to do about it in the store. */
  async erasure(key: Key): Promise<{ readonly change: Change }[]> {
    this.pending.delete(key.arn)
    const stored = await storedUse(this.store, key)
    return stored ? [eraseUse(key, stored)] : []
  }

  private enlist(key: Key, now: Instant): void {
    if (this.pending.size === 0) this.due = now + EVERY
    key.used.pending = true
    this.pending.set(key.arn, key)
  }

  /** The call that finds a batch due does not wait for it; should the store refuse, all of it is in the next. */
  private flushLater(now: Instant): void {
    this.due = now + EVERY
    this.flush().catch(() => undefined)
  }

  private async write(keys: readonly Key[]): Promise<void> {
    const uses = keys.map((key) => ({ key, use: this.useOf(key) }))
    const changes = await Promise.all(
      uses.map(async ({ key, use }): Promise<Change | undefined> => {
        const stored = await storedUse(this.store, key)
        return stored && stored.at >= use.at ? undefined : putUse(key, use, stored?.version ?? 0)
      }),
    )
    const later = changes.filter((change) => change !== undefined)
    try {
      if (later.length > 0) await this.store.commit(later)
    } catch (error) {
      // Two batches wrote down one key: what is missing now will be in the next.
      if (!isConflict(error)) throw error
      return
    }
    for (const { key, use } of uses) this.strike(key, use)
  }

  /** Takes a key off the list, unless it was used again meanwhile. */
  private strike(key: Key, { at }: Use): void {
    if (key.used.at !== at || this.pending.get(key.arn) !== key) return
    key.used.pending = false
    this.pending.delete(key.arn)
  }

  /** What is in a key's pocket. A call through a door that gives no request ids gets one when somebody asks. */
  private useOf({ used }: Key): Use {
    const { event, operation, at } = used
    used.requestId ??= event === undefined || !this.names ? randomUUID() : this.names.requestId(event)
    return {
      operation,
      at,
      requestId: used.requestId,
      eventId: event === undefined ? undefined : this.names?.eventId(event),
    }
  }
}
