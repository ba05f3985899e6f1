/**
 * What stands for what in a story.
 *
 *   "$key"               what was saved as `key`; "${key}" the same inside a text
 *   {"$utf8": "hello"}   bytes, also {"$base64": "aGVsbG8="} and {"$zeros": 32}
 *   {"$flip": "$blob"}   the same bytes, the last of them changed
 *   {"$repeat": ["x", 9]} a text nine times over
 *   {"$date": "2026-01-31T00:00:00Z"}   a time
 *
 * And in what is expected, besides: "$any", "$uuid", "$hex64", "$date" for any value of the kind, "$absent" for none,
 * {"$match": "^…$"} for a text, {"$size": 32} for so many bytes, characters or items, {"$not": …} for anything else.
 */
import { isRecord, MATCHERS, type Template } from './story.ts'

export type Saved = ReadonlyMap<string, unknown>

/** The value a template stands for. */
export function resolve(template: Template, saved: Saved): unknown {
  if (typeof template === 'string') return fill(template, saved)
  if (Array.isArray(template)) return template.map((part: Template) => resolve(part, saved))
  if (!isRecord(template)) return template
  const form = formOf(template)
  if (!form) return Object.fromEntries(Object.entries(template).map(([k, v]) => [k, resolve(v, saved)]))
  const value = resolve(form.value, saved)
  switch (form.name) {
    case '$utf8':
      return new TextEncoder().encode(value as string)
    case '$base64':
      return Uint8Array.from(Buffer.from(value as string, 'base64'))
    case '$zeros':
      return new Uint8Array(value as number)
    case '$flip':
      return (value as Uint8Array).map((byte, i, all) => (i === all.length - 1 ? byte ^ 1 : byte))
    case '$repeat':
      return (value as [string, number])[0].repeat((value as [string, number])[1])
    case '$date':
      return new Date(value as string)
    default:
      throw new Error(`${form.name} is only for what is expected`)
  }
}

/** How `actual` is not what was expected, each with its place in the answer; nothing when it is. */
export function differences(expected: Template, actual: unknown, saved: Saved, at = ''): string[] {
  const wrong = (what: string) => [`${at || 'the answer'} ${what}, but is ${show(actual)}`]
  if (typeof expected === 'string' && MATCHERS.has(expected)) {
    return KINDS[expected]!(actual) ? [] : wrong(`should be ${expected}`)
  }
  const form = isRecord(expected) ? formOf(expected) : undefined
  if (form && form.name in TESTS) {
    const { name, value } = form
    return TESTS[name as keyof typeof TESTS](actual, value, saved) ? [] : wrong(`should be ${JSON.stringify(expected)}`)
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return wrong('should be a list')
    const found = actual as unknown[]
    if (found.length !== expected.length) return wrong(`should have ${expected.length} items`)
    return expected.flatMap((part: Template, i) => differences(part, found[i], saved, `${at}[${i}]`))
  }
  if (isRecord(expected) && !form) {
    if (typeof actual !== 'object' || actual === null) return wrong('should be an object')
    return Object.entries(expected).flatMap(([name, part]) =>
      differences(part, (actual as Record<string, unknown>)[name], saved, at ? `${at}.${name}` : name),
    )
  }
  const value = resolve(expected, saved)
  return equal(value, actual) ? [] : wrong(`should be ${show(value)}`)
}

/** A value by its place, such as `Grants.0.GrantId`. */
export function placed(value: unknown, path: string): unknown {
  return path.split('.').reduce((part, name) => (part as Record<string, unknown> | undefined)?.[name], value)
}

const KINDS: Record<string, (value: unknown) => boolean> = {
  $any: (value) => value !== undefined && value !== null,
  $absent: (value) => value === undefined || value === null,
  $uuid: (value) => /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(String(value)),
  $hex64: (value) => /^[0-9a-f]{64}$/.test(String(value)),
  $date: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
}

const TESTS = {
  $match: (actual: unknown, pattern: Template, saved: Saved) =>
    typeof actual === 'string' && new RegExp(resolve(pattern, saved) as string, 's').test(actual),
  $size: (actual: unknown, size: Template) => (actual as { length?: number } | undefined)?.length === size,
  $not: (actual: unknown, other: Template, saved: Saved) => differences(other, actual, saved).length > 0,
} as const

function formOf(template: object): { name: string; value: Template } | undefined {
  const [entry, ...more] = Object.entries(template) as [string, Template][]
  return entry?.[0].startsWith('$') && more.length === 0 ? { name: entry[0], value: entry[1] } : undefined
}

function fill(text: string, saved: Saved): unknown {
  const [, whole] = /^\$(\w+)$/.exec(text) ?? []
  if (whole !== undefined) return saved.get(whole)
  return text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => String(saved.get(name)))
}

function equal(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime()
  return a === b
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes (${Buffer.from(value).toString('hex').slice(0, 40)})`
  return value === undefined ? 'absent' : JSON.stringify(value)
}
