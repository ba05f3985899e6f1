/** The cipher of volumes as JavaScript sees it: in place, beside node:crypto's, in a thread, and what it refuses. */
import { createCipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

import test from 'ava'

import { Xts } from '../../bindings/node/index.js'
import { refuses } from './device.ts'

const SECTOR = 4096

/** What node:crypto makes of one sector. */
function theirs(key: Buffer, number: bigint, sector: Buffer): Buffer {
  const tweak = Buffer.alloc(16)
  tweak.writeBigUInt64LE(number)
  return createCipheriv('aes-256-xts', key, tweak).update(sector)
}

test('sectors are encrypted where they lie, as node:crypto encrypts them, and come back', (t) => {
  const key = randomBytes(64)
  const xts = Xts.open(Buffer.from(key))
  for (const first of [0, 1, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER - 3]) {
    const plain = randomBytes(3 * SECTOR)
    const sectors = Buffer.from(plain)
    xts.encrypt(first, sectors)
    for (let index = 0; index < 3; index++) {
      const [from, to] = [index * SECTOR, (index + 1) * SECTOR]
      t.deepEqual(sectors.subarray(from, to), theirs(key, BigInt(first) + BigInt(index), plain.subarray(from, to)))
    }
    xts.decrypt(first, sectors)
    t.deepEqual(sectors, plain)
  }
})

test('a key is wiped when it is taken over, and when it is refused', (t) => {
  for (const [key, accepted] of [
    [randomBytes(64), true],
    [Buffer.alloc(64, 3), false],
    [randomBytes(63), false],
    [randomBytes(65), false],
  ] as const) {
    if (accepted) Xts.open(key)
    else t.throws(() => Xts.open(key))
    t.deepEqual(key, Buffer.alloc(key.length))
  }
})

test('what can never work has a name', (t) => {
  const xts = Xts.open(randomBytes(64))
  refuses(t, 'InvalidMaterial', () => Xts.open(Buffer.alloc(64, 3)))
  refuses(t, 'InvalidLength', () => Xts.open(randomBytes(32)))
  for (const number of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    refuses(t, 'InvalidLength', () => xts.encrypt(number, Buffer.alloc(SECTOR)))
  }
  for (const length of [1, 512, SECTOR + 1]) {
    refuses(t, 'InvalidLength', () => xts.encrypt(0, Buffer.alloc(length)))
    refuses(t, 'InvalidLength', () => xts.decrypt(0, Buffer.alloc(length)))
  }
  refuses(t, 'InvalidArg', () => xts.encrypt(0, 'sector' as unknown as Buffer))
})

test('a closed cipher does nothing more', (t) => {
  const xts = Xts.open(randomBytes(64))
  const sector = Buffer.alloc(SECTOR, 1)
  xts.close()
  xts.close()
  refuses(t, 'DeviceClosed', () => xts.encrypt(0, sector))
  refuses(t, 'DeviceClosed', () => xts.decrypt(0, sector))
  t.deepEqual(sector, Buffer.alloc(SECTOR, 1))
})

test('a thread of its own encrypts as well, over bytes that are shared', async (t) => {
  const key = randomBytes(64)
  const shared = Buffer.from(new SharedArrayBuffer(SECTOR))
  const code = `
    const { parentPort, workerData: { binding, key, shared } } = require('node:worker_threads')
    import(binding).then(({ Xts }) => {
      Xts.open(Buffer.from(key)).encrypt(9, Buffer.from(shared))
      parentPort.postMessage('done')
    })`
  const binding = new URL('../../bindings/node/index.js', import.meta.url).href
  const workerData = { binding, key: Uint8Array.from(key), shared: shared.buffer }
  await once(new Worker(code, { eval: true, workerData }), 'message')
  t.deepEqual(Buffer.from(shared), theirs(key, 9n, Buffer.alloc(SECTOR)))
})
