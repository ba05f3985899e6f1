/** An alias as a record: a name in one account and Region for a key of the same. */
import type { Instant } from './clock.ts'

export interface Alias {
  readonly region: string
  readonly account: string
  /** With its `alias/` in front. */
  readonly name: string
  /** The bare id of the key it stands for. */
  readonly target: string
  readonly created: Instant
  readonly updated: Instant
  /** The version of the stored row, for optimistic commits; 0 before the first. */
  readonly version: number
}
