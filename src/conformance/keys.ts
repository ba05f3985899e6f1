/** Keys of known bytes in a token, and fresh ones: session objects, gone with their session. */
import type { Attribute, Template } from './cryptoki/memory.ts'
import { CKK, CKO, CKR } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'

/** What a key may be used for. */
export type Use =
  'ENCRYPT' | 'DECRYPT' | 'SIGN' | 'VERIFY' | 'WRAP' | 'UNWRAP' | 'DERIVE' | 'ENCAPSULATE' | 'DECAPSULATE'

/** Curves: their parameters as DER, the bytes of a number of theirs, what Node calls them. */
export const CURVES = {
  secp256r1: { oid: '06082a8648ce3d030107', size: 32, node: 'prime256v1' },
  secp384r1: { oid: '06052b81040022', size: 48, node: 'secp384r1' },
  secp521r1: { oid: '06052b81040023', size: 66, node: 'secp521r1' },
  secp256k1: { oid: '06052b8104000a', size: 32, node: 'secp256k1' },
  edwards25519: { oid: '06032b6570', size: 32, node: 'ed25519' },
  edwards448: { oid: '06032b6571', size: 57, node: 'ed448' },
  curve25519: { oid: '06032b656e', size: 32, node: 'x25519' },
  curve448: { oid: '06032b656f', size: 56, node: 'x448' },
} as const
export type Curve = keyof typeof CURVES

/** Numbers of an RSA key, in hexadecimal. */
export interface RsaNumbers {
  readonly modulus: string
  readonly publicExponent: string
  readonly privateExponent?: string
  readonly prime1?: string
  readonly prime2?: string
  readonly exponent1?: string
  readonly exponent2?: string
  readonly coefficient?: string
}

const RSA_PRIVATE = {
  privateExponent: 'PRIVATE_EXPONENT',
  prime1: 'PRIME_1',
  prime2: 'PRIME_2',
  exponent1: 'EXPONENT_1',
  exponent2: 'EXPONENT_2',
  coefficient: 'COEFFICIENT',
} as const

/** A template for a secret key of these bytes. */
export function secretKey(type: keyof typeof CKK, value: Buffer, ...uses: readonly Use[]): Template {
  return [...object('SECRET_KEY', type, uses), { type: 'VALUE', value }, ...READABLE]
}

export function rsaPublic(numbers: RsaNumbers, ...uses: readonly Use[]): Template {
  return [...object('PUBLIC_KEY', 'RSA', uses), ...rsaOpen(numbers)]
}

export function rsaPrivate(numbers: RsaNumbers, ...uses: readonly Use[]): Template {
  const own = Object.entries(RSA_PRIVATE).map(([name, type]) => ({
    type,
    value: hex(numbers[name as keyof typeof RSA_PRIVATE] ?? ''),
  }))
  return [...object('PRIVATE_KEY', 'RSA', uses), ...rsaOpen(numbers), ...own, ...READABLE]
}

/** `point` as the standard has it for the type of key. */
export function ecPublic(curve: Curve, point: Buffer, ...uses: readonly Use[]): Template {
  const type = typeOf(curve)
  const value = type === 'EC' ? octetString(point) : point
  return [...object('PUBLIC_KEY', type, uses), ...paramsOf(curve), { type: 'EC_POINT', value }]
}

export function ecPrivate(curve: Curve, value: Buffer, ...uses: readonly Use[]): Template {
  return [...object('PRIVATE_KEY', typeOf(curve), uses), ...paramsOf(curve), { type: 'VALUE', value }, ...READABLE]
}

/** A key of a lattice: with its parameter set, and its bytes or its seed. */
export function lattice(
  kind: 'PUBLIC_KEY' | 'PRIVATE_KEY',
  type: 'ML_DSA' | 'ML_KEM',
  set: number,
  bytes: Attribute,
  ...uses: readonly Use[]
): Template {
  const readable = kind === 'PRIVATE_KEY' ? READABLE : []
  return [...object(kind, type, uses), { type: 'PARAMETER_SET', value: set }, bytes, ...readable]
}

/** The object that is made of a template; undefined when the token does not take it, whatever the reason. */
export function imported(device: Device, session: number, attributes: Template): number | undefined {
  const { rv, handle } = device.create(session, attributes)
  return rv === CKR.OK ? handle : undefined
}

