/** The store through its binding: values in and out, promises and their codes, damage told, threads that let go. */
import test, { type ExecutionContext } from 'ava'
import { execFile } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Hsm, Store, type Change, type StoreOptions } from '../../bindings/node/index.js'

type Value = string | number | Uint8Array | null

const SCHEMA = JSON.stringify({
  version: 1,
  tables: [
    {
      name: 'things',
      columns: [
        { name: 'id', type: 'TEXT' },
        { name: 'size', type: 'INTEGER', null: true },
        { name: 'body', type: 'BLOB', null: true },
      ],
      key: ['id'],
      indexes: [{ name: 'things_by_size', columns: ['size'] }],
    },
  ],
  migrations: [],
})
const put = (id: string, size: number | null = null, body: Uint8Array | null = null, expect = 0): Change => ({
  table: 'things',
  key: [id],
  values: [id, size, body],
  expect,
})

async function scene(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-store-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'rows.db')
  const hsm = Hsm.create(Buffer.alloc(32, 7))
  return { path, hsm, open: (options?: StoreOptions) => Store.open(path, SCHEMA, hsm, options) }
}

const refuses = async (t: ExecutionContext, code: string, promise: Promise<unknown>, title?: string) => {
  const error = await t.throwsAsync(promise, undefined, title)
  t.is((error as Error & { code?: string }).code, code, title)
}

test('values come back as they went in', async (t) => {
  const { open } = await scene(t)
  const store = await open()
  const rows: Value[][] = [
    ['', 0, new Uint8Array()],
    ['a\0b', Number.MAX_SAFE_INTEGER, new Uint8Array([0, 255])],
    ['größer 🗝', Number.MIN_SAFE_INTEGER, null],
    ['z'.repeat(100_000), null, new Uint8Array(100_000).fill(3)],
  ]
  t.is(await store.commit(rows.map((values) => ({ table: 'things', key: [values[0]!], values, expect: 0 }))), 1)
  for (const [id, size, body] of rows) {
    const row = await store.get('things', [id!])
    t.is(row?.version, 1)
    t.deepEqual(row?.values.slice(0, 2), [id!, size!])
    t.deepEqual(row?.values[2] && new Uint8Array(row.values[2] as Uint8Array), body)
  }
  t.is(await store.get('things', ['none']), null)
  await store.close()
})

test('what the schema or JavaScript cannot hold is misuse', async (t) => {
  const { open } = await scene(t)
  const store = await open()
  for (const [title, promise] of Object.entries({
    'beyond the safe integers': store.commit([put('x', 2 ** 53)]),
    'a fraction': store.commit([put('x', 0.5)]),
    'not a number': store.commit([put('x', NaN)]),
    'half a character': store.commit([put('\ud800')]),
    'a text for an integer': store.commit([{ ...put('x'), values: ['x', '1', null] }]),
    'a row too short': store.commit([{ ...put('x'), values: ['x'] }]),
    'another key': store.commit([{ ...put('x'), key: ['y'] }]),
    'a table that is not': store.get('locks', ['x']),
    'an index that is not': store.list('things', 'things_by_colour', [], null, 1),
  })) {
    await refuses(t, 'StoreMisuse', promise, title)
  }
  t.is(store.revision(), 0)
  await store.close()
})

test('a commit is all or nothing, and each expects what it saw', async (t) => {
  const { open } = await scene(t)
  const store = await open()
  await store.commit([put('a', 1), put('b', 2)])
  await refuses(t, 'Conflict', store.commit([put('c'), put('a', 9, null, 2)]))
  t.is(await store.get('things', ['c']), null)
  t.is(await store.commit([put('a', 9, null, 1), { table: 'things', key: ['b'], expect: 1 }]), 2)
  t.deepEqual(await store.get('things', ['a']), { values: ['a', 9, null], version: 2 })
  t.is(await store.get('things', ['b']), null)
  t.is(store.revision(), 2)
  await store.close()
})

test('lists page in the order of an index', async (t) => {
  const { open } = await scene(t)
  const store = await open()
  const sizes = [3, null, 1, 3, 1, null, 2]
  await store.commit(sizes.map((size, i) => put(`t${i}`, size)))
  const seen: Value[] = []
  for (let after: Value[] | null = null; ;) {
    const rows = await store.list('things', 'things_by_size', [], after, 2)
    if (rows.length === 0) break
    seen.push(...rows.map((row) => row.values[0]!))
    const last: Value[] = rows.at(-1)!.values
    after = [last[1]!, last[0]!]
  }
  t.deepEqual(seen, ['t1', 't5', 't2', 't4', 't6', 't0', 't3'])
  t.is(await store.count('things', 'things_by_size', [null]), 2)
  t.is(await store.count('things', '', []), 7)
  t.deepEqual(
    (await store.list('things', 'things_by_size', [3], ['t0'], 9)).map((row) => row.values[0]),
    ['t3'],
  )
  await store.close()
})

