/** How a run of `strongroom bench` goes on: one line that changes where somebody looks at it, and a line a phase where it is kept. */
import type { Interval, Pace } from '../harness/measured.ts'
import { count, paceOf, timeOf } from '../harness/table.ts'

const CLEAR = '\r\u001b[K'

export class Seconds {
  readonly #world: { error(text: string): unknown; readonly isWatched?: boolean }
  readonly #isQuiet: boolean
  readonly #total: number

  constructor(
    world: { error(text: string): unknown; readonly isWatched?: boolean },
    { isQuiet, total }: { readonly isQuiet: boolean; readonly total: number },
  ) {
    this.#world = world
    this.#isQuiet = isQuiet
    this.#total = total
  }

  readonly phase = (phase: string): void => {
    if (this.#isQuiet) return
    this.#world.error(this.#world.isWatched ? `${CLEAR}${phase} …` : `${phase}\n`)
  }

  /** The line of a second; where nobody looks, of the last of each pace alone. */
  readonly second = (pace: Pace, { succeeded, failed, p50, p99 }: Interval, second: number): void => {
    if (this.#isQuiet) return
    const failures = failed === 0 ? '' : `, ${count(failed)} failed`
    const told = `${count(succeeded)} a second, p50 ${timeOf(p50)}, p99 ${timeOf(p99)}${failures}`
    if (this.#world.isWatched)
      this.#world.error(`${CLEAR}${paceOf(pace)}, ${second} of ${this.#total} s: ${told}`.slice(0, 110))
    else if (second === Math.max(1, Math.floor(this.#total))) this.#world.error(`${paceOf(pace)}: ${told}\n`)
  }

  end(): void {
    if (!this.#isQuiet && this.#world.isWatched) this.#world.error(CLEAR)
  }
}
