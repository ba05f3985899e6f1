/** Token buckets beside a naive model of them, and what they hold. */
import test from 'ava'
import { Buckets } from '../../src/quotas/buckets.ts'

/** The same in fractions of a request that are kept exactly, a millisecond at a time. */
class Naive {
  #level: bigint
  #at: number
  readonly #pace: bigint

  constructor(perSecond: number, at: number) {
    this.#pace = BigInt(Math.round(perSecond * 1000))
    this.#level = this.#capacity
    this.#at = at
  }

  get #capacity(): bigint {
    const second = this.#pace * 1000n
    return second > 1_000_000n ? second : 1_000_000n
  }

  take(count: number, now: number): boolean {
    for (; this.#at < now; this.#at++) {
      this.#level += this.#pace
      if (this.#level > this.#capacity) this.#level = this.#capacity
    }
    this.#at = now
    const wanted = BigInt(count) * 1_000_000n
    if (this.#level < (wanted < this.#capacity ? wanted : this.#capacity)) return false
    this.#level -= wanted
    return true
  }
}

/** Numbers from 0 up to 1, the same for each seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const RATES = [0.1, 0.5, 1, 3, 20, 100.5, 1800, 100_000]

test('buckets give what a naive model gives, however requests and time fall', (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const next = chance(seed)
    let now = 1_000_000
    const buckets = new Buckets(RATES)
    const naive = RATES.map((rate) => new Naive(rate, now))
    for (let step = 0; step < 4000; step++) {
      // Most requests come in the same millisecond as the one before, some long after, and a few when the clock was put back.
      const fall = next()
      now += fall < 0.7 ? 0 : fall < 0.99 ? Math.floor(next() * 40) : Math.floor(next() * 15_000) - 3000
      const i = Math.floor(next() * RATES.length)
      const count = next() < 0.9 ? 1 : Math.floor(next() * 2.2 * RATES[i]!)
      t.is(buckets.take(i, count, now), naive[i]!.take(count, now), `seed ${seed}, step ${step}, ${RATES[i]} a second`)
    }
  }
})

const taken = (buckets: Buckets, now: number): number => {
  let count = 0
  while (buckets.take(0, 1, now)) count++
  return count
}

const holds = test.macro({
  title: (_, perSecond: number) => `${perSecond} a second`,
  exec(t, perSecond: number, atOnce: number, wait: number) {
    const buckets = new Buckets([perSecond])
    t.is(taken(buckets, 0), atOnce)
    t.is(taken(buckets, wait - 1), 0)
    t.is(taken(buckets, wait), 1)
    t.is(taken(buckets, wait + 100_000), atOnce)
  },
})
test(holds, 0.1, 1, 10_000)
test(holds, 0.5, 1, 2000)
test(holds, 1, 1, 1000)
test(holds, 4, 4, 250)
test(holds, 20, 20, 50)

test('more than a bucket holds is taken from a full one, and paid for afterwards', (t) => {
  const buckets = new Buckets([10])
  t.true(buckets.take(0, 35, 0))
  t.false(buckets.take(0, 1, 2599))
  t.true(buckets.take(0, 1, 2600))
  t.false(buckets.take(0, 35, 3000))
})

test('a change leaves taken what was taken', (t) => {
  const buckets = new Buckets([10])
  buckets.change(0, 30)
  t.is(taken(buckets, 0), 30)
  buckets.change(0, 40)
  t.is(taken(buckets, 0), 10)
  buckets.change(0, 5)
  t.is(taken(buckets, 0), 0)
  t.is(taken(buckets, 200), 1)
})
