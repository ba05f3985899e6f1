/** A disk that can be kept still: writes wait then, so that what is in its file was there at one time. It knows what is written. */
import type { Disk, Extent } from '../disk/disk.ts'
import { Locks } from '../s3/locks.ts'
import { Written, type Ranges } from './written.ts'

const WRITES = 'writes'

export class StillDisk implements Pick<Disk, keyof Disk> {
  readonly size: number
  readonly #disk: Disk
  readonly #locks = new Locks()
  readonly #written: Written | undefined

  /** `known`: what was written before, if that is known. */
  constructor(disk: Disk, known: Ranges | undefined) {
    this.#disk = disk
    this.size = disk.size
    this.#written = known && new Written(disk.size, known)
  }

  get written(): Ranges | undefined {
    return this.#written?.ranges()
  }

  /** Does `work` while nothing is written, with all that was written in the file. */
  still<T>(work: () => Promise<T>): Promise<T> {
    return this.#locks.alone(WRITES, async () => {
      await this.#disk.flush()
      return work()
    })
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#writing(() => this.#disk.write(offset, data), offset, data.length)
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#writing(() => this.#disk.zero(offset, length), offset, length)
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#writing(() => this.#disk.discard(offset, length), offset, length)
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#disk.read(offset, length)
  }

  extents(offset: number, length: number): Promise<Extent[]> {
    return this.#disk.extents(offset, length)
  }

  flush(): Promise<void> {
    return this.#disk.flush()
  }

  close(): Promise<void> {
    return this.#disk.close()
  }

  #writing(work: () => Promise<void>, offset: number, length: number): Promise<void> {
    return this.#locks.shared(WRITES, () => {
      if (offset >= 0 && offset + length <= this.size) this.#written?.note(offset, length)
      return work()
    })
  }
}
