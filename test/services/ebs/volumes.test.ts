/** Volumes as they are asked for, shown and deleted; what is encrypted by default, and who may. */
import test from 'ava'
import { HOME } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { attach, contents, ENCRYPTED, volumeWith, ward, ZONE } from './scene.ts'

test('a volume is shown as it was asked for', async (t) => {
  const { room, arn } = await ward(t)
  const Tags = [{ Key: 'team', Value: 'blue' }]
  const made = await room.ebs.createVolume({
    ...{ ...ENCRYPTED, KmsKeyId: arn, VolumeType: 'gp3' },
    TagSpecifications: [{ ResourceType: 'volume', Tags }],
  })
  t.like(made, {
    ...{ Size: 1, AvailabilityZone: 'us-east-1a', State: 'available', VolumeType: 'gp3', Iops: 3000, Throughput: 125 },
    ...{ SnapshotId: '', Encrypted: true, KmsKeyId: arn, Attachments: [], Tags, CreateTime: new Date('2026-01-01') },
  })
  t.regex(made.VolumeId, /^vol-[0-9a-f]{17}$/)
  t.deepEqual((await room.ebs.describeVolumes({})).Volumes, [made])
  await room.ebs.deleteVolume(made)
  t.deepEqual((await room.ebs.describeVolumes({})).Volumes, [])
})

for (const [what, input, code] of [
  ['without a zone', { Size: 1 }, 'MissingParameter'],
  ['in a zone of another Region', { Size: 1, AvailabilityZone: 'eu-west-1a' }, 'InvalidZone.NotFound'],
  ['without a size', { ...ZONE }, 'MissingParameter'],
  ['of no size', { ...ZONE, Size: 0 }, 'InvalidParameterValue'],
  ['that is too large', { ...ZONE, Size: 16_385 }, 'InvalidParameterValue'],
  ['of half a GiB', { ...ZONE, Size: 0.5 }, 'InvalidParameterValue'],
  ['of a type that there is not', { ...ZONE, Size: 1, VolumeType: 'constructor' }, 'UnknownVolumeType'],
  ['that is too small for its type', { ...ZONE, Size: 1, VolumeType: 'st1' }, 'InvalidParameterValue'],
  ['with a key but not encrypted', { ...ZONE, Size: 1, KmsKeyId: 'alias/aws/ebs' }, 'InvalidParameterDependency'],
  ['under a key that there is not', { ...ENCRYPTED, KmsKeyId: 'alias/nothing' }, 'InvalidKMSKey.NotFound'],
  ['under what is no key', { ...ENCRYPTED, KmsKeyId: 'arn:aws:kms' }, 'InvalidKMSKey.Malformed'],
  ['from a snapshot that there is not', { ...ZONE, SnapshotId: 'snap-01234567' }, 'InvalidSnapshot.NotFound'],
  [
    'with tags of something else',
    { ...ZONE, Size: 1, TagSpecifications: [{ ResourceType: 'instance' }] },
    'InvalidParameterValue',
  ],
  ['for a rehearsal', { ...ZONE, Size: 1, DryRun: true }, 'DryRunOperation'],
] as const) {
  test(`a volume ${what} is not made`, async (t) => {
    const { room } = await ward(t)
    await refuses(t, room.ebs.createVolume(input), code)
    t.deepEqual((await room.ebs.describeVolumes({})).Volumes, [])
  })
}

for (const KeySpec of ['RSA_2048', 'HMAC_256'] as const) {
  test(`${KeySpec} keys encrypt no volumes`, async (t) => {
    const { room } = await ward(t)
    const KeyUsage = KeySpec === 'RSA_2048' ? 'ENCRYPT_DECRYPT' : 'GENERATE_VERIFY_MAC'
    const KmsKeyId = (await room.createKey({ KeySpec, KeyUsage })).KeyMetadata!.Arn!
    await refuses(t, room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId }), 'InvalidKMSKey.InvalidUsage')
    await refuses(t, room.ebs.modifyEbsDefaultKmsKeyId({ KmsKeyId }), 'InvalidKMSKey.InvalidUsage')
  })
}

