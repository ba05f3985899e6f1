/** The known attacks on the API of tokens: each gets at a sensitive key by calls that are all allowed. */
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { attack, blocks, unwrappedBy, unwrappedWith, wrappedBy, type Steal } from '../attack.ts'
import type { Check } from '../check.ts'
import { structure, word, type Template } from '../cryptoki/memory.ts'
import { CKR, type CKM } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { imported, rsaPair, rsaPublic, secretKey, usable, type Use } from '../keys.ts'
import { oaep } from '../parameters.ts'
import { secret } from '../samples.ts'

const KW = { type: 'AES_KEY_WRAP' } as const
const KNOWN = Buffer.alloc(32, 0x4b)
const OPEN: Template = [
  { type: 'SENSITIVE', value: false },
  { type: 'EXTRACTABLE', value: true },
]

/** A key that wraps first, and comes to decrypt in some way. */
const BOTH_WAYS: Readonly<Record<string, (device: Device, session: number, wrapper: number) => number | undefined>> = {
  set: (device, session, wrapper) =>
    device.set(session, wrapper, [{ type: 'DECRYPT', value: true }]) === CKR.OK ? wrapper : undefined,
  copy: (device, session, wrapper) => {
    const { rv, handle } = device.copy(session, wrapper, [{ type: 'DECRYPT', value: true }])
    return rv === CKR.OK ? handle : undefined
  },
}

const byDecrypting: readonly Check[] = [
  attack(
    'wrap-decrypt',
    'minor',
    'clulow',
    'a key that wraps another does not decrypt it',
    ['AES_KEY_WRAP'],
    (device, session, victim) => decrypted(device, session, victim, made(device, session, ['WRAP', 'DECRYPT'])),
  ),
  ...Object.entries(BOTH_WAYS).map(([how, decrypting]) =>
    attack(
      `wrap-decrypt.${how}`,
      'minor',
      'dks',
      `a key that wrapped another does not come to decrypt it (${how})`,
      ['AES_KEY_WRAP'],
      (device, session, victim) => {
        const wrapper = made(device, session, ['WRAP'])
        return decrypted(device, session, victim, wrapper, wrapper && decrypting(device, session, wrapper))
      },
    ),
  ),
  attack(
    'trusted-by-user',
    'critical',
    'clulow',
    'a key that wants a trusted key is not got at by who says that his is trusted',
    ['AES_KEY_WRAP'],
    (device, session, victim) =>
      decrypted(device, session, victim, made(device, session, ['WRAP', 'DECRYPT'], { type: 'TRUSTED', value: true })),
    [{ type: 'WRAP_WITH_TRUSTED', value: true }],
  ),
]

const byKnowing: readonly Check[] = [
  attack(
    'wrap-under-known',
    'minor',
    'tookan',
    'a sensitive key is not wrapped under a key that came from outside',
    ['AES_KEY_WRAP'],
    (device, session, victim) =>
      underKnown(device, session, victim, imported(device, session, secretKey('AES', KNOWN, 'WRAP'))),
  ),
  attack(
    'wrap-under-known.trusted',
    'critical',
    'tookan',
    'a key that wants a trusted key is not wrapped under one that came from outside',
    ['AES_KEY_WRAP'],
    (device, session, victim) =>
      underKnown(device, session, victim, imported(device, session, secretKey('AES', KNOWN, 'WRAP'))),
    [{ type: 'WRAP_WITH_TRUSTED', value: true }],
  ),
  attack(
    'wrap-under-public.oaep',
    'minor',
    'tookan',
    "a sensitive key is not wrapped under somebody's public key (OAEP)",
    ['RSA_PKCS_OAEP'],
    underPublic('RSA_PKCS_OAEP'),
  ),
  attack(
    'wrap-under-public.pkcs1',
    'minor',
    'tookan',
    "a sensitive key is not wrapped under somebody's public key (PKCS#1)",
    ['RSA_PKCS'],
    underPublic('RSA_PKCS'),
  ),
  attack(
    'encrypt-unwrap',
    'minor',
    'dks',
    'a key that unwraps does not encrypt what it unwraps',
    ['AES_KEY_WRAP'],
    (device, session, victim) => {
      const forger = made(device, session, ['ENCRYPT', 'UNWRAP'])
      const forged = forger && wrappedBy(blocks(device, session, forger, 'encrypt'), KNOWN)
      if (!forger || !forged) return undefined
      const { rv, handle } = device.unwrap(session, KW, forger, forged, secret('AES', { type: 'WRAP', value: true }))
      return underKnown(device, session, victim, rv === CKR.OK ? handle : undefined)
    },
  ),
  attack(
    'sign-decrypts',
    'note',
    'tookan',
    'a key that signs does not decrypt what its public half wrapped',
    ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS', 'RSA_X_509'],
    (device, session, victim) => {
      const { publicKey, privateKey } = rsaPair(device, session, ['WRAP', 'VERIFY'], ['SIGN'])
      const { rv, bytes } = device.wrap(session, { type: 'RSA_PKCS' }, publicKey, victim)
      if (rv !== CKR.OK) return undefined
      const padded = device.sign(session, { type: 'RSA_X_509' }, privateKey, Buffer.from(bytes))
      return padded.rv === CKR.OK ? Buffer.from(padded.bytes.subarray(-32)) : undefined
    },
  ),
]

