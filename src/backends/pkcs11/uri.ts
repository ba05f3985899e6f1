/**
 * `pkcs11:` URIs, as RFC 7512 has them: which token, behind which module, and where its PIN is. What narrows the choice and
 * cannot be heeded is refused, lest another token be taken; of the query, what is not known here is passed over.
 */
import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TokenInfo } from './cryptoki.ts'

/** What tells one token from another; what is not said fits any. */
export interface TokenTraits {
  readonly token?: string
  readonly manufacturer?: string
  readonly serial?: string
  readonly model?: string
}

export interface TokenUri extends TokenTraits {
  /** The number that the module gives the slot, which is not its place in a list. */
  readonly slotId?: string
  /** The label of one key, and its id in hexadecimal digits: not for a room, which has many. */
  readonly object?: string
  readonly id?: string
  readonly modulePath?: string
  readonly moduleName?: string
  readonly pinFile?: string
}

/** A URI that names no token, or not in a way that is safe. */
export class UriError extends Error {
  readonly code = 'UriInvalid'

  constructor(message: string) {
    super(message)
    this.name = 'UriError'
  }
}

/** What may be said: where it goes, and what it means; or why it is not taken. */
type Row = { readonly member?: keyof TokenUri; read?(value: string): string } | { readonly refused: string }

const UNSEEN = 'is not looked at, and another token might be taken for want of it'

const PATH: Readonly<Record<string, Row>> = {
  token: { member: 'token' },
  manufacturer: { member: 'manufacturer' },
  serial: { member: 'serial' },
  model: { member: 'model' },
  'slot-id': { member: 'slotId', read: matching(/^\d{1,15}$/, 'is a number') },
  object: { member: 'object' },
  id: { member: 'id' },
  type: { read: matching(/^(public|private|cert|secret-key|data)$/, 'is public, private, cert, secret-key or data') },
  'library-manufacturer': { refused: UNSEEN },
  'library-description': { refused: UNSEEN },
  'library-version': { refused: UNSEEN },
  'slot-description': { refused: UNSEEN },
  'slot-manufacturer': { refused: UNSEEN },
}

const QUERY: Readonly<Record<string, Row>> = {
  'module-path': { member: 'modulePath', read: matching(/^\//, 'is a path from the root on') },
  'module-name': { member: 'moduleName', read: matching(/^[^/]+$/, 'is no path') },
  'pin-source': { member: 'pinFile', read: fileIn },
  'pin-value': { refused: 'shows the PIN to everybody who sees the URI; name a file of it with pin-source' },
}

const UNRESERVED = String.raw`[\w\-.~:[\]@!$'()*+,=]|%[\da-f]{2}`
const PATH_VALUE = new RegExp(`^(?:${UNRESERVED}|&)*$`, 'i')
const QUERY_VALUE = new RegExp(`^(?:${UNRESERVED}|[/?|])*$`, 'i')

/** Throws UriError. */
export function parseTokenUri(uri: string): TokenUri {
  const [, path, query] =
    /^pkcs11:([^?]*)(?:\?(.*))?$/is.exec(uri) ?? refuse('a token is named by a URI that begins with `pkcs11:`')
  const said: Partial<Record<keyof TokenUri, string>> = {}
  const seen = new Set<string>()
  for (const { name, value } of attributes(path!, ';', PATH_VALUE)) {
    read(PATH[name] ?? refuse(`\`${name}\` is not known, and another token might be taken for want of it`), name, value)
  }
  for (const { name, value } of attributes(query ?? '', '&', QUERY_VALUE)) {
    if (QUERY[name]) read(QUERY[name], name, value)
  }
  return said

  function read(row: Row, name: string, value: string): void {
    if (seen.has(name)) refuse(`\`${name}\` is there twice`)
    seen.add(name)
    if ('refused' in row) refuse(`\`${name}\` ${row.refused}`)
    const text = name === 'id' ? bytesIn(value).toString('hex') : decoded(name, value)
    const meant = row.read ? told(name, () => row.read!(text)) : text
    if (row.member) said[row.member] = meant
  }
}

/** The token as a URI that names it and no other. */
export function identityOf({ model, manufacturerID, serialNumber, label }: TokenInfo): string {
  const said = { model, manufacturer: manufacturerID, serial: serialNumber, token: label }
  return `pkcs11:${Object.entries(said)
    .map(([name, value]) => `${name}=${encodeURIComponent(trimmed(value))}`)
    .join(';')}`
}

/** Whether the token is one that `traits` fit. */
export function isMeant(traits: TokenTraits, info: TokenInfo): boolean {
  return (
    fits(traits.token, info.label) &&
    fits(traits.manufacturer, info.manufacturerID) &&
    fits(traits.serial, info.serialNumber) &&
    fits(traits.model, info.model)
  )
}

function fits(wanted: string | undefined, padded: string): boolean {
  return wanted === undefined || wanted === trimmed(padded)
}

/** Modules fill their fields with blanks, some with zeros. */
function trimmed(padded: string): string {
  return padded.replace(/[ \0]+$/, '')
}

function attributes(text: string, separator: string, values: RegExp): { name: string; value: string }[] {
  if (text === '') return []
  return text.split(separator).map((attribute) => {
    const [name, ...rest] = attribute.split('=')
    const value = rest.join('=')
    if (!name || rest.length === 0) refuse(`\`${separator}\` stands between attributes of the form name=value`)
    if (!values.test(value)) refuse(`the value of \`${name}\` has characters that must be percent-encoded`)
    return { name, value }
  })
}

function decoded(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return refuse(`the value of \`${name}\` is no text`)
  }
}

function bytesIn(value: string): Buffer {
  const bytes = value.replace(/%([\da-f]{2})|[^]/gi, (one, hex?: string) => hex ?? Buffer.from(one).toString('hex'))
  return Buffer.from(bytes, 'hex')
}

function matching(form: RegExp, what: string): (value: string) => string {
  return (value) => (form.test(value) ? value : refuse(what))
}

function fileIn(value: string): string {
  if (value.startsWith('file:')) return fileURLToPath(value)
  return isAbsolute(value)
    ? value
    : refuse('is a file:, or the path of a file from the root on; programs are not asked')
}

/** Puts before what is wrong with a value whose it is. */
function told(name: string, act: () => string): string {
  try {
    return act()
  } catch (error) {
    return refuse(`\`${name}\` ${error instanceof UriError ? error.message : 'is no file of this machine'}`)
  }
}

function refuse(why: string): never {
  throw new UriError(why)
}
