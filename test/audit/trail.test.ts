/** The trail as a whole: when records are durable, what happens when they cannot be, and what a crash leaves. */
import test from 'ava'
import { setTimeout } from 'node:timers/promises'
import { Trail } from '../../src/audit/trail.ts'
import { systemEntropy } from '../../src/entropy.ts'
import { all, byAlice, chunkText, committed, CueStore, encrypting, KEY, onRecord, trailed } from './scene.ts'

const ENCRYPT = { name: 'Encrypt' } as const
const ENABLE = { name: 'EnableKey' } as const
const chunks = (store: CueStore): number => store.tables.get('events')?.size ?? 0
const encrypt = (trail: Trail): number => trail.succeeded(ENCRYPT, encrypting(), byAlice, undefined)

test('records are batched, and durable a tenth of a second later', async (t) => {
  const { store, trail } = await trailed(t)
  for (let i = 0; i < 10; i++) encrypt(trail)
  t.is(chunks(store), 0)
  // The trail's timer keeps no process alive; this one does.
  await setTimeout(250)
  t.is(chunks(store), 1)
  t.is((await all(store)).length, 10)
})

test('a full batch does not wait', async (t) => {
  const { store, trail } = await trailed(t)
  for (let i = 0; i < 4095; i++) encrypt(trail)
  t.is(store.commits.filter(([first]) => first!.table === 'events').length, 0)
  encrypt(trail)
  t.is(store.commits.filter(([first]) => first!.table === 'events').length, 1)
})

