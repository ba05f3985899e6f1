/** Files of the trail on the disk: written whole and for good, read with care, listed in order. */
import type { Dirent } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { writeWhole } from '../../vault.ts'
import { DIGESTS, LOGS, type Chain } from './names.ts'

/** The largest that a file may become when it is uncompressed; ours stay far below. */
const LARGEST = 512 * 1024 * 1024

const zip = promisify<string, Buffer>(gzip)
const unzip = promisify(gunzip)

export function compressed(text: string): Promise<Buffer> {
  return zip(text)
}

/** Rejects for bytes that are no gzip. */
export async function uncompressed(bytes: Uint8Array): Promise<string> {
  return (await unzip(bytes, { maxOutputLength: LARGEST })).toString()
}

/** The file `object` below `folder`; undefined when there is none. */
export async function readObject(folder: string, object: string): Promise<Buffer | undefined> {
  return readFile(join(folder, object)).catch(missing)
}

/** Writes a file and whatever folders lead to it, down to the disk. */
export async function writeObject(folder: string, object: string, bytes: Uint8Array): Promise<void> {
  const place = dirname(join(folder, object))
  const made = await mkdir(place, { recursive: true, mode: 0o700 })
  await writeWhole(place, posix.basename(object), bytes)
  // A new folder is there for good once the one above it is on the disk.
  for (let at = place; made !== undefined && at.length >= made.length; at = dirname(at)) await sync(dirname(at))
}

/** Removes a file, and the folders it leaves empty. */
export async function removeObject(folder: string, object: string): Promise<void> {
  await rm(join(folder, object), { force: true })
  for (let at = posix.dirname(object); at !== '.'; at = posix.dirname(at)) {
    const left = await entriesOf(folder, at)
    if (left.length > 0) return
    await rmdir(join(folder, at)).catch(missing)
  }
}

/** All files below a folder, in the order of their names. */
export async function* objectsBelow(folder: string, object: string): AsyncGenerator<string, undefined> {
  for (const entry of await entriesOf(folder, object)) {
    const name = posix.join(object, entry.name)
    if (entry.isDirectory()) yield* objectsBelow(folder, name)
    else yield name
  }
  return undefined
}

/** The chains that have files, in order. */
export async function chainsOn(folder: string): Promise<Chain[]> {
  const chains: Chain[] = []
  for (const account of await foldersIn(folder, 'AWSLogs')) {
    const kinds = [LOGS, DIGESTS].map((kind) => foldersIn(folder, posix.join('AWSLogs', account, kind)))
    const regions = new Set((await Promise.all(kinds)).flat())
    chains.push(...[...regions].sort().map((region) => ({ account, region })))
  }
  return chains
}

/** What lies in a folder, in the order of names; nothing when there is no such folder. */
export async function entriesOf(folder: string, object: string): Promise<Dirent[]> {
  const entries = (await readdir(join(folder, object), { withFileTypes: true }).catch(missing)) ?? []
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

export async function foldersIn(folder: string, object: string): Promise<string[]> {
  return (await entriesOf(folder, object)).filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

async function sync(folder: string): Promise<void> {
  const directory = await open(folder, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
}
