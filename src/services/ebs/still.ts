/** A disk that can be kept still: while it is, writes wait, so that what is in its file was there at one time. */
import type { Disk, Extent } from '../disk/disk.ts'
import { Locks } from '../s3/locks.ts'

const WRITES = 'writes'

export class StillDisk implements Pick<Disk, keyof Disk> {
  readonly size: number
  readonly #disk: Disk
  readonly #locks = new Locks()

  constructor(disk: Disk) {
    this.#disk = disk
    this.size = disk.size
  }

  /** Does `work` while nothing is written, with all that was written in the file. */
  still<T>(work: () => Promise<T>): Promise<T> {
    return this.#locks.alone(WRITES, async () => {
      await this.#disk.flush()
      return work()
    })
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    return this.#writing(() => this.#disk.write(offset, data))
  }

  zero(offset: number, length: number): Promise<void> {
    return this.#writing(() => this.#disk.zero(offset, length))
  }

  discard(offset: number, length: number): Promise<void> {
    return this.#writing(() => this.#disk.discard(offset, length))
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

  #writing(work: () => Promise<void>): Promise<void> {
    return this.#locks.shared(WRITES, work)
  }
}
