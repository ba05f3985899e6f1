/**
 * The config file: YAML whose every mistake is told with its line and column, all at once. Part of what it holds is secret, so
 * a complaint names keys and places and never quotes a secret's value.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import type { ParsedNode, Scalar } from 'yaml'
import type { AccountConfig } from './identity.ts'
import { nearest } from './nearest.ts'

/** All of these but `accounts` and the last two are also flags of `strongroom serve`; a flag that is given wins over the file. */
export interface Config {
  accounts?: AccountConfig[]
  account?: string
  host?: string
  port?: number
  data?: string
  memory?: boolean
  slots?: number
  deviceRate?: number
  seed?: number
  tls?: { cert: string; key: string }
  /** Certificates in PEM; the file names the files they are in. */
  attestationRoots?: string[]
  settleMillis?: number
}

/** What numbers may be, in the file and on the command line. */
export const RANGES = {
  port: [0, 65_535],
  slots: [1, 16_777_216],
  deviceRate: [1, 1_000_000_000],
  seed: [0, Number.MAX_SAFE_INTEGER],
  settleMillis: [0, 3_600_000],
} as const

export const ACCOUNT_ID = /^\d{12}$/

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Reads a file; the paths in it are relative to its folder. */
export function readConfig(file: string): Config {
  const config = parseConfig(readText(file), file)
  const path = (value: string) => resolve(dirname(file), value)
  const { data, tls, attestationRoots } = config
  return {
    ...config,
    data: data === undefined ? undefined : path(data),
    tls: tls === undefined ? undefined : { cert: path(tls.cert), key: path(tls.key) },
    attestationRoots: attestationRoots?.map((root) => readText(path(root))),
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** Throws a ConfigError with a line for each mistake: `file:line:column: what is wrong`. */
export function parseConfig(text: string, file: string): Config {
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
  const config = problems.length > 0 || contents === null || isEmpty(contents) ? {} : schema()(contents, 'file', tell)
  if (problems.length === 0) return config as Config
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
type Reader = (node: ParsedNode, name: string, tell: Tell) => unknown

/** The file's shape, anew for each file: identifiers must differ over the whole of it. */
function schema(): Reader {
  const accountId = text(ACCOUNT_ID, 'an account id of 12 digits')
  const accessKey = record(
    {
      id: unique(text(/^\w{3,128}$/, 'an access key id of 3 to 128 letters, digits or `_`')),
      secret: text(/^.{1,128}$/su, 'text of 1 to 128 characters'),
      sessionToken: text(/^[!-~]{1,8192}$/, 'text of 1 to 8192 characters without blanks'),
    },
    ['id', 'secret'],
  )
  return record({
    accounts: list(record({ id: unique(accountId), accessKeys: list(accessKey) }, ['id', 'accessKeys'])),
    account: accountId,
    host: text(/^\S+$/, 'an address or host name'),
    port: integer(RANGES.port),
    data: text(/./, 'a folder'),
    memory: flag,
    slots: integer(RANGES.slots),
    deviceRate: integer(RANGES.deviceRate),
    seed: integer(RANGES.seed),
    tls: record({ cert: text(/./, 'a file'), key: text(/./, 'a file') }, ['cert', 'key']),
    attestationRoots: list(text(/./, 'a file')),
    settleMillis: integer(RANGES.settleMillis),
  })
}

function text(pattern: RegExp, what: string): Reader {
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

function integer([least, most]: readonly [number, number]): Reader {
  return (node, name, tell) => {
    const value: unknown = isScalar(node) ? node.value : undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
    return tell(node.range[0], `\`${name}\` must be a whole number from ${least} to ${most}`)
  }
}

const flag: Reader = (node, name, tell) => {
  if (isScalar(node) && typeof node.value === 'boolean') return node.value
  return tell(node.range[0], `\`${name}\` must be true or false`)
}

function unique(read: Reader): Reader {
  const seen = new Set<string>()
  return (node, name, tell) => {
    const value = read(node, name, tell)
    if (typeof value !== 'string') return value
    if (seen.has(value)) return tell(node.range[0], `\`${name}\` is used before: '${value}'`)
    seen.add(value)
    return value
  }
}

function list(item: Reader): Reader {
  return (node, name, tell) =>
    isSeq(node) ? node.items.map((child) => item(child, name, tell)) : tell(node.range[0], `\`${name}\` must be a list`)
}

function record(fields: Record<string, Reader>, required: readonly string[] = []): Reader {
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