test('a volume of a snapshot is as large or larger, and never smaller', async (t) => {
  const { room } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume({ ...ZONE, Size: 2 })
  const { SnapshotId } = await room.ebs.createSnapshot({ VolumeId })
  t.is((await room.ebs.createVolume({ ...ZONE, SnapshotId })).Size, 2)
  t.is((await room.ebs.createVolume({ ...ZONE, SnapshotId, Size: 3 })).Size, 3)
  await refuses(t, room.ebs.createVolume({ ...ZONE, SnapshotId, Size: 1 }), 'InvalidParameterValue')
})

test('asked again with the same token, it is the same volume', async (t) => {
  const { room } = await ward(t)
  const ask = (ClientToken: string) => room.ebs.createVolume({ ...ENCRYPTED, ClientToken })
  const [one, again, other] = await Promise.all([ask('a'), ask('a'), ask('b')])
  t.is(one.VolumeId, again.VolumeId)
  t.not(one.VolumeId, other.VolumeId)
})

test('filters let through what they name, and pages go on where they ended', async (t) => {
  const { room, arn } = await ward(t)
  const tagged = (Value: string) => [{ ResourceType: 'volume', Tags: [{ Key: 'ward', Value }] }]
  for (const name of ['north', 'south', 'northeast']) {
    await room.ebs.createVolume({
      ...ZONE,
      Size: 1,
      Encrypted: name === 'south',
      KmsKeyId: undefined,
      TagSpecifications: tagged(name),
    })
  }
  const shown = async (Name: string, ...Values: string[]) => {
    const { Volumes } = await room.ebs.describeVolumes({ Filters: [{ Name, Values }] })
    return Volumes.map(({ Tags }) => Tags[0]!.Value).toSorted()
  }
  t.deepEqual(await shown('tag:ward', 'north'), ['north'])
  t.deepEqual(await shown('tag:ward', 'north*'), ['north', 'northeast'])
  t.deepEqual(await shown('tag:ward', 'n.*', String.raw`north\*`), [])
  t.deepEqual(await shown('encrypted', 'true'), ['south'])
  t.deepEqual(await shown('status', 'in-use'), [])
  t.deepEqual(await shown('tag-key', 'ward', 'x'), ['north', 'northeast', 'south'])
  await refuses(t, shown('constructor', 'x'), 'InvalidParameterValue')
  await refuses(t, room.ebs.describeVolumes({ MaxResults: 1 }), 'InvalidParameterValue')
  for (let i = 0; i < 4; i++) await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
  const first = await room.ebs.describeVolumes({ MaxResults: 5 })
  const rest = await room.ebs.describeVolumes({ MaxResults: 5, NextToken: first.NextToken })
  t.deepEqual([first.Volumes.length, rest.Volumes.length, rest.NextToken], [5, 2, undefined])
})

test('what an account has in one Region, it has not in another, and others have not at all', async (t) => {
  const { room, partner } = await ward(t)
  const { VolumeId } = await room.ebs.createVolume(ENCRYPTED)
  for (const other of [partner, room.as({ region: 'eu-west-1' })]) {
    t.deepEqual((await other.ebs.describeVolumes({})).Volumes, [])
    await refuses(t, other.ebs.deleteVolume({ VolumeId }), 'InvalidVolume.NotFound')
    await refuses(t, attach(other, VolumeId), 'InvalidVolume.NotFound')
  }
})

test('encryption by default is chosen by account and Region, and so is its key', async (t) => {
  const { room, partner, arn } = await ward(t)
  const ireland = room.as({ region: 'eu-west-1' })
  t.deepEqual(await room.ebs.getEbsEncryptionByDefault({}), { EbsEncryptionByDefault: false })
  t.deepEqual(await room.ebs.getEbsDefaultKmsKeyId({}), { KmsKeyId: 'alias/aws/ebs' })
  t.deepEqual(await room.ebs.enableEbsEncryptionByDefault({}), { EbsEncryptionByDefault: true })
  t.deepEqual(await room.ebs.modifyEbsDefaultKmsKeyId({ KmsKeyId: arn }), { KmsKeyId: arn })
  const plain = { ...ZONE, Size: 1, Encrypted: false }
  t.like(await room.ebs.createVolume(plain), { Encrypted: true, KmsKeyId: arn })
  t.like(await ireland.ebs.createVolume({ Size: 1, AvailabilityZone: 'eu-west-1b' }), { Encrypted: false })
  t.like(await partner.ebs.createVolume(plain), { Encrypted: false })
  t.deepEqual(await room.ebs.resetEbsDefaultKmsKeyId({}), { KmsKeyId: 'alias/aws/ebs' })
  t.regex((await room.ebs.createVolume(plain)).KmsKeyId!, new RegExp(`^arn:aws:kms:us-east-1:${HOME}:key/`))
  t.deepEqual(await room.ebs.disableEbsEncryptionByDefault({}), { EbsEncryptionByDefault: false })
  t.like(await room.ebs.createVolume(plain), { Encrypted: false })
})

