/**
 * Plays random operations against strongroom and an oracle: `npm run simulate -- --seed 7 --operations 100000`. A game has
 * 5,000 operations and a seed of its own, the first the one given, the next one more; the first that fails is told with
 * what to type to see it fail again.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { simulate } from '../test/simulation/simulate.ts'

const GAME = 5000

const { values } = parseArgs({ options: { seed: { type: 'string' }, operations: { type: 'string' } } })
const first = Number(values.seed ?? randomInt(2 ** 31))
const operations = Number(values.operations ?? 100_000)
if (![first, operations].every(Number.isSafeInteger)) throw new TypeError('--seed and --operations take whole numbers')

const totals = new Map<string, number>()
for (let played = 0, seed = first; played < operations; played += GAME, seed++) {
  try {
    const counts = await simulate(seed, Math.min(GAME, operations - played))
    for (const [outcome, count] of counts) totals.set(outcome, (totals.get(outcome) ?? 0) + count)
    console.log(`seed ${seed}: as foreseen`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    console.error(`Again: npm run simulate -- --seed ${seed} --operations ${GAME}`)
    process.exit(1)
  }
}

const rows = [...totals].sort(([a], [b]) => (a < b ? -1 : 1))
for (const [outcome, count] of rows) console.log(`${String(count).padStart(8)}  ${outcome}`)
console.log(
  `${rows.reduce((sum, [, count]) => sum + count, 0)} operations, ${rows.length} different outcomes, no surprise`,
)
