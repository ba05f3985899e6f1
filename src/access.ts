/**
 * Decisions kept about one resource, so that one met before is a lookup. INVARIANT: they live in a pocket of the record they
 * are about, which a changed record does not inherit; what else they depend on makes them void by being another object (the
 * caller) or another number (the epochs).
 */

import type { Instant } from './clock.ts'

/** What stays the same for a caller who asks for one action. */
export interface Kept {
  readonly caller: object
  readonly action: string
  /** The state of all identities and organizations. */
  readonly epoch: number
  /** Until when it is a yes, whatever a request says; 0 when that depends. */
  until: Instant
}

const CALLERS = 256

export class Access {
  /** The one met last of those that are always a yes. */
  last: Kept | undefined
  /** Counts what made everything void, lest somebody who looked up grants before keep them after. */
  round = 0
  private standings: Map<object, Map<string, Kept>> | undefined

  find(caller: object, action: string): Kept | undefined {
    return this.standings?.get(caller)?.get(action)
  }

  keep(standing: Kept): void {
    const { caller, action } = standing
    if (!this.standings || this.standings.size >= CALLERS) this.standings = new Map()
    const actions = this.standings.get(caller)
    if (actions) actions.set(action, standing)
    else this.standings.set(caller, new Map([[action, standing]]))
  }

  /** Forgets everything. */
  clear(): void {
    this.last = undefined
    this.round++
    this.standings = undefined
  }
}
