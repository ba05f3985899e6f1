/** Which key comes when: the same from the same seed, and a few far more often where that is asked for. */
import test from 'ava'
import { seededChance, spread, weighted } from '../../src/harness/choose.ts'
import type { Distribution } from '../../src/harness/measured.ts'

const PICKS = 20_000
const KEYS = 100

function picks(distribution: Distribution, seed = 1): number[] {
  const next = spread(KEYS, distribution, seededChance(seed))
  return Array.from({ length: PICKS }, next)
}

const shareOf = (key: number, all: readonly number[]): number => all.filter((each) => each === key).length / all.length

const zipf = (exponent: number): Distribution => ({ kind: 'zipf', exponent })

test('the same seed chooses the same, another does not', (t) => {
  t.deepEqual(picks(zipf(1)), picks(zipf(1)))
  t.notDeepEqual(picks(zipf(1)), picks(zipf(1), 2))
})

test('by zipf the nth key comes as often as 1/n says', (t) => {
  const all = picks(zipf(1))
  const harmonic = Array.from({ length: KEYS }, (_, at) => 1 / (at + 1)).reduce((sum, part) => sum + part)
  for (const key of [0, 1, 9]) t.true(Math.abs(shareOf(key, all) - 1 / (key + 1) / harmonic) < 0.015, `key ${key}`)
})

test('a larger exponent is more skewed, none at all not', (t) => {
  t.true(shareOf(0, picks(zipf(2))) > 0.55)
  t.true(Math.abs(shareOf(0, picks(zipf(0))) - 1 / KEYS) < 0.005)
})

test('all alike is no skew, and reaches every key', (t) => {
  const all = picks({ kind: 'uniform' })
  t.is(new Set(all).size, KEYS)
  t.true(Math.max(...Array.from({ length: KEYS }, (_, key) => shareOf(key, all))) < 0.02)
})

test('weights are kept, and what weighs nothing does not come', (t) => {
  const next = weighted([3, 0, 1], seededChance(7))
  const all = Array.from({ length: PICKS }, next)
  t.true(Math.abs(shareOf(0, all) - 0.75) < 0.015)
  t.is(shareOf(1, all), 0)
})
