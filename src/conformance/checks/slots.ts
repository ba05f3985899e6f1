/** Slots, the token in ours, and the mechanisms it announces: what is said of them, and how. */
import type { Check, Severity } from '../check.ts'
import { word, WORD, wordIn } from '../cryptoki/memory.ts'
import type { FunctionName } from '../cryptoki/functions.ts'
import type { Argument } from '../cryptoki/module.ts'
import { CKF, CKM, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { row, slug } from '../row.ts'
import { blanks, pinLengths, tokenFlags, tokenInfo } from '../told.ts'

/** Where the texts of CK_SLOT_INFO and CK_TOKEN_INFO are. */
const SLOT_TEXTS = { description: [0, 64], manufacturer: [64, 32] } as const
const TOKEN_TEXTS = { label: [0, 32], manufacturer: [32, 32], model: [64, 16], serial: [80, 16] } as const
/** Where its numbers are. */
const FLAGS = 96
const COUNTERS = { sessions: [112, 104], 'read-write sessions': [128, 120] } as const
const MEMORY = { public: [160, 152], private: [176, 168] } as const

/** A number that no slot has. */
const NOWHERE = 0x7a7a_7a7a
/** A number that no mechanism has. */
const UNHEARD_OF = 0x7fff_fff0

const UNKNOWN_SLOT: Readonly<Partial<Record<FunctionName, readonly Argument[]>>> = {
  C_GetSlotInfo: [NOWHERE, Buffer.alloc(112)],
  C_GetTokenInfo: [NOWHERE, Buffer.alloc(208)],
  C_GetMechanismList: [NOWHERE, null, word()],
  C_GetMechanismInfo: [NOWHERE, CKM.RSA_PKCS, Buffer.alloc(24)],
  C_OpenSession: [NOWHERE, CKF.SERIAL_SESSION, null, null, word()],
  C_CloseAllSessions: [NOWHERE],
}

const unknownSlot = Object.entries(UNKNOWN_SLOT).map(([name, args]) =>
  row(`slot.unknown.${slug(name)}`, 'minor', name, `${name} knows no slot that is not there`, (device) =>
    device.expect(device.call(name as FunctionName, ...args), 'SLOT_ID_INVALID'),
  ),
)

const texts = [
  ...Object.entries(SLOT_TEXTS).map(([name, [at, length]]) =>
    row(`slot.info.${name}`, 'minor', 'C_GetSlotInfo', `the ${name} of the slot is padded with blanks`, (device) =>
      blanks(device, slotInfo(device), at, length),
    ),
  ),
  ...Object.entries(TOKEN_TEXTS).map(([name, [at, length]]) =>
    row(`token.info.${name}`, 'minor', 'C_GetTokenInfo', `the ${name} of the token is padded with blanks`, (device) =>
      blanks(device, tokenInfo(device), at, length),
    ),
  ),
]

const counts = [
  ...Object.entries(COUNTERS).map(([what, [now, most]]) =>
    row(
      `token.counters.${what.replaceAll(' ', '-')}`,
      'minor',
      'C_GetTokenInfo',
      `not more ${what} are open than there may be`,
      (device) => {
        device.session()
        atMost(device, now, most)
      },
    ),
  ),
  ...Object.entries(MEMORY).map(([what, [free, total]]) =>
    row(`token.memory.${what}`, 'note', 'C_GetTokenInfo', `not more ${what} memory is free than there is`, (device) =>
      atMost(device, free, total),
    ),
  ),
]

/** Flags of the token that say that a PIN, or the token itself, is in no state to work with. */
const IN_THE_WAY = [
  'USER_PIN_LOCKED',
  'USER_PIN_FINAL_TRY',
  'USER_PIN_TO_BE_CHANGED',
  'ERROR_STATE',
  'WRITE_PROTECTED',
] as const

const trouble = IN_THE_WAY.map((flag) =>
  row(
    `token.flags.${slug(flag)}`,
    flag === 'WRITE_PROTECTED' ? 'note' : 'major',
    'C_GetTokenInfo',
    `CKF_${flag} is not set once the user logged in`,
    (device) => {
      device.session()
      device.require(!has(device, flag), `CKF_${flag} clear`, `CKF_${flag} set`)
    },
  ),
)

/** Kinds of mechanisms by the ends of their names, and the flag that says what they do. */
const PURPOSES = [
  ['key-pair-gen', /_KEY_PAIR_GEN$/, 'GENERATE_KEY_PAIR'],
  ['key-gen', /(?<!PAIR)_KEY_GEN$/, 'GENERATE'],
  ['digest', /^(?:MD5|SHA_1|SHA(?:3_)?(?:224|256|384|512))$/, 'DIGEST'],
  ['hmac', /_HMAC$/, 'SIGN'],
  ['derive', /_DERIVE$|_ENCRYPT_DATA$/, 'DERIVE'],
] as const

const purposes = PURPOSES.map(([name, pattern, flag]) =>
  row(
    `mechanism.purpose.${name}`,
    'minor',
    'C_GetMechanismInfo',
    `mechanisms that ${name} is the matter of say CKF_${flag}`,
    (device) => none(device, 'without it', (type) => pattern.test(nameOf(type)) && !device.announces(type, flag)),
  ),
)

export const SLOTS: readonly Check[] = [
  row(
    'slot.list.count',
    'major',
    'C_GetSlotList',
    'C_GetSlotList counts the slots',
    (device) => {
      const count = listed(device, 0).length
      device.require(count >= 1, 'at least 1', String(count))
    },
    { profiles: ['baseline', 'extended', 'authentication'] },
  ),
  row('slot.list.too-small', 'major', 'C_GetSlotList', 'C_GetSlotList says how much room is missing', (device) => {
    const [count, all] = [word(0), listed(device, 0).length]
    device.expect(device.call('C_GetSlotList', 0, Buffer.alloc(WORD), count), 'BUFFER_TOO_SMALL')
    device.require(wordIn(count) === all, String(all), String(wordIn(count)))
  }),
  row('slot.list.distinct', 'major', 'C_GetSlotList', 'no slot is in the list twice', (device) =>
    distinct(device, listed(device, 0)),
  ),
  row('slot.list.present', 'major', 'C_GetSlotList', 'the slots with a token are slots, and have one', (device) => {
    const all = listed(device, 0)
    const empty = listed(device, 1).filter((slot) => !all.includes(slot) || !present(device, slot))
    device.require(empty.length === 0, 'CKF_TOKEN_PRESENT', `slots without: ${empty.join(', ')}`)
  }),
  ...unknownSlot,
  ...texts,
  row('slot.info.flags', 'note', 'C_GetSlotInfo', 'a slot has no flags that the standard does not have', (device) => {
    const rest = wordIn(slotInfo(device), FLAGS) & ~(CKF.TOKEN_PRESENT | CKF.REMOVABLE_DEVICE | CKF.HW_SLOT)
    device.require(rest === 0, '0', `0x${rest.toString(16)}`)
  }),
  row(
    'token.flags.initialized',
    'major',
    'C_GetTokenInfo',
    'a token with a label and a PIN says that it was initialised',
    (device) => {
      const said = has(device, 'TOKEN_INITIALIZED') && has(device, 'USER_PIN_INITIALIZED')
      device.require(said, 'CKF_TOKEN_INITIALIZED and CKF_USER_PIN_INITIALIZED', `0x${tokenFlags(device).toString(16)}`)
    },
  ),
  row('token.flags.login-required', 'major', 'C_GetTokenInfo', 'keys are behind a login', (device) =>
    device.require(has(device, 'LOGIN_REQUIRED'), 'CKF_LOGIN_REQUIRED', 'not set'),
  ),
  row(
    'token.flags.rng',
    'major',
    'C_GetTokenInfo',
    'CKF_RNG is set if, and only if, the token gives random bytes',
    (device) => {
      const { rv } = device.random(device.session(), 16)
      device.require(
        has(device, 'RNG') === (rv === CKR.OK),
        rv === CKR.OK ? 'set' : 'clear',
        has(device, 'RNG') ? 'set' : 'clear',
      )
    },
  ),
  ...trouble,
  row('token.info.pin-lengths', 'minor', 'C_GetTokenInfo', 'a PIN that works is as long as PINs may be', (device) => {
    const { most, least } = pinLengths(device)
    const length = Buffer.byteLength(device.pin)
    device.require(least <= length && length <= most, `${least} to ${most} bytes`, `${length} bytes`)
  }),
  ...counts,
  row(
    'token.counters.move',
    'note',
    'C_GetTokenInfo',
    'the count of sessions rises by one with a session, unless nobody counts',
    (device) => {
      const before = wordIn(tokenInfo(device), COUNTERS.sessions[0])
      device.session()
      const after = wordIn(tokenInfo(device), COUNTERS.sessions[0])
      device.require(before < 0 || after === before + 1, String(before + 1), String(after))
    },
  ),
  row('token.clock', 'minor', 'C_GetTokenInfo', 'a token with a clock tells the time as YYYYMMDDhhmmss00', (device) => {
    if (!has(device, 'CLOCK_ON_TOKEN')) device.skip('the token has no clock')
    const time = tokenInfo(device).toString('latin1', 188, 204)
    const shaped = /^(?:19|20|21)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-6]\d00$/.test(
      time,
    )
    device.require(shaped, 'YYYYMMDDhhmmss00', time)
  }),
  row(
    'mechanism.list.too-small',
    'minor',
    'C_GetMechanismList',
    'C_GetMechanismList says how much room is missing',
    (device) => {
      const count = word(1)
      const all = device.mechanisms.size
      if (all < 2) device.skip('there are not two mechanisms')
      device.expect(device.call('C_GetMechanismList', device.slot, Buffer.alloc(WORD), count), 'BUFFER_TOO_SMALL')
      device.require(wordIn(count) >= all, `at least ${all}`, String(wordIn(count)))
    },
  ),
  row('mechanism.list.distinct', 'minor', 'C_GetMechanismList', 'no mechanism is in the list twice', (device) =>
    distinct(device, mechanismsOf(device)),
  ),
  row('mechanism.unknown', 'minor', 'C_GetMechanismInfo', 'a mechanism that is not in the list is invalid', (device) =>
    device.expect(device.call('C_GetMechanismInfo', device.slot, UNHEARD_OF, Buffer.alloc(24)), 'MECHANISM_INVALID'),
  ),
  row('mechanism.info', 'major', 'C_GetMechanismInfo', 'each mechanism of the list is described', (device) =>
    none(
      device,
      'without a description',
      (type) => device.call('C_GetMechanismInfo', device.slot, type, Buffer.alloc(24)) !== CKR.OK,
    ),
  ),
  row('mechanism.sizes', 'minor', 'C_GetMechanismInfo', 'no smallest key is larger than the largest', (device) =>
    none(device, 'with sizes upside down', (type) => {
      const { min, max } = device.mechanisms.get(type)!
      return min >= 0 && max >= 0 && min > max
    }),
  ),
  sizes(
    'aes',
    'minor',
    [CKM.AES_KEY_GEN, CKM.AES_ECB, CKM.AES_CBC, CKM.AES_CBC_PAD, CKM.AES_CTR, CKM.AES_GCM],
    16,
    32,
    'bytes',
  ),
  sizes(
    'rsa',
    'minor',
    [CKM.RSA_PKCS_KEY_PAIR_GEN, CKM.RSA_PKCS, CKM.RSA_PKCS_PSS, CKM.RSA_PKCS_OAEP],
    256,
    16384,
    'bits',
  ),
  sizes('ec', 'minor', [CKM.EC_KEY_PAIR_GEN, CKM.ECDSA, CKM.ECDH1_DERIVE], 112, 571, 'bits'),
  row('mechanism.flags', 'note', 'C_GetMechanismInfo', 'each mechanism is good for something', (device) =>
    none(device, 'good for nothing', (type) => (BigInt(device.mechanisms.get(type)!.flags) & ~1n) === 0n),
  ),
  ...purposes,
  row('mechanism.weak.digest', 'note', 'KMS', 'the token signs without MD5', (device) =>
    none(device, 'of MD5', (type) => /MD[25]_RSA/.test(nameOf(type))),
  ),
]

