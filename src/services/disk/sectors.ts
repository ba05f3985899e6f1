/** Sectors: how bytes lie in them, which of them are unwritten, and how they are encrypted. */
import type { Xts } from '../../../bindings/node/index.js'
import { DiskError } from './failure.ts'

export const SECTOR = 4096

const UNWRITTEN = Buffer.alloc(SECTOR)

/** Where bytes lie: the sectors that hold them, and how many bytes of the first come before. */
export interface Span {
  readonly first: number
  readonly count: number
  readonly skip: number
  readonly length: number
}

/** The span of `length` bytes at `offset`, which must be inside of a disk of `size` bytes. */
export function spanOf(offset: number, length: number, size: number): Span {
  const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0
  if (!inside || offset + length > size) {
    throw new DiskError('EINVAL', `${length} bytes at ${offset} are not inside of a volume of ${size} bytes`)
  }
  const first = Math.floor(offset / SECTOR)
  const count = length === 0 ? 0 : Math.ceil((offset + length) / SECTOR) - first
  return { first, count, skip: offset - first * SECTOR, length }
}

/**
 * Decrypts sectors in place. One that is zero in the file was never written, or discarded, and stays zero: encryption makes
 * such a sector of one plaintext in 2^32768.
 */
export function decrypt(xts: Xts, first: number, sectors: Buffer): void {
  for (const { at, end, written } of runs(sectors)) {
    if (written) xts.decrypt(first + at, sectors.subarray(at * SECTOR, end * SECTOR))
  }
}

/** Sectors in a row that are alike, counted from the first of the buffer; `end` is one past the last. */
export interface Run {
  readonly at: number
  readonly end: number
  readonly written: boolean
}

export function runs(sectors: Buffer): Run[] {
  const found: Run[] = []
  const count = sectors.length / SECTOR
  for (let at = 0; at < count;) {
    const written = isWritten(sectors, at)
    let end = at + 1
    while (end < count && isWritten(sectors, end) === written) end++
    found.push({ at, end, written })
    at = end
  }
  return found
}

function isWritten(sectors: Buffer, index: number): boolean {
  const start = index * SECTOR
  // The first byte tells of nearly all that are written.
  return sectors[start] !== 0 || sectors.compare(UNWRITTEN, 0, SECTOR, start, start + SECTOR) !== 0
}
