/** CBOR (RFC 8949), written: as much of it as attestation documents are made of. */

export type Cbor = number | string | null | Uint8Array | readonly Cbor[] | ReadonlyMap<number | string, Cbor>

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const
const NULL = 0xf6

export function cbor(value: Cbor): Uint8Array {
  if (value === null) return Uint8Array.of(NULL)
  if (typeof value === 'number') return value < 0 ? head(MAJOR.negative, -1 - value) : head(MAJOR.unsigned, value)
  if (typeof value === 'string') {
    const text = Buffer.from(value)
    return Buffer.concat([head(MAJOR.text, text.length), text])
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(MAJOR.bytes, value.length), value])
  if (value instanceof Map) {
    const members = [...(value as ReadonlyMap<number | string, Cbor>)].flat().map((each) => cbor(each))
    return Buffer.concat([head(MAJOR.map, value.size), ...members])
  }
  const items = value as readonly Cbor[]
  return Buffer.concat([head(MAJOR.array, items.length), ...items.map(cbor)])
}

/** The major type with its argument, in the shortest form. */
function head(major: number, argument: number): Uint8Array {
  const type = major << 5
  if (argument < 24) return Uint8Array.of(type | argument)
  const bytes = argument < 0x100 ? 1 : argument < 0x1_0000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8
  const out = Buffer.alloc(1 + bytes)
  out[0] = type | (24 + Math.log2(bytes))
  if (bytes === 8) out.writeBigUInt64BE(BigInt(argument), 1)
  else out.writeUIntBE(argument, 1, bytes)
  return out
}
