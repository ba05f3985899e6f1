/**
 * Policy variables: what in a policy's text is to be filled in from the request. What is filled in stands for itself; a star
 * in a tag's value is a star.
 */
import type { ContextReader } from './context.ts'
import { fold, WILDCARDS, type Token } from './match.ts'

/** `${aws:username}` or `${aws:username, 'nobody'}`. */
export interface Variable {
  readonly key: string
  readonly fallback: string | undefined
}

/** A colon that parts an ARN. */
export const COLON = Symbol(':')

export type Filled = readonly (Token | typeof COLON)[]
export type Template = readonly (Token | typeof COLON | Variable)[]

/** What in a text is more than text. Only the later version of the language has variables. */
export interface Reading {
  readonly variables?: boolean
  readonly wildcards?: boolean
  readonly colons?: boolean
}

/** Reads a policy's text. `${*}`, `${?}` and `${$}` are the characters themselves; so is a `${` that nothing closes. */
export function templateOf(text: string, reading: Reading): Template {
  if (!reading.variables) return literals(text, reading)
  const found: (Token | typeof COLON | Variable)[] = []
  let from = 0
  for (;;) {
    const start = text.indexOf('${', from)
    const end = start < 0 ? -1 : text.indexOf('}', start)
    if (end < 0) return [...found, ...literals(text.slice(from), reading)]
    found.push(...literals(text.slice(from, start), reading), variableOf(text.slice(start + 2, end)))
    from = end + 1
  }
}

const isEscape = (inner: string) => inner === '*' || inner === '?' || inner === '$'

function literals(text: string, { wildcards, colons }: Reading): (Token | typeof COLON)[] {
  if (!wildcards) return [text]
  return text.split(/([*?:])/).map((piece) => (colons && piece === ':' ? COLON : (WILDCARDS.get(piece) ?? piece)))
}

/** What cannot be a variable is one that no request has a value for. */
function variableOf(inner: string): Variable | string {
  if (isEscape(inner)) return inner
  const comma = inner.indexOf(',')
  if (comma < 0) return { key: fold(inner.trim()), fallback: undefined }
  const fallback = inner.slice(comma + 1).trim()
  const isQuoted = fallback.length >= 2 && fallback.startsWith("'") && fallback.endsWith("'")
  return { key: fold(inner.slice(0, comma).trim()), fallback: isQuoted ? fallback.slice(1, -1) : undefined }
}

const isVariable = (token: Template[number]): token is Variable => typeof token === 'object'

/** The condition keys that a template asks for. */
export function keysOf(template: Template): string[] {
  return template.filter(isVariable).map(({ key }) => key)
}

export function isConstant(template: Template): boolean {
  return !template.some(isVariable)
}

/** The template with its variables filled in; undefined when one has no value, or more than one. */
export function fill(template: Template, read: ContextReader): Filled | undefined {
  const filled: (Token | typeof COLON)[] = []
  for (const token of template) {
    const text = isVariable(token) ? valueOf(token, read) : token
    if (text === undefined) return undefined
    filled.push(text)
  }
  return filled
}

function valueOf({ key, fallback }: Variable, read: ContextReader): string | undefined {
  const value = read(key)
  return typeof value === 'string' ? value : fallback
}
