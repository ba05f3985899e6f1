/** The room's clock: what it takes, what follows it, and that it is remembered. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { KMS } from '@aws-sdk/client-kms'
import { createAttester, Strongroom, type CloudTrailRecord } from '../../src/index.ts'
import { assumeRole } from '../../src/identities/sessions.ts'
import { parcel } from '../helpers/import.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const START = Date.UTC(2026, 0, 1)
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]

const now = () => new Date(START)

async function opened(t: ExecutionContext, options: Parameters<typeof Strongroom.open>[0] = {}): Promise<Strongroom> {
  const room = await Strongroom.open({ memory: true, now, ...options })
  t.teardown(() => room.close())
  return room
}

/** How far the clock is from where it was. */
function turned(room: Strongroom): number {
  return room.clock.now().getTime() - START
}

// What it takes -----------------------------------------------------------------------------------

const SPANS: readonly [span: string | number, millis: number][] = [
  ['8 days', 8 * DAY],
  ['8d', 8 * DAY],
  ['1 day', DAY],
  ['24h', DAY],
  ['1 hour', HOUR],
  ['90 minutes', 90 * MINUTE],
  ['1.5h', 90 * MINUTE],
  ['30 seconds', 30_000],
  ['250ms', 250],
  ['2 weeks', 14 * DAY],
  [1234, 1234],
  ['0s', 0],
]
for (const [span, millis] of SPANS) {
  test(`a clock is put ahead by ${span}`, async (t) => {
    const room = await opened(t)
    const then = await room.clock.advance(span)
    t.is(then.getTime(), START + millis)
    t.is(turned(room), millis)
  })
}

const DATES: readonly [date: Date | string | number, millis: number][] = [
  [new Date(START + 1), 1],
  ['2026-01-02', DAY],
  ['2026-01-01T00:00:30Z', 30_000],
  ['2026-01-01T02:00:00.250+01:00', HOUR + 250],
  [START + 5, 5],
  [START, 0],
]
for (const [date, millis] of DATES) {
  test(`a clock is put to ${date instanceof Date ? date.toISOString() : date}`, async (t) => {
    const room = await opened(t)
    await room.clock.set(date)
    t.is(turned(room), millis)
  })
}

const refusesToTurn = test.macro({
  title: (title, what: string) => title ?? `a clock is not ${what}`,
  exec: async (t, _: string, turn: (room: Strongroom) => Promise<unknown>, why: RegExp) => {
    const room = await opened(t)
    await room.clock.advance('1h')
    await t.throwsAsync(turn(room), { instanceOf: RangeError, message: why })
    t.is(turned(room), HOUR)
    t.is((await room.clock.advance('1h')).getTime(), START + 2 * HOUR, 'and it still turns')
  },
})
test(refusesToTurn, 'set back', (room) => room.clock.set(START), /goes forward only.*2026-01-01T01:00:00/)
test(refusesToTurn, 'moved back', (room) => room.clock.advance(-1), /goes forward only/)
test(refusesToTurn, 'advanced by a word', (room) => room.clock.advance('soon'), /no span of time/)
test(refusesToTurn, 'advanced by years', (room) => room.clock.advance('2 years'), /no span of time/)
test(refusesToTurn, 'advanced by no number', (room) => room.clock.advance(NaN), /no span of time/)
test(refusesToTurn, 'set to half a date', (room) => room.clock.set('2027'), /no date like/)
test(refusesToTurn, 'set to a time of no zone', (room) => room.clock.set('2027-01-01T00:00'), /no date like/)
test(refusesToTurn, 'set to no date', (room) => room.clock.set(new Date(NaN)), /no date like/)
test(refusesToTurn, 'set past year 9999', (room) => room.clock.advance(8e15), /until the end of the year/)

test('two turns at once come one after the other', async (t) => {
  const room = await opened(t)
  const [one, two] = await Promise.all([room.clock.advance('1 day'), room.clock.advance('1 day')])
  t.deepEqual([one.getTime(), two.getTime()], [START + DAY, START + 2 * DAY])
})

test('between turns the clock goes on at the pace of the one beneath it', async (t) => {
  let beneath = START
  const room = await opened(t, { now: () => new Date(beneath) })
  await room.clock.advance('1 day')
  beneath += 500
  t.is(room.clock.now().getTime(), START + DAY + 500)
})

// What follows it ---------------------------------------------------------------------------------

