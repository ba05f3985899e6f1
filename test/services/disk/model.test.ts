/** A disk against a plain Buffer: thousands of operations of a seeded player, many at a time, end in the same bytes. */
import test from 'ava'
import type { Disk } from '../../../src/services/disk/disk.ts'
import { seeded, type Random } from '../../helpers/random.ts'
import { disk } from './scene.ts'

const SECTOR = 4096
const SIZE = 64 * SECTOR

/** What is done to the disk and, at once, to the bytes it should hold; reads answer what they should have read. */
const MOVES: ((disk: Disk, model: Buffer, at: number, length: number, random: Random) => Promise<boolean>)[] = [
  async (disk, model, at, length) => {
    const expected = Buffer.from(model.subarray(at, at + length))
    return expected.equals(await disk.read(at, length))
  },
  async (disk, model, at, length, random) => {
    const data = random.bytes(length)
    model.set(data, at)
    await disk.write(at, data)
    return true
  },
  async (disk, model, at, length) => {
    model.fill(0, at, at + length)
    await disk.discard(at, length)
    return true
  },
  async (disk, model, at, length) => {
    model.fill(0, at, at + length)
    await disk.zero(at, length)
    return true
  },
  async (disk) => {
    await disk.flush()
    return true
  },
]

for (const [seed, together] of [
  [1, 1],
  [2, 4],
  [3, 32],
] as const) {
  test(`seed ${seed}: ${together} at a time, the disk holds what a buffer holds`, async (t) => {
    const { disk: drive, reopen } = await disk(t, SIZE)
    const random = seeded(seed)
    const model = Buffer.alloc(SIZE)
    for (let played = 0; played < 1500; played += together) {
      const moves = Array.from({ length: together }, () => {
        // Short and long, and mostly across few sectors, so that neighbours meet.
        const length = random.below(random.below(4) === 0 ? 6 * SECTOR : 700)
        const at = random.below(SIZE - length)
        return MOVES[random.below(MOVES.length)]!(drive, model, at, length, random)
      })
      t.false((await Promise.all(moves)).includes(false), `seed ${seed}, move ${played}`)
    }
    t.true(model.equals(await drive.read(0, SIZE)))
    t.true(model.equals(await (await reopen()).read(0, SIZE)))
  })
}

test('writes into one sector at once are done in the order they came', async (t) => {
  const { disk: drive } = await disk(t, SECTOR)
  const writes = Array.from({ length: 200 }, (_, turn) => drive.write(turn % 7, Buffer.alloc(100, turn)))
  await Promise.all(writes)
  t.deepEqual(await drive.read(6, 94), Buffer.alloc(94, 199))
})
