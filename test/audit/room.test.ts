/** The trail of a real room: what its calls leave on record, and what becomes of calls that cannot be put on record. */
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Strongroom, type CloudTrailRecord } from '../../src/index.ts'
import { arn, HOME, stage, delegating } from '../authorize/stage.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

test('exactly these calls happened', async (t) => {
  const { room, id } = await scene(t)
  const heard: string[] = []
  room.audit.addEventListener('event', ({ detail }) => heard.push(detail.eventName))
  await room.encrypt({ KeyId: id, Plaintext: bytes('hello') })
  await room.disableKey({ KeyId: id })
  await t.throwsAsync(room.encrypt({ KeyId: id, Plaintext: bytes('hello') }))
  await room.audit.settled()
  t.deepEqual(heard.toSorted(), ['DisableKey', 'Encrypt', 'Encrypt'])
})

test('a refusal is on record with its reasons, which its caller is not told', async (t) => {
  const { room, as, key } = await stage(t)
  const KeyId = await key(delegating)
  const error = await t.throwsAsync(
    as(arn.user('denied')).decrypt({ KeyId, CiphertextBlob: bytes('none at all, but long enough to be one of ours') }),
  )
  t.truthy(error)
  const asked = as(arn.user('bob')).encrypt({
    KeyId,
    Plaintext: bytes('hello'),
    EncryptionContext: { patient: '4711' },
  })
  await refuses(t, asked, 'AccessDeniedException')
  const [record] = (await all(room.audit.events({ eventName: 'Encrypt' }))) as [CloudTrailRecord]
  t.is(record.errorCode, 'AccessDenied')
  t.like(record.requestParameters, { keyId: KeyId, encryptionContext: { patient: '4711' } })
  t.like(record.userIdentity, { type: 'IAMUser', arn: arn.user('bob'), accountId: HOME, userName: 'bob' })
  t.deepEqual(record.resources, [{ accountId: HOME, type: 'AWS::KMS::Key', ARN: KeyId }])
  t.like(record.strongroom!.decisions[0], { allowed: false, missing: ['identity'] })
})

test('each of many encryptions at once is on record', async (t) => {
  const { room, id } = await scene(t)
  await room.key(id).encryptMany([bytes('one'), bytes('two'), bytes('three')])
  const events = await all(room.audit.events({ eventName: 'Encrypt' }))
  t.is(new Set(events.map(({ eventID }) => eventID)).size, 3)
})

test('the last use of a key names its event', async (t) => {
  const { room, id } = await scene(t)
  await room.encrypt({ KeyId: id, Plaintext: bytes('hello') })
  const { KeyLastUsage } = await room.getKeyLastUsage({ KeyId: id })
  const [record] = await all(room.audit.events({ eventName: 'Encrypt' }))
  t.is(KeyLastUsage!.CloudTrailEventId, record!.eventID)
  t.is(KeyLastUsage!.KmsRequestId, record!.requestID)
})

test('what dates bring about is on record, each with its date', async (t) => {
  const { room, id, arn: key, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  await room.createGrant(
    { KeyId: id, GranteePrincipal: 'arn:aws:iam::000000000000:role/partner', Operations: ['Decrypt'] },
    { expiresIn: '24h' },
  )
  pass(90)
  await room.sweep()
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(7)
  await room.sweep()
  const told = (await all(room.audit.events())).filter(({ eventType }) => eventType === 'AwsServiceEvent')
  t.deepEqual(
    told.map(({ eventName, eventTime, resources }) => [eventName, eventTime, resources![0]!.ARN]).toSorted(),
    [
      ['DeleteKey', '2026-04-08T00:00:00Z', key],
      ['ExpireGrant', '2026-01-02T00:00:00Z', key],
      ['RotateKey', '2026-04-01T00:00:00Z', key],
    ],
  )
})

test('records outlive the room, whichever way it ends', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-trail-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  let room = await Strongroom.open({ data })
  const KeyId = (await room.createKey()).KeyMetadata!.KeyId
  await room.encrypt({ KeyId, Plaintext: bytes('hello') })
  await room.close()
  room = await Strongroom.open({ data })
  t.teardown(() => room.close())
  t.deepEqual(
    (await all(room.audit.events())).map(({ eventName }) => eventName),
    ['CreateKey', 'Encrypt'],
  )
})

test('a room without a trail keeps none', async (t) => {
  const { room, id } = await scene(t, { audit: 'off' })
  await room.encrypt({ KeyId: id, Plaintext: bytes('hello') })
  t.deepEqual(await all(room.audit.events()), [])
  t.is((await room.getKeyLastUsage({ KeyId: id })).KeyLastUsage!.CloudTrailEventId, undefined)
})

for (const audit of ['batched', 'strict'] as const) {
  test(`calls that cannot be put on record are refused: ${audit}`, async (t) => {
    const { room, id } = await scene(t, { audit })
    const { store } = (room as unknown as { service: { records: { store: { commit: unknown } } } }).service.records
    const commit = store.commit
    const encrypt = () => room.encrypt({ KeyId: id, Plaintext: bytes('hello') })
    await encrypt()
    await room.audit.settled()
    store.commit = () => Promise.reject(new Error('no room left'))
    if (audit === 'strict') await t.throwsAsync(encrypt(), { message: /audit trail/ })
    else {
      // Answered before anybody could know; what was not yet written is kept, and nothing more is served meanwhile.
      await encrypt()
      await t.throwsAsync(room.audit.settled())
    }
    await t.throwsAsync(encrypt(), { message: /audit trail/ })
    await t.throwsAsync(room.createKey())
    store.commit = commit
    // The next call finds the trail broken, has it try again, and is refused; those after it are served.
    await encrypt().catch(() => undefined)
    await room.audit.settled().catch(() => undefined)
    await t.notThrowsAsync(encrypt())
    const events = await all(room.audit.events({ eventName: 'Encrypt' }))
    t.true(events.length >= 3, 'nothing that was answered is missing')
  })
}
