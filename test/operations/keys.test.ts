/** Keys made, described, listed and named. */
import test from 'ava'
import { refuses, scene } from '../helpers/scene.ts'

test('DescribeKey tells of a new key what AWS tells', async (t) => {
  const { room } = await scene(t)
  const Tags = [{ TagKey: 'team', TagValue: 'records' }]
  const { KeyMetadata } = await room.createKey({ Description: 'for volumes', Tags })
  t.deepEqual((await room.describeKey({ KeyId: KeyMetadata!.Arn! })).KeyMetadata, KeyMetadata)
  t.regex(KeyMetadata!.KeyId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.regex(KeyMetadata!.CurrentKeyMaterialId!, /^[0-9a-f]{64}$/)
  t.like(KeyMetadata, {
    AWSAccountId: '000000000000',
    Arn: `arn:aws:kms:us-east-1:000000000000:key/${KeyMetadata!.KeyId}`,
    CreationDate: new Date('2026-01-01T00:00:00Z'),
    Enabled: true,
    Description: 'for volumes',
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
  })
  t.deepEqual((await room.listResourceTags({ KeyId: KeyMetadata!.KeyId })).Tags, Tags)
})

test('CreateKey refuses what AWS refuses, and what is not built yet by its name', async (t) => {
  const { room } = await scene(t)
  const usage = 'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.'
  await refuses(t, room.createKey({ KeySpec: 'RSA_2048' }), 'ValidationException', usage)
  await refuses(
    t,
    room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'KEY_AGREEMENT' }),
    'ValidationException',
    'KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048',
  )
  await refuses(t, room.createKey({ KeySpec: 'AES' as never }), 'ValidationException', /enum value set/)
  await refuses(t, room.createKey({ Policy: '{' }), 'MalformedPolicyDocumentException')
})

test('an operation AWS does not have is unknown', async (t) => {
  const { room } = await scene(t)
  t.false('frobnicate' in room)
})

test('ListKeys pages through all keys of the account and Region, and of no other', async (t) => {
  const { room, id } = await scene(t)
  const ids = new Set([id])
  for (let i = 0; i < 24; i++) ids.add((await room.createKey()).KeyMetadata!.KeyId)
  const seen: string[] = []
  let Marker: string | undefined
  let pages = 0
  do {
    const page = await room.listKeys({ Limit: 10, Marker })
    seen.push(...page.Keys!.map(({ KeyId, KeyArn }) => (t.true(KeyArn!.endsWith(`key/${KeyId!}`)), KeyId!)))
    Marker = page.NextMarker
    t.is(page.Truncated, Marker !== undefined)
    pages++
  } while (Marker)
  t.is(pages, 3)
  t.deepEqual(seen.toSorted(), [...ids].toSorted())
  t.deepEqual((await room.as({ region: 'eu-west-3' }).listKeys()).Keys, [])
  t.deepEqual((await room.as({ account: '000000000002' }).listKeys()).Keys, [])
  t.deepEqual((await room.listKeys({ ResourceOwners: ['OTHER_ACCOUNTS_VIA_RAM'] })).Keys, [])
})

test('a marker is taken back only whole, and only by the operation that gave it', async (t) => {
  const { room, id } = await scene(t)
  await room.createKey()
  for (let i = 0; i < 2; i++) await room.createAlias({ AliasName: `alias/${i}`, TargetKeyId: id })
  const { NextMarker } = await room.listKeys({ Limit: 1 })
  const { NextMarker: other } = await room.listAliases({ Limit: 1 })
  for (const Marker of ['x', NextMarker!.slice(2), `${NextMarker!}0`, other]) {
    await refuses(t, room.listKeys({ Marker }), 'InvalidMarkerException')
  }
})

test('an identifier is refused as AWS refuses it', async (t) => {
  const { room, id, arn } = await scene(t)
  const absent = '00000000-0000-4000-8000-000000000000'
  await refuses(t, room.describeKey({ KeyId: 'nonsense' }), 'NotFoundException', "Invalid keyId 'nonsense'")
  await refuses(
    t,
    room.describeKey({ KeyId: absent }),
    'NotFoundException',
    `Key 'arn:aws:kms:us-east-1:000000000000:key/${absent}' does not exist`,
  )
  await refuses(
    t,
    room.describeKey({ KeyId: arn.replace('us-east-1', 'eu-west-3') }),
    'NotFoundException',
    'Invalid arn eu-west-3',
  )
  await refuses(
    t,
    room.describeKey({ KeyId: 'alias/absent' }),
    'NotFoundException',
    'Alias arn:aws:kms:us-east-1:000000000000:alias/absent is not found.',
  )
  await room.createAlias({ AliasName: 'alias/a', TargetKeyId: id })
  await refuses(t, room.enableKey({ KeyId: 'alias/a' }), 'NotFoundException', "Invalid keyId 'alias/a'")
  await refuses(t, room.describeKey({ KeyId: 'arn:aws:kms:x' }), 'InvalidArnException', 'Invalid arn arn:aws:kms:x')
})

test("another account's key is denied, whether there is one or not", async (t) => {
  const { room, arn } = await scene(t)
  const stranger = room.as({ account: '000000000002' })
  const absent = arn.replace(/[^/]+$/, '00000000-0000-4000-8000-000000000000')
  for (const KeyId of [arn, absent]) {
    await refuses(
      t,
      stranger.describeKey({ KeyId }),
      'AccessDeniedException',
      `User: arn:aws:iam::000000000002:root is not authorized to perform: kms:DescribeKey on resource: ${KeyId} because no resource-based policy allows the kms:DescribeKey action`,
    )
  }
})

test('concurrent changes of one key all come about, none undoing another', async (t) => {
  const { room, id } = await scene(t)
  const tags = Array.from({ length: 40 }, (_, i) => ({ TagKey: `k${i}`, TagValue: 'v' }))
  await Promise.all([
    ...tags.map((tag) => room.tagResource({ KeyId: id, Tags: [tag] })),
    room.updateKeyDescription({ KeyId: id, Description: 'kept' }),
    room.disableKey({ KeyId: id }),
  ])
  t.is((await room.listResourceTags({ KeyId: id })).Tags!.length, 40)
  t.like((await room.describeKey({ KeyId: id })).KeyMetadata, { Description: 'kept', KeyState: 'Disabled' })
})
