/** Every check there is, by area. */
import type { Check } from '../check.ts'

const AREAS: readonly (readonly Check[])[] = [
  // A line per area, in the order of the alphabet.
]

/** In the order of their ids. */
export const CHECKS: readonly Check[] = AREAS.flat().sort((one, other) => (one.id < other.id ? -1 : 1))
