/**
 * Token buckets, side by side in arrays so that drawing on one makes nothing new. Each holds a second's worth and fills
 * evenly; all is counted in millionths of a request, which are whole numbers, so that no fraction is ever lost.
 */
import type { Instant } from '../clock.ts'

/** A request, in what buckets hold. */
const ONE = 1_000_000

export class Buckets {
  /** Millionths there are. */
  readonly #level: Float64Array
  /** When that was. */
  readonly #at: Float64Array
  /** Millionths that a millisecond adds: thousandths of a request per second. */
  readonly #pace: Float64Array

  /** Full buckets for so many requests a second; fractions are for one every few seconds. */
  constructor(perSecond: readonly number[]) {
    this.#level = new Float64Array(perSecond.length)
    this.#at = new Float64Array(perSecond.length)
    this.#pace = Float64Array.from(perSecond, (rate) => paceOf(rate))
    this.#pace.forEach((pace, i) => (this.#level[i] = capacityOf(pace)))
  }

  /** Takes `count` requests from the bucket `i`, if they are there at `now`. */
  take(i: number, count: number, now: Instant): boolean {
    if (!this.has(i, count, now)) return false
    this.#level[i]! -= count * ONE
    return true
  }

  /** Whether they are there. More than a bucket ever holds are there when it is full, and leave it in debt. */
  has(i: number, count: number, now: Instant): boolean {
    const pace = this.#pace[i]!
    const capacity = capacityOf(pace)
    const passed = now - this.#at[i]!
    // A clock that was put back fills nothing, and goes on from there.
    if (passed > 0) this.#level[i] = Math.min(capacity, this.#level[i]! + passed * pace)
    this.#at[i] = now
    return this.#level[i]! >= Math.min(count * ONE, capacity)
  }

  /** From now on `perSecond`; what was taken stays taken. */
  change(i: number, perSecond: number): void {
    const pace = paceOf(perSecond)
    const taken = capacityOf(this.#pace[i]!) - this.#level[i]!
    this.#pace[i] = pace
    this.#level[i] = Math.max(0, capacityOf(pace) - taken)
  }
}

function paceOf(perSecond: number): number {
  return Math.round(perSecond * 1000)
}

function capacityOf(pace: number): number {
  return Math.max(pace * 1000, ONE)
}
