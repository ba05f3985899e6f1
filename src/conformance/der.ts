/** Keys as DER, which is how OpenSSL takes numbers and points that came out of a token. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { CURVES, type Curve } from './keys.ts'

/** An RSA key of its modulus and exponent, without signs. */
export function rsaPublicKey(modulus: Buffer, exponent: Buffer): KeyObject {
  return createPublicKey({ key: sequence(integer(modulus), integer(exponent)), format: 'der', type: 'pkcs1' })
}

/** The numbers in the order of RFC 8017, A.1.2: n, e, d, p, q, d mod p - 1, d mod q - 1, 1/q mod p. */
export function rsaPrivateKey(numbers: readonly Buffer[]): KeyObject {
  const version = integer(Buffer.of(0))
  return createPrivateKey({ key: sequence(version, ...numbers.map(integer)), format: 'der', type: 'pkcs1' })
}

/** A key of a point on a curve; throws when it is none. */
export function curvePublicKey(curve: Curve, point: Buffer): KeyObject {
  const oid = Buffer.from(CURVES[curve].oid, 'hex')
  const ecPublicKey = Buffer.from('06072a8648ce3d0201', 'hex')
  const algorithm = curve.startsWith('sec') ? sequence(ecPublicKey, oid) : sequence(oid)
  const key = sequence(algorithm, tagged(3, Buffer.concat([Buffer.of(0), point])))
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts))
}

function integer(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0)
  const number = start < 0 ? Buffer.of(0) : bytes.subarray(start)
  return tagged(2, number[0]! & 0x80 ? Buffer.concat([Buffer.of(0), number]) : number)
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}
