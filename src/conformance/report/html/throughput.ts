/** How fast the token is: per measurement a bar to the median and a whisker to the 99th percentile, on one scale; then the numbers. */
import type { Report, Throughput } from '../../report.ts'
import { grouped } from '../areas.ts'
import { markup, micros, NOTHING, section, table, thousands, type Markup } from '../../../page/markup.ts'

export function throughput({ throughput: rows }: Report): Markup {
  if (rows.length === 0) return NOTHING
  const scale = scaleOf(rows)
  const plots = grouped(rows, ({ mechanism }) => mechanism).map(([mechanism, own]) => plot(mechanism, own, scale))
  return section(
    'throughput',
    'Speed',
    markup`<p class="lead">Time of one operation${scale.isLog ? ', on a logarithmic scale' : ''}: the bar ends at the median, the whisker at the 99th percentile. Shorter is better; on the right, operations per second of all threads.</p>
<div class="plots">${axis(scale)}${plots}</div>`,
    markup`<details><summary>The numbers</summary>${numbers(rows)}</details>`,
  )
}

/** From microseconds to parts of a hundred of the width. */
interface Scale {
  readonly isLog: boolean
  readonly ticks: readonly number[]
  at(value: number): number
}

/** Times further apart than this are told on a logarithmic scale. */
const WIDE = 20

function scaleOf(rows: readonly Throughput[]): Scale {
  const values = rows.flatMap(({ p50, p99 }) => [p50, p99]).filter((value) => value > 0)
  const [least, most] = [Math.min(...values, 1e9), Math.max(...values, 0)]
  if (most / least < WIDE) {
    const step = 10 ** Math.floor(Math.log10(Math.max(most, 1)))
    const ticks = Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step)
    return { isLog: false, ticks, at: (value) => (100 * value) / ticks.at(-1)! }
  }
  const [from, to] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))]
  const ticks = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i))
  return { isLog: true, ticks, at: (value) => (100 * Math.max(0, Math.log10(value) - from)) / (to - from) }
}

const percent = (value: number): string => `${Math.min(100, value).toFixed(2)}%`

function axis({ ticks, at }: Scale): Markup {
  const marks = ticks.map((tick, i) => {
    const anchor = i === 0 ? 'start' : i === ticks.length - 1 ? 'end' : 'middle'
    return markup`<text x="${percent(at(tick))}" y="13" text-anchor="${anchor}">${micros(tick)}</text>`
  })
  return markup`<div class="row axis" aria-hidden="true"><span></span><svg width="100%" height="18">${marks}</svg><span></span></div>`
}

function plot(mechanism: string, rows: readonly Throughput[], scale: Scale): Markup {
  return markup`<h3><code>${mechanism}</code></h3>${rows.map((row) => line(row, scale))}`
}

function line(row: Throughput, { ticks, at }: Scale): Markup {
  const { p50, p99, operationsPerSecond } = row
  const [middle, far] = [percent(at(p50)), percent(at(p99))]
  const said = `${nameOf(row)}: median ${micros(p50)}, 99th percentile ${micros(p99)}, ${thousands(operationsPerSecond)} operations per second`
  return markup`<div class="row"><span class="what">${nameOf(row)}</span><svg width="100%" height="22" role="img" aria-label="${said}"><title>${said}</title>
${ticks.map((tick) => markup`<line class="grid" x1="${percent(at(tick))}" x2="${percent(at(tick))}" y1="0" y2="22"/>`)}
<rect x="0" y="5" height="12" width="${middle}" rx="2"/><line class="whisker" x1="${middle}" x2="${far}" y1="11" y2="11"/><line class="whisker" x1="${far}" x2="${far}" y1="6" y2="16"/></svg><span class="rate"><b>${thousands(operationsPerSecond)}</b>/s</span></div>`
}

function nameOf({ subject, key, threads }: Throughput): string {
  return [subject, key === 'token' ? 'stored key' : undefined, threads > 1 ? `${threads} threads` : undefined]
    .filter(Boolean)
    .join(', ')
}

function numbers(rows: readonly Throughput[]): Markup {
  const head = ['Mechanism', 'Subject', 'Key', 'Threads', 'Operations/s', 'p50', 'p90', 'p99', 'Longest']
  const lines = rows.map(
    ({ mechanism, subject, key, threads, operationsPerSecond, p50, p90, p99, max }) =>
      markup`<tr><th scope="row"><code>${mechanism}</code></th><td>${subject}</td><td>${key}</td><td class="number">${threads}</td><td class="number">${thousands(operationsPerSecond)}</td>${[p50, p90, p99, max].map((each) => markup`<td class="number">${micros(each)}</td>`)}</tr>`,
  )
  return table('Speed, per mechanism and size', head, lines)
}
