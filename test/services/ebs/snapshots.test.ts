/** Snapshots: of one moment, under which keys their copies are, in which Region, and for whom. */
import { setTimeout as later } from 'node:timers/promises'
import test from 'ava'
import { allow, arn, AWAY, HOME, to, when } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { attach, contents, ENCRYPTED, kmsLines, read, volumeWith, ward, write, ZONE, type Ward } from './scene.ts'

const BEFORE = 'before the operation'
const AFTER = 'after the operation!'
const HERE = { SourceRegion: 'us-east-1' }

/** A snapshot of a volume with `BEFORE` on it, under the room's key or another. */
async function snapshot(t: Parameters<typeof volumeWith>[0], { room, arn: KmsKeyId }: Ward, more: object = {}) {
  const VolumeId = await volumeWith(t, room, BEFORE, { KmsKeyId, ...more })
  return room.ebs.createSnapshot({ VolumeId })
}

test('a snapshot stays as the volume was, though it is attached and goes on', async (t) => {
  const { room, arn: KmsKeyId } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId })
  const uri = await attach(room, VolumeId)
  await write(t, uri, BEFORE)
  const made = await room.ebs.createSnapshot({ VolumeId, Description: 'nightly' })
  t.like(made, { VolumeId, VolumeSize: 1, State: 'completed', Encrypted: true, KmsKeyId, Description: 'nightly' })
  await write(t, uri, AFTER)
  t.is(await read(t, uri, AFTER.length), AFTER)
  await room.ebs.detachVolume({ VolumeId })
  const restored = await room.ebs.createVolume({ ...ZONE, SnapshotId: made.SnapshotId })
  t.is(await contents(t, room, restored.VolumeId, BEFORE.length), BEFORE)
})

test('writes wait while a snapshot is made: what is in it was on the volume at one time', async (t) => {
  const { room } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume({ ...ZONE, Size: 1 })
  const uri = await attach(room, VolumeId)
  // Each round writes its number to the volume's end first, and to its start after that.
  const last = 1024 ** 3 - 4
  let [going, round] = [true, 1000]
  const writing = (async () => {
    while (going) {
      await write(t, uri, `${++round}`, last)
      await write(t, uri, `${round}`)
    }
  })()
  await later(100)
  const { SnapshotId } = await room.ebs.createSnapshot({ VolumeId })
  going = false
  await writing
  const restored = await room.ebs.createVolume({ ...ZONE, SnapshotId })
  const copy = await attach(room, restored.VolumeId, '/dev/sdg')
  const [start, end] = [Number(await read(t, copy, 4)), Number(await read(t, copy, 4, last))]
  t.true(start > 1000 && (end === start || end === start + 1), `${start} ${end}`)
})

test('a snapshot and its volume have the data key in common, and nothing is asked of the KMS', async (t) => {
  const scene = await ward(t)
  const VolumeId = await volumeWith(t, scene.room, BEFORE, { KmsKeyId: scene.arn })
  const before = (await kmsLines(scene.room)).length
  const one = await scene.room.ebs.createSnapshot({ VolumeId })
  const two = await scene.room.ebs.createSnapshot({ VolumeId })
  t.is((await kmsLines(scene.room)).length, before)
  t.is(one.DataEncryptionKeyId, two.DataEncryptionKeyId)
})

test('under the same KMS key the data key stays, and is encrypted for what it belongs to now', async (t) => {
  const scene = await ward(t)
  const { room, user, arn: KmsKeyId } = scene
  const { SnapshotId, VolumeId } = await snapshot(t, scene)
  const { ebs } = user('operator')
  const before = (await kmsLines(room)).length
  const copy = await ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId, KmsKeyId })
  const restored = await ebs.createVolume({ ...ZONE, SnapshotId: copy.SnapshotId })
  t.is(restored.KmsKeyId, KmsKeyId)
  t.deepEqual((await kmsLines(room)).slice(before), [
    `ReEncrypt aws:ebs:id=${VolumeId} aws:ebs:id=${copy.SnapshotId} by operator`,
    `ReEncrypt aws:ebs:id=${copy.SnapshotId} aws:ebs:id=${restored.VolumeId} by operator`,
  ])
  t.is(await contents(t, user('operator'), restored.VolumeId, BEFORE.length), BEFORE)
})

