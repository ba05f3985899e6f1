/** A run as one page that needs nothing else: what was measured, how fast it was, how that varied, and where. */
import { createHash } from 'node:crypto'
import { Markup, markup } from '../../page/markup.ts'
import { SCRIPT } from '../../page/script.ts'
import { STYLE } from '../../page/style.ts'
import { toBase64 } from '../../model/json.ts'
import type { Measured } from '../measured.ts'
import { curves } from './curves.ts'
import { environment, figures, header, operations } from './figures.ts'
import { ramp } from './ramp.ts'
import { seconds } from './seconds.ts'
import { CHARTS } from './style.ts'

export function benchPage(measured: Measured): string {
  const sections = [figures, ramp, curves, seconds, operations, environment].map((each) => each(measured))
  const page = markup`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${measured.workload.name} on ${measured.target.name}: strongroom bench</title>
<style>${new Markup(STYLE + CHARTS)}</style></head>
<body><a class="skip" href="#figures">To the figures</a>
${header(measured)}${contents(sections)}<main>${sections}</main>
<footer>Made by strongroom ${measured.version} from its report in JSON (${measured.schema}), which has everything that is on this page.</footer>
<script>${new Markup(SCRIPT)}</script></body></html>
`
  return page.text
}

/** Nothing is loaded, and no script runs but ours: names that a target or a workload has stay text. */
const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${toBase64(createHash('sha256').update(SCRIPT).digest())}'`

const TITLES: Readonly<Record<string, string>> = {
  figures: 'Figures',
  ramp: 'Ramp',
  curves: 'Waiting',
  seconds: 'Seconds',
  operations: 'Operations',
  environment: 'Machine',
}

function contents(sections: readonly Markup[]): Markup {
  const ids = sections.flatMap(({ text }) => /^<section id="([a-z]+)"/.exec(text)?.[1] ?? [])
  return markup`<nav aria-label="Contents"><ul>${ids.map((id) => markup`<li><a href="#${id}">${TITLES[id]}</a></li>`)}</ul></nav>`
}