test('a key is there until the last moment of its window, and then gone for good', async (t) => {
  const room = await opened(t)
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  await room.clock.advance(7 * DAY - 1)
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'PendingDeletion')
  await room.clock.advance(1)
  await refuses(t, room.describeKey({ KeyId }), 'NotFoundException')
})

test('a grant works until the last moment, and then no more', async (t) => {
  const accounts = [{ id: '111122223333', roles: [{ name: 'app', trustPolicy: TRUST }] }]
  const room = await opened(t, { accounts })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const partner = room.as({ arn: 'arn:aws:iam::111122223333:role/app' })
  const input = { KeyId, GranteePrincipal: 'arn:aws:iam::111122223333:role/app', Operations: ['Encrypt' as const] }
  await room.createGrant(input, { expiresIn: '24h' })
  const KeyArn = `arn:aws:kms:us-east-1:111122223333:key/${KeyId}`
  await room.clock.advance(DAY - MINUTE)
  await t.notThrowsAsync(partner.encrypt({ KeyId: KeyArn, Plaintext: bytes('x') }))
  await room.clock.advance(2 * MINUTE)
  await refuses(t, partner.encrypt({ KeyId: KeyArn, Plaintext: bytes('x') }), 'AccessDeniedException')
})

const USER = 'arn:aws:iam::111122223333:user/ann'
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { AWS: USER }, Action: 'sts:AssumeRole' },
})

test('an import token is good for a day, and no longer', async (t) => {
  const room = await opened(t)
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  const [early, late] = [
    await parcel(room, KeyId, bytes('m'.repeat(32))),
    await parcel(room, KeyId, bytes('m'.repeat(32))),
  ]
  await room.clock.advance(DAY - MINUTE)
  await t.notThrowsAsync(room.importKeyMaterial(early))
  await room.clock.advance(2 * MINUTE)
  await refuses(t, room.importKeyMaterial(late), 'ExpiredImportTokenException')
})

test('a session is over when it is over', async (t) => {
  const accounts = [{ id: '111122223333', users: [{ name: 'ann' }], roles: [{ name: 'app', trustPolicy: TRUST }] }]
  const room = await opened(t, { accounts })
  const wish = { roleArn: 'arn:aws:iam::111122223333:role/app', roleSessionName: 'one', durationSeconds: 900 }
  const { accessKeyId } = await assumeRole(room.identities, { caller: room.identities.principal(USER), ...wish })
  await room.clock.advance('14 minutes')
  t.not(room.identities.find(accessKeyId), undefined)
  await room.clock.advance('1 minute')
  t.is(room.identities.find(accessKeyId), undefined)
})

test('an attestation document grows old by it', async (t) => {
  const attester = createAttester()
  const room = await opened(t, { attestationRoots: [attester.root] })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const { publicKey } = await crypto.subtle.generateKey(RSA, true, ['encrypt', 'decrypt'])
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', publicKey))
  const AttestationDocument = attester.attestationFor({ publicKey: spki, now: now() })
  const Recipient = { AttestationDocument, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const }
  const ask = () => room.generateDataKey({ KeyId, KeySpec: 'AES_256', Recipient })
  await room.clock.advance('4 minutes')
  t.truthy((await ask()).CiphertextForRecipient)
  await room.clock.advance('2 minutes')
  await refuses(t, ask(), 'ValidationException')
})

const RSA = { name: 'RSA-OAEP', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }

test('signatures are as old as it says, and an SDK that is told the time by an answer signs by it', async (t) => {
  const room = await opened(t, { now: () => new Date() })
  const client = (maxAttempts: number) => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    return new KMS({ region: 'us-east-1', credentials, maxAttempts, requestHandler: room.requestHandler() as never })
  }
  await room.clock.advance('4 minutes')
  await t.notThrowsAsync(client(1).listKeys({}))
  await room.clock.advance('8 days')
  await t.throwsAsync(client(1).listKeys({}), { name: 'InvalidSignatureException', message: /Signature expired/ })
  await t.notThrowsAsync(client(3).listKeys({}))
})

test('answers are dated by it', async (t) => {
  const room = await opened(t)
  await room.clock.advance('8 days')
  const answer = await room.fetch(new Request('http://localhost/health'))
  t.is(answer.headers.get('date'), 'Fri, 09 Jan 2026 00:00:00 GMT')
})

