/** Every check there is, by area. */
import type { Check } from '../check.ts'
import { GENERAL } from './general.ts'
import { SLOTS } from './slots.ts'

const AREAS: readonly (readonly Check[])[] = [
  // A line per area, in the order of the alphabet.
  GENERAL,
  SLOTS,
]

/** In the order of their ids. */
export const CHECKS: readonly Check[] = AREAS.flat().sort((one, other) => (one.id < other.id ? -1 : 1))
