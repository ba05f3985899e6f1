/** Whether two runs differ, said in a sentence; and which runs are no pair. */
import test from 'ava'
import { compareRuns, Incomparable, ratioInterval, toldComparison, type Verdict } from '../../src/harness/compare.ts'
import type { Environment, Measured } from '../../src/harness/measured.ts'
import { intervals, measured, tally, times } from './run.ts'

/** A run at so many operations a second, whose median is so many microseconds. */
function run(perSecond: number, micros: number, but: Partial<Measured> = {}): Measured {
  const total = tally(times(10_000, micros), { perSecond })
  return measured({ total, operations: { Encrypt: total }, intervals: intervals(20, perSecond, micros), ...but })
}

const finds = test.macro({
  title: (_, sentence: string) => sentence,
  exec(t, _sentence: string, before: Measured, after: Measured, ...verdicts: readonly Verdict[]) {
    const { differences } = compareRuns(before, after)
    t.deepEqual(
      differences.map(({ verdict }) => verdict),
      verdicts,
      toldComparison(compareRuns(before, after)),
    )
  },
})

test(finds, 'a run is as fast as itself', run(1000, 200), run(1000, 200), ...same(3))
test(finds, 'a part of a hundred is within what seconds vary', run(1000, 200), run(1005, 199), ...same(3))
test(
  finds,
  'a fifth more is faster in every figure',
  run(1000, 240),
  run(1200, 200),
  ...Array<Verdict>(3).fill('faster'),
)
test(
  finds,
  'a fifth less is slower in every figure',
  run(1200, 200),
  run(1000, 240),
  ...Array<Verdict>(3).fill('slower'),
)
test(
  finds,
  'at a rate, only times are compared',
  run(1000, 200, { pace: { rate: 1000 } }),
  run(1000, 300, { pace: { rate: 1000 } }),
  'slower',
  'slower',
)
test(
  finds,
  'four seconds are too few to tell',
  run(1000, 240, { intervals: intervals(4, 1000, 240) }),
  run(1200, 200),
  ...Array<Verdict>(3).fill('undecided'),
)
test(
  finds,
  'five seconds are enough for a difference of a fifth',
  run(1000, 240, { intervals: intervals(5, 1000, 240) }),
  run(1200, 200),
  ...Array<Verdict>(3).fill('faster'),
)

function same(count: number): readonly Verdict[] {
  return Array<Verdict>(count).fill('no difference')
}

test('of a mix, all operations are compared, and each by its times', (t) => {
  const of = (micros: number): Measured => {
    const [encrypt, sign] = [tally(times(5000, 200)), tally(times(5000, micros))]
    return run(1000, 200, { operations: { Encrypt: encrypt, 'Sign RSA_2048': sign } })
  }
  const told = compareRuns(of(900), of(600)).differences.map(
    ({ operation, figure, verdict }) => `${operation} ${figure} ${verdict}`,
  )
  t.deepEqual(told, [
    ...['throughput', 'median', 'p99'].map((figure) => `all operations ${figure} no difference`),
    ...['median', 'p99'].map((figure) => `Encrypt ${figure} no difference`),
    ...['median', 'p99'].map((figure) => `Sign RSA_2048 ${figure} faster`),
  ])
})

test('a stall counts: a run that stands still for half of its seconds is slower', (t) => {
  const still = intervals(20, 1000, 200).map((each, i) =>
    i % 2 ? { ...each, succeeded: 0, p50: 0, p99: 0, max: 0 } : each,
  )
  const [throughput, median] = compareRuns(run(1000, 200), run(500, 200, { intervals: still })).differences
  t.is(throughput!.verdict, 'slower')
  t.true(throughput!.low < -0.5 && throughput!.high > -0.6)
  t.is(median!.verdict, 'no difference')
})

test('the interval holds the ratio, is the same each time, and is wide where values vary', (t) => {
  const [even, uneven] = [
    [100, 101, 99, 100, 102, 98],
    [60, 140, 90, 110, 150, 50],
  ]
  const [low, high] = ratioInterval(even, uneven)
  t.true(low < 1 && high > 1)
  t.deepEqual(ratioInterval(even, uneven), [low, high])
  const narrow = ratioInterval(even, even)
  t.true(narrow[1] - narrow[0] < (high - low) / 5)
})

