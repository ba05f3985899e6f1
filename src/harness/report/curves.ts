/** How long operations were waited for, percentile by percentile: each step to the right is the rarest tenth of the one before. */
import { markup, micros, NOTHING, section, type Markup } from '../../page/markup.ts'
import { readTimes } from '../times.ts'
import type { Measured, Tally } from '../measured.ts'
import { chart, logarithmic, range, type Axis, type Series } from './chart.ts'

export function curves({ operations, total }: Measured): Markup {
  if (total.succeeded === 0) return NOTHING
  const names = Object.keys(operations)
  const tallies: readonly (readonly [string, Tally])[] = [
    ...(names.length > 1 ? [['all operations', total] as const] : []),
    ...Object.entries(operations).filter(([, { succeeded }]) => succeeded > 0),
  ]
  const series = tallies.map(([name, tally]) => curve(name, tally))
  const decades = Math.max(1, Math.ceil(Math.max(...series.flatMap(({ points }) => points.map(([x]) => x)))))
  return section(
    'curves',
    'Waiting',
    markup`<p class="lead">How long an operation took, from when it was due until it was answered. Each mark to the right leaves out a tenth of what the one before left out; time is on a logarithmic scale.</p>`,
    chart({
      title: 'Time by percentile',
      width: 'whole',
      said: `Time by percentile: ${tallies.map(([name, { latency }]) => `${name} median ${micros(latency.p50)}, p99 ${micros(latency.p99)}, longest ${micros(latency.max)}`).join('; ')}`,
      x: percentiles(decades),
      xTitle: 'percentile',
      y: logarithmic(
        series.flatMap(({ points }) => points.map(([, y]) => y)),
        micros,
      ),
      series,
    }),
  )
}

/** Marks to the decade; where a histogram has fewer answers than a percentile needs, its curve ends. */
const FINE = 20

function curve(name: string, { histogram, succeeded }: Tally): Series {
  const times = readTimes(histogram)
  const last = Math.log10(Math.max(succeeded, 2))
  const points = range(0, Math.floor(last * FINE)).map((i) => {
    const decade = i / FINE
    return [decade, times.getValueAtPercentile(100 * (1 - 10 ** -decade)) / 1000] as const
  })
  return { name, points: [...points, [last, times.maxValue / 1000]] }
}

function percentiles(decades: number): Axis {
  const nines = range(1, decades).map(
    (n) => [n, n === 1 ? '90 %' : n === 2 ? '99 %' : `99.${'9'.repeat(n - 2)} %`] as const,
  )
  return { from: 0, to: decades, ticks: [[0, '0 %'], [Math.log10(2), '50 %'], ...nines] }
}
