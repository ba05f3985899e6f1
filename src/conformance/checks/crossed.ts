/** Keys that the token makes, and Node's own cryptography on the other side: what one does, the other can undo. */
import {
  constants,
  createCipheriv,
  createECDH,
  createHash,
  privateDecrypt,
  publicEncrypt,
  verify,
  type KeyObject,
} from 'node:crypto'
import type { Check, Severity } from '../check.ts'
import type { Template } from '../cryptoki/memory.ts'
import { CKK, CKO, CKR, type CKM } from '../cryptoki/numbers.ts'
import type { Device } from '../device.ts'
import { curvePublicKey, rsaPrivateKey, rsaPublicKey } from '../der.ts'
import { aesKey, CURVES, ecPair, generatorOf, pointIn, READABLE, rsaPair, SESSION, type Curve } from '../keys.ts'
import { ecdh, gcm, oaep, pss, type HashName } from '../parameters.ts'
import type { MechanismName } from '../trials.ts'

const row = (
  id: string,
  severity: Severity,
  title: string,
  needs: readonly (keyof typeof CKM)[],
  run: (device: Device, session: number) => void,
): Check => ({
  id: `crossed.${id}`,
  title,
  clause: 'PKCS#11 3.1, 6 Mechanisms; checked against OpenSSL',
  severity,
  needs,
  patience: 60,
  run: (device) => run(device, device.session()),
})

const TEXT = Buffer.from('what one has sealed or signed, another has to understand')

function rsaKey(device: Device, session: number, publicKey: number): KeyObject {
  const [modulus, exponent] = (['MODULUS', 'PUBLIC_EXPONENT'] as const).map(
    (type) => device.get(session, publicKey, type).bytes,
  )
  return rsaPublicKey(modulus!, exponent!)
}

type Padding = Readonly<Record<string, number>>

const rsaSigns = (type: MechanismName, hash: HashName, parameter: Buffer | undefined, padding: Padding): Check =>
  row(
    type.toLowerCase().replaceAll('_', '-'),
    'critical',
    `OpenSSL verifies what CKM_${type} signs`,
    [type, 'RSA_PKCS_KEY_PAIR_GEN'],
    (device, session) => {
      const pair = rsaPair(device, session, ['VERIFY'], ['SIGN'])
      device.expect(pair.rv, 'OK')
      const { rv, bytes } = device.sign(session, { type, parameter }, pair.privateKey, TEXT)
      device.expect(rv, 'OK')
      const good = verify(hash, TEXT, { key: rsaKey(device, session, pair.publicKey), ...padding }, bytes)
      device.require(good, 'a signature that verifies', 'one that does not')
    },
  )

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING }

const rsaDecrypts = (hash: HashName): Check =>
  row(
    `rsa-pkcs-oaep.${hash}`,
    hash === 'sha1' || hash === 'sha256' ? 'major' : 'minor',
    `The token decrypts what OpenSSL encrypts by OAEP with ${hash}`,
    ['RSA_PKCS_OAEP', 'RSA_PKCS_KEY_PAIR_GEN'],
    (device, session) => {
      const pair = rsaPair(device, session, ['ENCRYPT'], ['DECRYPT'])
      device.expect(pair.rv, 'OK')
      const sealed = publicEncrypt({ key: rsaKey(device, session, pair.publicKey), oaepHash: hash }, TEXT)
      const { rv, bytes } = device.decrypt(
        session,
        { type: 'RSA_PKCS_OAEP', parameter: oaep(hash) },
        pair.privateKey,
        sealed,
      )
      device.expect(rv, 'OK')
      device.require(bytes.equals(TEXT), 'what was encrypted', 'something else')
    },
  )

const RSA_RAW = row(
  'rsa-x-509',
  'major',
  'RSA without padding undoes itself, as OpenSSL has it',
  ['RSA_X_509', 'RSA_PKCS_KEY_PAIR_GEN'],
  (device, session) => {
    const pair = rsaPair(device, session, ['ENCRYPT'], ['DECRYPT'])
    device.expect(pair.rv, 'OK')
    const block = Buffer.concat([Buffer.of(0, 2), Buffer.alloc(254, 0x33)])
    const key = rsaKey(device, session, pair.publicKey)
    const sealed = publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block)
    const { rv, bytes } = device.decrypt(session, { type: 'RSA_X_509' }, pair.privateKey, sealed)
    device.expect(rv, 'OK')
    device.require(bytes.equals(block), 'the block with its leading zero', `${bytes.length} bytes`)
  },
)

const curveSigns = (curve: Curve, type: MechanismName, hash: HashName | null): Check =>
  row(
    `${type.toLowerCase().replaceAll('_', '-')}.${curve}`,
    'critical',
    `OpenSSL verifies what CKM_${type} signs on ${curve}`,
    [type, generatorOf(curve)],
    (device, session) => {
      const pair = ecPair(device, session, curve, ['VERIFY'], ['SIGN'])
      if (pair.rv !== CKR.OK) device.skip(`the token does not have ${curve}`)
      const hashed = type === 'ECDSA' ? createHash(hash!).update(TEXT).digest() : TEXT
      const { rv, bytes } = device.sign(session, { type }, pair.privateKey, hashed)
      device.expect(rv, 'OK')
      const key = curvePublicKey(curve, pointIn(device.get(session, pair.publicKey, 'EC_POINT').bytes))
      const good = verify(hash, TEXT, { key, dsaEncoding: 'ieee-p1363' }, bytes)
      device.require(good, 'r and s, one after the other, that verify', `${bytes.length} bytes that do not`)
    },
  )

