/** The checksums S3 knows, each computed as the body goes by. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Crc } from './combining.ts'

/** Takes a body piece by piece. */
export interface Digest {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

interface Algorithm {
  /** Bytes of a value. */
  readonly size: number
  readonly start: () => Digest
  /** Of what can be combined: the value of a whole is that of its parts' values. */
  readonly crc?: Crc
}

// All polynomials are written with their lowest power in the highest bit, as bytes are fed lowest bit first.
const ETHERNET = 0xedb88320
const CASTAGNOLI = 0x82f63b78
const NVME = { high: 0x9a6c9329, low: 0xac4bc9b5 }

/** By the names that S3's API has for them; in headers `x-amz-checksum-` and the name in small letters. */
export const CHECKSUMS: Readonly<Record<string, Algorithm>> = {
  CRC32: {
    size: 4,
    start: () => running((value, bytes) => crc32(bytes, value)),
    crc: { width: 32, polynomial: BigInt(ETHERNET) },
  },
  CRC32C: { size: 4, start: () => running(crc32c), crc: { width: 32, polynomial: BigInt(CASTAGNOLI) } },
  CRC64NVME: {
    size: 8,
    start: () => new Crc64(),
    crc: { width: 64, polynomial: (BigInt(NVME.high) << 32n) | BigInt(NVME.low) },
  },
  SHA1: { size: 20, start: () => createHash('sha1') },
  SHA256: { size: 32, start: () => createHash('sha256') },
}

function running(next: (value: number, bytes: Uint8Array) => number): Digest {
  let value = 0
  return {
    update: (bytes) => (value = next(value, bytes)),
    digest: () => words(value),
  }
}

/** Numbers of 32 bits as bytes, the highest first. */
function words(...values: number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, 4 * index))
  return bytes
}

const CASTAGNOLI_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? CASTAGNOLI : 0)
  return value
})

function crc32c(before: number, bytes: Uint8Array): number {
  let value = ~before
  for (let at = 0; at < bytes.length; at++) value = (value >>> 8) ^ CASTAGNOLI_TABLE[(value ^ bytes[at]!) & 0xff]!
  return ~value >>> 0
}

/** The upper and lower halves of the table's values, for numbers hold 32 bits well and 64 badly. */
const NVME_HIGH = new Int32Array(256)
const NVME_LOW = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let [high, low] = [0, byte]
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1
    low = (low >>> 1) | (high << 31)
    high >>>= 1
    if (carry) [high, low] = [high ^ NVME.high, low ^ NVME.low]
  }
  NVME_HIGH[byte] = high
  NVME_LOW[byte] = low
}

class Crc64 implements Digest {
  #high = -1
  #low = -1

  update(bytes: Uint8Array): void {
    let [high, low] = [this.#high, this.#low]
    for (let at = 0; at < bytes.length; at++) {
      const index = (low ^ bytes[at]!) & 0xff
      low = ((low >>> 8) | (high << 24)) ^ NVME_LOW[index]!
      high = (high >>> 8) ^ NVME_HIGH[index]!
    }
    this.#high = high
    this.#low = low
  }

  digest(): Uint8Array {
    return words(~this.#high, ~this.#low)
  }
}