/** Sizes of keys in the unit of the standard for their kind. */
function sizes(
  kind: string,
  severity: Severity,
  types: readonly number[],
  least: number,
  most: number,
  unit: string,
): Check {
  return row(
    `mechanism.sizes.${kind}`,
    severity,
    'C_GetMechanismInfo',
    `sizes of ${kind.toUpperCase()} keys are told in ${unit}`,
    (device) =>
      none(device, `not within ${least} and ${most}`, (type) => {
        const { min, max } = device.mechanisms.get(type)!
        return types.includes(type) && (min < least || max > most)
      }),
  )
}

/** Says so unless no mechanism is so. */
function none(device: Device, what: string, so: (type: number) => boolean): void {
  const found = [...device.mechanisms.keys()].filter(so).map((type) => `CKM_${nameOf(type)}`)
  device.require(found.length === 0, `no mechanism ${what}`, found.join(', '))
}

function nameOf(type: number): string {
  return Object.entries(CKM).find(([, number]) => number === type)?.[0] ?? `0x${type.toString(16)}`
}

function distinct(device: Device, numbers: readonly number[]): void {
  const twice = numbers.filter((number, i) => numbers.indexOf(number) !== i)
  device.require(twice.length === 0, 'none twice', `twice: ${twice.map((each) => `0x${each.toString(16)}`).join(', ')}`)
}

