/** Time as a seam. `now` is read once per request and passed on as epoch milliseconds; nothing is scheduled. */

/** Epoch milliseconds. */
export type Instant = number

/** Reads the time; `Date.now` outside tests. */
export type Clock = () => Instant

/** A clock that can be put ahead: it goes on from there, at the pace of the one beneath it. */
export class RoomClock {
  /** Milliseconds ahead of the clock beneath. */
  ahead: number
  readonly #beneath: Clock

  constructor(beneath: Clock, ahead = 0) {
    this.#beneath = beneath
    this.ahead = ahead
  }

  readonly now: Clock = () => this.#beneath() + this.ahead

  /** How far ahead it would be, were it `instant` now. */
  aheadAt(instant: Instant): number {
    return instant - this.#beneath()
  }
}

export const DAY = 86_400_000

/** A date no key reaches: the deadline of what has none, so that deadlines sort and compare as plain numbers. */
export const NEVER: Instant = 8.64e15
