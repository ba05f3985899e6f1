/** As much of DER as keys and signatures need: writing what is known, reading what a token or a caller gave. */

const SEQUENCE = 0x30
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(SEQUENCE, Buffer.concat(parts))
export const bitString = (bytes: Uint8Array): Buffer => element(BIT_STRING, Buffer.concat([Buffer.of(0), bytes]))
export const oid = (hex: string): Buffer => element(0x06, Buffer.from(hex, 'hex'))
export const octetString = (bytes: Uint8Array): Buffer => element(OCTET_STRING, bytes)
export const NULL = Buffer.of(0x05, 0x00)

/** An INTEGER that is not negative, from its bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  const digits = withoutZeros(bytes)
  return element(INTEGER, digits[0]! & 0x80 ? Buffer.concat([Buffer.of(0), digits]) : digits)
}

export interface Element {
  readonly tag: number
  readonly content: Buffer
}

/** The elements that `bytes` is made of, and nothing else. Throws a RangeError when it is not. */
export function elements(bytes: Uint8Array): Element[] {
  const found: Element[] = []
  for (let rest = asBuffer(bytes); rest.length > 0;) {
    const { tag, content, end } = head(rest)
    found.push({ tag, content })
    rest = rest.subarray(end)
  }
  return found
}

/** The one element that `bytes` is, if it has this tag; its parts. */
export function parts(bytes: Uint8Array): Element[] {
  const [only, ...more] = elements(bytes)
  if (only?.tag !== SEQUENCE || more.length > 0) throw new RangeError('no SEQUENCE')
  return elements(only.content)
}

/**
 * A point of `length` bytes, bare or in an OCTET STRING: tokens differ, and since bare points begin with 04 as well, only
 * their length tells.
 */
export function pointOf(bytes: Uint8Array, length: number): Buffer {
  const whole = asBuffer(bytes)
  if (whole.length === length) return whole
  const [only, ...more] = elements(whole)
  if (only?.tag !== OCTET_STRING || only.content.length !== length || more.length > 0) throw new RangeError('no point')
  return only.content
}

/** ECDSA's r and s, each as long as the order of the curve, from their SEQUENCE; undefined when it is none. */
export function rawSignature(der: Uint8Array, length: number): Buffer | undefined {
  try {
    const [r, s, ...more] = parts(der)
    if (!r || !s || more.length > 0) return undefined
    const raw = Buffer.concat([padded(natural(r), length), padded(natural(s), length)])
    // One signature has one encoding.
    return derSignature(raw).equals(der) ? raw : undefined
  } catch {
    return undefined
  }
}

export function derSignature(raw: Uint8Array): Buffer {
  const half = raw.length / 2
  return sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)))
}

/** The bytes of an INTEGER without the zero that keeps it from being negative. */
export function natural({ tag, content }: Element): Buffer {
  if (tag !== INTEGER || content.length === 0 || content[0]! & 0x80) throw new RangeError('no natural number')
  return withoutZeros(content)
}

/** `bytes` with zeros in front, `length` in all. */
export function padded(bytes: Uint8Array, length: number): Buffer {
  if (bytes.length > length) throw new RangeError('too long')
  const out = Buffer.alloc(length)
  out.set(bytes, length - bytes.length)
  return out
}

function withoutZeros(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte, i) => byte !== 0 || i === bytes.length - 1)
  return asBuffer(bytes.subarray(first))
}

function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), content])
}

function head(bytes: Buffer): Element & { readonly end: number } {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined) throw new RangeError('cut short')
  const more = first < 0x80 ? 0 : first - 0x80
  if (more > 2 || (first >= 0x80 && more === 0)) throw new RangeError('a length that DER does not write so')
  const start = 2 + more
  if (bytes.length < start) throw new RangeError('cut short')
  const length = more === 0 ? first : bytes.readUIntBE(2, more)
  const end = start + length
  if (bytes.length < end) throw new RangeError('cut short')
  return { tag, content: bytes.subarray(start, end), end }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
