/** Keeps what a loop of this process measures: a tally a kind, and what each second came to. */
import type { Interval } from './measured.ts'
import { emptyTimes, intervalOf, sum, type Counted, type Times } from './times.ts'

const SECOND = 1000

interface Book extends Counted {
  readonly times: Times
  readonly errors: Map<string, number>
}

/** Moments are milliseconds of `performance.now()`. */
export class Recorder {
  readonly intervals: Interval[] = []
  readonly #totals: readonly Book[]
  readonly #second: readonly Book[]
  readonly #onInterval: (interval: Interval) => void
  readonly #from: number
  #boundary: number

  /** What ends before `from` is of the warm-up. */
  constructor(kinds: number, from: number, onInterval: (interval: Interval) => void) {
    this.#totals = books(kinds)
    this.#second = books(kinds)
    this.#onInterval = onInterval
    this.#from = from
    this.#boundary = from + SECOND
  }

  /** `count` requests that took `millis` each. A second's histograms are added to the totals only once: that halves the work. */
  record(kind: number, now: number, millis: number, count: number): void {
    if (now < this.#from) return
    if (now >= this.#boundary) this.#turn(now)
    this.#second[kind]!.times.recordValueWithCount(Math.max(1, Math.round(millis * 1e6)), count)
  }

  fail(kind: number, now: number, name: string): void {
    if (now < this.#from) return
    if (now >= this.#boundary) this.#turn(now)
    const { errors } = this.#second[kind]!
    errors.set(name, (errors.get(name) ?? 0) + 1)
  }

  /** One a kind, once nothing more comes. A last second that was hardly begun is no interval. */
  end(now: number): readonly Counted[] {
    const isWhole = now >= this.#boundary - SECOND / 2
    this.#fold(isWhole)
    return this.#totals
  }

  #turn(now: number): void {
    this.#fold(true)
    this.#boundary += SECOND
    // Seconds in which nothing ended are seconds all the same.
    for (; now >= this.#boundary; this.#boundary += SECOND) this.#fold(true)
  }

  #fold(isTold: boolean): void {
    if (isTold) {
      const interval = intervalOf(sum(this.#second))
      this.intervals.push(interval)
      this.#onInterval(interval)
    }
    for (const [kind, { times, errors }] of this.#second.entries()) {
      const total = this.#totals[kind]!
      total.times.add(times)
      for (const [name, count] of errors) total.errors.set(name, (total.errors.get(name) ?? 0) + count)
      times.reset()
      errors.clear()
    }
  }
}

const books = (kinds: number): Book[] =>
  Array.from({ length: kinds }, () => ({ times: emptyTimes(), errors: new Map<string, number>() }))
