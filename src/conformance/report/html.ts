/** A report as one page that needs nothing else: to be read by who buys or makes tokens, on a screen or on paper. */
import { createHash } from 'node:crypto'
import { toBase64 } from '../../model/json.ts'
import type { Report } from '../report.ts'
import type { Comparison } from './compare.ts'
import { checks, mechanisms } from './html/checks.ts'
import { comparison } from './html/comparison.ts'
import { disasters, failures } from './html/failures.ts'
import { Markup, markup } from '../../page/markup.ts'
import { matrix } from './html/matrix.ts'
import { header, verdict } from './html/overview.ts'
import { SCRIPT } from '../../page/script.ts'
import { STYLE } from '../../page/style.ts'
import { throughput } from './html/throughput.ts'

export function html(report: Report, compared?: Comparison): string {
  const sections = [
    verdict(report),
    compared ? comparison(compared) : '',
    disasters(report),
    failures(report),
    matrix(report),
    throughput(report),
    checks(report),
    mechanisms(report),
  ]
  const page = markup`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${report.token.label || report.token.model}: PKCS#11 conformance</title>
<style>${new Markup(STYLE)}</style></head>
<body><a class="skip" href="#verdict">To the verdict</a>
${header(report)}${contents(sections)}<main>${sections}</main>
<footer>Made by strongroom ${report.strongroom} from its report in JSON (${report.schema}), which has everything that is on this page.</footer>
<script>${new Markup(SCRIPT)}</script></body></html>
`
  return page.text
}

/** Nothing is loaded, and no script runs but ours: were a token to smuggle one in, it would stay text. */
const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${toBase64(createHash('sha256').update(SCRIPT).digest())}'`

const TITLES: Readonly<Record<string, string>> = {
  verdict: 'Verdict',
  comparison: 'What changed',
  disasters: 'Crashes and hangs',
  failures: 'Failures',
  matrix: 'KMS',
  throughput: 'Speed',
  checks: 'All checks',
  mechanisms: 'Mechanisms',
}

function contents(sections: readonly (Markup | string)[]): Markup {
  const ids = sections.flatMap((each) =>
    each instanceof Markup ? (/^<section id="([a-z]+)"/.exec(each.text)?.[1] ?? []) : [],
  )
  return markup`<nav aria-label="Contents"><ul>${ids.map((id) => markup`<li><a href="#${id}">${TITLES[id]}</a></li>`)}</ul></nav>`
}
