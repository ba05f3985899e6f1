/** An encrypted disk: it reads what was written, keeps nothing else in its file, and says no by name. */
import test from 'ava'
import { execFile } from 'node:child_process'
import { createCipheriv, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Disk } from '../../../src/services/disk/disk.ts'
import { DiskError, type DiskFault } from '../../../src/services/disk/failure.ts'
import { disk } from './scene.ts'

const SECTOR = 4096
const MEBIBYTE = 1024 * 1024
const execute = promisify(execFile)

const refuses = test.macro({
  title: (_, code: DiskFault, what: string) => `${code}: ${what}`,
  async exec(t, code: DiskFault, _what: string, act: (disk: Disk, path: string) => Promise<unknown>) {
    const scene = await disk(t, 8 * SECTOR)
    const error = await t.throwsAsync(() => act(scene.disk, scene.path), { instanceOf: DiskError })
    t.is(error.code, code)
    t.deepEqual(await scene.disk.read(0, 8), Buffer.alloc(8), 'the disk goes on')
  },
})

test(refuses, 'EINVAL', 'reading past the end', (disk) => disk.read(8 * SECTOR - 1, 2))
test(refuses, 'EINVAL', 'writing past the end', (disk) => disk.write(8 * SECTOR, Buffer.alloc(1)))
test(refuses, 'EINVAL', 'zeroing past the end', (disk) => disk.zero(0, 8 * SECTOR + 1))
test(refuses, 'EINVAL', 'a negative offset', (disk) => disk.read(-1, 1))
test(refuses, 'EINVAL', 'a negative length', (disk) => disk.discard(4, -1))
test(refuses, 'EINVAL', 'half a byte', (disk) => disk.read(0, 0.5))
test(refuses, 'EINVAL', 'a disk without a sector', (_, path) => Disk.create(`${path}-2`, 0))
test(refuses, 'EINVAL', 'a disk of part of a sector', (_, path) => Disk.create(`${path}-2`, SECTOR + 512))
test(refuses, 'EIO', 'making a disk where one is', (_, path) => Disk.create(path, SECTOR))
test(refuses, 'EIO', 'opening what is not there', (_, path) => Disk.open(`${path}-2`, randomBytes(64)))
test(refuses, 'EINVAL', 'opening a file of another length', async (_, path) => {
  await writeFile(`${path}-2`, 'not a volume')
  await Disk.open(`${path}-2`, randomBytes(64))
})

test('up to the very end it is a disk like any other', async (t) => {
  const { disk: drive } = await disk(t, 8 * SECTOR)
  t.is(drive.size, 8 * SECTOR)
  await drive.write(8 * SECTOR - 1, Buffer.from([7]))
  t.deepEqual(await drive.read(8 * SECTOR - 2, 2), Buffer.from([0, 7]))
  t.deepEqual(await drive.read(8 * SECTOR, 0), Buffer.alloc(0))
  await drive.write(8 * SECTOR, Buffer.alloc(0))
})

test('a new disk reads as zeroes, and takes no room', async (t) => {
  const { disk: drive, path } = await disk(t, 64 * MEBIBYTE)
  t.deepEqual(await drive.read(MEBIBYTE + 5, MEBIBYTE), Buffer.alloc(MEBIBYTE))
  const { size, blocks, mode } = await stat(path)
  t.is(size, 64 * MEBIBYTE)
  t.true(blocks * 512 < MEBIBYTE)
  t.is(mode & 0o777, 0o600)
})

test('what was written is there after closing and opening, and its caller still has it', async (t) => {
  const { disk: drive, reopen } = await disk(t, MEBIBYTE)
  const words = Buffer.from('patient 4711: penicillin')
  await drive.write(SECTOR - 10, words)
  t.is(words.toString(), 'patient 4711: penicillin')
  t.deepEqual(await (await reopen()).read(SECTOR - 10, words.length), words)
})

test('nothing of the plaintext is in the file, nor that zeroes were written', async (t) => {
  const { disk: drive, path } = await disk(t, MEBIBYTE)
  const words = Buffer.from('patient 4711: penicillin')
  for (let at = 0; at < MEBIBYTE; at += 8 * SECTOR) await drive.write(at + 100, words)
  await drive.zero(2 * SECTOR, SECTOR)
  await drive.flush()
  const bytes = await readFile(path)
  t.false(bytes.includes(words))
  t.false(bytes.includes(words.subarray(0, 8)))
  t.false(bytes.subarray(0, SECTOR).includes(Buffer.alloc(32)), 'nor are the zeroes around it')
  t.false(bytes.subarray(2 * SECTOR, 3 * SECTOR).includes(Buffer.alloc(32)))
  t.deepEqual(bytes.subarray(3 * SECTOR, 4 * SECTOR), Buffer.alloc(SECTOR), 'what nobody wrote is not there')
})

test('the same plaintext in two sectors is two ciphertexts, and AES-256-XTS as anybody has it', async (t) => {
  const { disk: drive, path, key } = await disk(t, 8 * SECTOR)
  await drive.write(2 * SECTOR, Buffer.alloc(2 * SECTOR, 'same'))
  const bytes = await readFile(path)
  t.notDeepEqual(bytes.subarray(2 * SECTOR, 3 * SECTOR), bytes.subarray(3 * SECTOR, 4 * SECTOR))
  const tweak = Buffer.alloc(16)
  tweak[0] = 3
  const theirs = createCipheriv('aes-256-xts', key(), tweak).update(Buffer.alloc(SECTOR, 'same'))
  t.deepEqual(bytes.subarray(3 * SECTOR, 4 * SECTOR), theirs)
})

