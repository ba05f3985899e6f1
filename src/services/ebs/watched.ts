/** A disk that remembers what was written to it, for those who copy it. */
import type { Disk, Extent } from '../disk/disk.ts'
import { Written, type Ranges } from './written.ts'

export class WatchedDisk implements Pick<Disk, keyof Disk> {
  readonly size: number
  readonly #disk: Disk
  readonly #written: Written | undefined

  /** `known`: what was written before, if that is known. */
  constructor(disk: Disk, known: Ranges | undefined) {
    this.#disk = disk
    this.size = disk.size
    this.#written = known && new Written(disk.size, known)
  }

  /** All that was written, and maybe what is about to be; undefined where nobody knows. */
  get written(): Ranges | undefined {
    return this.#written?.ranges()
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#disk.read(offset, length)
  }

  write(offset: number, data: Uint8Array): Promise<void> {
    this.#note(offset, data.length)
    return this.#disk.write(offset, data)
  }

  zero(offset: number, length: number): Promise<void> {
    this.#note(offset, length)
    return this.#disk.zero(offset, length)
  }

  discard(offset: number, length: number): Promise<void> {
    // Of sectors that are discarded in part, the rest is written again.
    this.#note(offset, length)
    return this.#disk.discard(offset, length)
  }

  extents(offset: number, length: number): Promise<Extent[]> {
    return this.#disk.extents(offset, length)
  }

  flush(): Promise<void> {
    return this.#disk.flush()
  }

  still<T>(work: () => Promise<T>): Promise<T> {
    return this.#disk.still(work)
  }

  close(): Promise<void> {
    return this.#disk.close()
  }

  /** What leaves the disk is refused by the disk. */
  #note(offset: number, length: number): void {
    if (offset >= 0 && offset + length <= this.size) this.#written?.note(offset, length)
  }
}
