/** Volumes that are attached: their disks open, and served over NBD on sockets of their own, until they are detached. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Disk } from '../disk/disk.ts'
import { DiskError } from '../disk/failure.ts'
import type { ServiceWorld } from '../world.ts'
import { serveDisk, type ServedDisk } from './nbd/server.ts'
import { WatchedDisk } from './watched.ts'
import type { Ranges } from './written.ts'

/** The name of a socket may have 107 bytes. */
const LONGEST = 107

interface Served {
  readonly disk: WatchedDisk
  readonly server: ServedDisk
}

export class Attached {
  readonly #world: Pick<ServiceWorld, 'folder'>
  readonly #served = new Map<string, Served>()
  /** A folder with a short name, for sockets whose own would be too long. */
  #borrowed: Promise<string> | undefined
  #isClosed = false

  constructor(world: Pick<ServiceWorld, 'folder'>) {
    this.#world = world
  }

  /** Opens the disk in the file `path` and serves it. The key is wiped, and kept in the addon until the volume is detached. */
  async serve(volumeId: string, path: string, key: Uint8Array, written: Ranges | undefined): Promise<void> {
    const disk = new WatchedDisk(await Disk.open(path, key), written)
    try {
      const server = await serveDisk(disk, volumeId, await this.#socketFor(volumeId))
      this.#served.set(volumeId, { disk, server })
      // Who closes does not wait for who was about to attach.
      if (this.#isClosed) throw new DiskError('ESHUTDOWN', 'the room is closed')
    } catch (error) {
      await this.end(volumeId)
      await disk.close()
      throw error
    }
  }

  /** Where an attached volume is to be found; undefined for any other. */
  uri(volumeId: string): string | undefined {
    const served = this.#served.get(volumeId)
    if (!served) return undefined
    const socket = encodeURIComponent(served.server.path).replaceAll('%2F', '/')
    return `nbd+unix:///${volumeId}?socket=${socket}`
  }

  /** Does `work` while nobody writes, with all that was written in the file; undefined for a volume that is not attached. */
  still<T>(volumeId: string, work: (written: Ranges | undefined) => Promise<T>): Promise<T> | undefined {
    const disk = this.#served.get(volumeId)?.disk
    return disk?.still(() => work(disk.written))
  }

  /** Hangs up on whoever uses the volume, and wipes its key. What of it was written by now, if that is known. */
  async end(volumeId: string): Promise<Ranges | undefined> {
    const served = this.#served.get(volumeId)
    this.#served.delete(volumeId)
    await served?.server.close()
    return served?.disk.written
  }

  /** Ends all of them, and nobody is kept from closing by a disk that fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#served.keys()].map((volumeId) => this.end(volumeId)))
    if (this.#borrowed) await rm(await this.#borrowed, { recursive: true, force: true })
    this.#borrowed = undefined
  }

  async #socketFor(volumeId: string): Promise<string> {
    const name = `${volumeId}.sock`
    const socket = join(await this.#world.folder('ebs'), name)
    if (Buffer.byteLength(socket) <= LONGEST) return socket
    return join(await (this.#borrowed ??= mkdtemp(join(tmpdir(), 'strongroom-nbd-'))), name)
  }
}
