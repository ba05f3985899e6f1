/** What GetKeyLastUsage remembers, and for how long. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import test from 'ava'
import { Strongroom, type Client } from '../../src/index.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const Plaintext = bytes('x')
const START = new Date('2026-01-01T00:00:00Z')
const day = (n: number) => new Date(START.getTime() + n * 86_400_000)

const lastOf = async (room: Client, KeyId: string) => (await room.getKeyLastUsage({ KeyId })).KeyLastUsage!

test('a key nobody used has no last use', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  pass(3)
  t.deepEqual(await room.getKeyLastUsage({ KeyId: id }), {
    KeyId: arn,
    KeyLastUsage: {},
    TrackingStartDate: START,
    KeyCreationDate: START,
  })
})

test('what was done last, and when, and as which request', async (t) => {
  const { room, id, pass } = await scene(t)
  pass(1)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  t.like(await lastOf(room, id), { Operation: 'Encrypt', Timestamp: day(1) })
  pass(1)
  await room.decrypt({ CiphertextBlob: CiphertextBlob! })
  const last = await lastOf(room, id)
  t.like(last, { Operation: 'Decrypt', Timestamp: day(2) })
  t.regex(last.KmsRequestId!, /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  t.deepEqual(await lastOf(room, id), last, 'asked again, it is the same request')
})

test('through a door that gives request ids, it is that request', async (t) => {
  const { room, id } = await scene(t, { now: () => new Date() })
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const sdk = new KMSClient({ region: room.region, credentials, requestHandler: room.requestHandler() })
  const { $metadata } = await sdk.send(new EncryptCommand({ KeyId: id, Plaintext }))
  t.is((await lastOf(room, id)).KmsRequestId, $metadata.requestId)
})

test('each cryptographic operation counts, by whichever method it comes', async (t) => {
  const { room, id } = await scene(t)
  const key = room.key(id)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  const out = Buffer.alloc(200)
  const hmac = (await room.createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' })).KeyMetadata!.KeyId
  const MacAlgorithm = 'HMAC_SHA_256'
  const { Mac } = await room.generateMac({ KeyId: hmac, Message: Plaintext, MacAlgorithm })
  const acts: [operation: string, KeyId: string, act: () => unknown][] = [
    ['GenerateDataKey', id, () => room.generateDataKey({ KeyId: id, KeySpec: 'AES_256' })],
    [
      'GenerateDataKeyWithoutPlaintext',
      id,
      () => room.generateDataKeyWithoutPlaintext({ KeyId: id, NumberOfBytes: 4 }),
    ],
    ['Encrypt', id, () => key.encryptInto(Plaintext, out)],
    ['Decrypt', id, () => key.decryptInto(CiphertextBlob!, out)],
    ['Encrypt', id, () => key.encryptMany([Plaintext, Plaintext])],
    ['VerifyMac', hmac, () => room.verifyMac({ KeyId: hmac, Message: Plaintext, MacAlgorithm, Mac: Mac! })],
    ['GenerateMac', hmac, () => room.generateMac({ KeyId: hmac, Message: Plaintext, MacAlgorithm })],
  ]
  for (const [operation, KeyId, act] of acts) {
    await act()
    t.is((await lastOf(room, KeyId)).Operation, operation as never)
  }
})

test('ReEncrypt counts for both keys', async (t) => {
  const { room, id, pass } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  pass(1)
  await room.reEncrypt({ CiphertextBlob: CiphertextBlob!, DestinationKeyId: other })
  const [from, to] = [await lastOf(room, id), await lastOf(room, other)]
  t.like(from, { Operation: 'ReEncrypt', Timestamp: day(1) })
  t.like(to, { Operation: 'ReEncrypt', Timestamp: day(1) })
})

test('only what succeeds counts, and only cryptography', async (t) => {
  const { room, id } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  const last = await lastOf(room, id)
  await refuses(
    t,
    room.decrypt({ CiphertextBlob: CiphertextBlob!, EncryptionContext: { a: 'b' } }),
    'InvalidCiphertextException',
  )
  await refuses(t, room.encrypt({ KeyId: id, Plaintext, DryRun: true }), 'DryRunOperationException')
  await room.describeKey({ KeyId: id })
  await room.createGrant({ KeyId: id, GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt'] })
  await room.disableKey({ KeyId: id })
  await refuses(t, room.generateDataKey({ KeyId: id, KeySpec: 'AES_256' }), 'DisabledException')
  t.deepEqual(await lastOf(room, id), last)
})

test('it is told in every state of the key, by its id and ARN alone', async (t) => {
  const { room, id, arn } = await scene(t)
  await room.createAlias({ AliasName: 'alias/a', TargetKeyId: id })
  await room.encrypt({ KeyId: 'alias/a', Plaintext })
  await refuses(t, room.getKeyLastUsage({ KeyId: 'alias/a' }), 'NotFoundException', "Invalid keyId 'alias/a'")
  await room.disableKey({ KeyId: id })
  t.is((await lastOf(room, arn)).Operation, 'Encrypt')
  await room.scheduleKeyDeletion({ KeyId: id })
  t.is((await lastOf(room, arn)).Operation, 'Encrypt')
  await refuses(t, room.getKeyLastUsage({ KeyId: '00000000-0000-4000-8000-000000000000' }), 'NotFoundException')
})

test('a change of the key does not forget its last use; a replica has one of its own', async (t) => {
  const { room } = await scene(t)
  const { KeyId } = (await room.createKey({ MultiRegion: true })).KeyMetadata!
  await room.encrypt({ KeyId, Plaintext })
  await room.updateKeyDescription({ KeyId, Description: 'new' })
  t.is((await lastOf(room, KeyId)).Operation, 'Encrypt')
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  const replica = room.as({ region: 'eu-west-1' })
  t.deepEqual(await lastOf(replica, KeyId), {})
  await replica.generateDataKey({ KeyId, KeySpec: 'AES_128' })
  t.is((await lastOf(replica, KeyId)).Operation, 'GenerateDataKey')
  t.is((await lastOf(room, KeyId)).Operation, 'Encrypt')
})

test('a key that has to leave the memory for others takes its last use along', async (t) => {
  const { room, id } = await scene(t, { cacheKeys: 4 })
  await room.encrypt({ KeyId: id, Plaintext })
  for (let i = 0; i < 20; i++) {
    const { KeyId } = (await room.createKey()).KeyMetadata!
    await room.generateDataKey({ KeyId, KeySpec: 'AES_256' })
  }
  t.is((await lastOf(room, id)).Operation, 'Encrypt')
  await room.sweep()
  t.is((await lastOf(room, id)).Operation, 'Encrypt')
})

test('it survives: by closing, by a sweep, and by a call that finds a minute is over', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  let now = START.getTime()
  const open = () => Strongroom.open({ data, now: () => new Date(now) })
  let room = await open()
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.encrypt({ KeyId, Plaintext })
  const last = await lastOf(room, KeyId)
  await room.close()
  room = await open()
  t.deepEqual(await lastOf(room, KeyId), last)
  now += 61_000
  await room.generateDataKey({ KeyId, KeySpec: 'AES_256' })
  await room.sweep()
  now += 61_000
  await room.encrypt({ KeyId, Plaintext })
  await room.close()
  room = await open()
  t.like(await lastOf(room, KeyId), { Operation: 'Encrypt', Timestamp: new Date(now) })
  await room.close()
})

test('the last use of a key goes with it', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.encrypt({ KeyId: id, Plaintext })
  await room.sweep()
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(7)
  t.is(await room.sweep(), 1)
  await refuses(t, room.getKeyLastUsage({ KeyId: id }), 'NotFoundException')
})