test('under another KMS key it is another data key, and the bytes are encrypted anew', async (t) => {
  const scene = await ward(t)
  const { room, user } = scene
  const { SnapshotId, VolumeId } = await snapshot(t, scene)
  const other = (await room.createKey({})).KeyMetadata!.Arn!
  const { ebs } = user('operator')
  const before = (await kmsLines(room)).length
  const copy = await ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId, KmsKeyId: other })
  t.deepEqual((await kmsLines(room)).slice(before), [
    'DescribeKey by operator',
    `GenerateDataKeyWithoutPlaintext aws:ebs:id=${copy.SnapshotId} by operator`,
    `Decrypt aws:ebs:id=${VolumeId} by operator`,
    `Decrypt aws:ebs:id=${copy.SnapshotId} by operator`,
  ])
  await room.scheduleKeyDeletion({ KeyId: scene.arn })
  const restored = await room.ebs.createVolume({ ...ZONE, SnapshotId: copy.SnapshotId })
  t.is(await contents(t, room, restored.VolumeId, BEFORE.length), BEFORE)
})

test('in another Region it is under a key of that Region', async (t) => {
  const scene = await ward(t)
  const { SnapshotId } = await snapshot(t, scene)
  const ireland = scene.room.as({ region: 'eu-west-1' })
  const copy = await ireland.ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId })
  const { Snapshots } = await ireland.ebs.describeSnapshots({ SnapshotIds: [copy.SnapshotId] })
  t.regex(Snapshots[0]!.KmsKeyId!, /^arn:aws:kms:eu-west-1:/)
  await scene.room.scheduleKeyDeletion({ KeyId: scene.arn })
  const restored = await ireland.ebs.createVolume({ AvailabilityZone: 'eu-west-1a', SnapshotId: copy.SnapshotId })
  t.is(await contents(t, ireland, restored.VolumeId, BEFORE.length), BEFORE)
  await refuses(t, scene.room.ebs.describeSnapshots({ SnapshotIds: [copy.SnapshotId] }), 'InvalidSnapshot.NotFound')
})

for (const [from, Encrypted, more, key] of [
  ['an unencrypted snapshot', false, {}, undefined],
  ['an unencrypted snapshot, to be encrypted', false, { Encrypted: true }, 'aws/ebs'],
  ['an encrypted snapshot', true, {}, 'aws/ebs'],
] as const) {
  test(`a copy of ${from} is under ${key ?? 'no KMS key'}`, async (t) => {
    const scene = await ward(t)
    const { room } = scene
    const { SnapshotId } = await snapshot(t, scene, Encrypted ? {} : { Encrypted, KmsKeyId: undefined })
    const copy = await room.ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId, ...more })
    const { Snapshots } = await room.ebs.describeSnapshots({ SnapshotIds: [copy.SnapshotId] })
    const managed = key && (await room.describeKey({ KeyId: `alias/${key}` })).KeyMetadata!.Arn
    t.is(Snapshots[0]!.KmsKeyId, managed)
    t.is(Snapshots[0]!.Encrypted, key !== undefined)
    const restored = await room.ebs.createVolume({ ...ZONE, SnapshotId: copy.SnapshotId })
    t.is(await contents(t, room, restored.VolumeId, BEFORE.length), BEFORE)
  })
}

test('a copy that fails leaves nothing behind', async (t) => {
  const scene = await ward(t)
  const { room } = scene
  const { SnapshotId } = await snapshot(t, scene)
  const KmsKeyId = (await room.createKey({})).KeyMetadata!.Arn!
  await room.disableKey({ KeyId: KmsKeyId })
  const copy = room.ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId, KmsKeyId })
  await refuses(t, copy, 'InvalidKMSKey.InvalidState')
  const plain = room.ebs.copySnapshot({ ...HERE, SourceSnapshotId: SnapshotId, Encrypted: false })
  await refuses(t, plain, 'InvalidParameterValue')
  t.is((await room.ebs.describeSnapshots({})).Snapshots.length, 1)
})

test('a snapshot outlives its volume, and ends by itself', async (t) => {
  const scene = await ward(t)
  const { room } = scene
  const { SnapshotId, VolumeId } = await snapshot(t, scene)
  await room.ebs.deleteVolume({ VolumeId })
  const restored = await room.ebs.createVolume({ ...ZONE, SnapshotId })
  await room.ebs.deleteSnapshot({ SnapshotId })
  t.is(await contents(t, room, restored.VolumeId, BEFORE.length), BEFORE)
  await refuses(t, room.ebs.deleteSnapshot({ SnapshotId }), 'InvalidSnapshot.NotFound')
  await refuses(t, room.ebs.createVolume({ ...ZONE, SnapshotId }), 'InvalidSnapshot.NotFound')
})

/** A key that the partner's account may use by way of EC2. */
async function sharedKey({ room }: Ward): Promise<string> {
  const use = ['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:ReEncrypt*', 'kms:GenerateDataKey*']
  const through = when('StringEquals', 'kms:ViaService', 'ec2.us-east-1.amazonaws.com')
  const Statement = [allow('kms:*', to(arn.root())), { ...allow(use, to(arn.root(AWAY))), ...through }]
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
  return (await room.createKey({ Policy })).KeyMetadata!.Arn!
}

