/** A file that is there when it is whole and not before: written under the name of a draft, for its owner alone to read. */
import { randomBytes } from 'node:crypto'
import { link, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import { UsageError } from './flags.ts'

/** Lets `fill` write and end the file; whatever goes wrong on the way, nothing of it stays. */
export async function drafted(file: string, force: boolean, fill: (draft: Writable) => Promise<void>): Promise<void> {
  await refuseOccupied(file, force)
  const folder = dirname(file)
  const draft = join(folder, `.strongroom-${randomBytes(6).toString('hex')}.draft`)
  const handle = await open(draft, 'wx', 0o600)
  try {
    await fill(handle.createWriteStream({ flush: true }))
    // A link, unlike a rename, never takes the place of what came to be there meanwhile.
    await (force ? rename : link)(draft, file)
  } finally {
    await handle.close()
    await rm(draft, { force: true })
  }
  await settled(folder)
}

/** A device or a folder is never replaced, a file only when that was asked for. */
async function refuseOccupied(file: string, force: boolean): Promise<void> {
  const there = await stat(file).catch(() => undefined)
  if (there === undefined) return
  if (!there.isFile()) throw new UsageError(`\`${file}\` is no file to write to; \`--out -\` writes to standard output`)
  if (!force) throw new UsageError(`\`${file}\` is there already; \`--force\` replaces it`)
}

/** The name is there for good once its folder is on the disk. */
async function settled(folder: string): Promise<void> {
  const handle = await open(folder)
  await handle.sync().finally(() => handle.close())
}
