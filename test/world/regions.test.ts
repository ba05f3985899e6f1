/** Regions that are cut off: what fails, what goes on, what waits, and what the return brings. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { KMS } from '@aws-sdk/client-kms'
import { Strongroom, type Client } from '../../src/index.ts'
import { Unreachable } from '../../src/errors.ts'
import { family, metadata } from '../helpers/family.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const [VIRGINIA, IRELAND, TOKYO] = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const
const START = Date.UTC(2026, 0, 1)
const DAY = 86_400_000

async function unreachable(t: ExecutionContext, act: Promise<unknown>, code = 'ECONNREFUSED'): Promise<void> {
  const error = await t.throwsAsync(act, { instanceOf: Unreachable })
  t.is(error.code, code)
}

/** A family with a replica in Ireland. */
async function pair(t: ExecutionContext, options = {}) {
  const all = await family(t, options)
  await all.virginia.replicateKey({ KeyId: all.KeyId, ReplicaRegion: IRELAND })
  return all
}

/** What the KMS did by itself in a Region, with the day it did so. */
async function happenings(room: Strongroom, region?: string): Promise<string[]> {
  const told: string[] = []
  for await (const { eventType, eventName, eventTime, awsRegion } of room.audit.events()) {
    const own = eventType === 'AwsServiceEvent' || eventName === 'SynchronizeMultiRegionKey'
    if (own && (region === undefined || awsRegion === region)) {
      told.push(`day ${(Date.parse(eventTime) - START) / DAY} ${eventName}`)
    }
  }
  return told
}

// What fails, and what goes on --------------------------------------------------------------------

test('calls at a Region that is cut off reach nobody, and leave no trace; those elsewhere go on', async (t) => {
  const { room, id } = await scene(t)
  const ireland = room.as({ region: IRELAND })
  await room.regions.down(VIRGINIA)
  t.deepEqual(room.regions.lost, [VIRGINIA])
  await unreachable(t, room.encrypt({ KeyId: id, Plaintext: bytes('x') }))
  await unreachable(t, room.createKey())
  await t.notThrowsAsync(ireland.createKey())
  await room.regions.up(VIRGINIA)
  t.deepEqual(room.regions.lost, [])
  await t.notThrowsAsync(room.encrypt({ KeyId: id, Plaintext: bytes('x') }))
  const events = []
  for await (const { eventName, errorCode } of room.audit.events()) events.push([eventName, errorCode])
  t.deepEqual(events, [
    ['CreateKey', undefined],
    ['CreateKey', undefined],
    ['Encrypt', undefined],
  ])
})

test('an unchanged SDK finds nobody there, however often it tries, and is answered elsewhere', async (t) => {
  const { room } = await scene(t, { now: () => new Date() })
  const { url } = await room.listen()
  await room.regions.down(VIRGINIA)
  const doors = [
    { code: 'ECONNRESET', door: { endpoint: url } },
    { code: 'ECONNREFUSED', door: { requestHandler: room.requestHandler() as never } },
  ]
  for (const { code, door } of doors) {
    const at = (region: string) => {
      const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
      const kms = new KMS({ region, credentials, maxAttempts: 2, ...door })
      t.teardown(() => kms.destroy())
      return kms
    }
    await t.throwsAsync(at(VIRGINIA).listKeys({}), { code })
    await t.notThrowsAsync(at(IRELAND).listKeys({}))
  }
  await t.throwsAsync(room.fetch(new Request(url, SIGNED)), { instanceOf: Unreachable })
})

