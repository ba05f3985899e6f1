/** Verification of Ed25519ph by the letter of RFC 8032, since neither Node nor the openssl of the day knows it. Slow, and not constant time. */
import { createHash } from 'node:crypto'

/** Whether `signature` is Ed25519ph's over `message`, with an empty context, by the 32 bytes of `publicKey`. */
export function verifiesEd25519ph(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = decompress(signature.subarray(0, 32))
  const a = decompress(publicKey)
  const s = integer(signature.subarray(32))
  if (!r || !a || s >= L) return false
  // dom2(1, ''): section 2, and the prehash of section 5.1.
  const dom = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions'), Buffer.from([1, 0])])
  const h = integer(sha512(dom, signature.subarray(0, 32), publicKey, sha512(message))) % L
  return equal(multiply(s, BASE), add(r, multiply(h, a)))
}

type Point = readonly [x: bigint, y: bigint]

const P = 2n ** 255n - 19n
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const D = mod(-121665n * invert(121666n))
const BASE = decompress(bytes(mod(4n * invert(5n))))!

/** Affine coordinates and one inversion a coordinate: section 5.1.4's law before it is made fast. */
function add([x1, y1]: Point, [x2, y2]: Point): Point {
  const t = mod(D * x1 * x2 * y1 * y2)
  return [mod((x1 * y2 + x2 * y1) * invert(1n + t)), mod((y1 * y2 + x1 * x2) * invert(1n - t))]
}

function multiply(n: bigint, point: Point): Point {
  let sum: Point = [0n, 1n]
  for (const bit of n.toString(2)) {
    sum = add(sum, sum)
    if (bit === '1') sum = add(sum, point)
  }
  return sum
}

/** Section 5.1.3. */
function decompress(encoded: Uint8Array): Point | undefined {
  const all = integer(encoded)
  const y = all & (2n ** 255n - 1n)
  const u = mod(y * y - 1n)
  const v = mod(D * y * y + 1n)
  let x = mod(u * v ** 3n * power(mod(u * v ** 7n), (P - 5n) / 8n))
  if (mod(v * x * x) !== u) x = mod(x * power(2n, (P - 1n) / 4n))
  if (mod(v * x * x) !== u) return undefined
  return [(x & 1n) === all >> 255n ? x : mod(-x), y]
}

function equal(one: Point, two: Point): boolean {
  return one[0] === two[0] && one[1] === two[1]
}

function invert(n: bigint): bigint {
  return power(mod(n), P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = mod(result * result)
    if (bit === '1') result = mod(result * base)
  }
  return result
}

function mod(n: bigint): bigint {
  return ((n % P) + P) % P
}

function integer(little: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(little).reverse().toString('hex')}`)
}

function bytes(n: bigint): Uint8Array {
  return Buffer.from(n.toString(16).padStart(64, '0'), 'hex').reverse()
}

function sha512(...parts: Uint8Array[]): Buffer {
  return createHash('sha512').update(Buffer.concat(parts)).digest()
}
