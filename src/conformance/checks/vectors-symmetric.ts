/** Wycheproof through the token: ciphers, codes and derivations with secret keys. */
import type { Check } from '../check.ts'
import { word, type Mechanism, type Template } from '../cryptoki/memory.ts'
import { CKK, CKM, CKO, CKR } from '../cryptoki/numbers.ts'
import { READABLE, secretKey, SESSION, type Use } from '../keys.ts'
import { gcm, HASHES, hkdf, type HashName } from '../parameters.ts'
import { bytesOf, checksOf, type Family, type Group, type Tried, type Vector, type Workplace } from '../vectors.ts'

const VERIFIES = ['SIGNATURE_INVALID', 'SIGNATURE_LEN_RANGE'] as const
const DECRYPTS = ['ENCRYPTED_DATA_INVALID', 'ENCRYPTED_DATA_LEN_RANGE'] as const
const UNWRAPS = ['WRAPPED_KEY_INVALID', 'WRAPPED_KEY_LEN_RANGE', ...DECRYPTS] as const

const GCM: Family = {
  id: 'aes-gcm',
  file: 'aes-gcm',
  clause: 'PKCS#11 3.1, 6.13.3 AES-GCM authenticated encryption',
  needs: ['AES_GCM'],
  subject: ({ keySize }) => String(keySize),
  refusals: ['AEAD_DECRYPT_FAILED', ...DECRYPTS, 'MECHANISM_PARAM_INVALID'],
  severities: { 'zero-length-iv': 'major', 'small-iv': 'minor', 'long-iv': 'minor' },
  attempt(place, _group, vector) {
    const tag = bytesOf(vector, 'tag')
    const parameter = gcm(bytesOf(vector, 'iv'), bytesOf(vector, 'aad'), tag.length * 8)
    return ciphers(place, { type: 'AES_GCM', parameter }, vector, tag)
  },
}

const CBC_PAD: Family = {
  id: 'aes-cbc-pad',
  file: 'aes-cbc-pad',
  clause: 'PKCS#11 3.1, 6.12.5 AES-CBC with PKCS padding',
  needs: ['AES_CBC_PAD'],
  subject: ({ keySize }) => String(keySize),
  refusals: DECRYPTS,
  attempt: (place, _group, vector) => ciphers(place, { type: 'AES_CBC_PAD', parameter: bytesOf(vector, 'iv') }, vector),
}

/** What is valid is encrypted and decrypted; the rest is decrypted. */
function ciphers({ key, work, device }: Bound, how: Mechanism, vector: Vector, tag: Buffer = NOTHING): Tried {
  const handle = key(vector.key as string, secretKey('AES', bytesOf(vector, 'key'), 'ENCRYPT', 'DECRYPT'))
  if (handle === undefined) return undefined
  const [plain, sealed] = [bytesOf(vector, 'msg'), Buffer.concat([bytesOf(vector, 'ct'), tag])]
  if (vector.result === 'valid') {
    const made = work((session) => device.encrypt(session, how, handle, plain))
    if (made.rv !== CKR.OK || !made.bytes.equals(sealed)) return { rv: made.rv, right: false }
  }
  const { rv, bytes } = work((session) => device.decrypt(session, how, handle, sealed.length > 0 ? sealed : plain))
  return { rv, right: rv === CKR.OK && bytes.equals(plain) }
}

const NOTHING = Buffer.alloc(0)
type Bound = Pick<Workplace, 'key' | 'work' | 'device'>

const CMAC: Family = {
  id: 'aes-cmac',
  file: 'aes-cmac',
  clause: 'PKCS#11 3.1, 6.14.5 AES-CMAC',
  needs: ['AES_CMAC'],
  subject: ({ keySize }) => String(keySize),
  refusals: [...VERIFIES, 'KEY_SIZE_RANGE'],
  attempt: (place, group, vector) => codes(place, group, vector, 'AES', CKM.AES_CMAC, 128),
}

const HMAC: Family = {
  id: 'hmac',
  file: 'hmac',
  clause: 'PKCS#11 3.1, 6.20 to 6.31, HMAC',
  needs: [],
  subject: (group) => `${hmacOf(group)}.${keyLength(group)}`,
  refusals: VERIFIES,
  severities: { 'short-key': 'minor' },
  attempt(place, group, vector) {
    const { hmac, length } = HASHES[hmacOf(group)]
    if (!place.device.announces(hmac)) place.device.skip('the token does not announce this HMAC')
    return codes(place, group, vector, 'GENERIC_SECRET', hmac, length * 8)
  },
}

