/** HTML with everything escaped that is not markup of our own: what a token says of itself is written by strangers. */

/** Text that is HTML already. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Content = Markup | string | number | undefined | readonly Content[]

/** A template whose values are escaped unless they are markup; lists are joined, and undefined is nothing. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.reduce((text, part, i) => text + textOf(values[i - 1]) + part))
}

export const NOTHING = new Markup('')

function textOf(content: Content): string {
  if (content === undefined) return ''
  if (content instanceof Markup) return content.text
  return typeof content === 'object' ? content.map(textOf).join('') : escape(String(content))
}

/** What cannot be seen, or turns the direction of what is behind it, is shown as a box with its number. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]/gu

function escape(value: string): string {
  return value
    .toWellFormed()
    .replace(UNSEEN, (each) => (each === '\n' ? each : `⟦${each.codePointAt(0)!.toString(16).toUpperCase()}⟧`))
    .replace(/[&<>"'`]/g, (each) => `&#${each.charCodeAt(0)};`)
}

/** A section of the page, with a heading that can be linked to. */
export function section(id: string, title: string, ...content: readonly Content[]): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title"><a href="#${id}">${title}</a></h2>${content}</section>\n`
}

/** A table that scrolls by itself where the page is narrow, by keyboard too. */
export function table(caption: string, head: readonly Content[], rows: readonly Content[], kind = ''): Markup {
  const cells = head.map((each) => markup`<th scope="col">${each}</th>`)
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="${kind}"><caption>${caption}</caption><thead><tr>${cells}</tr></thead><tbody>${rows}</tbody></table></div>`
}

/** Thousands apart, so that numbers are read at a glance. */
export function thousands(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2
  const [whole, rest] = value.toFixed(digits).split('.')
  const apart = whole!.replace(/\B(?=(\d{3})+$)/g, '\u202F')
  return rest === undefined || Number(rest) === 0 ? apart : `${apart}.${rest}`
}

export function micros(value: number): string {
  if (value >= 1e6) return `${thousands(value / 1e6)} s`
  return value >= 1000 ? `${thousands(value / 1000)} ms` : `${thousands(value)} µs`
}
