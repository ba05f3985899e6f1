/** The run second by second: whether it was even, and what came in between. */
import { markup, micros, NOTHING, section, thousands, type Markup } from '../../page/markup.ts'
import type { Interval, Measured } from '../measured.ts'
import { chart, fromZero, logarithmic, type Axis } from './chart.ts'

export function seconds({ intervals }: Measured): Markup {
  if (intervals.length === 0) return NOTHING
  const x = timeAxis(intervals.length)
  const points = (of: (interval: Interval) => number) => intervals.map((each, i) => [i + 1, of(each)] as const)
  const times = (of: (interval: Interval) => number) => points(of).filter(([, value]) => value > 0)
  const hasFailed = intervals.some(({ failed }) => failed > 0)
  const [least, most] = extremes(intervals.map(({ succeeded }) => succeeded))
  return section(
    'seconds',
    'Second by second',
    markup`<div class="charts">${chart({
      ...{ width: 'half', title: hasFailed ? 'Requests a second' : 'Operations a second', x, xTitle: 'second' },
      said: `Throughput by second, between ${thousands(least)} and ${thousands(most)}`,
      y: fromZero(
        intervals.map(({ succeeded, failed }) => Math.max(succeeded, failed)),
        thousands,
      ),
      series: [
        { name: 'succeeded', kind: 'area', points: points(({ succeeded }) => succeeded) },
        ...(hasFailed ? [{ name: 'failed', points: points(({ failed }) => failed) }] : []),
      ],
    })}${chart({
      ...{ width: 'half', title: 'What was waited', x, xTitle: 'second' },
      said: `Times by second; the longest of all ${micros(Math.max(...intervals.map(({ max }) => max)))}`,
      y: logarithmic(
        intervals.flatMap(({ p50, p99, max }) => [p50, p99, max]),
        micros,
      ),
      series: [
        { name: 'median', points: times(({ p50 }) => p50) },
        { name: '99th percentile', points: times(({ p99 }) => p99) },
        { name: 'longest', points: times(({ max }) => max) },
      ],
    })}</div>`,
  )
}

const extremes = (values: readonly number[]): readonly [number, number] => [Math.min(...values), Math.max(...values)]

/** Whole seconds, ten of them named at most. */
function timeAxis(length: number): Axis {
  const whole = fromZero([length], String)
  const ticks = whole.ticks.filter(([value]) => Number.isInteger(value) && value >= 1 && value <= length)
  return length === 1
    ? { from: 0, to: 2, ticks }
    : { from: 1, to: length, ticks: [[1, '1'], ...ticks.filter(([value]) => value > 1)] }
}