/** The same where it has to be taken: what follows cannot be told without. */
export function importedOrSkip(device: Device, session: number, attributes: Template, what: string): number {
  return imported(device, session, attributes) ?? device.skip(`the token does not take ${what} with C_CreateObject`)
}

/** A fresh AES key of the session. */
export function aesKey(device: Device, session: number, uses: readonly Use[], bytes = 32, ...more: Template): number {
  const attributes = [...usable(uses), { type: 'VALUE_LEN', value: bytes } as const, ...SESSION, ...READABLE, ...more]
  const { rv, handle } = device.generate(session, { type: 'AES_KEY_GEN' }, attributes)
  device.expect(rv, 'OK')
  return handle
}

export interface Pair {
  readonly rv: number
  readonly publicKey: number
  readonly privateKey: number
}

export function rsaPair(
  device: Device,
  session: number,
  open: readonly Use[],
  own: readonly Use[],
  bits = 2048,
  exponent = '010001',
): Pair {
  const how = { type: 'RSA_PKCS_KEY_PAIR_GEN' } as const
  const size: Template = [
    { type: 'MODULUS_BITS', value: bits },
    { type: 'PUBLIC_EXPONENT', value: hex(exponent) },
  ]
  return device.generatePair(
    session,
    how,
    [...size, ...usable(open), ...SESSION],
    [...usable(own), ...SESSION, ...READABLE],
  )
}

const GENERATORS = {
  EC: 'EC_KEY_PAIR_GEN',
  EC_EDWARDS: 'EC_EDWARDS_KEY_PAIR_GEN',
  EC_MONTGOMERY: 'EC_MONTGOMERY_KEY_PAIR_GEN',
} as const

/** The mechanism that makes pairs on a curve. */
export function generatorOf(curve: Curve): (typeof GENERATORS)[keyof typeof GENERATORS] {
  return GENERATORS[typeOf(curve)]
}

export function ecPair(device: Device, session: number, curve: Curve, open: readonly Use[], own: readonly Use[]): Pair {
  const how = { type: generatorOf(curve) }
  const openTemplate = [...paramsOf(curve), ...usable(open), ...SESSION]
  return device.generatePair(session, how, openTemplate, [...usable(own), ...SESSION, ...READABLE])
}

/** The point in a CKA_EC_POINT: with its DER header or, as some have it, without. */
export function pointIn(value: Buffer): Buffer {
  // A point without a header begins with a 4 as well, and goes on with anything.
  if (value[0] !== 4) return value
  const more = LENGTHS[value[1]!] ?? 0
  const length = more === 0 ? value[1] : value.length < 2 + more ? undefined : value.readUIntBE(2, more)
  return length === value.length - 2 - more ? value.subarray(2 + more) : value
}

/** How many bytes of a length follow the first, in DER. */
const LENGTHS: Readonly<Record<number, number>> = { 0x81: 1, 0x82: 2 }

/** A DER OCTET STRING. */
export function octetString(bytes: Buffer): Buffer {
  const length = bytes.length < 0x80 ? [bytes.length] : [0x81, bytes.length]
  return Buffer.concat([Buffer.of(4, ...length), bytes])
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

export function usable(uses: readonly Use[]): Template {
  return uses.map((type) => ({ type, value: true }))
}

/** In the session, and where the user alone sees it. */
export const SESSION: Template = [{ type: 'TOKEN', value: false }]
/** Results can only be compared where they can be read. */
export const READABLE: Template = [
  { type: 'SENSITIVE', value: false },
  { type: 'EXTRACTABLE', value: true },
]

function object(kind: keyof typeof CKO, type: keyof typeof CKK, uses: readonly Use[]): Template {
  const what: Template = [
    { type: 'CLASS', value: CKO[kind] },
    { type: 'KEY_TYPE', value: CKK[type] },
  ]
  return [...what, ...SESSION, ...usable(uses)]
}

function rsaOpen({ modulus, publicExponent }: RsaNumbers): Template {
  return [
    { type: 'MODULUS', value: hex(modulus) },
    { type: 'PUBLIC_EXPONENT', value: hex(publicExponent) },
  ]
}

function paramsOf(curve: Curve): Template {
  return [{ type: 'EC_PARAMS', value: hex(CURVES[curve].oid) }]
}

function typeOf(curve: Curve): keyof typeof GENERATORS {
  if (curve.startsWith('edwards')) return 'EC_EDWARDS'
  return curve.startsWith('curve') ? 'EC_MONTGOMERY' : 'EC'
}
