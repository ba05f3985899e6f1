/**
 * `room.audit`: the trail for those in the same process. What was is asked for by `events`; what comes is iterated over, or
 * dispatched as an `event` whose `detail` is the record, so that a test can say which calls were made, and that no others were.
 * Records come once they are durable; `settled` waits for those of all calls that were answered.
 */
import type { CloudTrailRecord } from './cloudtrail.ts'
import type { Numbered } from './reader.ts'
import type { Trail } from './trail.ts'

/** Which records are wanted: those for which all that is given holds. */
export interface EventFilter {
  readonly since?: Date
  /** Records from this moment on are not wanted. */
  readonly until?: Date
  /** A key by its id or ARN, or an alias by its ARN. */
  readonly key?: string
  readonly eventName?: string
  readonly errorCode?: string
  /** The ARN of the caller. */
  readonly caller?: string
}

/** What `room.audit` dispatches. */
export type AuditEvent = CustomEvent<CloudTrailRecord>

type Listener = Parameters<EventTarget['addEventListener']>[1]
type Options = Parameters<EventTarget['addEventListener']>[2]

export class Audit extends EventTarget implements AsyncIterable<CloudTrailRecord> {
  readonly #trail: Trail
  readonly #past: () => AsyncIterable<Pick<Numbered, 'record'>>
  readonly #endings = new Set<() => void>()
  #dispatches = false

  /** `past`: all records that are kept, oldest first. */
  constructor(trail: Trail, past: () => AsyncIterable<Pick<Numbered, 'record'>>) {
    super()
    this.#trail = trail
    this.#past = past
  }

  /** Records of the past, oldest first, up to the calls that were answered before. */
  async *events(filter: EventFilter = {}): AsyncGenerator<CloudTrailRecord> {
    await this.settled()
    for await (const { record } of this.#past()) if (isWanted(record, filter)) yield record
  }

  /** Resolves when the records of all calls that were answered are durable, and were dispatched. */
  settled(): Promise<void> {
    return this.#trail.settled()
  }

  /** Records are made, and dispatched, from the first time that somebody listens. */
  override addEventListener(type: 'event', listener: (event: AuditEvent) => void, options?: Options): void
  override addEventListener(type: string, listener: Listener, options?: Options): void
  override addEventListener(type: string, listener: unknown, options?: Options): void {
    super.addEventListener(type, listener as Listener, options)
    if (this.#dispatches) return
    this.#dispatches = true
    const stop = this.#trail.listen(({ record }) => {
      this.dispatchEvent(new CustomEvent('event', { detail: record }))
    })
    this.#endings.add(stop)
  }

  /** Records from now on, until the loop is left or the room closes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<CloudTrailRecord> {
    const waiting: CloudTrailRecord[] = []
    let ended = false
    const sleepers: (() => void)[] = []
    const wake = (): void => {
      for (const sleeper of sleepers.splice(0)) sleeper()
    }
    const stop = this.#trail.listen(({ record }) => {
      waiting.push(record)
      wake()
    })
    const end = (): void => {
      ended = true
      stop()
      this.#endings.delete(end)
      wake()
    }
    this.#endings.add(end)
    return {
      async next() {
        while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => sleepers.push(resolve))
        const value = waiting.shift()
        return value ? { value, done: false } : { value: undefined, done: true }
      },
      return() {
        waiting.length = 0
        end()
        return Promise.resolve({ value: undefined, done: true as const })
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** Lets every loop over what is to come end: nothing will. */
  end(): void {
    for (const end of this.#endings) end()
    this.#endings.clear()
  }
}

function isWanted(record: CloudTrailRecord, { since, until, key, eventName, errorCode, caller }: EventFilter): boolean {
  const at = Date.parse(record.eventTime)
  return (
    // Records know the second alone.
    (since === undefined || at + 999 >= since.getTime()) &&
    (until === undefined || at < until.getTime()) &&
    (key === undefined || (record.resources ?? []).some(({ ARN }) => ARN === key || ARN.endsWith(`:key/${key}`))) &&
    (eventName === undefined || record.eventName === eventName) &&
    (errorCode === undefined || record.errorCode === errorCode) &&
    (caller === undefined || record.userIdentity.arn === caller)
  )
}
