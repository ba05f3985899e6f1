/** Files in sectors: whatever is done to one, it reads as a plain one would, and nothing of it is on the disk in the clear. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Xts } from '../../../bindings/node/index.js'
import { BlockFile, lengthOf } from '../../../src/services/rds/blocks.ts'
import { Random } from '../../simulation/random.ts'

const SEED = 20_260_101
const LONGEST = 20_000

function cipher(t: ExecutionContext): Xts {
  const xts = Xts.open(Uint8Array.from({ length: 64 }, (_, i) => i * 3))
  t.teardown(() => xts.close())
  return xts
}

function emptyFile(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-blocks-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'file')
  writeFileSync(path, '')
  return path
}

test(`it reads as a plain file would, after a thousand changes (seed ${SEED})`, (t) => {
  const random = new Random(SEED)
  const path = emptyFile(t)
  const xts = cipher(t)
  let file = new BlockFile(path, xts, () => 7)
  let plain = Buffer.alloc(0)
  for (let step = 0; step < 1000; step++) {
    const at = random.below(LONGEST)
    const length = random.below(9000)
    if (random.chance(0.6)) {
      const data = Buffer.alloc(length, 1 + random.below(255))
      file.write(data, at)
      const end = length === 0 ? 0 : at + length
      plain = Buffer.concat([plain, Buffer.alloc(Math.max(0, end - plain.length))])
      data.copy(plain, at)
    } else if (random.chance(0.5)) {
      file.truncate(at)
      plain = Buffer.concat([plain.subarray(0, at), Buffer.alloc(Math.max(0, at - plain.length))])
    } else {
      file.close()
      file = new BlockFile(path, xts, () => 8)
    }
    const read = Buffer.alloc(LONGEST * 2)
    const got = file.read(read, 0)
    if (got !== plain.length || !read.subarray(0, got).equals(plain)) {
      t.fail(`step ${step} of seed ${SEED}`)
      break
    }
  }
  t.is(file.length, plain.length)
  t.is(file.number, 7)
  file.close()
})

test('nothing that was written is in the file', (t) => {
  const path = emptyFile(t)
  const file = new BlockFile(path, cipher(t), () => 0)
  file.write(Buffer.from('Ada Lovelace '.repeat(1000)), 100)
  file.close()
  t.false(readFileSync(path).includes('Lovelace'))
})

test('two files with the same in them do not look alike, nor do two sectors of one', (t) => {
  const xts = cipher(t)
  const contents = [1, 2].map((number) => {
    const path = emptyFile(t)
    const file = new BlockFile(path, xts, () => number)
    file.write(Buffer.alloc(8192, 'a'), 0)
    file.close()
    return readFileSync(path).subarray(16)
  })
  const [one, other] = contents as [Buffer, Buffer]
  t.false(one.equals(other))
  t.false(one.subarray(0, 4096).equals(one.subarray(4096)))
})

test('its length is told by its size', (t) => {
  const path = emptyFile(t)
  const file = new BlockFile(path, cipher(t), () => 0)
  for (const length of [1, 4095, 4096, 4097, 8192, 3]) {
    file.truncate(length)
    t.is(lengthOf(statSync(path).size), length)
  }
  file.close()
})

test('what is no file of a database is not taken for one', (t) => {
  const path = emptyFile(t)
  writeFileSync(path, 'something else altogether')
  t.throws(() => new BlockFile(path, cipher(t), () => 0), { message: /is no file of a database/ })
})
