/** A run as text for a person in front of a terminal. */
import { TOO_BUSY, type Measured, type MeasuredOperation, type Pace, type Step, type Tally } from './measured.ts'

/** The whole of it, to the last line. */
export function tableOf(measured: Measured): string {
  const { ramp } = measured
  return [
    ...headOf(measured),
    ...(ramp ? [...stepsOf(ramp.steps, ramp.knee), '', `at the knee, ${paceOf(measured.pace)}:`] : []),
    ...operationsOf(measured),
    '',
    ...notesOf(measured),
    '',
  ].join('\n')
}

/** `16 at a time`, `2,000 a second`. */
export function paceOf(pace: Pace): string {
  return 'rate' in pace ? `${count(pace.rate)} a second` : `${count(pace.closed)} at a time`
}

/** Microseconds as a person says them: `1.24 ms`. */
export function timeOf(micros: number): string {
  const [value, unit] = micros < 1000 ? [micros, 'µs'] : micros < 1e6 ? [micros / 1000, 'ms'] : [micros / 1e6, 's']
  return `${Number(value.toPrecision(3))} ${unit}`
}

export function count(value: number): string {
  const shown = value < 100 ? Number(value.toPrecision(3)) : Math.round(value)
  return shown.toLocaleString('en-US')
}

function headOf({ target, workload, pace, ramp, warmup, seconds }: Measured): string[] {
  const { distribution } = workload
  const parts = [
    `${count(workload.size)} bytes`,
    `a context of ${plural(workload.contextPairs, 'pair')}`,
    plural(workload.keys, 'key') + (distribution.kind === 'zipf' ? ` (zipf, ${distribution.exponent})` : ''),
    plural(workload.principals, 'caller'),
  ]
  const warm = warmup === 0 ? 'without warm-up' : `after ${warmup} s of warm-up`
  return [
    `${workload.name}, on ${target.name}`,
    ...(workload.operations.length > 1 ? [mixOf(workload.operations)] : []),
    parts.join(', '),
    `${ramp ? 'a ramp' : paceOf(pace)}, ${count(seconds)} s ${warm}`,
    '',
  ]
}

const mixOf = (operations: readonly MeasuredOperation[]): string =>
  operations.map(({ name, weight }) => `${Math.round(weight * 100)} % ${name}`).join(', ')

const COLUMNS = ['', 'a second', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max', 'failed']

function operationsOf({ operations, total }: Measured): string[] {
  const names = Object.keys(operations)
  const rows = names.map((name) => rowOf(name, operations[name]!))
  return columns([COLUMNS, ...rows, ...(names.length > 1 ? [rowOf('all', total)] : [])])
}

function rowOf(name: string, { perSecond, latency, failed }: Tally): string[] {
  const { mean, p50, p90, p99, p999, p9999, max } = latency
  return [name, count(perSecond), ...[mean, p50, p90, p99, p999, p9999, max].map(timeOf), count(failed)]
}

function stepsOf(steps: readonly Step[], knee: number): string[] {
  const rows = steps.map(({ pace, perSecond, p50, p99, max, failed, cpuMicrosPerOperation, generator }, at) => [
    paceOf(pace),
    count(perSecond),
    ...[p50, p99, max].map(timeOf),
    cpuMicrosPerOperation === undefined ? '' : timeOf(cpuMicrosPerOperation),
    count(failed),
    [at === knee ? '← the knee' : '', generator.limited ? 'limited by the generator' : ''].filter(Boolean).join(', '),
  ])
  return columns([['', 'a second', 'p50', 'p99', 'max', 'CPU each', 'failed', ''], ...rows])
}

function notesOf({ total, cpuMicrosPerOperation, generator, workload, environment }: Measured): string[] {
  const { messagesPerRequest = 1 } = workload
  const errors = Object.entries(total.errors).map(([name, many]) => `${name} ${count(many)}`)
  const cpu = cpuMicrosPerOperation === undefined ? '' : `CPU of the server ${timeOf(cpuMicrosPerOperation)} each; `
  return [
    ...(errors.length > 0 ? [`failed: ${errors.join(', ')}`] : []),
    ...(total.throttled > 0 ? [`throttled: ${count(total.throttled)}`] : []),
    ...(messagesPerRequest > 1
      ? [
          `with ${count(messagesPerRequest)} messages a request: ${count(total.perSecond * messagesPerRequest)} a second`,
        ]
      : []),
    `${cpu}the generator was busy ${Math.round(generator.busy * 100)} % of the time`,
    ...warnings(generator),
    `${environment.cpu}, ${plural(environment.cores, 'core')}, load before ${environment.loadBefore}; Node ${environment.node}`,
  ]
}

/** What may have set the figure beside the target. */
function warnings({ busy, unsent, behind, limited }: Measured['generator']): string[] {
  if (!limited) return []
  const share = `${Math.round(busy * 100)} % of the time`
  return [
    ...(busy > TOO_BUSY
      ? [`LIMITED BY THE GENERATOR, which was at work ${share}: the target may do more than this`]
      : []),
    ...(unsent > 0
      ? [
          `NOT KEPT UP WITH: ${plural(unsent, 'request')} due and never sent, others up to ${timeOf(behind)} late, for all ` +
            'connections waited: the target does not carry this rate, or needs more --connections',
        ]
      : []),
  ]
}

const plural = (many: number, what: string): string =>
  `${many === 0 ? 'no' : count(many)} ${what}${many === 1 ? '' : 's'}`

/** The first column to the left, the rest to the right but for words at the end. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const isWords = (column: number) => rows[0]![column] === ''
  return rows.map((row) =>
    row
      .map((cell, column) => (isWords(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}
