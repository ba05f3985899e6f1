/**
 * Whether a text fits a pattern. A pattern is cut at its stars once, when its document is read; a text is then searched for
 * the parts from left to right, each found for good where it is found first, so that no number of stars takes long.
 * Characters are UTF-16 code units and equal nothing but themselves.
 */

import { ANY, searchFor, type Search } from './search.ts'

/** `*`, any run of characters, and `?`, one character, where they mean that rather than themselves. */
export const STAR = Symbol('*')
export const ONE = Symbol('?')
export type Token = string | typeof STAR | typeof ONE

/** How they are written. */
export const WILDCARDS: ReadonlyMap<string, Token> = new Map<string, Token>([
  ['*', STAR],
  ['?', ONE],
])

export interface Glob {
  /** What stands between the stars: one part more than there are stars, but those next to each other count as one. */
  readonly parts: readonly Part[]
  /** The fewest characters that fit. */
  readonly length: number
}

interface Part {
  readonly text: string
  /** Where some of `text` may be anything: its code units, and how to find them. */
  readonly open: { readonly units: readonly number[]; readonly search: Search } | undefined
}

/** The tokens of a pattern without variables. */
export function tokensOf(pattern: string): Token[] {
  return pattern.split(/([*?])/).map((piece) => WILDCARDS.get(piece) ?? piece)
}

export function globOf(tokens: readonly Token[]): Glob {
  const parts = splitAtStars(tokens).map(partOf)
  const telling = parts.filter(({ text }, i) => text !== '' || i === 0 || i === parts.length - 1)
  return { parts: telling, length: telling.reduce((sum, { text }) => sum + text.length, 0) }
}

function splitAtStars(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (token === STAR) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts
}

function partOf(tokens: readonly Token[]): Part {
  const text = tokens.map((token) => (typeof token === 'string' ? token : '?')).join('')
  if (!tokens.includes(ONE)) return { text, open: undefined }
  const units = tokens.flatMap((token) => (typeof token === 'string' ? unitsOf(token) : ANY))
  return { text, open: { units, search: searchFor(units) } }
}

const unitsOf = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))

export function fits({ parts, length }: Glob, text: string): boolean {
  const first = parts[0]!
  if (parts.length === 1) return text.length === length && isAt(first, text, 0)
  const last = parts[parts.length - 1]!
  const end = text.length - last.text.length
  if (text.length < length || !isAt(first, text, 0) || !isAt(last, text, end)) return false
  let from = first.text.length
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i]!
    const at = find(part, text, from, end - part.text.length)
    if (at < 0) return false
    from = at + part.text.length
  }
  return true
}

/** Where between `from` and `to` a part is first; or -1. */
function find({ text: wanted, open }: Part, text: string, from: number, to: number): number {
  if (open !== undefined) return open.search(text, from, to)
  const at = text.indexOf(wanted, from)
  return at <= to ? at : -1
}

function isAt({ text: wanted, open }: Part, text: string, at: number): boolean {
  if (open === undefined) return text.startsWith(wanted, at)
  return open.units.every((unit, i) => unit === ANY || unit === text.charCodeAt(at + i))
}

/** Whether a text fits one of many patterns: those without wildcards are looked up, the others tried. */
export function anyOf(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.includes('*')) return () => true
  const exact = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)))
  const globs = patterns.filter((pattern) => !exact.has(pattern)).map((pattern) => globOf(tokensOf(pattern)))
  return (text) => exact.has(text) || globs.some((glob) => fits(glob, text))
}

/** In lower case, as far as ASCII goes: `K` (Kelvin) and `İ` are letters of their own, whatever Unicode folds them into. */
export function fold(text: string): string {
  return isAscii(text) ? text.toLowerCase() : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}
