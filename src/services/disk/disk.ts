/**
 * A disk that is encrypted with AES-256-XTS, over one sparse file: any bytes at any offset, while the file holds whole
 * encrypted sectors, and nothing where nothing was written. XTS keeps secrets and its place, but has no tag: who changes the
 * file changes what is read, and under another key all is noise. The key is inside of the addon until the disk is closed.
 */
import { Xts } from '../../../bindings/node/index.js'
import { DiskError, faultOf } from './failure.ts'
import { DiskFile, makeSparse } from './file.ts'
import { Ranges, type Sharing } from './ranges.ts'
import { decrypt, runs, SECTOR, spanOf, type Span } from './sectors.ts'

/** How many bytes are looked at or zeroed in one go, however long the range. */
const STRIDE = 1024 * 1024

/** A stretch of the disk, and whether anything was written there. */
export interface Extent {
  readonly length: number
  readonly written: boolean
}

export class Disk {
  readonly size: number
  readonly #file: DiskFile
  readonly #xts: Xts
  readonly #ranges = new Ranges()
  #closing: Promise<void> | undefined
  /** What a flush failed with: the operating system tells it once, and what was lost stays lost. */
  #lost: Error | undefined

  private constructor(file: DiskFile, xts: Xts) {
    this.#file = file
    this.#xts = xts
    this.size = file.size
  }

  /** Makes the file of an empty disk, for its owner alone; whole sectors, and no file that exists. */
  static async create(path: string, bytes: number): Promise<void> {
    checkSize(bytes)
    await makeSparse(path, bytes)
  }

  /** Takes `key`, 64 bytes, over: it is wiped, whatever comes of it. */
  static async open(path: string, key: Uint8Array): Promise<Disk> {
    const xts = Xts.open(key)
    try {
      const file = await DiskFile.open(path)
      try {
        checkSize(file.size)
        return new Disk(file, xts)
      } catch (error) {
        await file.close()
        throw error
      }
    } catch (error) {
      xts.close()
      throw error
    }
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const span = spanOf(offset, length, this.size)
    return this.#during(span, 'shared', async () => {
      const sectors = Buffer.allocUnsafe(span.count * SECTOR)
      await this.#load(span.first, sectors)
      return sectors.subarray(span.skip, span.skip + length)
    })
  }

  /** Writes `data`, which must stay as it is until then. What fails half-way may have written some of it, as on any disk. */
  async write(offset: number, data: Uint8Array): Promise<void> {
    const span = spanOf(offset, data.length, this.size)
    await this.#during(span, 'alone', () => this.#overwrite(span, (bytes) => bytes.set(data)))
  }

  /** Has bytes read as zeroes, by writing zeroes: encrypted, so that nobody sees where they are. */
  async zero(offset: number, length: number): Promise<void> {
    const span = spanOf(offset, length, this.size)
    await this.#during(span, 'alone', async () => {
      for (const part of strides(offset, length)) await this.#overwrite(spanOf(...part, this.size), clear)
    })
  }

  /** Has bytes read as zeroes, by making sectors unwritten again, which shows in the file; the edges are written. */
  async discard(offset: number, length: number): Promise<void> {
    const span = spanOf(offset, length, this.size)
    await this.#during(span, 'alone', async () => {
      for (const part of strides(offset, length)) await this.#unwrite(spanOf(...part, this.size))
    })
  }

  /** What is written and what is not, from `offset` on: at most a mebibyte is looked at. */
  async extents(offset: number, length: number): Promise<Extent[]> {
    const span = spanOf(offset, Math.min(length, STRIDE), this.size)
    return this.#during(span, 'shared', async () => {
      const sectors = Buffer.allocUnsafe(span.count * SECTOR)
      await this.#file.read(sectors, span.first * SECTOR)
      return runs(sectors).map(({ at, end, written }) => {
        const start = Math.max(at * SECTOR, span.skip)
        return { length: Math.min(end * SECTOR, span.skip + span.length) - start, written }
      })
    })
  }

  /** Resolves when all that was written, and answered, is on the medium. */
  async flush(): Promise<void> {
    await this.#during({ first: 0, count: 0, skip: 0, length: 0 }, 'shared', () => this.#sync())
  }

  /**
   * Does `work` on the file while nobody writes, and all that was written is in it. Others read on, but for what somebody
   * waits to write; `work` itself must not ask this disk for anything.
   */
  async still<T>(work: () => Promise<T>): Promise<T> {
    return this.#during(spanOf(0, this.size, this.size), 'shared', async () => {
      await this.#sync()
      return work()
    })
  }

  /** Refuses what comes from now on, waits for what is under way, flushes, and wipes the key. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#ranges.idle()
    try {
      await this.#sync()
    } finally {
      this.#xts.close()
      await this.#file.close()
    }
  }

  async #during<T>({ first, count }: Span, sharing: Sharing, work: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new DiskError('ESHUTDOWN', 'the volume is closed')
    return this.#ranges.hold(first, first + count, sharing, work)
  }

  /** Fills `sectors` with the plaintext of those from `first` on. */
  async #load(first: number, sectors: Buffer): Promise<void> {
    await this.#file.read(sectors, first * SECTOR)
    decrypt(this.#xts, first, sectors)
  }

  /** Lets `change` overwrite the bytes of a span, and writes its sectors, with what else is in the first and the last. */
  async #overwrite({ first, count, skip, length }: Span, change: (bytes: Buffer) => void): Promise<void> {
    const sectors = Buffer.allocUnsafe(count * SECTOR)
    const last = count - 1
    const edges = new Set([...(skip > 0 ? [0] : []), ...((skip + length) % SECTOR > 0 ? [last] : [])])
    for (const edge of edges) await this.#load(first + edge, sectors.subarray(edge * SECTOR, (edge + 1) * SECTOR))
    change(sectors.subarray(skip, skip + length))
    this.#xts.encrypt(first, sectors)
    await this.#file.write(sectors, first * SECTOR)
  }

  /** Writes no zeroes where there are some already: a sparse file stays sparse. */
  async #unwrite(span: Span): Promise<void> {
    if (span.skip > 0 || span.length % SECTOR > 0) {
      await this.#overwrite(span, clear)
      return
    }
    const sectors = Buffer.allocUnsafe(span.length)
    await this.#file.read(sectors, span.first * SECTOR)
    for (const { at, end, written } of runs(sectors)) {
      if (written) await this.#file.write(Buffer.alloc((end - at) * SECTOR), (span.first + at) * SECTOR)
    }
  }

  async #sync(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost
    try {
      await this.#file.sync()
    } catch (error) {
      throw (this.#lost = faultOf(error))
    }
  }
}

/** `[offset, length]` of parts that are whole sectors, but for the edges. */
function* strides(offset: number, length: number): Generator<[number, number]> {
  const end = offset + length
  const [inner, outer] = [Math.min(up(offset), end), Math.max(down(end), offset)]
  if (inner > offset) yield [offset, inner - offset]
  for (let at = inner; at < outer; at += STRIDE) yield [at, Math.min(STRIDE, outer - at)]
  if (end > Math.max(outer, inner)) yield [Math.max(outer, inner), end - Math.max(outer, inner)]
}

const up = (offset: number): number => Math.ceil(offset / SECTOR) * SECTOR
const down = (offset: number): number => Math.floor(offset / SECTOR) * SECTOR

function clear(bytes: Buffer): void {
  bytes.fill(0)
}

function checkSize(bytes: number): void {
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % SECTOR !== 0) {
    throw new DiskError('EINVAL', `a volume is a whole number of sectors of ${SECTOR} bytes, not ${bytes} bytes`)
  }
}
