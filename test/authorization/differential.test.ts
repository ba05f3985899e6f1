/** The engine against the naive evaluator; scripts/differential.ts runs more of the same. */
import test from 'ava'
import { compare } from './compare.ts'

test('both evaluators agree on five thousand requests at random', (t) => {
  const { shares, disagreements } = compare(5000, 1)
  t.deepEqual(disagreements, [])
  t.true(Object.values(shares).every((count) => count > 250))
})
