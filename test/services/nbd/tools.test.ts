/** A served disk in the hands of the programs that people use: nbdinfo, nbdcopy, qemu-img and qemu-io. */
import test from 'ava'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, tool } from '../../helpers/tools.ts'
import { attached, MEBIBYTE } from './scene.ts'

const NAME = 'vol-0123456789abcdef0'

test('nbdinfo is told the size, the name and what the disk can do', async (t) => {
  const { uri, served } = await attached(t, 64 * MEBIBYTE)
  t.is((await tool('nbdinfo', '--size', uri)).trim(), `${64 * MEBIBYTE}`)
  const list = JSON.parse(await tool('nbdinfo', '--json', '--list', `nbd+unix:///?socket=${served.path}`)) as {
    exports: Record<string, unknown>[]
  }
  t.like(list.exports[0], {
    'export-name': NAME,
    'export-size': 64 * MEBIBYTE,
    is_read_only: false,
    can_flush: true,
    can_fua: true,
    can_multi_conn: true,
    can_trim: true,
    can_zero: true,
    block_size_preferred: 4096,
    block_size_maximum: 32 * MEBIBYTE,
  })
})

test('nobody finds an export of another name', async (t) => {
  const { served } = await attached(t)
  const { code, stderr } = await attempt('nbdinfo', `nbd+unix:///vol-other?socket=${served.path}`)
  t.not(code, 0)
  t.regex(stderr, /No such file or directory/)
})

test('nbdcopy copies 64 MB in and out over four connections, and a detached disk still has them', async (t) => {
  const { uri, folder, served, reopen } = await attached(t, 64 * MEBIBYTE)
  const [source, copy] = [join(folder, 'in'), join(folder, 'out')]
  const bytes = randomBytes(64 * MEBIBYTE)
  await writeFile(source, bytes)
  await tool('nbdcopy', '--connections=4', '--requests=16', '--flush', source, uri)
  await tool('nbdcopy', '--connections=4', uri, copy)
  t.true(bytes.equals(await readFile(copy)))
  const onDisk = await readFile(join(folder, 'volume'))
  t.is(onDisk.indexOf(bytes.subarray(4096, 4096 + 16)), -1, 'only ciphertext is in the file')
  await served.close()
  t.true(bytes.equals(await (await reopen()).read(0, 64 * MEBIBYTE)))
})

test('what was never written is a hole to nbdinfo, and so is what nbdcopy found to be one', async (t) => {
  const { uri, disk, folder } = await attached(t, 16 * MEBIBYTE)
  await disk.write(MEBIBYTE, Buffer.alloc(MEBIBYTE, 1))
  const copy = join(folder, 'out')
  await tool('nbdcopy', uri, copy)
  t.true((await readFile(copy)).equals(await disk.read(0, disk.size)))
  await tool('nbdcopy', copy, uri)
  const map = JSON.parse(await tool('nbdinfo', '--json', '--map', uri)) as { offset: number; description: string }[]
  t.deepEqual(
    map.map(({ offset, description }) => [offset / MEBIBYTE, description]),
    [
      [0, 'hole,zero'],
      [1, 'data'],
      [2, 'hole,zero'],
    ],
  )
})

test('qemu-img converts to the disk and from it, and finds both alike', async (t) => {
  const { uri, folder, disk } = await attached(t, 16 * MEBIBYTE)
  const [raw, qcow] = [join(folder, 'raw'), join(folder, 'qcow2')]
  const bytes = Buffer.concat([randomBytes(5 * MEBIBYTE), Buffer.alloc(6 * MEBIBYTE), randomBytes(5 * MEBIBYTE)])
  await writeFile(raw, bytes)
  await disk.write(0, Buffer.alloc(16 * MEBIBYTE, 'older'))
  await tool('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', raw, uri)
  await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', raw, uri)
  await tool('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', uri, qcow)
  await tool('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', raw, qcow)
  t.true(bytes.equals(await disk.read(0, disk.size)))
  await disk.write(9, Buffer.from([1]))
  t.is((await attempt('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', raw, uri)).code, 1, 'one byte is enough')
})

test('qemu-io writes, discards and zeroes, where it wants and not beside it', async (t) => {
  const { uri, disk } = await attached(t)
  const commands = ['write -P 5 512 5120', 'write -P 6 -f 4096 512', 'discard 8192 4096', 'write -z 512 512', 'flush']
  const io = ['read -P 5 1024 3072', 'read -P 6 4096 512', 'read -P 0 0 1024']
  const args = [...commands, ...io].flatMap((command) => ['-c', command])
  t.notRegex(await tool('qemu-io', '-f', 'raw', ...args, uri), /failed|error/)
  const expected = Buffer.alloc(12 * 1024)
  expected.fill(5, 1024, 5632).fill(6, 4096, 4608)
  t.deepEqual(await disk.read(0, expected.length), expected)
})
