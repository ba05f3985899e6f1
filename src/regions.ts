/** Which Regions are cut off: calls there reach nobody, while what is elsewhere goes on. */
import { Unreachable } from './errors.ts'

export class Regions {
  readonly #down = new Set<string>()

  /** Cuts a Region off. */
  down(region: string): void {
    this.#down.add(region)
  }

  /** Restores it. */
  up(region: string): void {
    this.#down.delete(region)
  }

  isDown(region: string): boolean {
    return this.#down.size > 0 && this.#down.has(region)
  }

  /** The Regions that are cut off, in order. */
  get lost(): readonly string[] {
    return [...this.#down].toSorted()
  }

  /** Throws Unreachable for a Region that is cut off. */
  reach(region: string): void {
    if (this.isDown(region)) throw new Unreachable(region)
  }
}
