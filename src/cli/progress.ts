/** How far a run is: one line that changes where somebody looks at it, and a line per area where it is kept. */
import type { Step } from '../conformance/runner.ts'

const WIDTH = 24
const CLEAR = '\r\u001b[K'

export class Progress {
  readonly #world: { error(text: string): unknown; readonly isWatched?: boolean }
  readonly #total: number
  readonly #isQuiet: boolean
  #area = ''
  #tally = new Map<string, number>()

  constructor(
    world: { error(text: string): unknown; readonly isWatched?: boolean },
    { total, isQuiet }: { readonly total: number; readonly isQuiet: boolean },
  ) {
    this.#world = world
    this.#total = total
    this.#isQuiet = isQuiet
  }

  tell({ done = this.#total, what, verdict }: Step): void {
    if (this.#isQuiet) return
    if (this.#world.isWatched) {
      const filled = Math.min(WIDTH, Math.round((done / this.#total) * WIDTH))
      const bar = '█'.repeat(filled).padEnd(WIDTH, '░')
      if (verdict === 'failed' || verdict === 'crashed' || verdict === 'hung')
        this.#world.error(`${CLEAR}${verdict.padEnd(8)}${what}\n`)
      this.#world.error(`${CLEAR}${bar} ${done}/${this.#total} ${what.slice(0, 60)}`)
      return
    }
    const [area = ''] = what.split('.')
    if (area !== this.#area) this.#line()
    this.#area = area
    if (verdict !== undefined) this.#tally.set(verdict, (this.#tally.get(verdict) ?? 0) + 1)
  }

  end(): void {
    if (this.#isQuiet) return
    if (this.#world.isWatched) this.#world.error(CLEAR)
    else this.#line()
  }

  #line(): void {
    const tally = [...this.#tally].map(([verdict, count]) => `${count} ${verdict}`).join(', ')
    if (tally !== '') this.#world.error(`${this.#area}: ${tally}\n`)
    this.#tally = new Map()
  }
}
