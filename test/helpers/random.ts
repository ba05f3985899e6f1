/** Randomness that repeats: a seeded generator for tests that play many operations and must be able to play them again. */

export interface Random {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number
  bytes(length: number): Buffer
}

/** Mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  return {
    below: (below) => next() % below,
    bytes(length) {
      const bytes = Buffer.alloc(length)
      for (let at = 0; at < length; at++) bytes[at] = next() & 255
      return bytes
    },
  }
}