test('commits that wait together share transactions', async (t) => {
  const { open } = await scene(t)
  const store = await open()
  const revisions = await Promise.all(Array.from({ length: 500 }, (_, i) => store.commit([put(`t${i}`)])))
  t.is(new Set(revisions).size, 500)
  t.true(store.batches() < 250, `${store.batches()}`)
  await store.close()
})

test('a store has one master, who may close it', async (t) => {
  const { open, path, hsm } = await scene(t)
  const store = await open()
  await store.commit([put('a')])
  await refuses(t, 'StoreLocked', open())
  await refuses(t, 'StoreLocked', Store.verify(path, SCHEMA, hsm))
  await store.close()
  for (const late of [store.get('things', ['a']), store.commit([put('b')]), store.close()]) {
    await refuses(t, 'StoreClosed', late)
  }
  t.deepEqual(await Store.verify(path, SCHEMA, hsm), { rows: 1, revision: 1 })
  t.is((await stat(path)).mode & 0o777, 0o600)
})

test('a store belongs to its domain', async (t) => {
  const { open, path } = await scene(t)
  await (await open()).close()
  await refuses(t, 'StoreDamaged', Store.open(path, SCHEMA, Hsm.create(Buffer.alloc(32, 7))))
})

test('a store in memory holds what it was given, and no file', async (t) => {
  const store = await Store.open(':memory:', SCHEMA, Hsm.create(Buffer.alloc(32, 7)))
  await store.commit([put('a', 1)])
  t.deepEqual((await store.list('things', '', [], null, 9)).length, 1)
  t.true(store.isChecked())
  await store.close()
})

test('a full store refuses, and recovers', async (t) => {
  const { open } = await scene(t)
  const store = await open({ pageLimit: 40 })
  const body = new Uint8Array(3000)
  let count = 0
  await refuses(
    t,
    'StoreFull',
    (async () => {
      for (;;) await store.commit([put(`t${count++}`, 1, body)])
    })(),
  )
  t.is(await store.count('things', '', []), count - 1)
  await store.commit([
    { table: 'things', key: ['t0'], expect: 1 },
    { table: 'things', key: ['t1'], expect: 1 },
  ])
  await store.commit([put('again', 1, body)])
  await store.close()
})

test('damage found at opening is told by the refusal', async (t) => {
  const { open, path } = await scene(t)
  await fill(open)
  await spoil(path)
  const told: string[] = []
  await refuses(t, 'StoreDamaged', open({ checkMillis: 60_000, onDamage: (code) => told.push(code) }))
  t.deepEqual(told, [])
})

test('damage met later is told once, and ends the store', async (t) => {
  const { open, path } = await scene(t)
  await fill(open)
  const told: string[][] = []
  const store = await open({ checkMillis: 60_000, onDamage: (...words) => told.push(words) })
  t.true(store.isChecked())
  await spoil(path)
  await refuses(t, 'StoreDamaged', store.get('things', ['thing 100']))
  await refuses(t, 'StoreDamaged', store.get('things', ['thing 1']))
  await refuses(t, 'StoreDamaged', store.commit([put('another')]))
  t.deepEqual(told, [['StoreDamaged', 'a row of `things` is not what was written']])
})

test('an open store, and a listener for damage, keep no process alive', async (t) => {
  const { path } = await scene(t)
  const script = `
    import { Hsm, Store } from ${JSON.stringify(new URL('../../bindings/node/index.js', import.meta.url).href)}
    const store = await Store.open(${JSON.stringify(path)}, ${JSON.stringify(SCHEMA)}, Hsm.create(Buffer.alloc(32)), { onDamage() {} })
    await store.commit([{ table: 'things', key: ['a'], values: ['a', null, null], expect: 0 }])
    console.log('committed')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  t.is(stdout, 'committed\n')
})

async function fill(open: () => Promise<Store>) {
  const store = await open()
  await store.commit(Array.from({ length: 200 }, (_, i) => put(`thing ${i}`, i, Buffer.from(`body of ${i};`))))
  await store.close()
}

/** Changes a stored value in place. */
async function spoil(path: string) {
  const at = (await readFile(path)).indexOf('body of 100;')
  const file = await open(path, 'r+')
  await file.write('B', at)
  await file.close()
}
