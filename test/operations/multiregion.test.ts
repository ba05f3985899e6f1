/** One key in several Regions: replicas, what they share and what they do not, and the primary moved. */
import test from 'ava'
import { family, metadata } from '../helpers/family.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const Plaintext = bytes('one key, many Regions')
const START = Date.UTC(2026, 0, 1)
const day = (n: number) => new Date(START + n * 86_400_000)

test('a multi-Region key is born primary, with an id of its own kind and no replicas', async (t) => {
  const { virginia, ireland, KeyId, arnIn } = await family(t)
  t.regex(KeyId, /^mrk-[0-9a-f]{32}$/)
  t.like(await metadata(virginia, KeyId), {
    MultiRegion: true,
    KeyState: 'Enabled',
    MultiRegionConfiguration: {
      MultiRegionKeyType: 'PRIMARY',
      PrimaryKey: { Arn: arnIn('us-east-1'), Region: 'us-east-1' },
      ReplicaKeys: [],
    },
  })
  await refuses(t, ireland.describeKey({ KeyId }), 'NotFoundException', `Key '${arnIn('eu-west-1')}' does not exist`)
})

test('ReplicateKey answers with a key in Creating, its own policy, tags and description; the next call finds it Enabled', async (t) => {
  const { virginia, ireland, KeyId, arnIn, pass } = await family(t)
  await virginia.tagResource({ KeyId, Tags: [{ TagKey: 'of', TagValue: 'the primary' }] })
  pass(5)
  const Tags = [{ TagKey: 'of', TagValue: 'the replica' }]
  const given = { KeyId, ReplicaRegion: 'eu-west-1', Description: 'second', Tags }
  const { ReplicaKeyMetadata, ReplicaPolicy, ReplicaTags } = await virginia.replicateKey(given)
  const MultiRegionConfiguration = {
    MultiRegionKeyType: 'REPLICA',
    PrimaryKey: { Arn: arnIn('us-east-1'), Region: 'us-east-1' },
    ReplicaKeys: [{ Arn: arnIn('eu-west-1'), Region: 'eu-west-1' }],
  }
  t.like(ReplicaKeyMetadata, {
    Arn: arnIn('eu-west-1'),
    KeyId,
    KeyState: 'Creating',
    Enabled: false,
    CurrentKeyMaterialId: undefined,
    Description: 'second',
    CreationDate: day(5),
    MultiRegionConfiguration,
  })
  t.deepEqual(ReplicaTags, Tags)
  t.is(ReplicaPolicy, (await ireland.getKeyPolicy({ KeyId })).Policy)

  const primary = await metadata(virginia, KeyId)
  t.like(primary, {
    Description: 'first',
    MultiRegionConfiguration: { ...MultiRegionConfiguration, MultiRegionKeyType: 'PRIMARY' },
  })
  const replica = await metadata(ireland, KeyId)
  t.like(replica, { KeyState: 'Enabled', Enabled: true, MultiRegionConfiguration })
  t.is(replica.CurrentKeyMaterialId, primary.CurrentKeyMaterialId)
  t.deepEqual((await ireland.listResourceTags({ KeyId })).Tags, Tags)
  t.deepEqual((await ireland.listKeys()).Keys, [{ KeyId, KeyArn: arnIn('eu-west-1') }])
})

test('without a policy the replica gets the default one, not its primary key’s', async (t) => {
  const { virginia, ireland, KeyId } = await family(t)
  const initial = (await virginia.getKeyPolicy({ KeyId })).Policy!
  const Policy = initial.replace('key-default-1', 'mine')
  await virginia.putKeyPolicy({ KeyId, Policy })
  const { ReplicaPolicy, ReplicaTags } = await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  t.is(ReplicaPolicy, initial)
  t.deepEqual(ReplicaTags, [])
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'ap-northeast-1', Policy })
  t.is((await ireland.getKeyPolicy({ KeyId })).Policy, initial)
})

