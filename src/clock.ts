/** Time as a seam. `now` is read once per request and passed on as epoch milliseconds; nothing is scheduled. */

/** Epoch milliseconds. */
export type Instant = number

/** Reads the time; `Date.now` outside tests. */
export type Clock = () => Instant

export const DAY = 86_400_000

/** A date no key reaches: the deadline of what has none, so that deadlines sort and compare as plain numbers. */
export const NEVER: Instant = 8.64e15
