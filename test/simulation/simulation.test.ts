/** A share of the simulation for every day; `npm run simulate` plays on. */
import test from 'ava'
import { simulate } from './simulate.ts'

const OPERATIONS = 4000

for (const seed of [1, 2, 3, 4, 5]) {
  test(`${OPERATIONS} operations come out as the oracle says: seed ${seed}`, async (t) => {
    const counts = await simulate(seed, OPERATIONS)
    const answered = [...counts].filter(([outcome]) => outcome.endsWith(' ok'))
    t.log(`${counts.size} different outcomes, ${answered.reduce((sum, [, count]) => sum + count, 0)} answers`)
    t.true(answered.length > 20)
  })
}
