/**
 * Which Regions are cut off, and were: calls there reach nobody, while what is elsewhere goes on. What would have needed them
 * meanwhile waits for their return.
 */
import { NEVER, type Clock, type Instant } from './clock.ts'
import { fail, Unreachable } from './errors.ts'

/** While a Region was cut off; until NEVER as long as it is. */
export interface Outage {
  readonly region: string
  readonly from: Instant
  readonly until: Instant
}

/** What Regions have to do with; all of it may be left out where nobody asks how long, or what was before. */
export interface RegionsWorld {
  readonly clock?: Clock
  readonly kept?: Memory
}

/** Where outages are remembered. */
interface Memory {
  readonly value: { readonly outages: readonly Outage[] } | undefined
  put(value: { readonly outages: readonly Outage[] }): Promise<void>
}

export class Regions {
  readonly #world: RegionsWorld
  #outages: readonly Outage[]
  #down: ReadonlySet<string> = new Set()
  #catchUp: () => Promise<unknown> = () => Promise.resolve()

  constructor(world: RegionsWorld = {}) {
    this.#world = world
    this.#outages = world.kept?.value?.outages ?? []
    this.#look()
  }

  /** Cuts a Region off, at once; resolves when that will be remembered. */
  down(region: string): Promise<void> {
    requireRegion(region)
    if (this.isDown(region)) return Promise.resolve()
    return this.#change([...this.#outages, { region, from: this.#now(), until: NEVER }])
  }

  /** Restores it, at once; resolves when what has waited for it is made up for. */
  async up(region: string): Promise<void> {
    requireRegion(region)
    if (!this.isDown(region)) return
    const until = this.#now()
    await this.#change(
      this.#outages.map((each) => (each.region === region && each.until === NEVER ? { ...each, until } : each)),
    )
    await this.#catchUp()
  }

  /** Does `act` whenever a Region is back, for what has waited for it. */
  whenBack(act: () => Promise<unknown>): void {
    this.#catchUp = act
  }

  isDown(region: string): boolean {
    return this.#down.size > 0 && this.#down.has(region)
  }

  /** The Regions that are cut off, in order. */
  get lost(): readonly string[] {
    return [...this.#down].toSorted()
  }

  /** Those that are cut off, each with the date from which it is. */
  get outages(): readonly Outage[] {
    return this.#outages.filter(({ until }) => until === NEVER)
  }

  /** Throws Unreachable for a Region that is cut off. */
  reach(region: string): void {
    if (this.isDown(region)) throw new Unreachable(region)
  }

  /** What a live Region answers when it needs one that is cut off: none of AWS's errors says more. */
  require(region: string): void {
    if (this.isDown(region)) fail('KMSInternalException', `${region} cannot be reached.`)
  }

  /** When what is due at `at` can happen, for which all of `regions` are needed: NEVER while one of them is cut off. */
  available(at: Instant, regions: readonly string[]): Instant {
    const [later] = this.#outages.filter(
      ({ region, from, until }) => from <= at && at < until && regions.includes(region),
    )
    return later ? this.available(later.until, regions) : at
  }

  #change(outages: readonly Outage[]): Promise<void> {
    this.#outages = outages
    this.#look()
    return this.#world.kept?.put({ outages }) ?? Promise.resolve()
  }

  #look(): void {
    this.#down = new Set(this.outages.map(({ region }) => region))
  }

  #now(): Instant {
    return this.#world.clock?.() ?? 0
  }
}

/** So that a misspelt name is not cut off in vain. */
function requireRegion(region: string): void {
  if (!/^[a-z]{2}(-[a-z]+)+-\d+$/.test(region)) throw new TypeError(`\`${region}\` is not the name of a Region`)
}
