/** What a room does from time to time though nobody asks: all that dates call for, one sweep after the other. */
import type { Archive } from './audit/files/archive.ts'
import type { Clock, Instant } from './clock.ts'
import type { Identities } from './identities/identities.ts'
import type { Rotating } from './rotation.ts'
import type { Services } from './services/services.ts'
import { sweep } from './sweep.ts'

export interface UpkeepWorld extends Omit<Rotating, 'now'> {
  readonly clock: Clock
  readonly identities: Identities
  /** Where what is on record is filed, in a room with a folder. */
  readonly archive: Archive | undefined
  readonly services: Services
}

export class Upkeep {
  readonly #world: UpkeepWorld
  #under: Promise<unknown> = Promise.resolve()

  constructor(world: UpkeepWorld) {
    this.#world = world
  }

  /** Does all that is due by `until`, telling `reach` of each date before; how many keys it erased. */
  sweep(until: Instant = this.#world.clock(), reach: (at: Instant) => void = () => undefined): Promise<number> {
    const swept = this.#under.then(() => this.#sweep(until, reach))
    this.#under = swept.catch(() => undefined)
    return swept
  }

  async #sweep(now: Instant, reach: (at: Instant) => void): Promise<number> {
    const { records, identities, archive, services } = this.#world
    await records.lastUsage.flush()
    const erased = await sweep({ ...this.#world, now }, reach)
    await records.erasures?.again()
    reach(now)
    await identities.sweep(now)
    await services.sweep()
    if (await archive?.isDue(now)) await archive?.ship(now)
    return erased
  }
}
