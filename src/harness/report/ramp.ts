/** What each pace of a ramp came to: throughput, and what is waited for it. */
import { markup, micros, NOTHING, section, table, thousands, type Markup } from '../../page/markup.ts'
import type { Measured, Pace, Step } from '../measured.ts'
import { chart, fromZero, logarithmic, type Axis } from './chart.ts'

export function ramp({ ramp: told }: Measured): Markup {
  if (!told || told.steps.length === 0) return NOTHING
  const { steps, knee } = told
  const x = axisOf(steps)
  const xTitle = 'rate' in steps[0]!.pace ? 'requests a second' : 'at a time'
  const [best, marks] = [steps[knee], steps[knee] ? ([[amountOf(steps[knee].pace), 'knee']] as const) : []]
  const points = (of: (step: Step) => number) => steps.map((step) => [amountOf(step.pace), of(step)] as const)
  // Where nothing succeeded, nothing was waited for.
  const times = (of: (step: Step) => number) => points(of).filter(([, time]) => time > 0)
  const values = (...of: readonly ((step: Step) => number)[]) => steps.flatMap((step) => of.map((each) => each(step)))
  return section(
    'ramp',
    'Ramp',
    markup`<p class="lead">${best ? `The knee is at ${paceIn(best.pace)}, with ${thousands(best.perSecond)} operations a second: past it, throughput hardly grows, and waiting does. The other figures of this page are of the run there.` : 'No knee was found: throughput still grows.'}</p>
<div class="charts">${chart({
      ...{ width: 'half', title: 'Operations a second', x, xTitle, marks },
      said: `Throughput: ${steps.map((step) => `${paceIn(step.pace)} ${thousands(step.perSecond)}/s`).join(', ')}`,
      y: fromZero(
        values(({ perSecond }) => perSecond),
        thousands,
      ),
      series: [{ name: 'operations a second', kind: 'dots', points: points(({ perSecond }) => perSecond) }],
    })}${chart({
      ...{ width: 'half', title: 'What is waited for it', x, xTitle, marks },
      said: `p99: ${steps.map((step) => `${paceIn(step.pace)} ${micros(step.p99)}`).join(', ')}`,
      y: logarithmic(
        values(
          ({ p50 }) => p50,
          ({ p99 }) => p99,
        ),
        micros,
      ),
      series: [
        { name: 'median', kind: 'dots', points: times(({ p50 }) => p50) },
        { name: '99th percentile', kind: 'dots', points: times(({ p99 }) => p99) },
      ],
    })}</div>`,
    markup`<details><summary>The numbers</summary>${numbers(steps, knee)}</details>`,
  )
}

function numbers(steps: readonly Step[], knee: number): Markup {
  const hasCpu = steps.some(({ cpuMicrosPerOperation }) => cpuMicrosPerOperation !== undefined)
  const head = [
    'Pace',
    'Operations/s',
    'p50',
    'p99',
    'Longest',
    'Failed',
    ...(hasCpu ? ['Server CPU'] : []),
    'Generator',
  ]
  const rows = steps.map(
    (step, i) =>
      markup`<tr><th scope="row">${paceIn(step.pace)}${i === knee ? ' (knee)' : ''}</th>${[
        thousands(step.perSecond),
        ...[step.p50, step.p99, step.max].map(micros),
        String(step.failed),
        ...(hasCpu ? [step.cpuMicrosPerOperation === undefined ? '–' : micros(step.cpuMicrosPerOperation)] : []),
        `${Math.round(step.generator.busy * 100)} % busy${step.generator.limited ? ', the limit' : ''}`,
      ].map((cell) => markup`<td class="number">${cell}</td>`)}</tr>`,
  )
  return table('What each pace came to', head, rows)
}

const amountOf = (pace: Pace): number => ('rate' in pace ? pace.rate : pace.closed)

export const paceIn = (pace: Pace): string =>
  'rate' in pace ? `${thousands(pace.rate)} a second` : `${pace.closed} at a time`

/** Paces that double are as far apart as those that are added to. */
function axisOf(steps: readonly Step[]): Axis {
  const amounts = [...new Set(steps.map(({ pace }) => amountOf(pace)))].toSorted((one, other) => one - other)
  const [from, to] = [amounts[0]!, amounts.at(-1)!]
  const ticks = amounts.map((amount) => [amount, thousands(amount)] as const)
  return from === to ? { from: 0, to: 2 * to, ticks } : { from, to, isLog: to / from >= 8, ticks }
}
