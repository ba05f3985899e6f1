/** The files that objects are in: written as drafts and then named, read a chunk at a time, removed when nobody reads them. */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { wipe, type DataKeys } from './keys.ts'
import type { Piece } from './records.ts'
import { internalError } from './refusals.ts'
import { CHUNK, HEADER, Seal } from './sealed.ts'
import type { ServiceWorld } from '../world.ts'

const DRAFT = '.draft'

/** Which bytes of an object are wanted: from `start`, up to `end` and without it. */
export interface Span {
  readonly start: number
  readonly end: number
}

export class Files {
  readonly #world: Pick<ServiceWorld, 'folder' | 'log'>
  /** Every file that has a use; asked once, before anything is written. */
  readonly #used: () => Promise<ReadonlySet<string>>
  #opened: Promise<string> | undefined
  /** How many are reading a file; those who were to be removed meanwhile are, when the last of them has ended. */
  readonly #readers = new Map<string, { count: number; removed: boolean }>()

  constructor(world: Pick<ServiceWorld, 'folder' | 'log'>, used: () => Promise<ReadonlySet<string>>) {
    this.#world = world
    this.#used = used
  }

  /** Writes a file of its own for `body`, sealed; there is none if it fails. Durable once it resolves. */
  async write(body: AsyncIterable<Uint8Array>, dataKeys: DataKeys): Promise<Piece> {
    const folder = await this.#folder()
    // Not from the room's entropy: a seeded room that opens again would draw the names of files there are.
    const file = randomBytes(16).toString('hex')
    const draft = join(folder, file + DRAFT)
    try {
      const size = await writeSealed(draft, body, new Seal(dataKeys, file))
      await rename(draft, join(folder, file))
      await sync(folder)
      return { file, size }
    } catch (error) {
      await Promise.all([rm(draft, { force: true }), rm(join(folder, file), { force: true })])
      throw error
    }
  }

  /**
   * The bytes of `pieces` within `span`. Its first chunk is at hand when it resolves, so that what is amiss there is said at
   * once, and the files stay until it was read to its end or returned from. Rejects with code ENOENT when they are gone. The
   * data keys are wiped when it has ended.
   */
  async read(pieces: readonly Piece[], span: Span, dataKeys: DataKeys): Promise<AsyncIterable<Uint8Array>> {
    const end = this.#hold(pieces, dataKeys)
    try {
      const folder = await this.#folder()
      const first = await firstOf(this.#chunks(folder, pieces, span, dataKeys))
      const rest = { start: span.start + first.length, end: span.end }
      if (rest.start < rest.end) return begun(first, this.#chunks(folder, pieces, rest, dataKeys), end)
      end()
      return only(first)
    } catch (error) {
      end()
      throw error
    }
  }

  /** Removes files that no record names any more: those that are read, when they have been. */
  async remove(pieces: readonly Piece[]): Promise<void> {
    const free = pieces.filter(({ file }) => {
      const readers = this.#readers.get(file)
      if (readers) readers.removed = true
      return !readers
    })
    const folder = await this.#folder()
    for (const { file } of free) await rm(join(folder, file), { force: true })
  }

  async *#chunks(
    folder: string,
    pieces: readonly Piece[],
    { start, end }: Span,
    dataKeys: DataKeys,
  ): AsyncGenerator<Uint8Array> {
    let base = 0
    for (const piece of pieces) {
      const within = { start: Math.max(0, start - base), end: Math.min(piece.size, end - base) }
      // Of an empty object the one empty chunk is read all the same: it must be there.
      if (within.start < within.end || (piece.size === 0 && start === end))
        yield* this.#piece(folder, piece, within, dataKeys)
      base += piece.size
    }
  }

  async *#piece(folder: string, { file, size }: Piece, { start, end }: Span, dataKeys: DataKeys) {
    const handle = await open(join(folder, file))
    let seal: Seal | undefined
    try {
      const header = await readAt(handle, 0, HEADER)
      seal = new Seal(dataKeys, file, header)
      const last = Math.max(0, Math.ceil(size / CHUNK) - 1)
      for (let index = Math.floor(start / CHUNK); index * CHUNK < end || index === 0; index++) {
        const chunk = seal.open(index, index === last, await readAt(handle, seal.offset(index), seal.stride))
        const from = Math.max(0, start - index * CHUNK)
        yield chunk.subarray(from, end - index * CHUNK)
      }
    } catch (error) {
      throw this.#damage(file, error)
    } finally {
      seal?.wipe()
      await handle.close()
    }
  }

