/** Every check by area, to be filtered; and the mechanisms that the token announces. */
import type { Report, Result, Verdict } from '../../report.ts'
import { areasOf } from '../areas.ts'
import { isBad } from '../judgement.ts'
import { markup, section, table, type Content, type Markup } from '../../../page/markup.ts'
import { severityBadge, VERDICTS, verdictBadge } from './words.ts'

export function checks({ results }: Report): Markup {
  if (results.length === 0) return section('checks', 'All checks', markup`<p class="lead">Nothing was checked.</p>`)
  return section('checks', 'All checks', filter(results), areasOf(results).map(area))
}

/** Shown by the script of the page, which it needs. */
function filter(results: readonly Result[]): Markup {
  const verdicts = (Object.keys(VERDICTS) as Verdict[]).filter((verdict) =>
    results.some((each) => each.verdict === verdict),
  )
  const boxes = verdicts.map(
    (verdict) => markup`<label><input type="checkbox" value="${verdict}" checked>${verdictBadge(verdict)}</label>`,
  )
  return markup`<form id="filter" role="search" hidden><input type="search" aria-label="Words in the id, the title or the clause" placeholder="Find checks: words of an id, a title, a clause"><fieldset><legend>Verdicts</legend>${boxes}</fieldset><output aria-live="polite"></output></form>`
}

function area([name, results]: readonly [string, readonly Result[]]): Markup {
  const counts = (Object.keys(VERDICTS) as Verdict[]).flatMap((verdict) => {
    const number = results.filter((result) => result.verdict === verdict).length
    return number === 0
      ? []
      : [
          markup`<span class="count ${verdict}" title="${number} ${verdict}"><span aria-hidden="true">${VERDICTS[verdict].sign}</span> ${number}<span class="unseen"> ${verdict}</span></span>`,
        ]
  })
  return markup`<details class="area"><summary><b>${name}</b> <span class="counts">${counts}</span></summary><table class="checks"><thead class="unseen"><tr><th scope="col">Verdict</th><th scope="col">Check</th><th scope="col">Severity</th></tr></thead><tbody>${results.map(check)}</tbody></table></details>\n`
}

function check(result: Result): Markup {
  const { id, title, clause, severity, verdict, profiles, remark, milliseconds } = result
  const name: Content = isBad(result)
    ? markup`<a href="#failure-${id}"><code>${id}</code></a>`
    : markup`<code>${id}</code>`
  return markup`<tr data-verdict="${verdict}"><td>${verdictBadge(verdict)}</td><td>${name}<p>${title}</p><small>${[clause, ...profiles.map((each) => `profile ${each}`), `${milliseconds} ms`].join(' · ')}${isBad(result) || !remark ? '' : markup`<br>${remark}`}</small></td><td>${severityBadge(severity)}</td></tr>`
}

export function mechanisms({ token }: Report): Markup {
  const rows = token.mechanisms.map(
    ({ name, minKeySize, maxKeySize, flags }) =>
      markup`<tr><th scope="row"><code>${name}</code></th><td class="number">${size(minKeySize)}</td><td class="number">${size(maxKeySize)}</td><td>${flags.map((flag) => markup`<code class="flag">${flag.replace(/^CKF_/, '')}</code> `)}</td></tr>`,
  )
  const all = table('What the token announces', ['Mechanism', 'Smallest key', 'Largest key', 'Good for'], rows)
  return section(
    'mechanisms',
    'Mechanisms',
    markup`<details><summary>${rows.length} announced</summary>${all}</details>`,
  )
}

/** Zero where keys have no size; all ones where the token does not tell. */
function size(value: number): string {
  return value > 0 ? String(value) : '–'
}
