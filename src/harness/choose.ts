/** Choices that repeat: which operation, which key and which caller come when, from a seed. */
import type { Distribution } from './measured.ts'

/** A number from 0 to 1, without 1; another each time. */
export type Chance = () => number

/** Mulberry32: 32 bits of state, which is plenty for choosing. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Chooses a place in `weights`, each as often as its weight says. */
export function weighted(weights: readonly number[] | Float64Array, chance: Chance): () => number {
  const sums = Float64Array.from(weights)
  for (let at = 1; at < sums.length; at++) sums[at]! += sums[at - 1]!
  const total = sums.at(-1)!
  return () => firstAbove(sums, chance() * total)
}

/** Chooses one of `count`: all alike, or the nth as often as 1/n to the power of the exponent says. */
export function spread(count: number, distribution: Distribution, chance: Chance): () => number {
  if (distribution.kind === 'uniform') return () => Math.floor(chance() * count)
  const { exponent } = distribution
  return weighted(
    Float64Array.from({ length: count }, (_, at) => (at + 1) ** -exponent),
    chance,
  )
}

/** The first place whose sum is above `value`. */
function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sums[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
