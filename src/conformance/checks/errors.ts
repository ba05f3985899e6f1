/** Work that cannot be done: what is answered, and that the session is good for the next piece of work. */
import type { Check } from '../check.ts'
import { mechanism, word, type Mechanism } from '../cryptoki/memory.ts'
import type { FunctionName } from '../cryptoki/functions.ts'
import type { CKM } from '../cryptoki/numbers.ts'
import type { Device, ReturnValue } from '../device.ts'
import { aesKey, importedOrSkip, rsaPair, secretKey } from '../keys.ts'
import { gcm } from '../parameters.ts'
import { row } from '../row.ts'

type Verb = 'Encrypt' | 'Decrypt' | 'Sign' | 'Verify'

interface Failing {
  readonly verb: Verb
  readonly how: Mechanism
  readonly needs: readonly (keyof typeof CKM)[]
  readonly title: string
  readonly wanted: readonly ReturnValue[]
  /** What is worked on, how long it is said to be where that is not true, and the signature. */
  readonly data: Buffer | null
  readonly length?: number
  readonly signature?: Buffer
}

const BLOCK = Buffer.alloc(16, 0x61)
const FIXED = Buffer.alloc(32, 7)
const LONG = Buffer.alloc(300, 0x61)
const AES = ['AES_KEY_GEN'] as const
const ECB = { how: { type: 'AES_ECB' }, needs: [...AES, 'AES_ECB'] } as const
const CBC = { how: { type: 'AES_CBC', parameter: BLOCK }, needs: [...AES, 'AES_CBC'] } as const
const PAD = { how: { type: 'AES_CBC_PAD', parameter: BLOCK }, needs: [...AES, 'AES_CBC_PAD'] } as const
const GCM = { how: { type: 'AES_GCM', parameter: gcm(Buffer.alloc(12, 1)) }, needs: [...AES, 'AES_GCM'] } as const
const RSA = { how: { type: 'RSA_PKCS' }, needs: ['RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'] } as const
const MAC = { how: { type: 'SHA256_HMAC' }, needs: ['SHA256_HMAC'] } as const

/** Nothing is a piece of work as well: it must be done, or refused in words that fit. */
const NOTHING = { data: Buffer.alloc(8), length: 0 } as const
const EMPTY = ['OK', 'DATA_LEN_RANGE', 'ENCRYPTED_DATA_LEN_RANGE', 'ENCRYPTED_DATA_INVALID'] as const
const BAD_DATA = ['ENCRYPTED_DATA_INVALID', 'ENCRYPTED_DATA_LEN_RANGE'] as const

