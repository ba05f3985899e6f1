/** What the rounds come to: figures of each server, and how many times faster ours is, with the interval that holds it. */
import { ratioInterval } from '../../src/harness/compare.ts'
import type { Interval, Measured } from '../../src/harness/measured.ts'

/** All rounds of one question: how fast one operation is, with so many connections. */
export interface Rounds {
  readonly operation: string
  readonly connections: number
  /** By server, ours first; a run a round. */
  readonly runs: ReadonlyMap<string, readonly Measured[]>
}

export function summary({ operation, connections, runs }: Rounds) {
  const [[, ours] = ['', []], ...peers] = runs
  return {
    operation,
    connections,
    servers: Object.fromEntries([...runs].map(([name, each]) => [name, figures(each)])),
    timesFaster: Object.fromEntries(peers.map(([name, theirs]) => [name, ratios(ours, theirs)])),
  }
}

/** Medians of the rounds. */
function figures(runs: readonly Measured[]) {
  const of = (figure: (run: Measured) => number | undefined): number | undefined =>
    rounded(median(runs.map(figure).filter((each) => each !== undefined)))
  return {
    perSecond: of(({ total }) => total.perSecond),
    p50: of(({ total }) => total.latency.p50),
    p99: of(({ total }) => total.latency.p99),
    p999: of(({ total }) => total.latency.p999),
    cpuMicrosPerOperation: of(({ cpuMicrosPerOperation }) => cpuMicrosPerOperation),
    failed: runs.reduce((sum, { total }) => sum + total.failed, 0),
    isLimitedByGenerator: runs.some(({ generator }) => generator.limited),
    rounds: runs.map(({ total }) => rounded(total.perSecond)),
  }
}

/** Over the seconds of all rounds; of times it is theirs over ours. */
function ratios(ours: readonly Measured[], theirs: readonly Measured[]) {
  return {
    perSecond: ratio(secondsOf(theirs, succeeded), secondsOf(ours, succeeded)),
    p50: ratio(
      secondsOf(ours, ({ p50 }) => p50),
      secondsOf(theirs, ({ p50 }) => p50),
    ),
    p99: ratio(
      secondsOf(ours, ({ p99 }) => p99),
      secondsOf(theirs, ({ p99 }) => p99),
    ),
  }
}

const succeeded = (interval: Interval): number => interval.succeeded

const secondsOf = (runs: readonly Measured[], of: (interval: Interval) => number): readonly number[] =>
  runs.flatMap(({ intervals }) => intervals.map(of))

function ratio(from: readonly number[], to: readonly number[]) {
  const [low, high] = ratioInterval(from, to)
  return { ratio: rounded(mean(to) / mean(from)), from: rounded(low), to: rounded(high) }
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)]
}

const rounded = <T extends number | undefined>(value: T): T =>
  (value === undefined ? value : Number(value.toPrecision(4))) as T
