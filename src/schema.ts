/**
 * What a person wrote down in YAML, read by its shape: every mistake is told with its line and column, all at once. Part of it
 * is secret, so a complaint names keys and places and never quotes a value that could be.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { ParsedNode, Scalar } from 'yaml'
import { nearest } from './nearest.ts'

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * The value of YAML, or JSON, that has the shape `read` reads. Throws a ConfigError with a line for each mistake:
 * `file:line:column: what is wrong`.
 */
export function parseYaml(text: string, file: string, read: Reader): unknown {
  const lines = new LineCounter()
  const problems: { offset: number; problem: string }[] = []
  const tell: Tell = (offset, problem) => {
    problems.push({ offset, problem })
    return WRONG
  }

  // Pretty errors would quote the line they complain about, and some plain ones quote a token after a colon, or advise the programmer.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    tell(pos[0], message.replace(/(?:: "|; ).*$/s, ''))
  }
  const { contents } = document
  const value = problems.length > 0 || contents === null || isEmpty(contents) ? {} : read(contents, 'file', tell)
  if (problems.length === 0) return value
  const ordered = problems.sort((a, b) => a.offset - b.offset)
  throw new ConfigError(
    ordered
      .map(({ offset, problem }) => {
        const { line, col } = lines.linePos(offset)
        return `${file}:${line}:${col}: ${problem}`
      })
      .join('\n'),
  )
}

/** Stands for a value that was not to be had; never seen outside, because then something was told. */
const WRONG = Symbol('wrong')
type Tell = (offset: number, problem: string) => typeof WRONG
/** The value of a node that is called `name`, or what is wrong with it. */
export type Reader = (node: ParsedNode, name: string, tell: Tell) => unknown

export function text(pattern: RegExp, what: string): Reader {
  return (node, name, tell) => {
    if (!isScalar(node)) return tell(node.range[0], `\`${name}\` must be ${what}`)
    const { value, source } = node
    if (typeof value === 'string' && pattern.test(value)) return value
    // YAML takes 000000000002 for the number 2. An identifier may be shown; nothing says that of other text.
    const cure = name === 'id' || name === 'account' ? `: '${source}'` : ''
    const hint = typeof value === 'string' ? '' : `; unquoted, this is not text to YAML, so quote it${cure}`
    return tell(node.range[0], `\`${name}\` must be ${what}${hint}`)
  }
}

export function integer([least, most]: readonly [number, number]): Reader {
  return (node, name, tell) => {
    const value: unknown = isScalar(node) ? node.value : undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
    return tell(node.range[0], `\`${name}\` must be a whole number from ${least} to ${most}`)
  }
}

export const flag: Reader = (node, name, tell) => {
  if (isScalar(node) && typeof node.value === 'boolean') return node.value
  return tell(node.range[0], `\`${name}\` must be true or false`)
}

/** A text that no other one of those this reads may equal, in whatever case if `fold` makes them equal. */
export function unique(read: Reader, fold = (value: string) => value): Reader {
  const seen = new Set<string>()
  return (node, name, tell) => {
    const value = read(node, name, tell)
    if (typeof value !== 'string') return value
    if (seen.has(fold(value))) return tell(node.range[0], `\`${name}\` is used before: '${value}'`)
    seen.add(fold(value))
    return value
  }
}

/** One of a few words. */
export function oneOf(words: readonly string[]): Reader {
  return text(new RegExp(`^(?:${words.join('|')})$`), words.join(' or '))
}

/** What `make` makes anew for each node: texts that `unique` holds apart are so within that node alone. */
export function anew(make: () => Reader): Reader {
  return (node, name, tell) => make()(node, name, tell)
}

/** A map from texts that match `key` to what `read` reads. */
export function dictionary(key: RegExp, what: string, read: Reader): Reader {
  return (node, name, tell) => {
    if (!isMap(node)) return tell(node.range[0], `\`${name}\` must be a map`)
    const entries = node.items.map((pair) => {
      const { value: field, range } = pair.key as Scalar.Parsed
      if (!key.test(String(field))) tell(range[0], `a key of \`${name}\` must be ${what}`)
      const { value } = pair
      const isMissing = value === null || isEmpty(value)
      return [field, isMissing ? tell(range[0], `\`${name}\` has a key without a value`) : read(value, name, tell)]
    })
    return Object.fromEntries(entries) as unknown
  }
}

/** Text, or whatever JSON can say, that `check` takes; what it throws is told. */
export function checked(check: (text: string) => unknown): Reader {
  return (node, name, tell) => {
    try {
      const value = plain(node)
      check(typeof value === 'string' ? value : JSON.stringify(value))
      return value
    } catch (error) {
      return tell(node.range[0], `\`${name}\`: ${(error as Error).message}`)
    }
  }
}

function plain(node: ParsedNode | null): unknown {
  if (isScalar(node)) return node.value
  if (isSeq(node)) return node.items.map((item) => plain(item))
  if (isMap(node)) return Object.fromEntries(node.items.map(({ key, value }) => [(key as Scalar).value, plain(value)]))
  if (node === null) return null
  throw new TypeError('references to other places are not taken')
}

export function list(item: Reader): Reader {
  return (node, name, tell) =>
    isSeq(node) ? node.items.map((child) => item(child, name, tell)) : tell(node.range[0], `\`${name}\` must be a list`)
}

/** What has these keys and no other. */
export function record(fields: Record<string, Reader>, required: readonly string[] = []): Reader {
  const known = Object.keys(fields)
  return (node, name, tell) => {
    if (!isMap(node)) return tell(node.range[0], `\`${name}\` must have the keys ${known.join(', ')}`)
    const result: Record<string, unknown> = {}
    for (const pair of node.items) {
      const key = pair.key as Scalar.Parsed
      const value = pair.value
      const field = String(key.value)
      const read = Object.hasOwn(fields, field) ? fields[field] : undefined
      if (!read) tell(key.range[0], `unknown key \`${field}\`${nearest(field, known)}`)
      else if (value === null || isEmpty(value)) tell(key.range[0], `\`${field}\` has no value`)
      else result[field] = read(value, field, tell)
    }
    for (const field of required) if (!node.has(field)) tell(node.range[0], `\`${field}\` is missing`)
    return result
  }
}

const isEmpty = (node: ParsedNode): boolean => isScalar(node) && node.value === null