const FAILING: Readonly<Record<string, Failing>> = {
  'encrypt.ecb-partial': {
    verb: 'Encrypt',
    ...ECB,
    title: 'half a block is not encrypted by itself',
    data: Buffer.alloc(15),
    wanted: ['DATA_LEN_RANGE'],
  },
  'encrypt.cbc-partial': {
    verb: 'Encrypt',
    ...CBC,
    title: 'a block and a half are not encrypted without padding',
    data: Buffer.alloc(24),
    wanted: ['DATA_LEN_RANGE'],
  },
  'encrypt.ecb-empty': {
    verb: 'Encrypt',
    ...ECB,
    title: 'nothing is encrypted to nothing, or refused by its length',
    ...NOTHING,
    wanted: EMPTY,
  },
  'encrypt.pad-empty': {
    verb: 'Encrypt',
    ...PAD,
    title: 'nothing is encrypted to a block of padding',
    ...NOTHING,
    wanted: ['OK'],
  },
  'encrypt.gcm-empty': { verb: 'Encrypt', ...GCM, title: 'nothing is encrypted to a tag', ...NOTHING, wanted: ['OK'] },
  'encrypt.gcm-empty-null': {
    verb: 'Encrypt',
    ...GCM,
    title: 'nothing, at no address, is encrypted to a tag',
    data: null,
    length: 0,
    wanted: ['OK', 'ARGUMENTS_BAD'],
  },
  'encrypt.null': {
    verb: 'Encrypt',
    ...ECB,
    title: '16 bytes at no address are not encrypted',
    data: null,
    length: 16,
    wanted: ['ARGUMENTS_BAD'],
  },
  'encrypt.rsa-long': {
    verb: 'Encrypt',
    ...RSA,
    title: 'more than fits is not encrypted with RSA',
    data: LONG,
    wanted: ['DATA_LEN_RANGE'],
  },
  'encrypt.rsa-one-more': {
    verb: 'Encrypt',
    ...RSA,
    title: 'a byte more than fits is not encrypted with RSA',
    data: LONG.subarray(0, 246),
    wanted: ['DATA_LEN_RANGE'],
  },
  'decrypt.ecb-partial': {
    verb: 'Decrypt',
    ...ECB,
    title: 'half a block is not decrypted',
    data: Buffer.alloc(15),
    wanted: BAD_DATA,
  },
  'decrypt.cbc-partial': {
    verb: 'Decrypt',
    ...CBC,
    title: 'a block and a half are not decrypted',
    data: Buffer.alloc(24),
    wanted: BAD_DATA,
  },
  'decrypt.pad-invalid': {
    verb: 'Decrypt',
    ...PAD,
    title: 'bad padding is invalid',
    data: Buffer.alloc(32, 0x3c),
    wanted: BAD_DATA,
  },
  'decrypt.pad-empty': {
    verb: 'Decrypt',
    ...PAD,
    title: 'nothing is no padded text',
    ...NOTHING,
    wanted: ['ENCRYPTED_DATA_LEN_RANGE', 'ENCRYPTED_DATA_INVALID'],
  },
  'decrypt.gcm-tag': {
    verb: 'Decrypt',
    ...GCM,
    title: 'a wrong tag is invalid',
    data: Buffer.alloc(48, 0x3c),
    wanted: ['ENCRYPTED_DATA_INVALID', 'AEAD_DECRYPT_FAILED'],
  },
  'decrypt.gcm-short': {
    verb: 'Decrypt',
    ...GCM,
    title: 'what is shorter than a tag has none',
    data: Buffer.alloc(4),
    wanted: [...BAD_DATA, 'AEAD_DECRYPT_FAILED'],
  },
  'decrypt.gcm-empty': {
    verb: 'Decrypt',
    ...GCM,
    title: 'nothing has no tag',
    ...NOTHING,
    wanted: [...BAD_DATA, 'AEAD_DECRYPT_FAILED'],
  },
  'decrypt.null': {
    verb: 'Decrypt',
    ...ECB,
    title: '16 bytes at no address are not decrypted',
    data: null,
    length: 16,
    wanted: ['ARGUMENTS_BAD'],
  },
  'decrypt.rsa-short': {
    verb: 'Decrypt',
    ...RSA,
    title: 'what is shorter than the modulus is no ciphertext',
    data: LONG.subarray(0, 255),
    wanted: BAD_DATA,
  },
  'decrypt.rsa-long': {
    verb: 'Decrypt',
    ...RSA,
    title: 'what is longer than the modulus is no ciphertext',
    data: LONG,
    wanted: BAD_DATA,
  },
  'decrypt.rsa-large': {
    verb: 'Decrypt',
    ...RSA,
    title: 'a number beyond the modulus is no ciphertext',
    data: Buffer.alloc(256, 0xff),
    wanted: BAD_DATA,
  },
  'sign.rsa-long': {
    verb: 'Sign',
    ...RSA,
    title: 'more than fits is not signed with RSA',
    data: LONG,
    wanted: ['DATA_LEN_RANGE'],
  },
  'sign.mac-empty': { verb: 'Sign', ...MAC, title: 'nothing has an HMAC', ...NOTHING, wanted: ['OK'] },
  'sign.null': {
    verb: 'Sign',
    ...MAC,
    title: '16 bytes at no address are not signed',
    data: null,
    length: 16,
    wanted: ['ARGUMENTS_BAD'],
  },
  'verify.mac-wrong': {
    verb: 'Verify',
    ...MAC,
    title: 'a wrong HMAC is invalid',
    data: BLOCK,
    signature: Buffer.alloc(32),
    wanted: ['SIGNATURE_INVALID'],
  },
  'verify.mac-short': {
    verb: 'Verify',
    ...MAC,
    title: 'a part of an HMAC is none',
    data: BLOCK,
    signature: Buffer.alloc(31),
    wanted: ['SIGNATURE_LEN_RANGE'],
  },
  'verify.mac-empty': {
    verb: 'Verify',
    ...MAC,
    title: 'nothing is no HMAC',
    data: BLOCK,
    signature: Buffer.alloc(0),
    wanted: ['SIGNATURE_LEN_RANGE', 'SIGNATURE_INVALID', 'ARGUMENTS_BAD'],
  },
  'verify.rsa-wrong': {
    verb: 'Verify',
    ...RSA,
    title: 'a wrong signature is invalid',
    data: BLOCK,
    signature: Buffer.alloc(256, 1),
    wanted: ['SIGNATURE_INVALID'],
  },
  'verify.rsa-short': {
    verb: 'Verify',
    ...RSA,
    title: 'a part of a signature is none',
    data: BLOCK,
    signature: Buffer.alloc(255, 1),
    wanted: ['SIGNATURE_LEN_RANGE', 'SIGNATURE_INVALID'],
  },
  'verify.rsa-long': {
    verb: 'Verify',
    ...RSA,
    title: 'a signature and a byte are none',
    data: BLOCK,
    signature: Buffer.alloc(257, 1),
    wanted: ['SIGNATURE_LEN_RANGE', 'SIGNATURE_INVALID'],
  },
}