test('ReplicateKey refuses replicas, single-Region keys, a Region that has the key, and another partition', async (t) => {
  const { room, id, arn, virginia, ireland, KeyId, arnIn } = await family(t)
  const to = (ReplicaRegion: string) => ({ KeyId, ReplicaRegion })
  const notPrimary = (which: string) => `${which} is not a multi-region primary key.`
  await refuses(
    t,
    room.replicateKey({ ...to('eu-west-1'), KeyId: id }),
    'UnsupportedOperationException',
    notPrimary(arn),
  )
  await virginia.replicateKey(to('eu-west-1'))
  await refuses(
    t,
    ireland.replicateKey(to('ap-northeast-1')),
    'UnsupportedOperationException',
    notPrimary(arnIn('eu-west-1')),
  )
  await refuses(t, virginia.replicateKey(to('eu-west-1')), 'AlreadyExistsException')
  await refuses(t, virginia.replicateKey(to('us-east-1')), 'AlreadyExistsException')
  await refuses(t, virginia.replicateKey(to('cn-north-1')), 'ValidationException')
  await refuses(t, virginia.replicateKey(to('Ireland')), 'ValidationException')
  await refuses(t, virginia.replicateKey({ ...to('us-west-2'), Policy: '{' }), 'MalformedPolicyDocumentException')
  const Tags = [{ TagKey: 'aws:x', TagValue: '' }]
  await refuses(t, virginia.replicateKey({ ...to('us-west-2'), Tags }), 'TagException')
  await virginia.disableKey({ KeyId })
  await refuses(t, virginia.replicateKey(to('us-west-2')), 'DisabledException', `${arnIn('us-east-1')} is disabled.`)
})

test('ciphertext of one Region opens in every other, by id, by ARN, and by itself', async (t) => {
  const { virginia, ireland, tokyo, KeyId, arnIn } = await family(t)
  const before = (await virginia.encrypt({ KeyId, Plaintext })).CiphertextBlob!
  for (const ReplicaRegion of ['eu-west-1', 'ap-northeast-1']) await virginia.replicateKey({ KeyId, ReplicaRegion })
  const after = (await ireland.generateDataKey({ KeyId, KeySpec: 'AES_256' })).CiphertextBlob!
  for (const [room, region] of [
    [virginia, 'us-east-1'],
    [ireland, 'eu-west-1'],
    [tokyo, 'ap-northeast-1'],
  ] as const) {
    for (const named of [undefined, KeyId, arnIn(region)]) {
      const opened = await room.decrypt({ CiphertextBlob: before, KeyId: named })
      t.deepEqual(Uint8Array.from(opened.Plaintext!), Plaintext)
      t.is(opened.KeyId, arnIn(region))
      t.is((await room.decrypt({ CiphertextBlob: after, KeyId: named })).Plaintext!.length, 32)
    }
  }
  const CiphertextBlob = (await tokyo.reEncrypt({ CiphertextBlob: after, DestinationKeyId: KeyId })).CiphertextBlob
  t.is((await virginia.decrypt({ CiphertextBlob })).Plaintext!.length, 32)
  await refuses(t, ireland.describeKey({ KeyId: arnIn('us-east-1') }), 'NotFoundException', 'Invalid arn us-east-1')
})

