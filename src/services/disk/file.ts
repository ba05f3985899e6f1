/** The file under a disk: whole reads, whole writes, and one kind of error. */
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DiskError, faultOf } from './failure.ts'

/** Makes a file of `bytes` without a byte in it, durably; one that is there already is refused. */
export async function makeSparse(path: string, bytes: number): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.truncate(bytes)
      await file.sync()
    } catch (error) {
      await unlink(path)
      throw error
    } finally {
      await file.close()
    }
    const folder = await open(dirname(path))
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    throw faultOf(error)
  }
}

export class DiskFile {
  readonly size: number
  readonly #file: FileHandle

  private constructor(file: FileHandle, size: number) {
    this.#file = file
    this.size = size
  }

  static async open(path: string): Promise<DiskFile> {
    try {
      const file = await open(path, 'r+')
      return new DiskFile(file, (await file.stat()).size)
    } catch (error) {
      throw faultOf(error)
    }
  }

  /** Fills `bytes` from `position` on. The file was as long when it was opened: an early end is a fault of it. */
  async read(bytes: Buffer, position: number): Promise<void> {
    await this.#whole(bytes.length, (done) => this.#file.read(bytes, done, bytes.length - done, position + done))
  }

  async write(bytes: Buffer, position: number): Promise<void> {
    const write = async (done: number) => {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position + done)
      return { bytesRead: bytesWritten }
    }
    await this.#whole(bytes.length, write)
  }

  async sync(): Promise<void> {
    await this.#file.datasync().catch(raise)
  }

  async close(): Promise<void> {
    await this.#file.close().catch(raise)
  }

  /** The operating system may do less than it is asked for; it is asked again for the rest. */
  async #whole(length: number, step: (done: number) => Promise<{ bytesRead: number }>): Promise<void> {
    for (let done = 0; done < length;) {
      const { bytesRead } = await step(done).catch(raise)
      if (bytesRead === 0) throw new DiskError('EIO', 'the file of the volume has become shorter')
      done += bytesRead
    }
  }
}

function raise(error: unknown): never {
  throw faultOf(error)
}