function listed(device: Device, withToken: number): number[] {
  const count = word()
  device.expect(device.call('C_GetSlotList', withToken, null, count), 'OK')
  const list = Buffer.alloc(wordIn(count) * WORD)
  device.expect(device.call('C_GetSlotList', withToken, list, count), 'OK')
  return words(list, wordIn(count))
}

function mechanismsOf(device: Device): number[] {
  const count = word()
  device.expect(device.call('C_GetMechanismList', device.slot, null, count), 'OK')
  const list = Buffer.alloc(wordIn(count) * WORD)
  device.expect(device.call('C_GetMechanismList', device.slot, list, count), 'OK')
  return words(list, wordIn(count))
}

function words(list: Buffer, count: number): number[] {
  return Array.from({ length: count }, (_, i) => wordIn(list, i * WORD))
}

function slotInfo(device: Device, slot = device.slot): Buffer {
  const info = Buffer.alloc(112)
  device.expect(device.call('C_GetSlotInfo', slot, info), 'OK')
  return info
}

function present(device: Device, slot: number): boolean {
  return (wordIn(slotInfo(device, slot), FLAGS) & CKF.TOKEN_PRESENT) !== 0
}

function has(device: Device, flag: keyof typeof CKF): boolean {
  return (tokenFlags(device) & CKF[flag]) !== 0
}

/** Of two numbers of CK_TOKEN_INFO; what is not told, or has no limit, is never too much. */
function atMost(device: Device, now: number, most: number): void {
  const info = tokenInfo(device)
  const [used, limit] = [wordIn(info, now), wordIn(info, most)]
  device.require(used < 0 || limit <= 0 || used <= limit, `at most ${limit}`, String(used))
}