  /** What a reader hears of a file that is not as it was written. */
  #damage(file: string, cause: unknown): Error {
    this.#world.log(`s3: file ${file} cannot be read as it was written`)
    return internalError(cause)
  }

  /** Keeps files where they are, and keys as they are, until what it returns is called. */
  #hold(pieces: readonly Piece[], dataKeys: DataKeys): () => void {
    for (const { file } of pieces) {
      const readers = this.#readers.get(file)
      if (readers) readers.count++
      else this.#readers.set(file, { count: 1, removed: false })
    }
    let held = true
    return () => {
      if (!held) return
      held = false
      wipe(dataKeys)
      const removed = pieces.filter(({ file }) => this.#release(file))
      // Should it fail, the next start sweeps.
      if (removed.length > 0) this.remove(removed).catch(() => undefined)
    }
  }

  /** Whether the file was to be removed, and nobody reads it any more. */
  #release(file: string): boolean {
    const readers = this.#readers.get(file)!
    if (--readers.count > 0) return false
    this.#readers.delete(file)
    return readers.removed
  }

  #folder(): Promise<string> {
    this.#opened ??= this.#open().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  /** What a crash left behind, drafts and files without a record, is removed before the first use. */
  async #open(): Promise<string> {
    const folder = await this.#world.folder('s3')
    const found = await readdir(folder)
    if (found.length === 0) return folder
    const used = await this.#used()
    for (const file of found.filter((name) => !used.has(name))) await rm(join(folder, file), { force: true })
    return folder
  }
}

async function writeSealed(path: string, body: AsyncIterable<Uint8Array>, seal: Seal): Promise<number> {
  const handle = await open(path, 'wx', 0o600)
  try {
    await writeAll(handle, seal.header)
    let index = 0
    let size = 0
    for await (const { chunk, isLast } of chunked(body)) {
      await writeAll(handle, seal.seal(index++, isLast, chunk))
      size += chunk.length
    }
    await handle.sync()
    return size
  } finally {
    seal.wipe()
    await handle.close()
  }
}

/** The body in chunks of one size, the last of which may be shorter, or empty if it is the only one. Each is good until the next. */
async function* chunked(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ chunk: Uint8Array; isLast: boolean }> {
  const chunk = new Uint8Array(CHUNK)
  let filled = 0
  try {
    for await (const bytes of body) {
      for (let at = 0; at < bytes.length;) {
        if (filled === CHUNK) {
          yield { chunk, isLast: false }
          filled = 0
        }
        const taken = bytes.subarray(at, at + CHUNK - filled)
        chunk.set(taken, filled)
        filled += taken.length
        at += taken.length
      }
    }
    yield { chunk: chunk.subarray(0, filled), isLast: true }
  } finally {
    chunk.fill(0)
  }
}

/** Leaves the rest, and whatever it would hold. */
async function firstOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  for await (const chunk of chunks) return chunk
  throw new Error('a span has at least one chunk')
}

async function* only(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk
}

/** `first` and then `rest`; `end` is called when it is over, even if it never began, which a generator would not notice. */
function begun(first: Uint8Array, rest: AsyncGenerator<Uint8Array>, end: () => void): AsyncIterable<Uint8Array> {
  let isFirst = true
  const body: AsyncIterableIterator<Uint8Array> = {
    async next() {
      if (isFirst) {
        isFirst = false
        return { value: first }
      }
      const result = await rest.next().catch((error: unknown) => {
        end()
        throw error
      })
      if (result.done) end()
      return result
    },
    async return() {
      await rest.return(undefined)
      end()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => body,
  }
  return body
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten
}

/** As many bytes as there are, up to `length`. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let filled = 0
  for (;;) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled)
    filled += bytesRead
    if (bytesRead === 0 || filled === length) return bytes.subarray(0, filled)
  }
}

/** Makes names in a folder durable. */
async function sync(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