test('a key that is disabled becomes no default', async (t) => {
  const { room, arn } = await ward(t)
  await room.disableKey({ KeyId: arn })
  await refuses(t, room.ebs.modifyEbsDefaultKmsKeyId({ KmsKeyId: arn }), 'InvalidKMSKey.InvalidState')
})

test('an unencrypted snapshot becomes an encrypted volume when one says so', async (t) => {
  const { room, arn } = await ward(t)
  const VolumeId = await volumeWith(t, room, 'plain', { Encrypted: false })
  const { SnapshotId } = await room.ebs.createSnapshot({ VolumeId })
  t.like(await room.ebs.createVolume({ ...ZONE, SnapshotId }), { Encrypted: false })
  const encrypted = await room.ebs.createVolume({ ...ZONE, SnapshotId, Encrypted: true, KmsKeyId: arn })
  t.like(encrypted, { Encrypted: true, KmsKeyId: arn })
  t.is(await contents(t, room, encrypted.VolumeId, 5), 'plain')
})

for (const [name, mayMake, mayAttach, why] of [
  ['operator', undefined, undefined, 'has all that volumes and their keys take'],
  ['nobody', 'UnauthorizedOperation', 'UnauthorizedOperation', 'has nothing'],
  ['viewer', 'UnauthorizedOperation', 'UnauthorizedOperation', 'may look at volumes'],
  ['keyless', 'UnauthorizedOperation', 'CustomerKeyHasBeenRevoked', 'has volumes but no keys'],
  ['maker', undefined, 'CustomerKeyHasBeenRevoked', 'may make data keys but no grants'],
  ['elsewhere', 'UnauthorizedOperation', 'CustomerKeyHasBeenRevoked', 'may use keys by way of S3'],
  ['blue', 'UnauthorizedOperation', 'UnauthorizedOperation', 'has volumes that are tagged'],
] as const) {
  test(`${name}, who ${why}, makes ${mayMake ? 'no volume' : 'a volume'} and attaches ${mayAttach ? 'none' : 'one'}`, async (t) => {
    const { room, user, arn } = await ward(t)
    const make = user(name).ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
    await (mayMake ? refuses(t, make, mayMake) : t.notThrowsAsync(make))
    const { VolumeId } = await room.ebs.createVolume({ ...ENCRYPTED, KmsKeyId: arn })
    const attaching = attach(user(name), VolumeId)
    await (mayAttach ? refuses(t, attaching, mayAttach) : t.notThrowsAsync(attaching))
  })
}

test('who must encrypt makes no volume that is not', async (t) => {
  const { user } = await ward(t)
  await refuses(t, user('careful').ebs.createVolume({ ...ZONE, Size: 1 }), 'UnauthorizedOperation', /explicit deny/)
  await t.notThrowsAsync(user('careful').ebs.createVolume(ENCRYPTED))
})

test('tags of a volume say who may delete it', async (t) => {
  const { room, user } = await ward(t)
  const tagged = (Value: string) => [{ ResourceType: 'volume', Tags: [{ Key: 'team', Value }] }]
  const make = (team: string) => room.ebs.createVolume({ ...ENCRYPTED, TagSpecifications: tagged(team) })
  await t.notThrowsAsync(user('blue').ebs.deleteVolume(await make('blue')))
  await refuses(t, user('blue').ebs.deleteVolume(await make('red')), 'UnauthorizedOperation')
})
