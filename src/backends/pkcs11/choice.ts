/** What is said about a token from outside, in options or a URI, and what comes of it: a module, a token, a way in. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cryptoki, Handle } from './cryptoki.ts'
import { TokenError } from './faults.ts'
import { readPin } from './pinfile.ts'
import { isMeant, parseTokenUri, UriError, type TokenTraits } from './uri.ts'

/** Which token, and how to get in. */
export interface TokenChoice {
  /** The label of the token, or else the number of its slot in the module's list of those that have one. */
  readonly tokenLabel?: string
  readonly slot?: number
  /** What else it has to be, should labels not be enough to tell. */
  readonly traits?: TokenTraits
  /** The number that the module itself gives the slot. */
  readonly slotId?: string
  /** The user PIN, or what gives it whenever the token wants it again. */
  readonly pin: string | (() => string)
  /** How many sessions are open at once besides two, for what takes the token long; 4 unless said otherwise. */
  readonly sessions?: number
}

/** A token as its user names it: each thing once, by an option or in the URI. The module and the PIN have to be among them. */
export interface TokenOptions extends Partial<TokenChoice> {
  /** The file of the module, a shared library. */
  readonly module?: string
  /** `pkcs11:token=payments?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/payments.pin`, as RFC 7512 has it. */
  readonly uri?: string
  /** A file that holds the PIN, and that only its owner can read. */
  readonly pinFile?: string
}

export interface Located {
  readonly module: string
  readonly choice: TokenChoice
}

/** Throws UriError, and TypeError when something is missing or said twice. */
export function located({ module, uri, pinFile, ...choice }: TokenOptions): Located {
  const { modulePath, moduleName, pinFile: source, slotId, ...said } = uri === undefined ? {} : parseTokenUri(uri)
  const traits = { token: said.token, manufacturer: said.manufacturer, serial: said.serial, model: said.model }
  const file = once('the module', module, modulePath, moduleName && moduleCalled(moduleName))
  const secret = once('the PIN', choice.pin, fromFile(pinFile), fromFile(source))
  once('the token', choice.tokenLabel, said.token)
  once('the slot', choice.slot?.toString(), slotId)
  if (file === undefined) throw new TypeError('a token needs its `module`, the file of a PKCS#11 library')
  if (secret === undefined) throw new TypeError('a token needs its `pin`, or a `pinFile`')
  return { module: file, choice: { ...choice, slotId, traits, pin: secret } }
}

/** The slots whose tokens are meant: none, one, or more than was hoped for. */
export function slotsOf(cryptoki: Cryptoki, { tokenLabel, slot, slotId, traits }: TokenChoice): Handle[] {
  const slots = cryptoki.C_GetSlotList(true)
  const wanted = { ...traits, ...(tokenLabel !== undefined && { token: tokenLabel }) }
  const isAsked = Object.values(wanted).some((trait) => trait !== undefined)
  return slots
    .slice(slot, slot === undefined ? undefined : slot + 1)
    .filter((each) => slotId === undefined || numberOf(each) === BigInt(slotId))
    .filter((each) => !isAsked || isMeant(wanted, cryptoki.C_GetTokenInfo(each)))
}

/** The token as it was asked for, for people. */
export function nameOf({ tokenLabel, slot, slotId, traits }: TokenChoice): string {
  const { token = tokenLabel, ...others } = traits ?? {}
  const rest = Object.entries(others).filter(([, value]) => value !== undefined)
  const said = [
    ...(token === undefined ? [] : [`labelled \`${token}\``]),
    ...rest.map(([name, value]) => `of the ${name} \`${value}\``),
    ...(slotId === undefined ? [] : [`in the slot with the id ${slotId}`]),
  ]
  return said.length === 0 || slot !== undefined ? [...said, `in slot ${slot ?? 0}`].join(' ') : said.join(' ')
}

function fromFile(file: string | undefined): (() => string) | undefined {
  return file === undefined ? undefined : () => readPin(file)
}

function once<T>(what: string, ...values: readonly (T | undefined)[]): T | undefined {
  const given = values.filter((value) => value !== undefined)
  if (given.length > 1) throw new UriError(`${what} is named twice`)
  return given[0]
}

/** A slot's number as this machine writes it. */
function numberOf(handle: Handle): bigint {
  return handle.length === 8 ? handle.readBigUInt64LE() : BigInt(handle.readUIntLE(0, handle.length))
}

const ROOTS = [
  '/usr/lib',
  '/usr/lib64',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib/aarch64-linux-gnu',
  '/usr/local/lib',
  '/opt/homebrew/lib',
]
const FOLDERS = ['pkcs11', '', 'softhsm', 'opensc']

/** The file of a module that is known by name, where distributions put them. */
function moduleCalled(name: string): string {
  const files = [`${name}.so`, `lib${name}.so`, `${name}.dylib`, `lib${name}.dylib`]
  const places = ROOTS.flatMap((root) => FOLDERS.map((folder) => join(root, folder)))
  const found = places.flatMap((place) => files.map((file) => join(place, file))).find((path) => existsSync(path))
  if (found === undefined)
    throw new TokenError(
      'ModuleMissing',
      `there is no PKCS#11 module called ${name}; say where it is, with module-path`,
    )
  return found
}
