/** Buckets: their names, owners and Regions, what is set about them, and when they go. */
import test from 'ava'
import { HOME } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, encryptedBy, got, shop } from './scene.ts'

const names: readonly [string, boolean][] = [
  ['abc', true],
  ['my.bucket-1', true],
  ['1st', true],
  ['a'.repeat(63), true],
  ['ab', false],
  ['a'.repeat(64), false],
  ['Upper', false],
  ['under_score', false],
  ['-begins', false],
  ['ends-', false],
  ['two..dots', false],
  ['10.0.0.1', false],
  ['10.0.0', true],
  ['xn--what', false],
  ['sthree-what', false],
  ['what-s3alias', false],
  ['what--ol-s3', false],
]
test('what a bucket may be called', async (t) => {
  const { room } = await shop(t)
  for (const [name, fine] of names) {
    const made = room.s3.createBucket({ Bucket: name })
    if (fine) t.deepEqual(await made, { Location: `/${name}` })
    else await refuses(t, made, 'InvalidBucketName')
  }
})

test('a name is taken for all accounts and Regions', async (t) => {
  const { room, partner } = await shop(t)
  await refuses(t, partner.s3.createBucket({ Bucket }), 'BucketAlreadyExists')
  const there = { CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }
  await refuses(t, room.s3.createBucket({ Bucket, ...there }), 'BucketAlreadyOwnedByYou')
  // As ever, and in us-east-1 alone: nothing happens.
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  t.deepEqual(await room.s3.createBucket({ Bucket }), { Location: `/${Bucket}` })
  t.is(await got(room, 'k'), 'hello')
})

const places: readonly [region: string, constraint: string | undefined, outcome: string][] = [
  ['us-east-1', undefined, 'us-east-1'],
  ['us-east-1', 'eu-west-1', 'eu-west-1'],
  ['us-east-1', 'us-east-1', 'InvalidLocationConstraint'],
  ['eu-west-1', 'eu-west-1', 'eu-west-1'],
  ['eu-west-1', undefined, 'IllegalLocationConstraintException'],
  ['eu-west-1', 'ap-northeast-1', 'IllegalLocationConstraintException'],
]
for (const [region, LocationConstraint, outcome] of places) {
  test(`at ${region}, with ${LocationConstraint ?? 'no'} constraint: ${outcome}`, async (t) => {
    const { room } = await shop(t)
    const input = { Bucket: 'abc', ...(LocationConstraint && { CreateBucketConfiguration: { LocationConstraint } }) }
    const made = room.as({ region }).s3.createBucket(input)
    if (outcome.includes('Constraint')) return refuses(t, made, outcome)
    await made
    const expected = { LocationConstraint: outcome === 'us-east-1' ? undefined : outcome }
    t.deepEqual(await room.s3.getBucketLocation({ Bucket: 'abc' }), expected)
    t.deepEqual(await room.as({ region: outcome }).s3.headBucket({ Bucket: 'abc' }), { BucketRegion: outcome })
  })
}

test('a bucket is asked in its own Region, and says which that is', async (t) => {
  const { room } = await shop(t)
  const away = room.as({ region: 'eu-west-1' }).s3
  const error = await t.throwsAsync(away.putObject({ Bucket, Key: 'k', Body: '' }))
  t.like(error, { code: 'PermanentRedirect', region: 'us-east-1' })
  for (const asked of [away.headBucket({ Bucket }), away.listObjectsV2({ Bucket }), away.deleteBucket({ Bucket })])
    await refuses(t, asked, 'PermanentRedirect')
})

test('objects are copied from one Region to another, each under a key of its own', async (t) => {
  const { room } = await shop(t)
  const tokyo = room.as({ region: 'ap-northeast-1' })
  await tokyo.s3.createBucket({ Bucket: 'far', CreateBucketConfiguration: { LocationConstraint: 'ap-northeast-1' } })
  for (const [person, name] of [
    [room, Bucket],
    [tokyo, 'far'],
  ] as const)
    await person.s3.putBucketEncryption({ Bucket: name, ...encryptedBy('aws:kms') })
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  const copied = await tokyo.s3.copyObject({ Bucket: 'far', Key: 'k', CopySource: `${Bucket}/k` })
  t.regex(copied.SSEKMSKeyId!, /^arn:aws:kms:ap-northeast-1:/)
  t.regex((await room.s3.headObject({ Bucket, Key: 'k' })).SSEKMSKeyId!, /^arn:aws:kms:us-east-1:/)
})

