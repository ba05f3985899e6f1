/** What is known of what was written, against a model that remembers every byte; and what copies look at. */
import test from 'ava'
import { pieces, Written } from '../../../src/services/ebs/written.ts'

const MEBIBYTE = 1024 ** 2

test('every byte that was written is in a range, and where nothing was written there is none', (t) => {
  // Numerical Recipes' generator: the same writes each time.
  let state = 7
  const next = (below: number) => (state = (state * 1664525 + 1013904223) >>> 0) % below
  for (let round = 0; round < 200; round++) {
    const size = (1 + next(40)) * MEBIBYTE
    const written = new Written(size, [])
    const model = new Set<number>()
    for (let i = next(6); i > 0; i--) {
      const offset = next(size)
      const length = 1 + next(Math.min(size - offset, 3 * MEBIBYTE))
      written.note(offset, length)
      for (let at = Math.floor(offset / MEBIBYTE); at * MEBIBYTE < offset + length; at++) model.add(at)
    }
    const ranges = written.ranges()
    const told = ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
    t.deepEqual(
      told,
      [...model].toSorted((a, b) => a - b),
    )
    t.deepEqual(new Written(size, ranges).ranges(), ranges)
  }
})

test('what is scattered all over is one range', (t) => {
  const written = new Written(1024 * MEBIBYTE, [])
  for (let at = 3; at < 1000; at += 2) written.note(at * MEBIBYTE, 1)
  t.deepEqual(written.ranges(), [[3, 1000]])
})

for (const [what, ranges, bytes, expected] of [
  ['nothing', [], 4 * MEBIBYTE, []],
  [
    'what is not known',
    undefined,
    3 * MEBIBYTE,
    [
      [0, 2],
      [2, 1],
    ],
  ],
  [
    'two ranges',
    [
      [1, 2],
      [4, 7],
    ],
    8 * MEBIBYTE,
    [
      [1, 1],
      [4, 2],
      [6, 1],
    ],
  ],
] as const) {
  test(`of ${what} there are ${expected.length} pieces`, (t) => {
    const found = [...pieces(ranges, bytes, 2 * MEBIBYTE)].map((piece) => piece.map((at) => at / MEBIBYTE))
    t.deepEqual(found, expected as unknown as number[][])
  })
}