test('a snapshot is shared with an account, which needs the key as well, and copies it under one of its own', async (t) => {
  const scene = await ward(t)
  const { room, partner } = scene
  const KmsKeyId = await sharedKey(scene)
  const { SnapshotId } = await snapshot(t, scene, { KmsKeyId })
  await refuses(t, partner.ebs.createVolume({ ...ZONE, SnapshotId }), 'InvalidSnapshot.NotFound')
  const sharing = { SnapshotId, Attribute: 'createVolumePermission', UserIds: [AWAY] }
  await room.ebs.modifySnapshotAttribute({ ...sharing, OperationType: 'add' })
  const told = await room.ebs.describeSnapshotAttribute({ SnapshotId, Attribute: 'createVolumePermission' })
  t.deepEqual(told.CreateVolumePermissions, [{ UserId: AWAY }])

  const { Snapshots } = await partner.ebs.describeSnapshots({ OwnerIds: [HOME] })
  t.deepEqual(
    Snapshots.map((it) => [it.SnapshotId, it.OwnerId]),
    [[SnapshotId, HOME]],
  )
  const volume = await partner.ebs.createVolume({ ...ZONE, SnapshotId })
  const own = (await room.as({ account: AWAY }).describeKey({ KeyId: 'alias/aws/ebs' })).KeyMetadata!.Arn
  t.is(volume.KmsKeyId, own)
  t.is(await contents(t, partner, volume.VolumeId, BEFORE.length), BEFORE)
  await refuses(t, partner.ebs.deleteSnapshot({ SnapshotId }), 'AuthFailure')

  await room.ebs.modifySnapshotAttribute({ ...sharing, OperationType: 'remove' })
  await refuses(t, partner.ebs.createVolume({ ...ZONE, SnapshotId }), 'InvalidSnapshot.NotFound')
  t.is(await contents(t, partner, volume.VolumeId, BEFORE.length), BEFORE)
})

test('a volume of the partner under the key of the room is attached by a grant on it', async (t) => {
  const scene = await ward(t)
  const { room, partner } = scene
  const KmsKeyId = await sharedKey(scene)
  const { SnapshotId } = await snapshot(t, scene, { KmsKeyId })
  await room.ebs.modifySnapshotAttribute({ SnapshotId, CreateVolumePermission: { Add: [{ UserId: AWAY }] } })
  const { VolumeId } = await partner.ebs.createVolume({ ...ZONE, SnapshotId, KmsKeyId, Encrypted: true })
  t.is(await contents(t, partner, VolumeId, BEFORE.length), BEFORE)
  await room.disableKey({ KeyId: KmsKeyId })
  await refuses(t, attach(partner, VolumeId), 'CustomerKeyHasBeenRevoked')
})

test('a shared snapshot without its key is of no use', async (t) => {
  const scene = await ward(t)
  const { room, partner } = scene
  const { SnapshotId } = await snapshot(t, scene)
  await room.ebs.modifySnapshotAttribute({ SnapshotId, OperationType: 'add', UserIds: [AWAY] })
  await refuses(t, partner.ebs.createVolume({ ...ZONE, SnapshotId }), 'UnauthorizedOperation', /kms:|ciphertext/)
  t.deepEqual((await partner.ebs.describeVolumes({})).Volumes, [])
})

for (const [what, KmsKeyId, sharing, code] of [
  [
    'what is under the key that AWS manages',
    'alias/aws/ebs',
    { OperationType: 'add', UserIds: [AWAY] },
    'OperationNotPermitted',
  ],
  ['anything with everybody', undefined, { OperationType: 'add', GroupNames: ['all'] }, 'OperationNotPermitted'],
  [
    'anything with somebody who is no account',
    undefined,
    { OperationType: 'add', UserIds: ['alice'] },
    'InvalidUserID.Malformed',
  ],
  ['anything with nobody', undefined, { OperationType: 'add' }, 'MissingParameter'],
  [
    'anything in a way that there is not',
    undefined,
    { OperationType: 'lend', UserIds: [AWAY] },
    'InvalidParameterValue',
  ],
  ['another attribute', undefined, { Attribute: 'productCodes', UserIds: [AWAY] }, 'InvalidParameterValue'],
] as const) {
  test(`nobody shares ${what}`, async (t) => {
    const scene = await ward(t)
    const { SnapshotId } = await snapshot(t, scene, KmsKeyId ? { KmsKeyId } : {})
    await refuses(t, scene.room.ebs.modifySnapshotAttribute({ SnapshotId, ...sharing }), code)
  })
}