test('everybody lists the buckets of the own account', async (t) => {
  const { room, partner, user } = await shop(t)
  await partner.s3.createBucket({ Bucket: 'theirs' })
  await user('admin').s3.createBucket({ Bucket: 'another' })
  const listed = await room.s3.listBuckets({})
  t.deepEqual(listed, {
    Buckets: [
      { Name: 'another', CreationDate: Date.UTC(2026, 0, 1), BucketRegion: 'us-east-1' },
      { Name: Bucket, CreationDate: Date.UTC(2026, 0, 1), BucketRegion: 'us-east-1' },
    ],
    Owner: { ID: HOME },
  })
  await refuses(t, user('nobody').s3.listBuckets({}), 'AccessDenied')
})

test('a bucket goes when it is empty, with what was uploaded in part', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  const upload = await room.s3.createMultipartUpload({ Bucket, Key: 'large' })
  await room.s3.uploadPart({ ...upload, PartNumber: 1, Body: 'part' })
  await refuses(t, room.s3.deleteBucket({ Bucket }), 'BucketNotEmpty')
  await room.s3.deleteObject({ Bucket, Key: 'k' })
  await room.s3.deleteBucket({ Bucket })
  await refuses(t, room.s3.headBucket({ Bucket }), 'NoSuchBucket')
  await room.s3.createBucket({ Bucket })
  await refuses(t, room.s3.listParts(upload), 'NoSuchUpload')
  t.deepEqual((await room.s3.listMultipartUploads({ Bucket })).Uploads, [])
})

test('what is uploaded while its bucket is deleted is either there or refused', async (t) => {
  const { room } = await shop(t)
  for (let round = 0; round < 20; round++) {
    const put = room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
    const removed = (async () => {
      for (let turns = 0; turns < round; turns++) await new Promise(setImmediate)
      return room.s3.deleteBucket({ Bucket })
    })()
    const [wrote, deleted] = await Promise.allSettled([put, removed])
    t.not(wrote.status, deleted.status)
    if (wrote.status === 'fulfilled') t.is(await got(room, 'k'), 'hello')
    else t.is((wrote.reason as { code: string }).code, 'NoSuchBucket')
    await room.s3.createBucket({ Bucket })
    if (wrote.status === 'rejected') t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
    await room.s3.deleteObject({ Bucket, Key: 'k' })
  }
})

const configurations: readonly [string, ReturnType<typeof encryptedBy>, string | undefined][] = [
  ['S3’s own keys', encryptedBy('AES256'), undefined],
  ['the managed key', encryptedBy('aws:kms'), undefined],
  ['a key and Bucket Keys', encryptedBy('aws:kms', 'some', true), undefined],
  ['two layers', encryptedBy('aws:kms:dsse'), undefined],
  ['a key that would have no use', encryptedBy('AES256', 'some'), 'InvalidArgument'],
  ['an unknown algorithm', encryptedBy('ROT13'), 'MalformedXML'],
  ['no rule', { ServerSideEncryptionConfiguration: { Rules: [] } }, 'MalformedXML'],
]
test('default encryption is set, shown and reset', async (t) => {
  const { room } = await shop(t)
  const own = await room.s3.getBucketEncryption({ Bucket })
  for (const [title, configuration, code] of configurations) {
    const set = room.s3.putBucketEncryption({ Bucket, ...configuration })
    if (code !== undefined) {
      await refuses(t, set, code)
      continue
    }
    await set
    const shown = await room.s3.getBucketEncryption({ Bucket })
    t.deepEqual(JSON.parse(JSON.stringify(shown)), JSON.parse(JSON.stringify(configuration)), title)
  }
  await room.s3.deleteBucketEncryption({ Bucket })
  t.deepEqual(await room.s3.getBucketEncryption({ Bucket }), own)
  t.deepEqual(JSON.parse(JSON.stringify(own)), JSON.parse(JSON.stringify(encryptedBy('AES256'))))
})

test('of a bucket there is not, everything says so', async (t) => {
  const { room } = await shop(t)
  const [nowhere, object] = [{ Bucket: 'nowhere' }, { Bucket: 'nowhere', Key: 'k' }]
  const upload = { ...object, UploadId: 'u' }
  for (const asked of [
    ...[room.s3.headBucket(nowhere), room.s3.deleteBucket(nowhere), room.s3.getBucketLocation(nowhere)],
    ...[room.s3.getBucketEncryption(nowhere), room.s3.getBucketPolicy(nowhere), room.s3.listObjects(nowhere)],
    ...[room.s3.getObject(object), room.s3.putObject({ ...object, Body: '' }), room.s3.deleteObject(object)],
    ...[room.s3.createMultipartUpload(object), room.s3.uploadPart({ ...upload, PartNumber: 1 })],
    room.s3.deleteObjects({ ...nowhere, Delete: { Objects: [{ Key: 'k' }] } }),
  ])
    await refuses(t, asked, 'NoSuchBucket', 'The specified bucket does not exist')
})
