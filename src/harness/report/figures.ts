/** The head of the page, its figures in a row, its tables, and the machine that they are of. */
import { markup, micros, NOTHING, section, table, thousands, type Content, type Markup } from '../../page/markup.ts'
import type { Measured, MeasuredTarget, MeasuredWorkload, Tally, TargetKind } from '../measured.ts'
import { paceIn } from './ramp.ts'

type Fact = readonly [name: string, value: Content]

const KINDS: Readonly<Record<TargetKind, string>> = {
  'in-process': 'in this process',
  sdk: "through AWS's SDK, in this process",
  http: 'over HTTP',
  pkcs11: 'a PKCS#11 module',
}

export function header({ target, workload, pace, started, warmup, seconds, command, version }: Measured): Markup {
  const when = `${started.slice(0, 16).replace('T', ' ')} UTC, for ${thousands(seconds)} s after ${thousands(warmup)} s of warm-up, by strongroom ${version}`
  return markup`<header><p class="kind">KMS benchmark</p><h1>${workload.name} <small>on ${target.name}</small></h1>
${facts([
  ['Target', targetIn(target)],
  ['Workload', workloadIn(workload)],
  ['Pace', 'rate' in pace ? `${paceIn(pace)}, whether answered or not` : `${paceIn(pace)}, each again once answered`],
  ['Measured', when],
])}
<div class="reproduce"><code>${command}</code><button type="button" data-copy hidden aria-label="Copy the command">Copy</button></div></header>\n`
}

const facts = (rows: readonly Fact[]): Markup =>
  markup`<dl class="facts">${rows.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`

const targetIn = ({ kind, name, url }: MeasuredTarget): Content => [
  `${name}, ${KINDS[kind]}`,
  url === undefined ? NOTHING : markup` <code>${url}</code>`,
]

function workloadIn({ size, contextPairs, keys, principals, distribution }: MeasuredWorkload): string {
  const spread = distribution.kind === 'zipf' ? `, by Zipf's law with exponent ${distribution.exponent}` : ''
  return `${thousands(size)} B, ${count(contextPairs, 'pair')} of context, ${count(keys, 'key')} of each spec${spread}, ${count(principals, 'principal')}`
}

const count = (number: number, noun: string): string => `${thousands(number)} ${noun}${number === 1 ? '' : 's'}`

export function figures(measured: Measured): Markup {
  const { total, cpuMicrosPerOperation: cpu } = measured
  const { p50, p99, p999, p9999, max } = total.latency
  const cards: readonly (readonly [string, string, string?])[] = [
    [thousands(total.perSecond), 'operations a second'],
    [micros(p50), 'median'],
    [micros(p99), 'p99'],
    [micros(p999), 'p99.9'],
    [micros(p9999), 'p99.99'],
    [micros(max), 'longest'],
    ...(cpu === undefined ? [] : [[micros(cpu), 'server CPU each'] as const]),
    [thousands(total.failed), 'failed', total.failed > 0 ? 'failed' : 'none'],
  ]
  return section(
    'figures',
    'Figures',
    warnings(measured),
    markup`<ul class="tally figures">${cards.map(([value, name, kind = '']) => markup`<li class="${kind}"><b>${value}</b> <span>${name}</span></li>`)}</ul>`,
  )
}

/** The share of failures past which times tell little. */
const MANY = 0.01

function warnings({ generator, total, pace }: Measured): Markup {
  const all = total.succeeded + total.failed
  const told = [
    generator.limited &&
      `What made the load was at work ${percent(generator.busy)} of the time: it, and not the target, may have set these figures.`,
    generator.unsent > 0 &&
      `${thousands(generator.unsent)} requests were due and never sent: the target does not keep up with ${paceIn(pace)}.`,
    total.failed > all * MANY &&
      `${percent(total.failed / all)} of all requests failed${total.throttled > 0 ? `, ${thousands(total.throttled)} of them throttled` : ''}: times are of those that succeeded.`,
  ].filter((each) => each !== false)
  return told.length === 0 ? NOTHING : markup`<ul class="warnings">${told.map((each) => markup`<li>${each}</li>`)}</ul>`
}

const percent = (part: number): string => `${thousands(part * 100)} %`

const COLUMNS: readonly (readonly [string, (tally: Tally) => string])[] = [
  ['Succeeded', ({ succeeded }) => thousands(succeeded)],
  ['Per second', ({ perSecond }) => thousands(perSecond)],
  ['Mean', ({ latency }) => micros(latency.mean)],
  ['p50', ({ latency }) => micros(latency.p50)],
  ['p90', ({ latency }) => micros(latency.p90)],
  ['p99', ({ latency }) => micros(latency.p99)],
  ['p99.9', ({ latency }) => micros(latency.p999)],
  ['p99.99', ({ latency }) => micros(latency.p9999)],
  ['Longest', ({ latency }) => micros(latency.max)],
  ['Failed', ({ failed }) => thousands(failed)],
]

export function operations({ operations: tallies, total, workload }: Measured): Markup {
  const rows = Object.entries(tallies).map(([name, tally]) => {
    const planned = workload.operations.find((each) => each.name === name)
    return row(
      markup`${name}${planned && markup` <small>${planned.keySpec}, ${percent(planned.weight)}</small>`}`,
      tally,
    )
  })
  const all = rows.length > 1 ? [row('All', total)] : []
  return section(
    'operations',
    'Operations',
    table(
      'Each operation; times are of those that succeeded',
      ['Operation', ...COLUMNS.map(([name]) => name)],
      [...rows, ...all],
      'operations',
    ),
    errors(tallies),
  )
}

const row = (name: Content, tally: Tally): Markup =>
  markup`<tr><th scope="row">${name}</th>${COLUMNS.map(([, of]) => markup`<td class="number">${of(tally)}</td>`)}</tr>`

function errors(tallies: Measured['operations']): Markup {
  const rows = Object.entries(tallies).flatMap(([name, tally]) =>
    Object.entries(tally.errors).map(
      ([type, number]) =>
        markup`<tr><th scope="row"><code>${type}</code></th><td>${name}</td><td class="number">${thousands(number)}</td></tr>`,
    ),
  )
  return rows.length === 0
    ? NOTHING
    : markup`<h3>What failed</h3>${table('Errors by type', ['Error', 'Operation', 'Times'], rows)}`
}

export function environment({ environment: at, generator, pace }: Measured): Markup {
  const behind = 'rate' in pace ? `; behind by ${micros(generator.behind)} at most` : ''
  const rows: readonly Fact[] = [
    ['CPU', at.cpu],
    ['Cores', `${at.cores}${at.governor ? `, governor ${at.governor}` : ''}`],
    ['Memory', `${at.memoryGiB} GiB`],
    ['Kernel', at.kernel],
    ['Node', at.node],
    ['Load before', at.loadBefore.toFixed(2)],
    ['Machine', markup`<code>${at.machine}</code>`],
    ['Generator', `at work ${percent(generator.busy)} of the time${behind}`],
  ]
  return section(
    'environment',
    'Machine',
    markup`<p class="lead">Figures of one machine compare with each other, and with no others.</p>`,
    facts(rows),
  )
}
