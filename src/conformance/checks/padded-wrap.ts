/** Wrapping of keys whose length is no multiple of eight: two numbers, and what comes back. */
import { createCipheriv } from 'node:crypto'
import { Finding, type Check } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKM, CKO, CKR } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { aesKey, importedOrSkip, READABLE, rsaPair, secretKey, SESSION } from '../keys.ts'

const CLAUSE = 'PKCS#11 3.1, 6.13 Additional AES mechanisms'
const LENGTHS = [1, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 32, 33, 64, 100]
const PADDED = ['AES_KEY_WRAP_PAD', 'AES_KEY_WRAP_KWP'] as const
const KEK = Buffer.alloc(32, 0x42)

const NUMBER: Check = {
  id: 'aes-kwp.number',
  title: 'RFC 5649 is CKM_AES_KEY_WRAP_KWP, 0x210B, and not CKM_AES_KEY_WRAP_PAD, 0x210A',
  clause: CLAUSE,
  severity: 'major',
  run(device) {
    if (device.announces(CKM.AES_KEY_WRAP_KWP)) return
    if (!device.announces(CKM.AES_KEY_WRAP_PAD)) device.skip('the token announces neither')
    const session = device.session()
    const [wrapping, inner] = [kek(device, session), secret(device, session, Buffer.alloc(16, 7))]
    const { rv, bytes } = device.wrap(session, { type: 'AES_KEY_WRAP_PAD' }, wrapping, inner)
    const standard = rv === CKR.OK && bytes.equals(byRfc5649(Buffer.alloc(16, 7)))
    const observed = standard ? 'RFC 5649 at 0x210A, and no 0x210B' : 'no 0x210B, and something else at 0x210A'
    throw new Finding('RFC 5649 at 0x210B', observed)
  },
}

function byRfc5649(key: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', KEK, Buffer.from('a65959a6', 'hex'))
  return Buffer.concat([cipher.update(key), cipher.final()])
}

const roundTrips = (type: (typeof PADDED)[number], length: number): Check => ({
  id: `${idOf(type)}.round-trip.${length}`,
  title: `A key of ${length} bytes that CKM_${type} wraps, comes back the same`,
  clause: CLAUSE,
  severity: 'critical',
  needs: [type],
  run(device) {
    const session = device.session()
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 37 + 11) & 0xff))
    const [wrapping, inner] = [kek(device, session), secret(device, session, bytes)]
    const wrapped = device.wrap(session, { type }, wrapping, inner)
    device.expect(wrapped.rv, 'OK')
    const { rv, handle } = device.unwrap(session, { type }, wrapping, wrapped.bytes, SECRET)
    device.expect(rv, 'OK')
    const back = device.get(session, handle, 'VALUE').bytes
    const observed = `${back.length} bytes${back.length === length ? ', others' : ''}`
    device.require(back.equals(bytes), `the ${length} bytes that were wrapped`, observed)
  },
})

/** Mechanisms that can wrap a private key: its PKCS#8 form is as long as it happens to be. */
const PRIVATE = {
  'aes-key-wrap-pad': { type: 'AES_KEY_WRAP_PAD' },
  'aes-kwp': { type: 'AES_KEY_WRAP_KWP' },
  'aes-cbc-pad': { type: 'AES_CBC_PAD', parameter: Buffer.alloc(16, 9) },
} as const

const wrapsPrivate = (id: keyof typeof PRIVATE): Check => ({
  id: `${id}.round-trip.private-key`,
  title: `A private RSA key that CKM_${PRIVATE[id].type} wraps, still signs for its public key when it is back`,
  clause: CLAUSE,
  severity: 'critical',
  needs: [PRIVATE[id].type, 'RSA_PKCS_KEY_PAIR_GEN', 'RSA_PKCS'],
  run(device) {
    if (!device.announces(CKM[PRIVATE[id].type], 'WRAP')) device.skip('the token does not announce it for wrapping')
    const session = device.session()
    const { rv, publicKey, privateKey } = rsaPair(device, session, ['VERIFY'], ['SIGN'])
    device.expect(rv, 'OK')
    const wrapping = aesKey(device, session, ['WRAP', 'UNWRAP'])
    const wrapped = device.wrap(session, PRIVATE[id], wrapping, privateKey)
    device.expect(wrapped.rv, 'OK')
    const back = device.unwrap(session, PRIVATE[id], wrapping, wrapped.bytes, RSA)
    device.expect(back.rv, 'OK')
    const data = Buffer.from('signed by who was away')
    const signed = device.sign(session, { type: 'RSA_PKCS' }, back.handle, data)
    device.expect(signed.rv, 'OK')
    device.expect(device.verify(session, { type: 'RSA_PKCS' }, publicKey, data, signed.bytes), 'OK')
  },
})

const UNPADDED: Check = {
  id: 'aes-kw.odd-length',
  title: 'CKM_AES_KEY_WRAP refuses a key whose length is no multiple of eight, or pads it with zeros',
  clause: CLAUSE,
  severity: 'minor',
  needs: ['AES_KEY_WRAP'],
  run(device) {
    const session = device.session()
    const bytes = Buffer.alloc(20, 0x77)
    const [wrapping, inner] = [kek(device, session), secret(device, session, bytes)]
    const wrapped = device.wrap(session, { type: 'AES_KEY_WRAP' }, wrapping, inner)
    if (wrapped.rv !== CKR.OK) {
      device.expect(wrapped.rv, 'KEY_SIZE_RANGE', 'KEY_NOT_WRAPPABLE', 'DATA_LEN_RANGE')
      return
    }
    const { rv, handle } = device.unwrap(session, { type: 'AES_KEY_WRAP' }, wrapping, wrapped.bytes, SECRET)
    device.expect(rv, 'OK')
    const back = device.get(session, handle, 'VALUE').bytes
    const padded = back.equals(Buffer.concat([bytes, Buffer.alloc(4)]))
    device.require(padded || back.equals(bytes), 'the key, with zeros behind', `${back.length} other bytes`)
  },
}

export const PADDED_WRAP: readonly Check[] = [
  NUMBER,
  ...PADDED.flatMap((type) => LENGTHS.map((length) => roundTrips(type, length))),
  ...(Object.keys(PRIVATE) as (keyof typeof PRIVATE)[]).map(wrapsPrivate),
  UNPADDED,
]

function idOf(type: (typeof PADDED)[number]): string {
  return type === 'AES_KEY_WRAP_KWP' ? 'aes-kwp' : 'aes-key-wrap-pad'
}

function kek(device: Device, session: number): number {
  return importedOrSkip(device, session, secretKey('AES', KEK, 'WRAP', 'UNWRAP'), 'an AES key')
}

function secret(device: Device, session: number, bytes: Buffer): number {
  return importedOrSkip(device, session, secretKey('GENERIC_SECRET', bytes), `a secret of ${bytes.length} bytes`)
}

const SECRET: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]
const RSA: Template = [
  { type: 'CLASS', value: CKO.PRIVATE_KEY },
  { type: 'KEY_TYPE', value: CKK.RSA },
  { type: 'SIGN', value: true },
  ...SESSION,
  ...READABLE,
]
