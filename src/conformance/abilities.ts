/** Single things that a KMS does with a key, tried once: whether what comes is right. */
import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
  type KeyObject,
} from 'node:crypto'
import { oaepDecoded } from '../backends/pkcs11/oaep.ts'
import { rsaPublicKey, type Spec } from '../backends/pkcs11/specs.ts'
import { CKK, CKO, CKR } from './cryptoki/numbers.ts'
import type { Mechanism } from './cryptoki/memory.ts'
import type { Device } from './device.ts'
import { READABLE, rsaPair, SESSION, usable } from './keys.ts'
import { ecdh, gcm, HASHES, oaep, pss, type HashName } from './parameters.ts'

/** A key that things are tried with, in a session of its own. */
export interface Subject {
  readonly device: Device
  readonly session: number
  /** Secret or private. */
  readonly key: number
  readonly open?: number
  readonly publicKey?: KeyObject
  readonly spec?: Spec | undefined
}

const MESSAGE = Buffer.from('strongroom asks')
const AAD = Buffer.from('in this context')

/** What works, or nothing: why it does not is for checks to tell. */
export function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

/** AES-GCM with IVs of so many bytes. */
export function encrypts({ device, session, key }: Subject, length: number): boolean {
  const iv = randomBytes(length)
  const how: Mechanism = { type: 'AES_GCM', parameter: gcm(iv, AAD) }
  const { bytes } = device.encrypt(session, how, key, MESSAGE)
  const value = device.get(session, key, 'VALUE')
  if (bytes.length !== MESSAGE.length + 16) return false
  if (value.rv !== CKR.OK) return device.decrypt(session, how, key, bytes).bytes.equals(MESSAGE)
  const decipher = createDecipheriv('aes-256-gcm', value.bytes, iv, { authTagLength: 16 })
  decipher.setAAD(AAD).setAuthTag(bytes.subarray(-16))
  return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).equals(MESSAGE)
}

/** Who takes the padding of OAEP off: the token, or the host after a bare RSA. */
export function decryptsFor(subject: Subject, algorithm: string, by: 'token' | 'host'): boolean {
  const { device, session, key, publicKey } = subject
  const hash = hashIn(algorithm) as 'sha1' | 'sha256'
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const sealed = publicEncrypt({ key: publicKey!, padding, oaepHash: hash }, MESSAGE)
  if (by === 'token') {
    const how: Mechanism = { type: 'RSA_PKCS_OAEP', parameter: oaep(hash) }
    return device.decrypt(session, how, key, sealed).bytes.equals(MESSAGE)
  }
  const { bytes } = device.decrypt(session, { type: 'RSA_X_509' }, key, sealed)
  const encoded = Buffer.concat([Buffer.alloc(sealed.length - bytes.length), bytes])
  return oaepDecoded(encoded, hash).equals(MESSAGE)
}

/** By the first word of an algorithm: how a token is asked, and for what. */
const SCHEMES: Readonly<Record<string, (hash: HashName) => { readonly how: Mechanism; readonly data: Buffer }>> = {
  RSASSA_PKCS1: (hash) => ({ how: { type: `${mechanismWord(hash)}_RSA_PKCS` as 'SHA256_RSA_PKCS' }, data: MESSAGE }),
  RSASSA_PSS: (hash) => ({ how: { type: 'RSA_PKCS_PSS', parameter: pss(hash) }, data: digestOf(hash) }),
  ECDSA: (hash) => ({ how: { type: 'ECDSA' }, data: digestOf(hash) }),
  ED25519: () => ({ how: { type: 'EDDSA' }, data: MESSAGE }),
  ML_DSA: () => ({ how: { type: 'ML_DSA' }, data: MESSAGE }),
}

export function signsFor({ device, session, key, open, publicKey }: Subject, algorithm: string): boolean {
  const name = Object.keys(SCHEMES).find((each) => algorithm.startsWith(each))!
  const hash = hashIn(algorithm)
  const { how, data } = SCHEMES[name]!(hash)
  const { rv, bytes } = device.sign(session, how, key, data)
  if (rv !== CKR.OK) return false
  // Not every Node knows ML-DSA: then the token has to believe itself.
  if (!publicKey) return device.verify(session, how, open!, data, bytes) === CKR.OK
  const salted = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const extra = name === 'RSASSA_PSS' ? salted : name === 'ECDSA' ? ({ dsaEncoding: 'ieee-p1363' } as const) : {}
  return verify(name === 'ED25519' ? null : hash, MESSAGE, { key: publicKey, ...extra }, bytes)
}

