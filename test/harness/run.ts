/** Runs of the harness as reports tell them, made of numbers: a steady target, unless a test says otherwise. */
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js'
import type { Interval, Latency, Measured, Tally } from '../../src/harness/measured.ts'

/** Nanoseconds of each answer. */
export function tally(nanos: readonly number[], but: Partial<Tally> = {}): Tally {
  const histogram = build({ highestTrackableValue: 3_600_000_000_000, numberOfSignificantValueDigits: 3 })
  nanos.forEach((each) => histogram.recordValue(each))
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1000
  const latency: Latency = {
    mean: histogram.mean / 1000,
    ...{ p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), p9999: at(99.99) },
    max: histogram.maxValue / 1000,
  }
  return {
    succeeded: nanos.length,
    failed: 0,
    perSecond: nanos.length / 10,
    latency,
    histogram: encodeIntoCompressedBase64(histogram),
    errors: {},
    throttled: 0,
    ...but,
  }
}

/** Times of `count` answers around `micros`, some of them much longer. */
export function times(count: number, micros: number): readonly number[] {
  return Array.from({ length: count }, (_, i) =>
    Math.round(1000 * micros * (1 + ((i * 37) % 100) / 250 + (i % 500 === 0 ? 12 : 0))),
  )
}

/** Seconds that vary by three parts of a hundred, without a pattern. */
export function intervals(
  count: number,
  succeeded: number,
  p50: number,
  but: Partial<Interval> = {},
): readonly Interval[] {
  return Array.from({ length: count }, (_, i) => {
    const wave = 0.97 + 0.06 * ((10_000 * (1 + Math.sin(i * 12.9898))) % 1)
    return {
      succeeded: Math.round(succeeded * wave),
      failed: 0,
      p50: p50 / wave,
      p99: (4 * p50) / wave,
      max: 12 * p50,
      ...but,
    }
  })
}

export function measured(but: Partial<Measured> = {}): Measured {
  const one = tally(times(10_000, 200))
  return {
    schema: 'strongroom/measured/1',
    version: '0.1.0',
    started: '2026-11-24T16:00:00.000Z',
    command: 'strongroom bench --operation Encrypt --connections 16',
    environment: {
      ...{ cpu: 'A CPU', cores: 2, governor: 'performance', kernel: '6.1.0', node: 'v22.1.0' },
      ...{ memoryGiB: 8, loadBefore: 0.12, machine: 'f00d' },
    },
    target: { kind: 'http', name: 'strongroom', url: 'http://127.0.0.1:4599' },
    workload: {
      name: 'Encrypt 1 KiB',
      operations: [{ name: 'Encrypt', operation: 'Encrypt', keySpec: 'SYMMETRIC_DEFAULT', weight: 1 }],
      ...{ size: 1024, contextPairs: 2, keys: 1, principals: 1, distribution: { kind: 'uniform' }, seed: 1 },
    },
    pace: { closed: 16 },
    warmup: 2,
    seconds: 10,
    operations: { Encrypt: one },
    total: one,
    intervals: intervals(10, 1000, 200),
    cpuMicrosPerOperation: 21.5,
    generator: { busy: 0.31, behind: 120, unsent: 0, limited: false },
    ...but,
  }
}