test('under another key all that was written is noise, and no error', async (t) => {
  const { disk: drive, reopen } = await disk(t, 8 * SECTOR)
  await drive.write(0, Buffer.alloc(SECTOR, 5))
  const other = await reopen(randomBytes(64))
  t.notDeepEqual(await other.read(0, SECTOR), Buffer.alloc(SECTOR, 5))
  t.deepEqual(await other.read(SECTOR, SECTOR), Buffer.alloc(SECTOR))
  t.deepEqual(await (await reopen()).read(0, SECTOR), Buffer.alloc(SECTOR, 5))
})

test('opening wipes the key it was given, and so does an opening that fails', async (t) => {
  const { path, key, reopen } = await disk(t, SECTOR)
  for (const [file, given] of [
    [path, key()],
    [`${path}-2`, key()],
    [path, Buffer.alloc(64, 1)],
    [path, randomBytes(32)],
  ] as const) {
    const opened = await Disk.open(file, given).catch((error: unknown) => error)
    if (opened instanceof Disk) await opened.close()
    t.deepEqual(given, Buffer.alloc(given.length))
  }
  await reopen()
})

test('what is discarded reads as zeroes and is gone from the file; its neighbours are not', async (t) => {
  const { disk: drive, path } = await disk(t, MEBIBYTE)
  await drive.write(0, Buffer.alloc(MEBIBYTE, 9))
  await drive.discard(SECTOR - 1, 3 * SECTOR + 2)
  t.deepEqual(await drive.read(SECTOR - 1, 3 * SECTOR + 2), Buffer.alloc(3 * SECTOR + 2))
  t.deepEqual(await drive.read(0, SECTOR - 1), Buffer.alloc(SECTOR - 1, 9))
  t.deepEqual(await drive.read(4 * SECTOR + 1, SECTOR), Buffer.alloc(SECTOR, 9))
  t.deepEqual((await readFile(path)).subarray(SECTOR, 4 * SECTOR), Buffer.alloc(3 * SECTOR))
  t.deepEqual(await drive.extents(SECTOR + 8, 5 * SECTOR), [
    { length: 3 * SECTOR - 8, written: false },
    { length: 2 * SECTOR + 8, written: true },
  ])
})

test('discarding what nobody wrote takes no room', async (t) => {
  const { disk: drive, path } = await disk(t, 64 * MEBIBYTE)
  await drive.discard(0, 64 * MEBIBYTE)
  t.true((await stat(path)).blocks * 512 < MEBIBYTE)
})

test('a file that became shorter is EIO where it ends, and only there', async (t) => {
  const { disk: drive, path } = await disk(t, 8 * SECTOR)
  await drive.write(0, Buffer.alloc(8 * SECTOR, 3))
  await truncate(path, 5 * SECTOR + 100)
  const error = await t.throwsAsync(() => drive.read(5 * SECTOR, SECTOR), { instanceOf: DiskError })
  t.is(error.code, 'EIO')
  t.deepEqual(await drive.read(4 * SECTOR, SECTOR), Buffer.alloc(SECTOR, 3))
})

test('a file system without room is ENOSPC, and what is there can be read and written on', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-full-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const mount = 'mount -t tmpfs -o size=1m,mode=700 none "$0" && exec "$@" "$0"'
  const child = [process.execPath, '--import=ts-blank-space/register', 'test/services/disk/full.ts']
  const { stdout } = await execute('unshare', ['--mount', 'sh', '-c', mount, folder, ...child])
  t.deepEqual(JSON.parse(stdout), { code: 'ENOSPC', kept: true })
})

test('while it is kept still, writes wait, and reads beside them do not', async (t) => {
  const { disk: drive, path } = await disk(t, 8 * SECTOR)
  await drive.write(0, Buffer.alloc(3 * SECTOR, 1))
  const waiting: Promise<void>[] = []
  const [before, after] = await drive.still(async () => {
    const first = await readFile(path)
    waiting.push(drive.write(0, Buffer.alloc(SECTOR, 2)), drive.discard(SECTOR, SECTOR))
    t.deepEqual(await drive.read(2 * SECTOR, 2), Buffer.alloc(2, 1))
    return [first, await readFile(path)]
  })
  t.deepEqual(before, after)
  await Promise.all(waiting)
  t.deepEqual(await drive.read(0, 2), Buffer.alloc(2, 2))
})

test('closing waits for what is under way, and refuses what comes after it', async (t) => {
  const { disk: drive, reopen } = await disk(t, MEBIBYTE)
  const writing = drive.write(0, Buffer.alloc(MEBIBYTE, 6))
  const closing = drive.close()
  const late = await t.throwsAsync(() => drive.read(0, 1), { instanceOf: DiskError })
  t.is(late.code, 'ESHUTDOWN')
  await Promise.all([writing, closing, drive.close()])
  for (const act of [() => drive.write(0, Buffer.alloc(1)), () => drive.flush()]) {
    t.is((await t.throwsAsync(act, { instanceOf: DiskError })).code, 'ESHUTDOWN')
  }
  t.deepEqual(await (await reopen()).read(0, MEBIBYTE), Buffer.alloc(MEBIBYTE, 6))
})