test('rotation is one for all: set at the primary, seen everywhere, refused at a replica', async (t) => {
  const { virginia, ireland, tokyo, KeyId, arnIn, pass } = await family(t)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await virginia.enableKeyRotation({ KeyId, RotationPeriodInDays: 100 })
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'ap-northeast-1' })
  for (const [room, region] of [
    [virginia, 'us-east-1'],
    [ireland, 'eu-west-1'],
    [tokyo, 'ap-northeast-1'],
  ] as const) {
    t.like(await room.getKeyRotationStatus({ KeyId }), {
      KeyId: arnIn(region),
      KeyRotationEnabled: true,
      RotationPeriodInDays: 100,
      NextRotationDate: day(100),
    })
  }
  const notPrimary = `${arnIn('eu-west-1')} is not a multi-region primary key.`
  for (const act of [
    ireland.enableKeyRotation({ KeyId }),
    ireland.disableKeyRotation({ KeyId }),
    ireland.rotateKeyOnDemand({ KeyId }),
  ]) {
    await refuses(t, act, 'UnsupportedOperationException', notPrimary)
  }

  const old = (await tokyo.encrypt({ KeyId, Plaintext })).CiphertextBlob!
  const ids = async () =>
    Promise.all([virginia, ireland, tokyo].map(async (room) => (await metadata(room, KeyId)).CurrentKeyMaterialId))
  const [first] = await ids()
  pass(100)
  // A replica is the first to meet the date.
  const { CiphertextBlob } = await ireland.encrypt({ KeyId, Plaintext })
  const second = await ids()
  t.is(new Set(second).size, 1)
  t.not(second[0], first)
  t.is((await tokyo.decrypt({ CiphertextBlob })).KeyMaterialId, second[0])
  t.is((await ireland.decrypt({ CiphertextBlob: old })).KeyMaterialId, first)
  await virginia.rotateKeyOnDemand({ KeyId })
  const third = await ids()
  t.is(new Set(third).size, 1)
  t.not(third[0], second[0])
  const listed = await Promise.all([virginia, ireland, tokyo].map((room) => room.listKeyRotations({ KeyId })))
  for (const { Rotations } of listed) {
    t.deepEqual(
      Rotations!.map(({ KeyMaterialId, RotationType, RotationDate }) => ({
        KeyMaterialId,
        RotationType,
        RotationDate,
      })),
      [
        { KeyMaterialId: second[0], RotationType: 'AUTOMATIC', RotationDate: day(100) },
        { KeyMaterialId: third[0], RotationType: 'ON_DEMAND', RotationDate: day(100) },
      ],
    )
  }
})

test('a disabled primary key holds the rotation of all; a disabled replica holds nothing', async (t) => {
  const { virginia, ireland, KeyId, pass } = await family(t)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await virginia.enableKeyRotation({ KeyId, RotationPeriodInDays: 90 })
  await ireland.disableKey({ KeyId })
  pass(90)
  const rotations = async () => (await ireland.listKeyRotations({ KeyId })).Rotations!.length
  t.is(await rotations(), 1)
  await ireland.enableKey({ KeyId })
  await virginia.disableKey({ KeyId })
  pass(90)
  await ireland.encrypt({ KeyId, Plaintext })
  t.is(await rotations(), 1)
  await virginia.enableKey({ KeyId })
  t.is(await rotations(), 2)
})

test('state, description, tags and aliases are each key’s own', async (t) => {
  const { virginia, ireland, KeyId } = await family(t)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await virginia.createAlias({ AliasName: 'alias/a', TargetKeyId: KeyId })
  await virginia.disableKey({ KeyId })
  await ireland.updateKeyDescription({ KeyId, Description: 'mine' })
  await ireland.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: 'b' }] })
  t.like(await metadata(virginia, KeyId), { KeyState: 'Disabled', Description: 'first' })
  t.like(await metadata(ireland, KeyId), { KeyState: 'Enabled', Description: 'mine' })
  t.deepEqual((await virginia.listResourceTags({ KeyId })).Tags, [])
  await refuses(t, ireland.describeKey({ KeyId: 'alias/a' }), 'NotFoundException')
  await ireland.encrypt({ KeyId, Plaintext })
})

