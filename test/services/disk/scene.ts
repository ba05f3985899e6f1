/** A disk to test with: a file in a folder of its own, and a key that can be had again. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Disk } from '../../../src/services/disk/disk.ts'

export interface Scene {
  readonly disk: Disk
  readonly folder: string
  readonly path: string
  /** A copy of the key; the disk wipes what it is given. */
  key(): Buffer
  /** Closes the disk and opens it again, under its key or another. */
  reopen(key?: Buffer): Promise<Disk>
}

/** A fresh disk of `bytes`, which is closed and gone after the test. */
export async function disk(t: ExecutionContext, bytes: number): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'volume')
  const secret = randomBytes(64)
  const key = () => Buffer.from(secret)
  let last: Disk | undefined
  const open = async (under = key()) => {
    await last?.close()
    return (last = await Disk.open(path, under))
  }
  t.teardown(() => last?.close())
  await Disk.create(path, bytes)
  return { disk: await open(), folder, path, key, reopen: open }
}