test('what becomes due goes on record in the order of its dates, each with its own', async (t) => {
  const room = await opened(t)
  const keyId = async () => (await room.createKey()).KeyMetadata!.KeyId
  const [doomed, rotating, granted] = [await keyId(), await keyId(), await keyId()]
  await room.enableKeyRotation({ KeyId: rotating, RotationPeriodInDays: 90 })
  const grant = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt' as const] }
  await room.createGrant({ KeyId: granted, ...grant }, { expiresIn: '7d' })
  // It goes with its key, before its time.
  await room.createGrant({ KeyId: doomed, ...grant }, { expiresIn: '40d' })
  await room.scheduleKeyDeletion({ KeyId: doomed, PendingWindowInDays: 30 })
  await room.createGrant({ KeyId: granted, ...grant, Name: 'longer' }, { expiresIn: '100d' })
  await room.clock.advance('200 days')
  t.deepEqual(await happenings(room), [
    'day 7 ExpireGrant',
    'day 30 DeleteKey',
    'day 90 RotateKey',
    'day 100 ExpireGrant',
    'day 180 RotateKey',
  ])
})

async function happenings(room: Strongroom): Promise<string[]> {
  const events: CloudTrailRecord[] = []
  for await (const event of room.audit.events()) if (event.eventType === 'AwsServiceEvent') events.push(event)
  return events.map(({ eventName, eventTime }) => `day ${(Date.parse(eventTime) - START) / DAY} ${eventName}`)
}

test('ten years in one jump rotate every key ten times', async (t) => {
  const room = await opened(t)
  const ids: string[] = []
  for (let i = 0; i < 200; i++) {
    ids.push((await room.createKey()).KeyMetadata!.KeyId)
    await room.enableKeyRotation({ KeyId: ids[i]!, RotationPeriodInDays: 365 })
    await room.clock.advance(1000)
  }
  await room.clock.advance('3650 days')
  t.is((await happenings(room)).length, 2000)
  for (const KeyId of [ids[0]!, ids[99]!, ids[199]!]) {
    t.is((await room.listKeyRotations({ KeyId })).Rotations!.length, 10)
  }
})

test('whoever calls while the clock turns sees time go by, and keeps nothing from being done', async (t) => {
  const room = await opened(t)
  const ids = await Promise.all(Array.from({ length: 20 }, async () => (await room.createKey()).KeyMetadata!.KeyId))
  for (const KeyId of ids) await room.enableKeyRotation({ KeyId, RotationPeriodInDays: 365 })
  let turning = true
  const turned = room.clock.advance('3650 days').finally(() => (turning = false))
  const seen: number[] = []
  for (let i = 0; turning; i++) {
    const KeyId = ids[i % ids.length]!
    seen.push(room.clock.now().getTime())
    await room.encrypt({ KeyId, Plaintext: bytes('x') })
    await room.tagResource({ KeyId, Tags: [{ TagKey: 'i', TagValue: String(i) }] })
  }
  await turned
  t.deepEqual(
    seen.toSorted((a, b) => a - b),
    seen,
  )
  t.true(new Set(seen).size > 5, 'it went by in steps')
  for (const KeyId of ids) {
    const { Rotations = [] } = await room.listKeyRotations({ KeyId })
    t.deepEqual(
      Rotations.map(({ RotationDate }) => RotationDate!.getTime()),
      Array.from({ length: 10 }, (_, i) => START + (i + 1) * 365 * DAY),
    )
  }
})

// What is remembered ------------------------------------------------------------------------------

async function folder(t: ExecutionContext): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-clock-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  return data
}

test('a folder remembers how far its clock is ahead', async (t) => {
  const data = await folder(t)
  const room = await Strongroom.open({ data, now })
  await room.clock.advance('8 days')
  await room.clock.advance('1h')
  await room.close()
  const again = await opened(t, { data, memory: false, now: () => new Date(START + MINUTE) })
  t.is(again.clock.now().getTime(), START + MINUTE + 8 * DAY + HOUR)
  t.is(again.clock.ahead, 8 * DAY + HOUR)
})

test('it is remembered before it is used: what a crash leaves undone on the way is done at the next start', async (t) => {
  const data = await folder(t)
  const room = await Strongroom.open({ data, now })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  const turning = room.clock.advance('8 days')
  await room.close()
  await turning.catch(() => undefined)
  const again = await opened(t, { data, memory: false })
  t.is(again.clock.now().getTime(), START + 8 * DAY)
  await refuses(t, again.describeKey({ KeyId }), 'NotFoundException')
  t.deepEqual(await happenings(again), ['day 7 DeleteKey'])
})
