/** The file system that PostgreSQL is given: its files in a folder, each in encrypted sectors. */
import { closeSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync, renameSync, rmdirSync } from 'node:fs'
import { readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { BaseFilesystem, ERRNO_CODES, type FsStats } from '@electric-sql/pglite/basefs'
import { BlockFile, FILES, lengthOf, NUMBERS, type SectorCipher } from './blocks.ts'

/** What of the engine's module it takes to mount a file system. */
interface Mounting {
  readonly FS: { lookupPath(path: string): { node: { stream_ops: { write: Write } } } }
}

type Write = (stream: unknown, buffer: Uint8Array, offset: number, length: number, position: number) => number

export class EncryptedFilesystem extends BaseFilesystem {
  readonly #folder: string
  readonly #cipher: SectorCipher
  readonly #numbers: Numbers
  /** Open files, with their paths. */
  readonly #files = new Map<number, [string, BlockFile]>()
  /** What has changed since it was last made sure that it is on the disk. */
  readonly #changed = new Set<string>()

  /** Keeps the files in `folder`/files, and beside them which numbers are taken. The cipher stays the caller's to close. */
  constructor(folder: string, cipher: SectorCipher) {
    super()
    this.#folder = join(folder, FILES)
    this.#cipher = cipher
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#numbers = new Numbers(join(folder, 'numbers'))
  }

  /** Mounts it, and mends how it is written to: the library passes a part of a buffer on as if it were the whole. */
  override async init(...asked: Parameters<BaseFilesystem['init']>): ReturnType<BaseFilesystem['init']> {
    const { emscriptenOpts } = await super.init(...asked)
    const preRun = emscriptenOpts.preRun as ((module: Mounting) => void)[]
    const mount = preRun.pop()!
    const mounted = (module: Mounting) => {
      mount(module)
      const { stream_ops: operations } = module.FS.lookupPath(PGlite.paths.PGDATA).node
      const { write } = operations
      operations.write = (stream, buffer, offset, ...more) => write(stream, buffer, offset + buffer.byteOffset, ...more)
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...preRun, mounted] } }
  }

  /** Waits until all that was changed is on the disk: the library calls it before it answers. */
  override async syncToFs(): Promise<void> {
    for (const [path, file] of this.#files.values()) if (file.takeChanged()) this.#changed.add(path)
    const changed = [...this.#changed]
    this.#changed.clear()
    await Promise.all(changed.map((path) => synced(this.#place(path))))
  }

  override async closeFs(): Promise<void> {
    for (const fd of this.#files.keys()) this.close(fd)
    await this.syncToFs()
  }

  chmod(): void {
    // Whatever PostgreSQL wants, files are for their owner alone.
  }

  open(path: string): number {
    const file = this.#open(path)
    this.#files.set(file.fd, [path, file])
    return file.fd
  }

  close(fd: number): void {
    const [path, file] = this.#files.get(fd) ?? refuse(ERRNO_CODES.EBADF)
    this.#files.delete(fd)
    this.#leave(path, file)
  }

  read(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    return answered(() => this.#file(fd).read(part(buffer, offset, length), position))
  }

  write(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    return answered(() => this.#file(fd).write(part(buffer, offset, length), position))
  }

  truncate(path: string, length: number): void {
    this.#with(path, (file) => file.truncate(length))
  }

  writeFile(path: string, data: string | Uint8Array): void {
    answered(() => writeFileSync(this.#place(path), '', { mode: 0o600 }))
    this.#listed(path)
    if (data.length > 0) this.#with(path, (file) => file.write(Buffer.from(data as Uint8Array), 0))
  }

  fstat(fd: number): FsStats {
    return { ...FILE, size: this.#file(fd).length }
  }

  lstat(path: string): FsStats {
    const stats = answered(() => lstatSync(this.#place(path)))
    const times = { atime: stats.atimeMs, mtime: stats.mtimeMs, ctime: stats.ctimeMs }
    return stats.isDirectory() ? { ...FOLDER, ...times } : { ...FILE, ...times, size: lengthOf(stats.size) }
  }

  mkdir(path: string, { recursive = false }: { recursive?: boolean } = {}): void {
    answered(() => mkdirSync(this.#place(path), { recursive, mode: 0o700 }))
    this.#listed(path)
  }

  readdir(path: string): string[] {
    return answered(() => ['.', '..', ...readdirSync(this.#place(path))])
  }

  rename(from: string, to: string): void {
    answered(() => renameSync(this.#place(from), this.#place(to)))
    if (this.#changed.delete(from)) this.#changed.add(to)
    for (const open of this.#files.values()) if (open[0] === from) open[0] = to
    this.#listed(from)
    this.#listed(to)
  }

  rmdir(path: string): void {
    answered(() => rmdirSync(this.#place(path)))
    this.#listed(path)
  }

  unlink(path: string): void {
    answered(() => unlinkSync(this.#place(path)))
    this.#listed(path)
  }

  utimes(path: string, accessed: number, modified: number): void {
    answered(() => utimesSync(this.#place(path), accessed / 1000, modified / 1000))
  }

  /** What a folder lists has changed. */
  #listed(path: string): void {
    this.#changed.add(dirname(path))
  }

  #leave(path: string, file: BlockFile): void {
    if (file.takeChanged()) this.#changed.add(path)
    file.close()
  }

  #place(path: string): string {
    return join(this.#folder, path)
  }

  #open(path: string): BlockFile {
    return answered(() => new BlockFile(this.#place(path), this.#cipher, () => this.#numbers.next()))
  }

  #file(fd: number): BlockFile {
    return (this.#files.get(fd) ?? refuse(ERRNO_CODES.EBADF))[1]
  }

  #with(path: string, act: (file: BlockFile) => void): void {
    const file = this.#open(path)
    try {
      answered(() => act(file))
    } finally {
      this.#leave(path, file)
    }
  }
}

const STATS = {
  dev: 0,
  ino: 0,
  nlink: 1,
  uid: 0,
  gid: 0,
  rdev: 0,
  blksize: 8192,
  blocks: 0,
  atime: 0,
  mtime: 0,
  ctime: 0,
}
// What is seen inside; PostgreSQL insists on folders that nobody else can read.
const FOLDER = { ...STATS, size: 4096, mode: 0o040700 }
const FILE = { ...STATS, mode: 0o100600 }

async function synced(place: string): Promise<void> {
  try {
    const file = await open(place)
    await file.sync().finally(() => file.close())
  } catch (error) {
    // What was removed meanwhile need not be there.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Numbers of files, each given once; taken many at a time, and written down before the first of them is used. */
class Numbers {
  readonly #path: string
  #next: number
  #end: number

  constructor(path: string) {
    this.#path = path
    this.#next = this.#end = readNumber(path)
  }

  next(): number {
    if (this.#next === this.#end) {
      this.#end += AT_A_TIME
      if (this.#end > NUMBERS) refuse(ERRNO_CODES.EINVAL)
      writeDurably(this.#path, String(this.#end))
    }
    return this.#next++
  }
}

const AT_A_TIME = 4096

function readNumber(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}

function writeDurably(path: string, text: string): void {
  const draft = `${path}.new`
  const fd = openSync(draft, 'w', 0o600)
  writeFileSync(fd, text)
  fsyncSync(fd)
  closeSync(fd)
  renameSync(draft, path)
}

/** A part of PostgreSQL's memory, which comes as a view of signed bytes, or as the buffer that holds it. */
function part(buffer: ArrayBufferView | ArrayBufferLike, offset: number, length: number): Uint8Array {
  return ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length)
    : new Uint8Array(buffer, offset, length)
}

/** What the system calls by name, WASI has numbers for. */
const NUMBER_OF: Readonly<Record<string, number>> = {
  ...ERRNO_CODES,
  ...{ EACCES: 2, EFBIG: 22, EIO: 29, EMFILE: 33, ENFILE: 41, ENOSPC: 51, EPERM: 63, EROFS: 69 },
}

function answered<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code !== 'string') throw error
    return refuse(NUMBER_OF[code] ?? NUMBER_OF.EIO!)
  }
}

function refuse(code: number): never {
  throw Object.assign(new Error(`errno ${code}`), { code })
}