test('given time to settle, a replica is Creating, and no cryptography is done with it', async (t) => {
  const { virginia, ireland, KeyId, arnIn, pass } = await family(t, { settleMillis: 3000 })
  const { ReplicaKeyMetadata } = await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  t.is(ReplicaKeyMetadata!.KeyState, 'Creating')
  t.like(await metadata(ireland, KeyId), { KeyState: 'Creating', Enabled: false })
  const creating = `${arnIn('eu-west-1')} is creating.`
  for (const act of [
    ireland.encrypt({ KeyId, Plaintext }),
    ireland.disableKey({ KeyId }),
    ireland.enableKey({ KeyId }),
    ireland.cancelKeyDeletion({ KeyId }),
  ]) {
    await refuses(t, act, 'KMSInvalidStateException')
  }
  await refuses(t, ireland.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', creating)
  await virginia.encrypt({ KeyId, Plaintext })
  await ireland.getKeyRotationStatus({ KeyId })
  pass(3 / 86_400)
  t.like(await metadata(ireland, KeyId), { KeyState: 'Enabled', Enabled: true })
  await ireland.encrypt({ KeyId, Plaintext })
})

test('UpdatePrimaryRegion moves the primary; what only a primary may, moves along', async (t) => {
  const { virginia, ireland, tokyo, KeyId, arnIn } = await family(t)
  for (const ReplicaRegion of ['eu-west-1', 'ap-northeast-1']) await virginia.replicateKey({ KeyId, ReplicaRegion })
  await virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
  for (const room of [virginia, ireland, tokyo]) {
    t.like(await metadata(room, KeyId), {
      KeyState: 'Enabled',
      MultiRegionConfiguration: {
        MultiRegionKeyType: room === ireland ? 'PRIMARY' : 'REPLICA',
        PrimaryKey: { Region: 'eu-west-1' },
        ReplicaKeys: [
          { Arn: arnIn('ap-northeast-1'), Region: 'ap-northeast-1' },
          { Arn: arnIn('us-east-1'), Region: 'us-east-1' },
        ],
      },
    })
  }
  const notPrimary = `${arnIn('us-east-1')} is not a multi-region primary key.`
  await refuses(t, virginia.enableKeyRotation({ KeyId }), 'UnsupportedOperationException', notPrimary)
  const back = { KeyId, PrimaryRegion: 'us-east-1' }
  await refuses(t, virginia.updatePrimaryRegion(back), 'UnsupportedOperationException', notPrimary)
  await ireland.enableKeyRotation({ KeyId })
  await ireland.replicateKey({ KeyId, ReplicaRegion: 'us-west-2' })
  await ireland.updatePrimaryRegion(back)
  t.is((await metadata(virginia, KeyId)).MultiRegionConfiguration!.MultiRegionKeyType, 'PRIMARY')
  t.true((await virginia.getKeyRotationStatus({ KeyId })).KeyRotationEnabled)
})

test('UpdatePrimaryRegion wants a replica there, and both keys fit for use', async (t) => {
  const { room, id, arn, virginia, ireland, KeyId, arnIn } = await family(t)
  const move = (PrimaryRegion: string) => virginia.updatePrimaryRegion({ KeyId, PrimaryRegion })
  await refuses(t, move('eu-west-1'), 'NotFoundException', `Key '${arnIn('eu-west-1')}' does not exist`)
  await refuses(t, move('us-east-1'), 'ValidationException')
  await refuses(
    t,
    room.updatePrimaryRegion({ KeyId: id, PrimaryRegion: 'eu-west-1' }),
    'UnsupportedOperationException',
    `${arn} is not a multi-region primary key.`,
  )
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await ireland.disableKey({ KeyId })
  await refuses(t, move('eu-west-1'), 'DisabledException', `${arnIn('eu-west-1')} is disabled.`)
  await ireland.scheduleKeyDeletion({ KeyId })
  await refuses(t, move('eu-west-1'), 'KMSInvalidStateException', `${arnIn('eu-west-1')} is pending deletion.`)
})

test('while the primary moves both keys are Updating: they encrypt, and some of it has to wait', async (t) => {
  const { virginia, ireland, tokyo, KeyId, arnIn, pass } = await family(t, { settleMillis: 60_000 })
  const settle = () => pass(1 / 24 / 60)
  for (const ReplicaRegion of ['eu-west-1', 'ap-northeast-1']) await virginia.replicateKey({ KeyId, ReplicaRegion })
  settle()
  await virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
  t.is((await metadata(tokyo, KeyId)).KeyState, 'Enabled')
  for (const [room, region] of [
    [virginia, 'us-east-1'],
    [ireland, 'eu-west-1'],
  ] as const) {
    t.like(await metadata(room, KeyId), { KeyState: 'Updating', Enabled: false })
    await room.encrypt({ KeyId, Plaintext })
    const updating = `${arnIn(region)} is updating.`
    for (const act of [
      room.disableKey({ KeyId }),
      room.enableKey({ KeyId }),
      room.scheduleKeyDeletion({ KeyId }),
      room.replicateKey({ KeyId, ReplicaRegion: 'us-west-2' }),
    ]) {
      await refuses(t, act, 'KMSInvalidStateException', updating)
    }
    await refuses(t, room.cancelKeyDeletion({ KeyId }), 'KMSInvalidStateException')
  }
  settle()
  for (const room of [virginia, ireland]) t.is((await metadata(room, KeyId)).KeyState, 'Enabled')
})
