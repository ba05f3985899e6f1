/** What changed since another report, and first of all whether that was of the same device. */
import type { Change, Comparison } from '../compare.ts'
import { markup, NOTHING, section, table, thousands, type Content, type Markup } from '../../../page/markup.ts'
import { severityBadge, verdictBadge } from './words.ts'

export function comparison(compared: Comparison): Markup {
  const { before } = compared
  const since = markup`<p class="lead">Against the report of ${before.started.slice(0, 16).replace('T', ' ')} UTC${before.complete ? '' : ', which is partial'}. ${summary(compared)}</p>`
  return section(
    'comparison',
    'What changed',
    identity(compared),
    since,
    LISTS.map(([name, title, means]) => list(title, means, compared[name])),
    capabilities(compared),
    speeds(compared),
  )
}

const LISTS: readonly (readonly ['worse' | 'better' | 'fresh' | 'gone', string, string])[] = [
  ['worse', 'Worse', 'it held, or failed less badly'],
  ['better', 'Better', 'it did not hold, or failed worse'],
  ['fresh', 'New', 'told for the first time'],
  ['gone', 'Gone', 'no longer told'],
]

function summary({ worse, better, fresh, gone, unchanged }: Comparison): string {
  return `${worse.length} worse, ${better.length} better, ${fresh.length} new, ${gone.length} gone, ${unchanged} unchanged.`
}

function identity({ identical, traits }: Comparison): Markup {
  if (identical)
    return markup`<p class="same"><span aria-hidden="true">✓</span> Both reports are of the same module and the same token, by every trait that they tell.</p>`
  const rows = traits
    .filter(({ same }) => !same)
    .map(
      ({ name, before, after }) =>
        markup`<tr><th scope="row">${name}</th><td><code>${before}</code></td><td><code>${after}</code></td></tr>`,
    )
  return markup`<div class="different"><p><span aria-hidden="true">≠</span> The reports are not of the same device: what changed may be the device and not its behaviour.</p>${table('What differs of the devices', ['Trait', 'Before', 'Now'], rows)}</div>`
}

function list(title: string, means: string, changes: readonly Change[]): Markup {
  if (changes.length === 0) return NOTHING
  const rows = changes.map(
    ({ id, title, severity, before, after }) =>
      markup`<tr><td class="change">${verdictOf(before)} → ${verdictOf(after)}</td><td><code>${id}</code><p>${title}</p></td><td>${severityBadge(severity)}</td></tr>`,
  )
  return markup`<details ${title === 'Worse' || title === 'Better' ? 'open' : ''}><summary><b>${title}</b> ${changes.length} <small>${means}</small></summary>${table(title, ['Verdict', 'Check', 'Severity'], rows, 'uncaptioned')}</details>`
}

function verdictOf(verdict: Change['before']): Content {
  return verdict ? verdictBadge(verdict) : 'not there'
}

function capabilities({ capabilities: changes }: Comparison): Markup {
  if (changes.length === 0) return NOTHING
  const rows = changes.map(
    ({ spec, algorithm, before, after }) =>
      markup`<tr><th scope="row"><code>${spec}</code></th><td><code>${algorithm}</code></td><td>${before ?? 'not told'} → <b>${after ?? 'not told'}</b></td></tr>`,
  )
  return markup`<h3>What a KMS can do</h3>${table('What a KMS can do otherwise', ['Key spec', 'Use', 'Change'], rows)}`
}

function speeds({ throughput }: Comparison): Markup {
  if (throughput.length === 0) return NOTHING
  const rows = throughput.map(
    ({ what, before, after, ratio }) =>
      markup`<tr><th scope="row">${what}</th><td class="number">${thousands(before)}/s</td><td class="number">${thousands(after)}/s</td><td class="number">${ratio >= 1 ? '▲' : '▼'} × ${ratio.toFixed(2)}</td></tr>`,
  )
  return markup`<h3>Speed</h3>${table('What became faster or slower by more than a fifth', ['Measured', 'Before', 'Now', 'Change'], rows)}`
}
