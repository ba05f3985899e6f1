/** A million keys: does a store of that size open at once, and are hot keys as fast in it as among a thousand? */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { randomBytes, randomUUID } from 'node:crypto'
import { Strongroom } from '../src/index.ts'
import { keyOf, NEW_KEY, newMaterial } from '../src/keys.ts'
import { storeKey, storeMaterial } from '../src/store/sql.ts'
import { openSqlite } from '../src/store/sqlite.ts'
import { openVault, storePath } from '../src/vault.ts'
import { asyncRung, keep, ladder, type Figure } from './ladder.ts'

const SIZES = [1000, 1_000_000]
const HOT = 1000
const ACCOUNT = '000000000000'
const Plaintext = randomBytes(1024)
const EncryptionContext = { tenant: 'clinic-7', purpose: 'patient-record' }

const folder = await mkdtemp(join(tmpdir(), 'strongroom-million-'))
const suites: Record<string, Figure[]> = {}
const rooms: { size: number; room: Strongroom; keys: string[] }[] = []
const facts: Record<string, Record<string, string>> = {}
try {
  for (const size of SIZES) {
    const data = join(folder, String(size))
    const keys = await fill(data, size)
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    const start = performance.now()
    const room = await Strongroom.open({ data })
    const opened = performance.now() - start
    await room.describeKey({ KeyId: keys[0]! })
    const cold = performance.now()
    for (const KeyId of keys) await room.describeKey({ KeyId })
    const coldEach = (performance.now() - cold) / keys.length
    rooms.push({ size, room, keys })
    facts[`${size} keys`] = {
      'open, ms': opened.toFixed(0),
      'DescribeKey cold, µs': (coldEach * 1000).toFixed(1),
      'RSS grown, MiB': ((process.memoryUsage.rss() - before) / 2 ** 20).toFixed(0),
    }
  }
  for (const [title, act] of [
    ['DescribeKey', (room: Strongroom, KeyId: string) => room.describeKey({ KeyId })],
    ['Encrypt 1 KiB', (room: Strongroom, KeyId: string) => room.encrypt({ KeyId, Plaintext, EncryptionContext })],
  ] as const) {
    suites[`${title}, ${HOT} hot keys`] = await ladder(
      `${title}, ${HOT} hot keys`,
      rooms.map(({ size, room, keys }) => {
        let next = 0
        return asyncRung(`among ${size} keys`, () => act(room, keys[next++ % HOT]!), HOT)
      }),
    )
  }
  console.table(facts)
  keep('million', suites)
} finally {
  for (const { room } of rooms) await room.close()
  await rm(folder, { recursive: true, force: true })
}

/** Makes a store of `size` keys as CreateKey would, many a commit; the ids of the first thousand. */
async function fill(data: string, size: number): Promise<string[]> {
  const hsm = await openVault(data, undefined, {})
  const store = await openSqlite(storePath(data), hsm)
  const hot: string[] = []
  for (let made = 0; made < size;) {
    const changes = []
    for (let i = 0; i < 10_000 && made < size; i++, made++) {
      const id = randomUUID()
      const material = newMaterial(randomBytes(32).toString('hex'), hsm.generate('AES_256', 3), 0)
      const key = keyOf({
        ...NEW_KEY,
        region: 'us-east-1',
        account: ACCOUNT,
        id,
        spec: 'SYMMETRIC_DEFAULT',
        usage: 'ENCRYPT_DECRYPT',
        origin: 'AWS_KMS',
        created: 0,
        currentId: material.id,
        materials: [material],
      })
      if (hot.length < HOT) hot.push(id)
      changes.push(storeKey(key), storeMaterial(key, material))
    }
    await store.commit(changes)
  }
  await store.close()
  hsm.close()
  return hot
}