/** A request that says it is for Virginia; what is sent to an endpoint that is out of reach is not even read. */
const SIGNED = {
  method: 'POST',
  body: '{}',
  headers: { authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${VIRGINIA}/kms/aws4_request` },
}

test('a Region is cut off once, and restored once, however often one says so', async (t) => {
  const { room } = await scene(t)
  await room.regions.up(TOKYO)
  await Promise.all([room.regions.down(TOKYO), room.regions.down(TOKYO), room.regions.down(IRELAND)])
  t.deepEqual(room.regions.lost, [TOKYO, IRELAND])
  await Promise.all([room.regions.up(TOKYO), room.regions.up(TOKYO)])
  t.deepEqual(room.regions.lost, [IRELAND])
})

test('a misspelt Region is not cut off', async (t) => {
  const { room } = await scene(t)
  for (const name of ['', 'virginia', 'us-east', 'us-east-1 ']) {
    await t.throwsAsync(async () => room.regions.down(name), { instanceOf: TypeError }, name)
  }
  t.deepEqual(room.regions.lost, [])
})

test('a replica goes on when its primary key is lost, and the primary key when its replica is', async (t) => {
  const { room, KeyId, virginia, ireland } = await pair(t)
  const { CiphertextBlob } = await virginia.encrypt({ KeyId, Plaintext: bytes('a record') })
  const readIn = async (client: Client) => Buffer.from((await client.decrypt({ CiphertextBlob })).Plaintext!).toString()
  await room.regions.down(VIRGINIA)
  t.is(await readIn(ireland), 'a record')
  await unreachable(t, readIn(virginia))
  await t.notThrowsAsync(ireland.disableKey({ KeyId }))
  await t.notThrowsAsync(ireland.enableKey({ KeyId }))
  await room.regions.up(VIRGINIA)
  await room.regions.down(IRELAND)
  t.is(await readIn(virginia), 'a record')
  await unreachable(t, readIn(ireland))
})

test('a key is not replicated into a Region that is lost', async (t) => {
  const { room, KeyId, virginia, tokyo } = await pair(t)
  await room.regions.down(TOKYO)
  await refuses(t, virginia.replicateKey({ KeyId, ReplicaRegion: TOKYO }), 'KMSInternalException')
  await room.regions.up(TOKYO)
  await refuses(t, tokyo.describeKey({ KeyId }), 'NotFoundException')
  await t.notThrowsAsync(virginia.replicateKey({ KeyId, ReplicaRegion: TOKYO }))
})

test('a key is replicated though another Region of its is lost, which knows when it is back', async (t) => {
  const { room, KeyId, virginia, ireland } = await pair(t)
  await room.regions.down(IRELAND)
  await virginia.replicateKey({ KeyId, ReplicaRegion: TOKYO })
  await room.regions.up(IRELAND)
  const { MultiRegionConfiguration } = await metadata(ireland, KeyId)
  t.deepEqual(MultiRegionConfiguration!.ReplicaKeys!.map(({ Region }) => Region).toSorted(), [TOKYO, IRELAND])
})

test('a Region that is lost does not become the primary one', async (t) => {
  const { room, KeyId, virginia } = await pair(t)
  await room.regions.down(IRELAND)
  await refuses(t, virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: IRELAND }), 'KMSInternalException')
  t.is((await metadata(virginia, KeyId)).MultiRegionConfiguration!.MultiRegionKeyType, 'PRIMARY')
  await room.regions.up(IRELAND)
  await virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: IRELAND })
  t.is((await metadata(virginia, KeyId)).MultiRegionConfiguration!.MultiRegionKeyType, 'REPLICA')
})

test('a replica does not take over from a primary key that is lost: only that key can let go', async (t) => {
  const { room, KeyId, ireland } = await pair(t)
  await room.regions.down(VIRGINIA)
  const taking = ireland.updatePrimaryRegion({ KeyId, PrimaryRegion: IRELAND })
  await refuses(t, taking, 'UnsupportedOperationException', /is not a multi-region primary key/)
  await refuses(t, ireland.enableKeyRotation({ KeyId }), 'UnsupportedOperationException')
  await refuses(t, ireland.rotateKeyOnDemand({ KeyId }), 'UnsupportedOperationException')
})

test('a replica is deleted, or saved, without its primary key', async (t) => {
  const { room, KeyId, virginia, ireland } = await pair(t)
  await room.regions.down(VIRGINIA)
  await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  await ireland.cancelKeyDeletion({ KeyId })
  await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  await room.clock.advance('7 days')
  await refuses(t, ireland.describeKey({ KeyId }), 'NotFoundException')
  await room.regions.up(VIRGINIA)
  t.deepEqual((await metadata(virginia, KeyId)).MultiRegionConfiguration!.ReplicaKeys, [])
  t.deepEqual(await happenings(room), ['day 7 DeleteKey'])
})

// What waits --------------------------------------------------------------------------------------

for (const lost of [VIRGINIA, IRELAND]) {
  test(`no key encrypts with what another cannot decrypt: rotation waits for ${lost}`, async (t) => {
    const { room, KeyId, virginia, ireland } = await pair(t)
    const [live, other] = lost === VIRGINIA ? [ireland, virginia] : [virginia, ireland]
    await virginia.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 })
    const first = (await metadata(live, KeyId)).CurrentKeyMaterialId
    await room.clock.advance('80 days')
    await room.regions.down(lost)
    await room.clock.advance('200 days')
    const { KeyMaterialId } = await live.generateDataKey({ KeyId, KeySpec: 'AES_256' })
    t.is(KeyMaterialId, first)
    t.is((await live.getKeyRotationStatus({ KeyId })).NextRotationDate!.getTime(), START + 90 * DAY)
    t.deepEqual(await happenings(room), [])

    await room.regions.up(lost)
    const second = (await metadata(live, KeyId)).CurrentKeyMaterialId
    t.not(second, first)
    t.is((await metadata(other, KeyId)).CurrentKeyMaterialId, second)
    t.is((await live.getKeyRotationStatus({ KeyId })).NextRotationDate!.getTime(), START + 370 * DAY)
    t.deepEqual(await happenings(room, VIRGINIA), ['day 280 RotateKey'])
    t.deepEqual(await happenings(room, IRELAND), ['day 280 SynchronizeMultiRegionKey'])
    const { CiphertextBlob } = await live.encrypt({ KeyId, Plaintext: bytes('x') })
    await t.notThrowsAsync(other.decrypt({ CiphertextBlob }))
    await room.clock.advance('90 days')
    t.deepEqual(await happenings(room, VIRGINIA), ['day 280 RotateKey', 'day 370 RotateKey'])
  })
}

test('a rotation does not wait for a Region that is none of its own', async (t) => {
  const { room, KeyId, virginia } = await pair(t)
  await virginia.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 })
  await room.regions.down(TOKYO)
  await room.clock.advance('100 days')
  t.deepEqual(await happenings(room, VIRGINIA), ['day 90 RotateKey'])
})

test('a rotation on demand begins at once, and ends when all Regions are there', async (t) => {
  const { room, KeyId, virginia, ireland } = await pair(t)
  const first = (await metadata(virginia, KeyId)).CurrentKeyMaterialId
  await room.regions.down(IRELAND)
  await virginia.rotateKeyOnDemand({ KeyId })
  t.is((await virginia.getKeyRotationStatus({ KeyId })).OnDemandRotationStartDate!.getTime(), START)
  t.is((await metadata(virginia, KeyId)).CurrentKeyMaterialId, first)
  await refuses(t, virginia.rotateKeyOnDemand({ KeyId }), 'ConflictException')
  await room.clock.advance('1 day')
  await room.regions.up(IRELAND)
  const second = (await metadata(virginia, KeyId)).CurrentKeyMaterialId
  t.not(second, first)
  t.is((await metadata(ireland, KeyId)).CurrentKeyMaterialId, second)
  t.is((await virginia.getKeyRotationStatus({ KeyId })).OnDemandRotationStartDate, undefined)
  t.deepEqual(await happenings(room, VIRGINIA), ['day 1 RotateKey'])
})

test('a rotation that was missed while the key was disabled waits, too', async (t) => {
  const { room, KeyId, virginia } = await pair(t)
  await virginia.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 })
  await virginia.disableKey({ KeyId })
  await room.clock.advance('100 days')
  await room.regions.down(IRELAND)
  await room.clock.advance('10 days')
  await virginia.enableKey({ KeyId })
  await virginia.encrypt({ KeyId, Plaintext: bytes('x') })
  t.deepEqual(await happenings(room), [])
  await room.clock.advance('10 days')
  await room.regions.up(IRELAND)
  t.deepEqual(await happenings(room, VIRGINIA), ['day 120 RotateKey'])
})

test('what is due in a Region that is lost is made up for when it is back', async (t) => {
  const { room, id: rotating } = await scene(t)
  const [doomed, granted] = [(await room.createKey()).KeyMetadata!.KeyId, (await room.createKey()).KeyMetadata!.KeyId]
  const grant = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt' as const] }
  await room.createGrant({ KeyId: granted, ...grant }, { expiresIn: '5d' })
  await room.scheduleKeyDeletion({ KeyId: doomed, PendingWindowInDays: 7 })
  await room.enableKeyRotation({ KeyId: rotating, RotationPeriodInDays: 90 })
  await room.regions.down(VIRGINIA)
  await room.clock.advance('100 days')
  t.deepEqual(await happenings(room), [])
  await room.regions.up(VIRGINIA)
  // What has a date of its own keeps it; new material is not older than it is.
  t.deepEqual(await happenings(room), ['day 5 ExpireGrant', 'day 7 DeleteKey', 'day 100 RotateKey'])
  await refuses(t, room.describeKey({ KeyId: doomed }), 'NotFoundException')
  t.deepEqual((await room.listGrants({ KeyId: granted })).Grants, [])
})

test('a folder remembers which Regions are cut off, and since when', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-regions-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const now = () => new Date(START)
  const room = await Strongroom.open({ data, now })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 })
  await room.regions.down(VIRGINIA)
  await room.clock.advance('100 days')
  await room.close()
  const again = await Strongroom.open({ data, now })
  t.teardown(() => again.close())
  t.deepEqual(again.regions.lost, [VIRGINIA])
  await unreachable(t, again.describeKey({ KeyId }))
  await again.clock.advance('1 day')
  await again.regions.up(VIRGINIA)
  t.deepEqual(await happenings(again), ['day 101 RotateKey'])
})
