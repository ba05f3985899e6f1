/** A page that needs nothing else, and loads nothing: what reports of tokens and of runs have around their sections. */
import { createHash } from 'node:crypto'
import { toBase64 } from '../model/json.ts'
import { Markup, markup } from './markup.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

export interface Page {
  readonly title: string
  /** Style of the page's own. */
  readonly style?: string
  readonly header: Markup
  /** By the ids of their elements, in the order of the page; those that are empty are left out. */
  readonly sections: readonly Markup[]
  /** What the contents call them, by their ids. */
  readonly titles: Readonly<Record<string, string>>
  readonly footer: string
}

export function pageOf({ title, style = '', header, sections, titles, footer }: Page): string {
  const ids = sections.flatMap(({ text }) => /^<section id="([a-z]+)"/.exec(text)?.[1] ?? [])
  const links = ids.map((id) => markup`<li><a href="#${id}">${titles[id]}</a></li>`)
  const page = markup`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title}</title>
<style>${new Markup(STYLE + style)}</style></head>
<body><a class="skip" href="#${ids[0]}">To the ${titles[ids[0] ?? '']?.toLowerCase()}</a>
${header}<nav aria-label="Contents"><ul>${links}</ul></nav><main>${sections}</main>
<footer>${footer}</footer>
<script>${new Markup(SCRIPT)}</script></body></html>
`
  return page.text
}

/** Nothing is loaded, and no script runs but ours: were somebody's name to smuggle one in, it would stay text. */
const POLICY = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${toBase64(createHash('sha256').update(SCRIPT).digest())}'`