export function macs({ device, session, key }: Subject, algorithm: string): boolean {
  const hash = hashIn(algorithm)
  const { rv, bytes } = device.sign(session, { type: HASHES[hash].hmac }, key, MESSAGE)
  const value = device.get(session, key, 'VALUE')
  if (rv !== CKR.OK || value.rv !== CKR.OK) return rv === CKR.OK
  return createHmac(hash, value.bytes).update(MESSAGE).digest().equals(bytes)
}

/** ECDH with somebody outside, who comes to the same. */
export function agreesWith({ device, session, key, publicKey, spec }: Subject): boolean {
  const peer = generateKeyPairSync('ec', { namedCurve: spec!.name! })
  const point = peer.publicKey.export({ type: 'spki', format: 'der' }).subarray(-1 - 2 * spec!.size)
  const { rv, handle } = device.derive(session, { type: 'ECDH1_DERIVE', parameter: ecdh(point) }, key, [
    ...secretTemplate('GENERIC_SECRET', spec!.size),
  ])
  device.expect(rv, 'OK')
  const ours = diffieHellman({ privateKey: peer.privateKey, publicKey: publicKey! })
  return device.get(session, handle, 'VALUE').bytes.equals(ours)
}

export function encapsulates({ device, session, key, open }: Subject): boolean {
  const attributes = secretTemplate('GENERIC_SECRET', 32)
  const sealed = device.encapsulate(session, { type: 'ML_KEM' }, open!, attributes)
  device.expect(sealed.rv, 'OK')
  const opened = device.decapsulate(session, { type: 'ML_KEM' }, key, sealed.bytes, attributes)
  device.expect(opened.rv, 'OK')
  const [one, two] = [sealed.handle, opened.handle].map((each) => device.get(session, each, 'VALUE').bytes)
  return one!.length === 32 && one!.equals(two!)
}

/** The hash of the OAEP that a secret key is unwrapped from in the token; undefined when there is none. */
export function unwraps(device: Device, session: number, { keyType, size }: Spec): 'SHA-256' | 'SHA-1' | undefined {
  const pair = rsaPair(device, session, ['ENCRYPT'], ['DECRYPT', 'UNWRAP'])
  device.expect(pair.rv, 'OK')
  const part = (type: 'MODULUS' | 'PUBLIC_EXPONENT'): Buffer => device.get(session, pair.publicKey, type).bytes
  const der = rsaPublicKey(part('MODULUS'), part('PUBLIC_EXPONENT'))
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
  const material = randomBytes(size)
  const type = keyType === CKK.AES ? 'AES' : 'GENERIC_SECRET'
  const found = (['sha256', 'sha1'] as const).find((hash) => {
    const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, material)
    const how: Mechanism = { type: 'RSA_PKCS_OAEP', parameter: oaep(hash) }
    const { rv, handle } = device.unwrap(session, how, pair.privateKey, wrapped, secretTemplate(type))
    return rv === CKR.OK && device.get(session, handle, 'VALUE').bytes.equals(material)
  })
  return found && (found === 'sha1' ? 'SHA-1' : 'SHA-256')
}

function secretTemplate(type: 'AES' | 'GENERIC_SECRET', length?: number) {
  return [
    { type: 'CLASS', value: CKO.SECRET_KEY },
    { type: 'KEY_TYPE', value: CKK[type] },
    ...(length === undefined ? [] : [{ type: 'VALUE_LEN', value: length } as const]),
    ...SESSION,
    ...READABLE,
    ...usable(type === 'AES' ? ['ENCRYPT', 'DECRYPT'] : ['SIGN', 'VERIFY']),
  ] as const
}

/** `RSASSA_PSS_SHA_256` has sha256. */
function hashIn(algorithm: string): HashName {
  return (/SHA_(\d+)$/.exec(algorithm)?.[1] ?? '256').replace(/^/, 'sha') as HashName
}

function mechanismWord(hash: HashName): string {
  return hash.toUpperCase()
}

function digestOf(hash: HashName): Buffer {
  return createHash(hash).update(MESSAGE).digest()
}