function hmacOf({ file }: Group): HashName {
  return file.replace('hmac_', '').replace('sha3_', 'sha3-') as HashName
}

function keyLength(group: Group): string {
  const { length } = HASHES[hmacOf(group)]
  return group.keySize! < length * 8 ? 'short-key' : 'key'
}

/** A code is made and verified; one that is shorter than the whole has the mechanism behind, which takes a length. */
function codes(
  { key, work, device }: Bound,
  { tagSize }: Group,
  vector: Vector,
  type: keyof typeof CKK,
  whole: number,
  bits: number,
): Tried {
  const general = tagSize! < bits
  const how = general ? { type: whole + 1, parameter: word(tagSize! / 8) } : { type: whole }
  const handle = key(vector.key as string, secretKey(type, bytesOf(vector, 'key'), 'SIGN', 'VERIFY'))
  if (handle === undefined || !device.announces(how.type)) return undefined
  const [message, tag] = [bytesOf(vector, 'msg'), bytesOf(vector, 'tag')]
  if (vector.result === 'valid') {
    const made = work((session) => device.sign(session, how, handle, message))
    if (made.rv !== CKR.OK || !made.bytes.equals(tag)) return { rv: made.rv, right: false }
  }
  const rv = work((session) => device.verify(session, how, handle, message, tag))
  return { rv, right: rv === CKR.OK }
}

/** Of a key that came out of another. */
const OUT: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]

const wraps = (id: string, type: 'AES_KEY_WRAP' | 'AES_KEY_WRAP_KWP'): Family => ({
  id,
  file: id,
  clause: `PKCS#11 3.1, 6.13.1 CKM_${type}`,
  needs: [type],
  subject: ({ keySize }) => String(keySize),
  refusals: UNWRAPS,
  severities: { 'short-key': 'minor' },
  attempt({ key, work, value, device }, _group, vector) {
    const uses: readonly Use[] = ['WRAP', 'UNWRAP']
    const wrapping = key(vector.key as string, secretKey('AES', bytesOf(vector, 'key'), ...uses))
    if (wrapping === undefined) return undefined
    const [bytes, wrapped] = [bytesOf(vector, 'msg'), bytesOf(vector, 'ct')]
    if (vector.result === 'valid') {
      const inner = key(`of ${vector.tcId}`, secretKey('GENERIC_SECRET', bytes))
      if (inner === undefined) return undefined
      const made = work((session) => device.wrap(session, { type }, wrapping, inner))
      if (made.rv !== CKR.OK || !made.bytes.equals(wrapped)) return { rv: made.rv, right: false }
    }
    return work((session) => {
      const { rv, handle } = device.unwrap(session, { type }, wrapping, wrapped, OUT)
      return { rv, right: rv === CKR.OK && value(session, handle).equals(bytes) }
    })
  },
})

const HKDF: Family = {
  id: 'hkdf',
  file: 'hkdf',
  clause: 'PKCS#11 3.1, 6.62 HKDF mechanisms',
  needs: ['HKDF_DERIVE'],
  subject: ({ file }) => file.replace('hkdf_', ''),
  refusals: ['KEY_SIZE_RANGE', 'ATTRIBUTE_VALUE_INVALID', 'TEMPLATE_INCONSISTENT', 'MECHANISM_PARAM_INVALID'],
  attempt({ key, work, value, device }, { file }, vector) {
    const hash = file.replace('hkdf_', '') as HashName
    const ikm = bytesOf(vector, 'ikm')
    const base = key(vector.ikm as string, secretKey('HKDF', ikm, 'DERIVE'), secretKey('GENERIC_SECRET', ikm, 'DERIVE'))
    if (base === undefined) return undefined
    const how = {
      type: 'HKDF_DERIVE',
      parameter: hkdf(hash, bytesOf(vector, 'salt'), bytesOf(vector, 'info')),
    } as const
    const wanted: Template = [...OUT, { type: 'VALUE_LEN', value: vector.size as number }]
    return work((session) => {
      const { rv, handle } = device.derive(session, how, base, wanted)
      return { rv, right: rv === CKR.OK && value(session, handle).equals(bytesOf(vector, 'okm')) }
    })
  },
}

export const SYMMETRIC_VECTORS: readonly Check[] = [
  GCM,
  CBC_PAD,
  CMAC,
  HMAC,
  wraps('aes-kw', 'AES_KEY_WRAP'),
  wraps('aes-kwp', 'AES_KEY_WRAP_KWP'),
  HKDF,
].flatMap(checksOf)
