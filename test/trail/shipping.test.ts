/** Shipping: what the files hold and are called, once in effect wherever it is cut short, and gone when its time has passed. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import type { Digest } from '../../src/audit/files/digest.ts'
import { uncompressed } from '../../src/audit/files/disk.ts'
import type { CloudTrailRecord } from '../../src/audit/cloudtrail.ts'
import { ACCOUNT, DAY, kept, OTHER, type KeptTrail } from './kept.ts'

async function said<T>(trail: KeptTrail, object: string): Promise<T> {
  return JSON.parse(await uncompressed(await trail.read(object))) as T
}

test('files lie where CloudTrail puts them, by account, Region and day', async (t) => {
  const trail = await kept(t)
  trail.use()
  trail.use({ region: 'eu-west-1' })
  trail.use({ account: OTHER })
  t.is(await trail.ship(), 3)
  const digest = (account: string, region: string) =>
    `AWSLogs/${account}/CloudTrail-Digest/${region}/2026/01/31/${account}_CloudTrail-Digest_${region}_strongroom_${region}_20260131T120000Z.json.gz`
  const log = (account: string, region: string) =>
    `AWSLogs/${account}/CloudTrail/${region}/2026/01/31/${account}_CloudTrail_${region}_20260131T1200Z_0000000000000001.json.gz`
  const chains: [account: string, region: string][] = [
    [ACCOUNT, 'eu-west-1'],
    [ACCOUNT, 'us-east-1'],
    [OTHER, 'us-east-1'],
  ]
  const expected = chains.flatMap((chain) => [log(...chain), digest(...chain), `${digest(...chain)}.sig`])
  t.deepEqual((await trail.objects()).sort(), expected.sort())
  const { Records } = await said<{ Records: CloudTrailRecord[] }>(trail, log(ACCOUNT, 'us-east-1'))
  t.deepEqual(
    Records.map(({ eventName, userIdentity }) => [eventName, userIdentity.userName]),
    [['Decrypt', 'alice']],
  )
})

test('files and folders are for their owner alone', async (t) => {
  const trail = await kept(t)
  await trail.ships(1, 1)
  const [log = ''] = await trail.logs()
  t.is((await stat(join(trail.folder, log))).mode & 0o777, 0o600)
  t.is((await stat(join(trail.folder, 'AWSLogs'))).mode & 0o777, 0o700)
})

test('a digest names its log files and the digest before it', async (t) => {
  const trail = await kept(t)
  await trail.ships(2, 3)
  const [first, second] = await Promise.all((await trail.digests()).map((name) => said<Digest>(trail, name)))
  t.is(first!.previousDigestS3Object, null)
  t.is(second!.previousDigestS3Object, first!.digestS3Object)
  t.is(second!.digestStartTime, first!.digestEndTime)
  t.deepEqual(
    second!.logFiles.map(({ s3Object, oldestEventTime }) => [s3Object, oldestEventTime]),
    [[(await trail.logs())[1]!, '2026-01-31T12:01:00Z']],
  )
})

test('what is shipped is in the store no more, and nothing is shipped twice', async (t) => {
  const trail = await kept(t)
  await trail.ships(1, 5)
  t.is(await trail.store.count('events', '', []), 0)
  t.is(await trail.ship(), 0)
  t.is((await trail.digests()).length, 1)
})

test('shipments of one second have digests of their own', async (t) => {
  const trail = await kept(t)
  for (let i = 0; i < 3; i++) {
    trail.use()
    await trail.settled()
    await trail.archive.ship(trail.now)
  }
  t.is((await trail.digests()).length, 3)
  t.is((await trail.verify()).offence, undefined)
})

test('a clock that was put back does not put files out of order', async (t) => {
  const trail = await kept(t)
  await trail.ships(1, 2)
  trail.now -= DAY
  await trail.ships(1, 2)
  t.is((await trail.verify()).offence, undefined)
  t.is((await trail.find()).length, 4)
})

test('a Region that would be a path becomes none', async (t) => {
  const trail = await kept(t)
  trail.use({ region: '..' })
  trail.use({ region: 'a\nb' })
  await trail.ship()
  for (const name of await trail.logs()) t.regex(name, /^AWSLogs\/\d{12}\/CloudTrail\/other-[0-9a-f]{32}\/2026\//)
  t.is((await trail.find({ region: '..' })).length, 1)
})

// The three commits of the first shipment: what is to be done, the key that signs, and what was done.
for (const failing of [1, 2, 3]) {
  for (const when of ['before', 'after'] as const) {
    test(`a shipment that dies ${when} commit ${failing} is done again, to the same effect`, async (t) => {
      let commits = 0
      const trail = await kept(t, {
        through: (store) => ({
          ...store,
          async commit(changes) {
            const dies = ++commits === failing
            if (dies && when === 'before') throw new Error('power cut')
            const revision = await store.commit(changes)
            if (dies) throw new Error('power cut')
            return revision
          },
        }),
      })
      for (let i = 0; i < 10; i++) trail.use({ requestId: `r-${i}` })
      await trail.settled()
      await t.throwsAsync(trail.archive.ship(trail.now), { message: 'power cut' })
      trail.use({ requestId: 'r-10' })
      await trail.ship()
      const verified = await trail.verify()
      t.is(verified.offence, undefined)
      t.is(verified.records, 11)
      t.deepEqual(
        (await trail.find()).map(({ requestID }) => requestID),
        Array.from({ length: 11 }, (_, i) => `r-${i}`),
      )
    })
  }
}

test('while a shipment is half done, each record is found once', async (t) => {
  const trail = await kept(t, {
    through: (store) => ({
      ...store,
      commit: (changes) =>
        changes.some(({ table }) => table === 'events')
          ? Promise.reject(new Error('power cut'))
          : store.commit(changes),
    }),
  })
  for (let i = 0; i < 10; i++) trail.use()
  await t.throwsAsync(trail.ship(), { message: 'power cut' })
  t.is((await trail.logs()).length, 1)
  t.is((await trail.find()).length, 10)
  t.is((await trail.find({}, 'newest')).length, 10)
})

test('days past the retention go, the chain begins later, and it is said in a signed digest', async (t) => {
  const trail = await kept(t, { retainDays: 7 })
  for (let day = 0; day < 10; day++) {
    await trail.ships(2, 3)
    trail.now += DAY
  }
  await trail.ships(1, 3)
  const verified = await trail.verify()
  t.is(verified.offence, undefined)
  t.true((await trail.logs()).every((name) => name.includes('/2026/02/')))
  t.is((await trail.find()).length, verified.records)
  t.true(verified.records < 63 && verified.records >= 45)
  t.is((await trail.verify({ alone: true })).offence, undefined)
})

test('what was to be removed when the power went is removed at the next shipment', async (t) => {
  let done = false
  const trail = await kept(t, {
    retainDays: 1,
    through: (store) => ({
      ...store,
      commit: (changes) =>
        !done && changes.some(({ values }) => String(values?.[1]).includes('"removing"'))
          ? store.commit(changes).then(() => {
              done = true
              throw new Error('power cut')
            })
          : store.commit(changes),
    }),
  })
  await trail.ships(2, 3)
  trail.now += 5 * DAY
  await t.throwsAsync(trail.ship(), { message: 'power cut' })
  t.is((await trail.logs()).length, 2)
  await trail.ship()
  t.is((await trail.logs()).length, 0)
  t.is((await trail.verify()).offence, undefined)
})

test('shipping is due after five minutes, not before', async (t) => {
  const trail = await kept(t)
  t.false(await trail.archive.isDue(trail.now))
  trail.use()
  await trail.settled()
  t.false(await trail.archive.isDue(trail.now + 299_000))
  t.true(await trail.archive.isDue(trail.now + 300_000))
})
