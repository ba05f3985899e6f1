/** Time as a seam. `now` is read once per request and passed on as epoch milliseconds; nothing is scheduled. */

/** Epoch milliseconds. */
export type Instant = number

/** Reads the time; `Date.now` outside tests. */
export type Clock = () => Instant

/** A clock that can be set: it goes on from where it was set, at the pace of the one beneath it. */
export class RoomClock {
  readonly #beneath: Clock
  #ahead = 0

  constructor(beneath: Clock) {
    this.#beneath = beneath
  }

  readonly now: Clock = () => this.#beneath() + this.#ahead

  set(instant: Instant): void {
    this.#ahead = instant - this.#beneath()
  }
}

export const DAY = 86_400_000

/** A date no key reaches: the deadline of what has none, so that deadlines sort and compare as plain numbers. */
export const NEVER: Instant = 8.64e15