const OUT: Template = [
  { type: 'CLASS', value: CKO.SECRET_KEY },
  { type: 'KEY_TYPE', value: CKK.GENERIC_SECRET },
  ...SESSION,
  ...READABLE,
]

const curveAgrees = (curve: 'secp256r1' | 'secp384r1' | 'secp521r1' | 'secp256k1'): Check =>
  row(
    `ecdh1-derive.${curve}`,
    'critical',
    `The token and OpenSSL agree on a secret on ${curve}`,
    ['ECDH1_DERIVE', 'EC_KEY_PAIR_GEN'],
    (device, session) => {
      const pair = ecPair(device, session, curve, [], ['DERIVE'])
      if (pair.rv !== CKR.OK) device.skip(`the token does not have ${curve}`)
      const { node, size } = CURVES[curve]
      const theirs = createECDH(node)
      const point = theirs.generateKeys()
      const wanted: Template = [...OUT, { type: 'VALUE_LEN', value: size }]
      const how = { type: 'ECDH1_DERIVE', parameter: ecdh(point) } as const
      const { rv, handle } = device.derive(session, how, pair.privateKey, wanted)
      device.expect(rv, 'OK')
      const own = pointIn(device.get(session, pair.publicKey, 'EC_POINT').bytes)
      const same = device.get(session, handle, 'VALUE').bytes.equals(theirs.computeSecret(own))
      device.require(same, 'the same secret', 'another one')
    },
  )

const GCM = row(
  'aes-gcm',
  'critical',
  'OpenSSL has the same ciphertext',
  ['AES_GCM', 'AES_KEY_GEN'],
  (device, session) => {
    const key = aesKey(device, session, ['ENCRYPT'])
    const { rv, bytes: value } = device.get(session, key, 'VALUE')
    if (rv !== CKR.OK) device.skip('the value of an extractable key cannot be read')
    const [iv, aad] = [Buffer.alloc(12, 8), Buffer.from('about it')]
    const cipher = createCipheriv('aes-256-gcm', value, iv).setAAD(aad)
    const wanted = Buffer.concat([cipher.update(TEXT), cipher.final(), cipher.getAuthTag()])
    const sealed = device.encrypt(session, { type: 'AES_GCM', parameter: gcm(iv, aad) }, key, TEXT)
    device.expect(sealed.rv, 'OK')
    device.require(sealed.bytes.equals(wanted), 'the ciphertext and its tag', 'others')
  },
)

/** A private key that may leave is a true one: OpenSSL opens with it what it sealed for its public half. */
const RSA_LEAVES = row(
  'rsa-private-values',
  'major',
  'The numbers of an extractable RSA key are those of its public key',
  ['RSA_PKCS_KEY_PAIR_GEN'],
  (device, session) => {
    const pair = rsaPair(device, session, ['VERIFY'], ['SIGN'])
    device.expect(pair.rv, 'OK')
    const numbers = NUMBERS.map((type) => {
      const { rv, bytes } = device.get(session, pair.privateKey, type)
      if (rv !== CKR.OK || bytes.length === 0) device.skip(`CKA_${type} of an extractable key cannot be read`)
      return bytes
    })
    const sealed = publicEncrypt(rsaKey(device, session, pair.publicKey), TEXT)
    const opened = privateDecrypt(rsaPrivateKey(numbers), sealed)
    device.require(opened.equals(TEXT), 'what was encrypted', 'something else')
  },
)

const NUMBERS = [
  ...(['MODULUS', 'PUBLIC_EXPONENT', 'PRIVATE_EXPONENT', 'PRIME_1', 'PRIME_2'] as const),
  ...(['EXPONENT_1', 'EXPONENT_2', 'COEFFICIENT'] as const),
] as const

export const CROSSED: readonly Check[] = [
  ...(['sha1', 'sha256', 'sha384', 'sha512'] as const).flatMap((hash) => [
    rsaSigns(`${hash.toUpperCase()}_RSA_PKCS` as MechanismName, hash, undefined, {}),
    rsaSigns(`${hash.toUpperCase()}_RSA_PKCS_PSS` as MechanismName, hash, pss(hash), PSS),
    rsaDecrypts(hash),
  ]),
  RSA_RAW,
  RSA_LEAVES,
  curveSigns('secp256r1', 'ECDSA', 'sha256'),
  curveSigns('secp384r1', 'ECDSA', 'sha384'),
  curveSigns('secp521r1', 'ECDSA', 'sha512'),
  curveSigns('secp256k1', 'ECDSA', 'sha256'),
  curveSigns('secp256r1', 'ECDSA_SHA256', 'sha256'),
  curveSigns('secp384r1', 'ECDSA_SHA384', 'sha384'),
  curveSigns('secp521r1', 'ECDSA_SHA512', 'sha512'),
  curveSigns('edwards25519', 'EDDSA', null),
  ...(['secp256r1', 'secp384r1', 'secp521r1', 'secp256k1'] as const).map(curveAgrees),
  GCM,
]
