/** A module and the token in it, before there is a session: how it is begun with, found, and described. */
import { CKF, CKM, CKR } from './cryptoki/numbers.ts'
import { nameOf, structure, word, WORD, wordIn } from './cryptoki/memory.ts'
import type { Module } from './cryptoki/module.ts'
import type { Device } from './device.ts'
import type { Report } from './report.ts'

/** Which token of a module: by its label, or by its number in the list of slots that have one. */
export interface Choice {
  readonly tokenLabel?: string | undefined
  readonly slot?: number | undefined
}

/** The module could not be used at all, and why. */
export class Unusable extends Error {
  override readonly name: string = 'Unusable'
}

/** C_Initialize as a program with threads says it. */
export function initialize(module: Module): number {
  return module.call('C_Initialize', structure(null, null, null, null, CKF.OS_LOCKING_OK, null))
}

/** The slot of the token that was chosen; throws Unusable when it is not there. */
export function slotOf(module: Module, { tokenLabel, slot }: Choice): number {
  const slots = slotsOf(module)
  if (tokenLabel === undefined) {
    const found = slots[slot ?? 0]
    if (found === undefined) throw new Unusable(`there is no slot ${slot ?? 0}: ${slots.length} have a token`)
    return found
  }
  const labels = slots.map((each) => text(tokenInfo(module, each), 0, 32))
  const found = slots[labels.indexOf(tokenLabel)]
  if (found !== undefined) return found
  const others = labels.map((label) => `\`${label}\``).join(', ') || 'none'
  throw new Unusable(`there is no token \`${tokenLabel}\` in this module; there is ${others}`)
}

function slotsOf(module: Module): number[] {
  const count = word()
  const rv = module.call('C_GetSlotList', 1, null, count)
  if (rv !== CKR.OK) throw new Unusable(`C_GetSlotList answered ${nameOf(CKR, 'CKR', rv)}`)
  const list = Buffer.alloc(wordIn(count) * WORD)
  module.call('C_GetSlotList', 1, list, count)
  return Array.from({ length: wordIn(count) }, (_, i) => wordIn(list, i * WORD))
}

function tokenInfo(module: Module, slot: number): Buffer {
  const info = Buffer.alloc(208)
  module.call('C_GetTokenInfo', slot, info)
  return info
}

/** What a module says of itself, but for its file. */
export function describeModule(module: Module): Omit<Report['module'], 'path' | 'sha256'> {
  const info = Buffer.alloc(88)
  module.call('C_GetInfo', info)
  return {
    cryptokiVersion: `${module.version.major}.${module.version.minor}`,
    manufacturer: text(info, 2, 32),
    description: text(info, 48, 32),
    libraryVersion: version(info, 80),
  }
}

export function describeToken({ module, slot, mechanisms }: Device): Report['token'] {
  const info = tokenInfo(module, slot)
  return {
    label: text(info, 0, 32),
    manufacturer: text(info, 32, 32),
    model: text(info, 64, 16),
    serial: text(info, 80, 16),
    hardwareVersion: version(info, 184),
    firmwareVersion: version(info, 186),
    flags: flagsIn(wordIn(info, 96), TOKEN_FLAGS),
    mechanisms: [...mechanisms]
      .map(([type, { min, max, flags }]) => ({
        name: nameOf(CKM, 'CKM', type),
        minKeySize: min,
        maxKeySize: max,
        flags: flagsIn(flags, MECHANISM_FLAGS),
      }))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
  }
}

type FlagName = keyof typeof CKF

const TOKEN_FLAGS: readonly FlagName[] = [
  'RNG',
  'WRITE_PROTECTED',
  'LOGIN_REQUIRED',
  'USER_PIN_INITIALIZED',
  'RESTORE_KEY_NOT_NEEDED',
  'CLOCK_ON_TOKEN',
  'PROTECTED_AUTHENTICATION_PATH',
  'DUAL_CRYPTO_OPERATIONS',
  'TOKEN_INITIALIZED',
  'SECONDARY_AUTHENTICATION',
  'USER_PIN_COUNT_LOW',
  'USER_PIN_FINAL_TRY',
  'USER_PIN_LOCKED',
  'USER_PIN_TO_BE_CHANGED',
  'SO_PIN_COUNT_LOW',
  'SO_PIN_FINAL_TRY',
  'SO_PIN_LOCKED',
  'SO_PIN_TO_BE_CHANGED',
  'ERROR_STATE',
]

const MECHANISM_FLAGS: readonly FlagName[] = [
  'HW',
  'MESSAGE_ENCRYPT',
  'MESSAGE_DECRYPT',
  'MESSAGE_SIGN',
  'MESSAGE_VERIFY',
  'MULTI_MESSAGE',
  'FIND_OBJECTS',
  'ENCRYPT',
  'DECRYPT',
  'DIGEST',
  'SIGN',
  'SIGN_RECOVER',
  'VERIFY',
  'VERIFY_RECOVER',
  'GENERATE',
  'GENERATE_KEY_PAIR',
  'WRAP',
  'UNWRAP',
  'DERIVE',
  'EC_F_P',
  'EC_F_2M',
  'EC_ECPARAMETERS',
  'EC_OID',
  'EC_UNCOMPRESS',
  'EC_COMPRESS',
  'EC_CURVENAME',
  'ENCAPSULATE',
  'DECAPSULATE',
]

function flagsIn(flags: number, names: readonly FlagName[]): string[] {
  return names.filter((name) => (BigInt(flags) & BigInt(CKF[name])) !== 0n).map((name) => `CKF_${name}`)
}

/** A text padded with blanks, as the standard has them, or ended by a zero, as some have them. */
function text(bytes: Buffer, at: number, length: number): string {
  const [found = ''] = bytes.toString('utf8', at, at + length).split('\0')
  return found.trimEnd()
}

function version(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}`
}