test('numbers follow one another, and the event id of a number is its record’s', async (t) => {
  const scene = await trailed(t)
  const numbers = [encrypt(scene.trail), encrypt(scene.trail)]
  await committed(scene.store, scene.trail.edit(ENABLE, encrypting(), byAlice, undefined))
  numbers.push(encrypt(scene.trail))
  await scene.trail.settled()
  const found = await all(scene.store)
  t.deepEqual(
    found.map(({ number }) => number),
    [1, 2, 3, 4],
  )
  t.deepEqual(numbers, [1, 2, 4])
  for (const { number, record } of found) t.is(record.eventID, scene.trail.eventIdOf(number))
  t.is(new Set(found.map(({ record }) => record.eventID)).size, 4)
  t.regex(found[0]!.record.eventID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('two rooms share no event id', async (t) => {
  const [one, other] = [await trailed(t), await trailed(t)]
  t.not(one.trail.eventIdOf(1), other.trail.eventIdOf(1))
})

test('reading goes on from a number, and up to one, within chunks and across them', async (t) => {
  const { store, trail } = await trailed(t)
  for (let i = 0; i < 60; i++) {
    encrypt(trail)
    if (i % 3 === 0) await trail.settled()
  }
  await trail.settled()
  for (const [after, until] of [
    [0, 60],
    [1, 60],
    [25, 41],
    [60, 60],
  ] as const)
    t.deepEqual(
      (await all(store, after, until)).map(({ number }) => number),
      Array.from({ length: until - after }, (_, i) => after + 1 + i),
    )
})

test('many chunks of one record before the number that reading goes on from do no harm', async (t) => {
  const { store, trail } = await trailed(t)
  for (let i = 0; i < 100; i++) await committed(store, trail.edit(ENABLE, encrypting(), byAlice, undefined))
  t.deepEqual(
    (await all(store, 98)).map(({ number }) => number),
    [99, 100],
  )
})

test('strict: those who wait while others are on their way share the next chunk', async (t) => {
  const { store, trail } = await trailed(t, { mode: 'strict' })
  let open!: () => void
  store.gate = new Promise((resolve) => (open = resolve))
  encrypt(trail)
  const first = trail.settled()
  await setTimeout(5)
  const rest = Array.from({ length: 20 }, () => {
    encrypt(trail)
    return trail.settled()
  })
  open()
  await Promise.all([first, ...rest])
  t.is(chunks(store), 2)
  t.is((await all(store)).length, 21)
})

test('off: nothing is recorded, and nothing refused', async (t) => {
  const { store, trail } = await trailed(t, { mode: 'off' })
  t.is(encrypt(trail), 0)
  t.deepEqual(trail.edit(ENABLE, encrypting(), byAlice, undefined), [])
  store.refuses = 'before'
  t.is(trail.fault(), undefined)
  await trail.close()
  t.is(store.commits.length, 0)
})

// Faults ------------------------------------------------------------------------------------------

for (const refuses of ['before', 'after'] as const)
  test(`a store that fails ${refuses} it has written: calls are refused until it works, nothing is lost or there twice`, async (t) => {
    const { store, trail } = await trailed(t)
    encrypt(trail)
    store.refuses = refuses
    await t.throwsAsync(trail.settled(), { message: 'the audit trail cannot be written' })
    encrypt(trail)
    await t.throwsAsync(trail.settled())
    t.like(trail.fault(), { code: 'KMSInternalException', message: 'the audit trail cannot be written' })
    store.refuses = undefined
    t.truthy(trail.fault(), 'this call is refused, but it has the trail try again')
    await trail.settled()
    t.is(trail.fault(), undefined)
    encrypt(trail)
    await trail.settled()
    t.deepEqual(
      (await all(store)).map(({ number }) => number),
      [1, 2, 3],
    )
  })

test('a mutation whose commit fails leaves no record, and reading need not wait for it', async (t) => {
  const { store, trail } = await trailed(t)
  const [edit] = trail.edit(ENABLE, encrypting(), byAlice, undefined)
  store.refuses = 'before'
  await t.throwsAsync(store.commit([edit!.change]))
  t.is(trail.horizon(), 0, 'nobody has said how it ended')
  edit!.recorded(false)
  store.refuses = undefined
  t.is(trail.horizon(), 1)
  encrypt(trail)
  t.is(trail.horizon(), 1, 'not durable yet')
  await trail.settled()
  t.is(trail.horizon(), 2)
  t.deepEqual(
    (await all(store)).map(({ number }) => number),
    [2],
  )
})

test('an edit that is never committed takes no number', async (t) => {
  const { trail } = await trailed(t)
  trail.edit(ENABLE, encrypting(), byAlice, undefined)
  t.is(encrypt(trail), 1)
})

test('after a crash no number is given out again, even of records that were lost', async (t) => {
  const store = new CueStore()
  const before = await trailed(t, {}, store)
  encrypt(before.trail)
  await before.trail.settled()
  const lost = encrypt(before.trail)
  const after = await Trail.open(store, { mode: 'batched', entropy: systemEntropy })
  t.is(after.id, before.trail.id)
  t.true(encrypt(after) > lost)
})

test('after closing numbers go on where they ended', async (t) => {
  const store = new CueStore()
  const before = await trailed(t, {}, store)
  encrypt(before.trail)
  await before.trail.close()
  const after = await trailed(t, {}, store)
  t.is(encrypt(after.trail), 2)
  t.is((await onRecord(after)).length, 2)
})

// Retention and templates -------------------------------------------------------------------------

test('of records that are not to be kept for ever, the last ones are', async (t) => {
  const { store, trail } = await trailed(t, { keep: 5000 })
  for (let i = 0; i < 25_000; i++) encrypt(trail)
  await trail.settled()
  const numbers = (await all(store)).map(({ number }) => number)
  t.is(numbers.at(-1), 25_000)
  t.true(numbers.length >= 5000 && numbers.length < 5000 + 2 * 4096, String(numbers.length))
})

test('what records have in common is written once a chunk, and in each chunk', async (t) => {
  const { store, trail } = await trailed(t)
  const callOf = (key: string, i: number) => ({
    ...encrypting({ n: String(i) }),
    input: { KeyId: key, EncryptionContext: { n: String(i) } },
  })
  for (let chunk = 0; chunk < 2; chunk++) {
    for (let i = 0; i < 50; i++) trail.succeeded(ENCRYPT, callOf(`alias/${i % 2}`, i), byAlice, undefined)
    await trail.settled()
  }
  const templates = chunkText(store)
    .split('\n')
    .filter((line) => line.startsWith('{'))
  t.is(templates.length, 4)
  const told = (await all(store)).map(({ record }) => record.requestParameters)
  t.deepEqual(told[73], { keyId: 'alias/1', encryptionAlgorithm: 'SYMMETRIC_DEFAULT', encryptionContext: { n: '23' } })
})

test('another version of a key, another caller, another origin: another template', async (t) => {
  const scene = await trailed(t)
  const mallory = { ...byAlice.caller, userName: 'mallory' }
  const contexts = [
    byAlice,
    { ...byAlice, caller: mallory },
    { ...byAlice, origin: { sourceIp: '::1', userAgent: 'x' } },
  ]
  const keys = [KEY, { ...KEY, currentId: 'rotated' }]
  for (const context of contexts)
    for (const key of keys) scene.trail.succeeded(ENCRYPT, { ...encrypting(), key }, context, undefined)
  const records = await onRecord(scene)
  t.deepEqual(
    records.map((each) => [each.userIdentity.userName, each.sourceIPAddress, each.additionalEventData!.keyMaterialId]),
    [
      ['alice', '127.0.0.1', KEY.currentId],
      ['alice', '127.0.0.1', 'rotated'],
      ['mallory', '127.0.0.1', KEY.currentId],
      ['mallory', '127.0.0.1', 'rotated'],
      ['alice', '::1', KEY.currentId],
      ['alice', '::1', 'rotated'],
    ],
  )
})

test('a clock that goes back is told as it was', async (t) => {
  const scene = await trailed(t)
  for (const now of [10_000, 2000, 30_000]) scene.trail.succeeded(ENCRYPT, { ...encrypting(), now }, byAlice, undefined)
  t.deepEqual(
    (await onRecord(scene)).map(({ eventTime }) => eventTime),
    ['1970-01-01T00:00:10Z', '1970-01-01T00:00:02Z', '1970-01-01T00:00:30Z'],
  )
})