const byReturning: readonly Check[] = [
  attack(
    'rewrap',
    'minor',
    'tookan',
    'a sensitive key does not come back readable',
    ['AES_KEY_WRAP'],
    (device, session, victim) => returned(device, session, victim, []),
  ),
  attack(
    'rewrap.as-bytes',
    'minor',
    'clulow',
    'a sensitive AES key does not come back as some secret that is readable',
    ['AES_KEY_WRAP'],
    (device, session, victim) => {
      const wrapper = made(device, session, ['WRAP', 'UNWRAP'])
      return wrapper === undefined
        ? undefined
        : read(device, session, wrapper, victim, secret('GENERIC_SECRET', ...OPEN))
    },
  ),
  attack(
    'rewrap.trusted',
    'critical',
    'tookan',
    'a key that wants a trusted key does not come back readable',
    ['AES_KEY_WRAP'],
    (device, session, victim) => returned(device, session, victim, [{ type: 'TRUSTED', value: true }]),
    [{ type: 'WRAP_WITH_TRUSTED', value: true }],
  ),
]

/** Derivations whose result has the key in it, and where. */
const DERIVING: Readonly<
  Record<
    string,
    readonly [keyof typeof CKM, (device: Device, session: number) => Buffer, number, (value: Buffer) => Buffer]
  >
> = {
  xor: ['XOR_BASE_AND_DATA', () => strings(Buffer.alloc(32)), 32, (value) => value],
  'data-behind': ['CONCATENATE_BASE_AND_DATA', () => strings(Buffer.alloc(16)), 48, (value) => value.subarray(0, 32)],
  'data-before': ['CONCATENATE_DATA_AND_BASE', () => strings(Buffer.alloc(16)), 48, (value) => value.subarray(16)],
  'key-behind': [
    'CONCATENATE_BASE_AND_KEY',
    (device, session) => word(imported(device, session, secretKey('GENERIC_SECRET', KNOWN, 'DERIVE')) ?? 0),
    64,
    (value) => value.subarray(0, 32),
  ],
  extract: ['EXTRACT_KEY_FROM_KEY', () => word(0), 32, (value) => value],
}

const byDeriving = Object.entries(DERIVING).map(([name, [type, parameter, length, found]]) =>
  attack(
    `derive.${name}`,
    'critical',
    'clulow',
    `what is derived from a sensitive key with CKM_${type} is sensitive`,
    [type],
    (device, session, victim) => {
      const wanted = secret('GENERIC_SECRET', { type: 'VALUE_LEN', value: length }, ...OPEN)
      const { rv, handle } = device.derive(session, { type, parameter: parameter(device, session) }, victim, wanted)
      return rv === CKR.OK ? found(device.get(session, handle, 'VALUE').bytes) : undefined
    },
    [{ type: 'DERIVE', value: true }],
  ),
)

export const ATTACKS: readonly Check[] = [...byDecrypting, ...byKnowing, ...byReturning, ...byDeriving]

/** A key of the session for these uses; undefined when the token makes none. */
function made(device: Device, session: number, uses: readonly Use[], ...more: Template): number | undefined {
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, [
    { type: 'VALUE_LEN', value: 32 },
    ...usable(uses),
    ...more,
  ])
  return rv === CKR.OK ? handle : undefined
}

function decrypted(
  device: Device,
  session: number,
  victim: number,
  wrapper?: number,
  decrypter = wrapper,
): Buffer | undefined {
  if (!wrapper || !decrypter) return undefined
  const { rv, bytes } = device.wrap(session, KW, wrapper, victim)
  return rv === CKR.OK ? unwrappedBy(blocks(device, session, decrypter, 'decrypt'), Buffer.from(bytes)) : undefined
}

function underKnown(device: Device, session: number, victim: number, known: number | undefined): Buffer | undefined {
  if (!known) return undefined
  const { rv, bytes } = device.wrap(session, KW, known, victim)
  return rv === CKR.OK ? unwrappedWith(KNOWN, Buffer.from(bytes)) : undefined
}

function underPublic(type: 'RSA_PKCS' | 'RSA_PKCS_OAEP'): Steal {
  return (device, session, victim) => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    // SEQUENCE { modulus, 65537 }: of 2048 bits, the modulus is at its place.
    const modulus = publicKey.export({ format: 'der', type: 'pkcs1' }).toString('hex', 9, 265)
    const own = imported(device, session, rsaPublic({ modulus, publicExponent: '010001' }, 'WRAP'))
    if (!own) return undefined
    const parameter = type === 'RSA_PKCS' ? undefined : oaep('sha1')
    const { rv, bytes } = device.wrap(session, { type, parameter }, own, victim)
    if (rv !== CKR.OK) return undefined
    // PKCS#1 is undone by hand: the key is at the end.
    return type === 'RSA_PKCS'
      ? privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, bytes).subarray(-32)
      : privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING }, bytes)
  }
}

function returned(device: Device, session: number, victim: number, more: Template): Buffer | undefined {
  const wrapper = made(device, session, ['WRAP', 'UNWRAP'], ...more)
  return wrapper === undefined ? undefined : read(device, session, wrapper, victim, secret('AES', ...OPEN))
}

/** The value of what comes back of a key that was wrapped. */
function read(device: Device, session: number, wrapper: number, victim: number, as: Template): Buffer | undefined {
  const wrapped = device.wrap(session, KW, wrapper, victim)
  if (wrapped.rv !== CKR.OK) return undefined
  const { rv, handle } = device.unwrap(session, KW, wrapper, Buffer.from(wrapped.bytes), as)
  return rv === CKR.OK ? device.get(session, handle, 'VALUE').bytes : undefined
}

/** CK_KEY_DERIVATION_STRING_DATA. */
function strings(bytes: Buffer): Buffer {
  return structure(bytes, bytes.length)
}