const answers = Object.entries(FAILING).map(([name, failing]) =>
  row(
    `error.${name}`,
    serious(failing) ? 'major' : 'minor',
    `C_${failing.verb}`,
    failing.title,
    (device) => {
      const session = device.session()
      device.expect(attempt(device, session, failing, keyOf(device, session, failing)), ...failing.wanted)
    },
    { needs: failing.needs },
  ),
)

/** An operation is over after any error but CKR_BUFFER_TOO_SMALL: a session that does not know so is of no more use. */
const afterwards = Object.entries(FAILING).map(([name, failing]) =>
  row(
    `state.after.${name}`,
    'major',
    `C_${failing.verb}`,
    `a session goes on after it was tried that ${failing.title}`,
    (device) => {
      const session = device.session()
      const key = keyOf(device, session, failing)
      attempt(device, session, failing, key)
      device.expect(device.call(`C_${failing.verb}Init`, session, mechanism(failing.how), key), 'OK')
    },
    { needs: failing.needs },
  ),
)

/** Of several parts: the end notices what the parts had too little of. */
const parts = (['Encrypt', 'Decrypt'] as const).map((verb) =>
  row(
    `error.${verb.toLowerCase()}.final-partial`,
    'minor',
    `C_${verb}Final`,
    `${verb.toLowerCase()}ion in parts does not end in half a block`,
    (device) => {
      const session = device.session()
      const key = keyOf(device, session, { verb, ...ECB })
      device.expect(device.call(`C_${verb}Init`, session, mechanism(ECB.how), key), 'OK')
      device.expect(device.call(`C_${verb}Update`, session, Buffer.alloc(15), 15, Buffer.alloc(64), word(64)), 'OK')
      const rv = device.call(`C_${verb}Final`, session, Buffer.alloc(64), word(64))
      device.expect(rv, 'DATA_LEN_RANGE', ...BAD_DATA)
      device.expect(device.call(`C_${verb}Init`, session, mechanism(ECB.how), key), 'OK')
    },
    { needs: ECB.needs },
  ),
)

export const ERRORS: readonly Check[] = [...answers, ...afterwards, ...parts]

/** Whether it would be taken for something that holds. */
function serious({ verb, wanted }: Failing): boolean {
  return verb === 'Verify' || (wanted.includes('AEAD_DECRYPT_FAILED') && !wanted.includes('ENCRYPTED_DATA_LEN_RANGE'))
}

function attempt(device: Device, session: number, failing: Failing, key: number): number {
  const { verb, how, data, length = data?.length ?? 0, signature } = failing
  const begun = device.call(`C_${verb}Init` as FunctionName, session, mechanism(how), key)
  device.expect(begun, 'OK')
  if (signature) return device.call('C_Verify', session, data, length, signature, signature.length)
  return device.call(`C_${verb}`, session, data, length, Buffer.alloc(1024), word(1024))
}

function keyOf(device: Device, session: number, { verb, how }: Pick<Failing, 'verb' | 'how'>): number {
  if (how.type === 'RSA_PKCS') {
    const { rv, publicKey, privateKey } = rsaPair(device, session, ['ENCRYPT', 'VERIFY'], ['DECRYPT', 'SIGN'])
    device.expect(rv, 'OK')
    return verb === 'Encrypt' || verb === 'Verify' ? publicKey : privateKey
  }
  // Under another key padding might be right by chance.
  if (how.type === 'AES_CBC_PAD')
    return importedOrSkip(device, session, secretKey('AES', FIXED, 'ENCRYPT', 'DECRYPT'), 'an AES key')
  if (how.type !== 'SHA256_HMAC') return aesKey(device, session, ['ENCRYPT', 'DECRYPT'])
  return importedOrSkip(device, session, secretKey('GENERIC_SECRET', FIXED, 'SIGN', 'VERIFY'), 'an HMAC key')
}
