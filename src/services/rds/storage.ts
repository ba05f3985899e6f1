/** The folders that instances and snapshots keep their files in: copied, encrypted anew, and removed. */
import { constants } from 'node:fs'
import { copyFile, cp, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Xts } from '../../../bindings/node/index.js'
import type { ServiceWorld } from '../world.ts'
import { BlockFile, FILES } from './blocks.ts'
import type { Engine } from './engine.ts'

/** Beside the files: which of their numbers are taken. */
const NUMBERS = 'numbers'
const PIECE = 2 ** 20

export class Storage {
  readonly #world: ServiceWorld
  /** Whatever was made, or used, since the room was opened. */
  readonly #known = new Set<string>()

  constructor(world: ServiceWorld) {
    this.#world = world
  }

  /** Where an instance or a snapshot has its files. */
  async of(id: string): Promise<string> {
    this.#known.add(id)
    return join(await this.#world.folder('rds'), id)
  }

  /** Makes `to` of what `from` has on disk; of an instance that runs, its engine sees to it. */
  async copy(from: string, to: string, engine?: Engine): Promise<void> {
    const [source, target] = [await this.of(from), await this.of(to)]
    await mkdir(target, { mode: 0o700 })
    if (engine) await engine.copyTo(join(target, FILES))
    else await cp(join(source, FILES), join(target, FILES), { recursive: true, mode: constants.COPYFILE_FICLONE })
    // Last, so that whatever number a file in the copy has is taken there, too.
    await copyFile(join(source, NUMBERS), join(target, NUMBERS))
    await settled(target)
  }

  /** The same under another key. Both keys are wiped. */
  async encryptAnew(from: string, to: string, oldKey: Uint8Array, newKey: Uint8Array): Promise<void> {
    const [source, target] = [await this.of(from), await this.of(to)]
    const ciphers = [Xts.open(oldKey), Xts.open(newKey)] as const
    try {
      await mkdir(join(target, FILES), { recursive: true, mode: 0o700 })
      await copyFile(join(source, NUMBERS), join(target, NUMBERS))
      for (const { path, isFolder } of await contents(join(source, FILES))) {
        const place = join(target, relative(source, path))
        if (isFolder) await mkdir(place, { recursive: true, mode: 0o700 })
        else await rewrite(path, place, ciphers)
      }
      await settled(target)
    } finally {
      for (const cipher of ciphers) cipher.close()
    }
  }

  async remove(id: string): Promise<void> {
    await rm(await this.of(id), { recursive: true, force: true })
  }

  /** Removes what nobody has on record: what was being made, or removed, when the room last ended. */
  async tidy(known: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(await this.#world.folder('rds'))) {
      if (!known.has(name) && !this.#known.has(name)) await this.remove(name)
    }
  }
}

/** Folders and files, each after the folder it is in. */
async function contents(folder: string): Promise<{ path: string; isFolder: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = entries.map(async (entry) => {
    const path = join(folder, entry.name)
    const isFolder = entry.isDirectory()
    return [{ path, isFolder }, ...(isFolder ? await contents(path) : [])]
  })
  return (await Promise.all(found)).flat()
}

/** A piece at a time, and others may go on between them. */
async function rewrite(from: string, to: string, [old, fresh]: readonly [Xts, Xts]): Promise<void> {
  await writeFile(to, '', { mode: 0o600 })
  const source = new BlockFile(from, old, () => 0)
  const target = new BlockFile(to, fresh, () => source.number)
  try {
    const piece = Buffer.alloc(PIECE)
    for (let at = 0; at < source.length; at += PIECE) {
      target.write(piece.subarray(0, source.read(piece, at)), at)
      await setImmediate()
    }
    piece.fill(0)
  } finally {
    source.close()
    target.close()
  }
}

/** Waits until all of a folder is on the disk, and that it is there. */
async function settled(folder: string): Promise<void> {
  const all = [dirname(folder), folder, ...(await contents(folder)).map(({ path }) => path)]
  await Promise.all(
    all.map(async (path) => {
      const file = await open(path)
      await file.sync().finally(() => file.close())
    }),
  )
}