const says = test.macro({
  title: (_, sentence: string) => sentence,
  exec(t, _sentence: string, before: Measured, after: Measured, ...lines: readonly RegExp[]) {
    const told = toldComparison(compareRuns(before, after))
    for (const line of lines) t.regex(told, line)
  },
})

test(
  says,
  'how much faster it became is said as a range',
  run(1000, 240),
  run(1200, 200),
  /^Encrypt, throughput: faster by \d+(\.\d)?–\d+(\.\d)? %; 1000\/s before, 1200\/s after$/m,
)
test(
  says,
  'and how much slower',
  run(1200, 200),
  run(1000, 240),
  /^Encrypt, throughput: slower by \d+(\.\d)?–\d+(\.\d)? %; /m,
)
test(
  says,
  'no difference is said as such, with what it could still be',
  run(1000, 200),
  run(1000, 200),
  /^Encrypt, median: no difference \(between −\d\.\d % and \+\d\.\d %\); /m,
)
test(
  says,
  'where seconds vary much, no difference is said to be what little it is',
  run(1000, 200, {
    intervals: intervals(10, 1000, 200).map((each, i) => ({ ...each, succeeded: i % 3 ? 600 : 1800 })),
  }),
  run(1000, 200),
  /^Encrypt, throughput: no difference, but seconds vary too much to see a small one \(between −\d\d/m,
)
test(
  says,
  'what makes the figures doubtful is said as well',
  run(1000, 200, { generator: { busy: 0.98, behind: 1, unsent: 0, limited: true } }),
  run(1000, 200, { total: tally(times(10_000, 200), { failed: 7 }), intervals: intervals(3, 1000, 200) }),
  /^note: the first run was limited by what made the load/m,
  /^note: in the second run 7 requests failed/m,
  /^note: the second run has 3 seconds/m,
)

const refuses = test.macro({
  title: (_, sentence: string) => `refused: ${sentence}`,
  exec(t, _sentence: string, but: Partial<Measured>, message: RegExp) {
    t.throws(() => compareRuns(measured(), measured(but)), { instanceOf: Incomparable, message })
  },
})
const at = (but: Partial<Environment>): Partial<Measured> => ({ environment: { ...measured().environment, ...but } })
const asking = (but: Partial<Measured['workload']>): Partial<Measured> => ({
  workload: { ...measured().workload, ...but },
})

test(refuses, 'another CPU', at({ cpu: 'B CPU' }), /another CPU \(A CPU, then B CPU\)/)
test(refuses, 'another number of cores', at({ cores: 4 }), /another number of cores \(2, then 4\)/)
test(refuses, 'another kernel', at({ kernel: '6.2.0' }), /another kernel/)
test(refuses, 'another Node', at({ node: 'v24.0.0' }), /another Node/)
test(refuses, 'another governor', at({ governor: undefined }), /another CPU governor \(performance, then not told\)/)
test(refuses, 'a machine of the same make', at({ machine: 'beef' }), /another machine of the same make/)
test(refuses, 'all reasons at once', at({ cores: 4, node: 'v24.0.0' }), /cores \(2, then 4\); another Node/)
test(refuses, 'another size', asking({ size: 32 }), /another size \(1024 B, then 32 B\)/)
test(refuses, 'more keys', asking({ keys: 9 }), /another number of keys/)
test(
  refuses,
  'another distribution',
  asking({ distribution: { kind: 'zipf', exponent: 1.1 } }),
  /uniform, then zipf 1\.1/,
)
test(refuses, 'another pace', { pace: { closed: 1 } }, /another pace \(16 at a time, then 1 at a time\)/)
test(refuses, 'a rate instead of a loop', { pace: { rate: 16 } }, /another pace \(16 at a time, then 16 a second\)/)

test('another target, another load before, another seed and another day are compared', (t) => {
  const other = measured({
    ...at({ loadBefore: 1.9, memoryGiB: 16 }),
    ...asking({ seed: 2, name: 'the same' }),
    target: { kind: 'http', name: 'another KMS' },
    started: '2027-01-01T00:00:00.000Z',
  })
  t.is(compareRuns(measured(), other).differences.length, 3)
})
