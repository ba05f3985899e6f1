/**
 * A file as a disk would keep it: in sectors that are encrypted under the file's own numbers, so that no two sectors of a
 * database are encrypted alike. Whole sectors follow a header with the file's number. A last one that is not full is followed
 * by as many zeros as it has bytes, so that a file's size tells its length and the two cannot disagree.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

/** Encrypts and decrypts whole sectors in place, the first of which has the number `first`. */
export interface SectorCipher {
  encrypt(first: number, sectors: Uint8Array): void
  decrypt(first: number, sectors: Uint8Array): void
  close(): void
}

/** Where in the folder of a database its files are. */
export const FILES = 'files'

const SECTOR = 4096
const HEADER = 16
const MAGIC = 0x53524442
/** Sectors a file can have: 2 GB, twice what PostgreSQL makes of a file. */
const SECTORS = 2 ** 19
/** Files that can be numbered so that each sector's number is exact. */
export const NUMBERS = 2 ** 53 / SECTORS

/** The bytes in a file of this size. */
export function lengthOf(size: number): number {
  const body = Math.max(size - HEADER, 0)
  const over = body % SECTOR
  return over === 0 ? body : body - SECTOR
}

function sizeOf(length: number): number {
  return HEADER + Math.ceil(length / SECTOR) * SECTOR + (length % SECTOR)
}

export class BlockFile {
  readonly #cipher: SectorCipher
  readonly #fd: number
  readonly #first: number
  #length: number
  #changed = false

  /** Opens the file, which gets a number if it has none yet. */
  constructor(path: string, cipher: SectorCipher, number: () => number) {
    this.#cipher = cipher
    this.#fd = openSync(path, 'r+')
    const { size } = fstatSync(this.#fd)
    this.#first = (size < HEADER ? mark(this.#fd, number()) : numberOf(this.#fd, path)) * SECTORS
    this.#length = lengthOf(size)
  }

  get number(): number {
    return this.#first / SECTORS
  }

  get fd(): number {
    return this.#fd
  }

  /** Again, for somebody else may have cut the file short by its name. */
  get length(): number {
    return (this.#length = lengthOf(fstatSync(this.#fd).size))
  }

  /** Fills what it can of `target` from `position`; how many bytes that were. */
  read(target: Uint8Array, position: number): number {
    const length = Math.min(target.length, this.length - position)
    if (length <= 0) return 0
    const { first, sectors } = this.#covered(position, length)
    const from = position - first * SECTOR
    target.set(sectors.subarray(from, from + length))
    return length
  }

  write(source: Uint8Array, position: number): number {
    if (source.length === 0) return 0
    if (position + source.length > SECTORS * SECTOR) throw Object.assign(new Error('file too large'), { code: 'EFBIG' })
    const length = Math.max(this.length, position + source.length)
    const isWhole = position % SECTOR === 0 && source.length % SECTOR === 0
    if (isWhole) this.#put(position / SECTOR, Uint8Array.from(source))
    else {
      const { first, sectors } = this.#covered(position, source.length)
      sectors.set(source, position - first * SECTOR)
      this.#put(first, sectors)
    }
    if (sizeOf(length) !== fstatSync(this.#fd).size) ftruncateSync(this.#fd, sizeOf(length))
    return source.length
  }

  truncate(length: number): void {
    const over = length % SECTOR
    this.#changed = true
    if (length < this.length) {
      // What is cut off must not come back when the file grows again: neither in its last sector nor as a new one.
      const { first, sectors } = this.#covered(length - over, over)
      if (over > 0) this.#put(first, sectors.fill(0, over))
      ftruncateSync(this.#fd, HEADER + Math.ceil(length / SECTOR) * SECTOR)
    }
    ftruncateSync(this.#fd, sizeOf(length))
  }

  /** Whether something was written since this was last asked. */
  takeChanged(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** The sectors under so many bytes, as they are now; what is not there yet is zeros. */
  #covered(position: number, length: number): { first: number; sectors: Uint8Array } {
    const first = Math.floor(position / SECTOR)
    const count = Math.ceil((position + length) / SECTOR) - first
    const sectors = new Uint8Array(count * SECTOR)
    const there = Math.max(0, Math.ceil(this.#length / SECTOR) - first)
    const wanted = Math.min(count, there) * SECTOR
    for (let done = 0; done < wanted;) {
      const got = readSync(this.#fd, sectors, done, wanted - done, HEADER + first * SECTOR + done)
      if (got === 0) break
      done += got
    }
    for (let i = 0; i < count; i++) {
      const sector = sectors.subarray(i * SECTOR, (i + 1) * SECTOR)
      // A sector that was never written is a hole in the file.
      if (!isZero(sector)) this.#cipher.decrypt(this.#first + first + i, sector)
    }
    return { first, sectors }
  }

  #put(first: number, sectors: Uint8Array): void {
    this.#changed = true
    this.#cipher.encrypt(this.#first + first, sectors)
    for (let done = 0; done < sectors.length;) {
      done += writeSync(this.#fd, sectors, done, sectors.length - done, HEADER + first * SECTOR + done)
    }
  }
}

function mark(fd: number, number: number): number {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(MAGIC)
  header.writeBigUInt64BE(BigInt(number), HEADER - 8)
  writeSync(fd, header, 0, HEADER, 0)
  return number
}

function numberOf(fd: number, path: string): number {
  const header = Buffer.alloc(HEADER)
  readSync(fd, header, 0, HEADER, 0)
  const number = Number(header.readBigUInt64BE(HEADER - 8))
  if (header.readUInt32BE() !== MAGIC || number >= NUMBERS) throw new Error(`${path} is no file of a database`)
  return number
}

const ZERO = Buffer.alloc(SECTOR)

function isZero(sector: Uint8Array): boolean {
  return ZERO.equals(sector)
}
