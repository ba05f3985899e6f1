/** What does not hold, worst first: what was expected and came instead, the calls that led there, and how to see it again. */
import type { Report, Result } from '../../report.ts'
import { grouped, kinOf } from '../areas.ts'
import { isBad, SEVERITIES } from '../judgement.ts'
import { markup, NOTHING, section, type Content, type Markup } from '../../../page/markup.ts'
import { MEANINGS, severityBadge, verdictBadge } from './words.ts'

/** Crashes and hangs: they take down whoever loaded the module, whatever the check was about. */
export function disasters({ results }: Report): Markup {
  const down = bySeverity(results.filter(({ verdict }) => verdict === 'crashed' || verdict === 'hung'))
  if (down.length === 0) return NOTHING
  const why = markup`<p class="lead">Each of these took the process down that had loaded the module, or blocked it for good. They ran in a process of their own; a service would be down with it, unless it isolates the module too.</p>`
  return section('disasters', 'Crashes and hangs', why, down.map(card))
}

export function failures({ results }: Report): Markup {
  const failed = bySeverity(results.filter(({ verdict }) => verdict === 'failed'))
  if (failed.length === 0)
    return section(
      'failures',
      'Failures',
      markup`<p class="lead">${results.some(isBad) ? 'Nothing else failed.' : 'Nothing failed.'}</p>`,
    )
  return section('failures', 'Failures', groups(failed))
}

function groups(failed: readonly Result[]): Content {
  return SEVERITIES.filter((severity) => failed.some((result) => result.severity === severity)).map((severity) => {
    const own = failed.filter((result) => result.severity === severity)
    return markup`<h3>${severityBadge(severity)} ${own.length} <small>${MEANINGS[severity]}</small></h3>${grouped(own, kinOf).map(kin)}`
  })
}

/** As many of a kind are told one by one. */
const FEW = 2

function kin([name, own]: readonly [string, readonly Result[]]): Content {
  if (own.length <= FEW) return own.map(card)
  const [first, ...others] = own
  return [
    card(first!),
    markup`<details class="kin"><summary>${others.length} more of <code>${name}</code></summary>${others.map(card)}</details>`,
  ]
}

function bySeverity(results: readonly Result[]): readonly Result[] {
  return results.toSorted((one, other) => SEVERITIES.indexOf(one.severity) - SEVERITIES.indexOf(other.severity))
}

function card(result: Result): Markup {
  const { id, title, clause, severity, verdict, expected, observed, remark } = result
  return markup`<article class="card ${severity} ${verdict}" id="failure-${id}"><header>${verdictBadge(verdict)} ${severityBadge(severity)} <code class="id">${id}</code></header>
<h4>${title}</h4><p class="clause">${clause}</p>
<dl class="found">${fact('Expected', expected)}${fact('Observed', observed)}</dl>${remark === undefined ? NOTHING : markup`<p>${remark}</p>`}${trace(result)}${reproduction(result)}</article>\n`
}

function fact(name: string, value: string | undefined): Markup {
  return value === undefined
    ? NOTHING
    : markup`<div class="${name.toLowerCase()}"><dt>${name}</dt><dd>${value}</dd></div>`
}

function trace({ trace: calls }: Result): Markup {
  if (calls.length === 0) return NOTHING
  const lines = calls.map(
    ({ call, args, rv }) =>
      markup`<li class="${rv === 'CKR_OK' ? 'ok' : 'not'}"><b>${call}</b>(${args.join(', ')}) <span class="rv">${rv ?? 'did not come back'}</span></li>`,
  )
  return markup`<details><summary>The last ${calls.length === 1 ? 'call' : `${calls.length} calls`}</summary><ol class="trace">${lines}</ol></details>`
}

function reproduction({ reproduce, id }: Result): Markup {
  return markup`<div class="reproduce"><code>${reproduce}</code><button type="button" data-copy hidden aria-label="Copy the command for ${id}">Copy</button></div>`
}
