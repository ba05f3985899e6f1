/** The files of volumes and snapshots: sectors of ciphertext, written as drafts and then named, copied without their holes. */
import { constants } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { Disk } from '../disk/disk.ts'
import { runs, SECTOR } from '../disk/sectors.ts'
import type { ServiceWorld } from '../world.ts'
import { pieces, type Ranges } from './written.ts'

const GIB = 1024 ** 3
/** How much is read at a time: much, since most of a volume is holes. */
const CHUNK = 8 * 1024 ** 2
const DRAFT = '.draft'

export class Files {
  readonly #world: Pick<ServiceWorld, 'folder'>

  constructor(world: Pick<ServiceWorld, 'folder'>) {
    this.#world = world
  }

  /** Where the file of a volume or a snapshot is. */
  async at(place: string, id: string): Promise<string> {
    return join(await this.#folder(place), id)
  }

  /** Makes the file by what `fill` writes into a draft of it; there is none if it fails. Durable once it resolves. */
  async made(place: string, id: string, fill: (draft: string) => Promise<void>): Promise<void> {
    const folder = await this.#folder(place)
    const [draft, path] = [join(folder, id + DRAFT), join(folder, id)]
    try {
      await fill(draft)
      await synced(draft)
      await rename(draft, path)
      await synced(folder)
    } catch (error) {
      await Promise.all([rm(draft, { force: true }), rm(path, { force: true })])
      throw error
    }
  }

  async removed(place: string, id: string): Promise<void> {
    await rm(await this.at(place, id), { force: true })
  }

  /** Removes what a crash left behind in a place, if there is any: drafts, and files of which there is no record. */
  async sweep(place: string, known: ReadonlySet<string>): Promise<void> {
    const folder = join(await this.#world.folder('ebs'), place)
    const left = (await namesIn(folder)).filter((name) => !known.has(name))
    for (const name of left) await rm(join(folder, name), { force: true })
  }

  async #folder(place: string): Promise<string> {
    const folder = join(await this.#world.folder('ebs'), place)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return folder
  }
}

/** Anybody may ask about any place; no folder is made for that. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** An empty file for so many GiB, which takes no room until it is written to. */
export async function blank(path: string, size: number): Promise<void> {
  await Disk.create(path, size * GIB)
}

/** The same ciphertext in another file, of `size` GiB: shared with the file system where it can, or else copied. */
export async function cloned(from: string, to: string, size: number, written: Ranges | undefined): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE)
  } catch {
    await rm(to, { force: true })
    await copied(from, to, written)
  }
  const file = await open(to, 'r+')
  try {
    await file.chmod(0o600)
    await file.truncate(size * GIB)
  } finally {
    await file.close()
  }
}

/** The same plaintext in another file, of `size` GiB, sector by sector under another key. Both keys are wiped. */
export async function reencrypted(
  [from, fromKey]: readonly [string, Uint8Array],
  [to, toKey]: readonly [string, Uint8Array],
  size: number,
  written: Ranges | undefined,
): Promise<void> {
  await blank(to, size)
  const source = await Disk.open(from, fromKey)
  try {
    const target = await Disk.open(to, toKey)
    try {
      for (const [at, length] of pieces(written, source.size, CHUNK)) {
        const chunk = await source.read(at, length)
        for (const run of writtenIn(chunk)) await target.write(at + run.at, run.bytes)
        chunk.fill(0)
      }
      await target.flush()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Sectors that hold nothing but zeroes stay holes: they are what nobody wrote to. */
async function copied(from: string, to: string, written: Ranges | undefined): Promise<void> {
  const source = await open(from, 'r')
  try {
    const target = await open(to, 'wx', 0o600)
    try {
      const { size } = await source.stat()
      const chunk = Buffer.alloc(CHUNK)
      for (const [at, length] of pieces(written, size, CHUNK)) {
        const { bytesRead } = await source.read(chunk, 0, length, at)
        for (const run of writtenIn(chunk.subarray(0, bytesRead))) await writeAll(target, run.bytes, at + run.at)
      }
      await target.truncate(size)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** What of a chunk is written; most are seen to be blank at a glance. */
function writtenIn(chunk: Buffer): { at: number; bytes: Buffer }[] {
  if (isBlank(chunk)) return []
  return runs(chunk)
    .filter(({ written }) => written)
    .map(({ at, end }) => ({ at: at * SECTOR, bytes: chunk.subarray(at * SECTOR, end * SECTOR) }))
}

const ZEROES = Buffer.alloc(CHUNK)

function isBlank(bytes: Buffer): boolean {
  return bytes.equals(ZEROES.subarray(0, bytes.length))
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;)
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
