/**
 * The CRC of bytes put together, of the CRCs of the pieces: one moves by x to the power of all the bits that follow it, and they
 * are added. Polynomials are over GF(2), their lowest power in the highest bit, as CRCs that are fed lowest bit first have them.
 */

export interface Crc {
  /** Bits of a value. */
  readonly width: number
  readonly polynomial: bigint
}

/** A piece's CRC, and how many bytes it is of. */
export interface Summed {
  readonly value: Uint8Array
  readonly size: number
}

export function combined(crc: Crc, pieces: readonly Summed[]): Uint8Array {
  // Most parts of an upload are of one size.
  const shifts = new Map<number, bigint>()
  const total = pieces.reduce((before, { value, size }) => {
    const shift = shifts.get(size) ?? power(crc, size)
    shifts.set(size, shift)
    return product(crc, before, shift) ^ BigInt(`0x${Buffer.from(value).toString('hex')}`)
  }, 0n)
  return Buffer.from(total.toString(16).padStart(crc.width / 4, '0'), 'hex')
}

/** x to the power of the bits in so many bytes. */
function power(crc: Crc, bytes: number): bigint {
  let result = 1n << BigInt(crc.width - 1)
  let factor = result >> 8n
  for (let left = bytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = product(crc, result, factor)
    factor = product(crc, factor, factor)
  }
  return result
}

function product({ width, polynomial }: Crc, one: bigint, other: bigint): bigint {
  let result = 0n
  let multiple = other
  for (let bit = 1n << BigInt(width - 1); bit > 0n; bit >>= 1n) {
    if (one & bit) result ^= multiple
    multiple = multiple & 1n ? (multiple >> 1n) ^ polynomial : multiple >> 1n
  }
  return result
}
