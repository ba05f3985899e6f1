/** Times of requests as HDR histograms: nanoseconds, three figures, up to an hour, as the generator in Rust has them. */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'
import type { Interval, Latency, Tally } from './measured.ts'

const HOUR = 3_600_000_000_000

export type Times = Histogram

export function emptyTimes(): Times {
  return build({
    ...{ lowestDiscernibleValue: 1, highestTrackableValue: HOUR, numberOfSignificantValueDigits: 3 },
    ...{ bitBucketSize: 32, autoResize: false },
  })
}

/** From the text of `Tally.histogram`. */
export function readTimes(text: string): Times {
  return decodeFromCompressedBase64(text, 32, false, HOUR)
}

/** Those of one tally, or of one interval. */
export interface Counted {
  readonly times: Times
  readonly errors: ReadonlyMap<string, number>
}

/** All of `counted` as one. */
export function sum(counted: readonly Counted[]): Counted {
  const times = emptyTimes()
  const errors = new Map<string, number>()
  for (const each of counted) {
    times.add(each.times)
    for (const [name, count] of each.errors) errors.set(name, (errors.get(name) ?? 0) + count)
  }
  return { times, errors }
}

export function tallyOf({ times, errors }: Counted, seconds: number): Tally {
  const succeeded = times.totalCount
  const ordered = [...errors].sort(([one, many], [other, more]) => more - many || one.localeCompare(other))
  return {
    succeeded,
    failed: countOf(errors),
    perSecond: rounded(succeeded / seconds),
    latency: latencyOf(times),
    histogram: encodeIntoCompressedBase64(times),
    errors: Object.fromEntries(ordered),
    throttled: ordered.filter(([name]) => THROTTLED.has(name)).reduce((count, [, more]) => count + more, 0),
  }
}

export function intervalOf({ times, errors }: Counted): Interval {
  const { p50, p99, max } = latencyOf(times)
  return { succeeded: times.totalCount, failed: countOf(errors), p50, p99, max }
}

/** Microseconds. */
function latencyOf(times: Times): Latency {
  // A percentile is the end of its bucket, which may lie past the longest there was.
  const at = (percentile: number) =>
    micros(times.totalCount === 0 ? 0 : Math.min(times.getValueAtPercentile(percentile), times.maxValue))
  return {
    mean: micros(times.totalCount === 0 ? 0 : times.mean),
    ...{ p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), p9999: at(99.99) },
    max: micros(times.maxValue),
  }
}

/** What says: not so fast. */
const THROTTLED = new Set(['ThrottlingException', 'LimitExceededException', 'TooManyRequestsException', '429', '503'])

const countOf = (errors: Counted['errors']): number => [...errors.values()].reduce((count, more) => count + more, 0)

const micros = (nanoseconds: number): number => rounded(nanoseconds / 1000)

/** As many figures as a measurement has. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}
