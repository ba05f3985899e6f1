/** How objects are encrypted: by default, as told, under whose keys; what the KMS is asked for it, and what its refusals become. */
import test from 'ava'
import { Unreachable } from '../../../src/errors.ts'
import { refuses } from '../../helpers/scene.ts'
import { AWAY } from '../../authorize/stage.ts'
import { Bucket, encryptedBy, got, kmsCalls, kmsLines, shop, textOf } from './scene.ts'

const OBJECT = `arn:aws:s3:::${Bucket}/k`
const BUCKET = `arn:aws:s3:::${Bucket}`
const contextOf = (pairs: object) => Buffer.from(JSON.stringify(pairs)).toString('base64')

interface Row {
  readonly title: string
  /** What the bucket says, if anything. */
  readonly bucket?: readonly [algorithm: string, key?: 'customer', bucketKey?: boolean]
  readonly headers?: object
  readonly shown: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
  readonly key?: 'managed' | 'customer'
  readonly bucketKey?: true
}

const rows: readonly Row[] = [
  { title: 'by itself, with S3’s own keys', shown: 'AES256' },
  { title: 'as the request says', headers: { ServerSideEncryption: 'AES256' }, shown: 'AES256' },
  {
    title: 'under the AWS managed key, when the request names none',
    headers: { ServerSideEncryption: 'aws:kms' },
    ...{ shown: 'aws:kms', key: 'managed' },
  },
  { title: 'under the AWS managed key, by default', bucket: ['aws:kms'], shown: 'aws:kms', key: 'managed' },
  { title: 'under the bucket’s key', bucket: ['aws:kms', 'customer'], shown: 'aws:kms', key: 'customer' },
  {
    title: 'with a Bucket Key, by default',
    bucket: ['aws:kms', 'customer', true],
    ...{ shown: 'aws:kms', key: 'customer', bucketKey: true },
  },
  {
    title: 'without a Bucket Key, when the request says so',
    bucket: ['aws:kms', 'customer', true],
    headers: { BucketKeyEnabled: false },
    ...{ shown: 'aws:kms', key: 'customer' },
  },
  {
    title: 'with a Bucket Key, when the request says so',
    headers: { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true },
    ...{ shown: 'aws:kms', key: 'managed', bucketKey: true },
  },
  {
    title: 'with S3’s own keys, though the bucket has another',
    bucket: ['aws:kms', 'customer', true],
    headers: { ServerSideEncryption: 'AES256' },
    shown: 'AES256',
  },
  {
    title: 'under the AWS managed key, when the request names none, though the bucket has another',
    bucket: ['aws:kms', 'customer'],
    headers: { ServerSideEncryption: 'aws:kms' },
    ...{ shown: 'aws:kms', key: 'managed' },
  },
  {
    title: 'in two layers, and never with a Bucket Key',
    headers: { ServerSideEncryption: 'aws:kms:dsse', BucketKeyEnabled: true },
    ...{ shown: 'aws:kms:dsse', key: 'managed' },
  },
  { title: 'in two layers, by default', bucket: ['aws:kms:dsse', 'customer'], shown: 'aws:kms:dsse', key: 'customer' },
]

for (const { title, bucket, headers, shown, key, bucketKey } of rows) {
  test(`an object is encrypted ${title}`, async (t) => {
    const { room, arn } = await shop(t)
    if (bucket) {
      const [algorithm, customer, bucketKeys] = bucket
      await room.s3.putBucketEncryption({ Bucket, ...encryptedBy(algorithm, customer && arn, bucketKeys) })
    }
    const put = await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...headers })
    const { Body, ...read } = await room.s3.getObject({ Bucket, Key: 'k' })
    t.is(await textOf(Body), 'hello')
    const managed = key && (await room.describeKey({ KeyId: 'alias/aws/s3' })).KeyMetadata!.Arn!
    for (const answer of [put, read, await room.s3.headObject({ Bucket, Key: 'k' })]) {
      t.is(answer.ServerSideEncryption, shown)
      t.is(answer.SSEKMSKeyId, key === 'customer' ? arn : managed)
      t.is(answer.BucketKeyEnabled, bucketKey)
    }
    // What the KMS protects shows no digest of its plaintext.
    t.is(put.ETag === '"5d41402abc4b2a76b9719d911017c592"', shown === 'AES256')
    const about = bucketKey ? BUCKET : OBJECT
    t.deepEqual(await kmsLines(room), key ? [`GenerateDataKey ${about}`, `Decrypt ${about}`] : [])
  })
}

const wrong: readonly [string, object, string][] = [
  ['a key without aws:kms', { SSEKMSKeyId: 'some' }, 'InvalidArgument'],
  ['a key with AES256', { ServerSideEncryption: 'AES256', SSEKMSKeyId: 'some' }, 'InvalidArgument'],
  ['an unknown algorithm', { ServerSideEncryption: 'ROT13' }, 'InvalidEncryptionAlgorithmError'],
  ['a context that is no JSON', { ServerSideEncryption: 'aws:kms', SSEKMSEncryptionContext: 'e30' }, 'InvalidArgument'],
  [
    'a context of numbers',
    { ServerSideEncryption: 'aws:kms', SSEKMSEncryptionContext: contextOf({ a: 1 }) },
    'InvalidArgument',
  ],
  [
    'a context with what S3 says itself',
    { ServerSideEncryption: 'aws:kms', SSEKMSEncryptionContext: contextOf({ 'aws:s3:arn': BUCKET }) },
    'InvalidArgument',
  ],
  ['a key that is none', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'aws/s3' }, 'KMS.NotFoundException'],
]
test('what cannot be is refused, and nothing is kept', async (t) => {
  const { room } = await shop(t)
  for (const [, headers, code] of wrong)
    await refuses(t, room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...headers }), code)
  t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
})

test('the trail says who asked, by way of what, with which context', async (t) => {
  const { room, user, arn } = await shop(t)
  const headers = {
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: arn,
    SSEKMSEncryptionContext: contextOf({ ward: '7' }),
  }
  await user('admin').s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...headers })
  t.is(await got(user('reader'), 'k'), 'hello')
  const calls = await kmsCalls(room)
  const encryptionContext = { ward: '7', 'aws:s3:arn': OBJECT }
  t.deepEqual(
    calls.map(({ eventName, userIdentity, sourceIPAddress }) => [eventName, userIdentity.userName, sourceIPAddress]),
    [
      ['GenerateDataKey', 'admin', 's3.amazonaws.com'],
      ['Decrypt', 'reader', 's3.amazonaws.com'],
    ],
  )
  t.like(calls[0]!.requestParameters, { keyId: arn, keySpec: 'AES_256', encryptionContext })
  t.like(calls[1]!.requestParameters, { encryptionContext })
})

test('a policy that asks for kms:ViaService is met by way of S3 alone', async (t) => {
  const { room, user } = await shop(t)
  const Principal = { AWS: '*' }
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*', Resource: '*' },
      {
        ...{ Effect: 'Deny', Principal, Action: 'kms:GenerateDataKey', Resource: '*' },
        Condition: { StringNotEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } },
      },
    ],
  })
  const KeyId = (await room.createKey({ Policy })).KeyMetadata!.Arn!
  const encrypted = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId }
  await t.notThrowsAsync(user('writer').s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...encrypted }))
  await refuses(t, user('writer').generateDataKey({ KeyId, KeySpec: 'AES_256' }), 'AccessDeniedException')
})

test('rights to S3 are no rights to the key', async (t) => {
  const { room, user, arn } = await shop(t)
  const under = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn }
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...under })
  await room.s3.putObject({ Bucket, Key: 'plain', Body: 'hello' })
  const storer = user('storer').s3
  await refuses(t, storer.getObject({ Bucket, Key: 'k' }), 'AccessDenied', /kms:Decrypt/)
  await refuses(t, storer.putObject({ Bucket, Key: 'k', Body: '', ...under }), 'AccessDenied', /kms:GenerateDataKey/)
  await refuses(t, storer.copyObject({ Bucket, Key: 'copy', CopySource: `${Bucket}/k` }), 'AccessDenied', /kms:Decrypt/)
  t.is(await got(user('storer'), 'plain'), 'hello')
  t.is((await storer.headObject({ Bucket, Key: 'k' })).ContentLength, 5)
  // Nor are rights to the key rights to S3.
  await refuses(t, user('reader').s3.putObject({ Bucket, Key: 'k', Body: '' }), 'AccessDenied', /s3:PutObject/)
})

test('who may write does not thereby read, and the other way round', async (t) => {
  const { user, arn } = await shop(t)
  const under = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn }
  for (const BucketKeyEnabled of [false, true]) {
    await user('writer').s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...under, BucketKeyEnabled })
    await refuses(t, user('writer').s3.getObject({ Bucket, Key: 'k' }), 'AccessDenied', /kms:Decrypt/)
    t.is(await got(user('reader'), 'k'), 'hello')
  }
})

test('the managed key serves whoever may use S3, and nobody directly', async (t) => {
  const { user } = await shop(t)
  await user('storer').s3.putObject({ Bucket, Key: 'k', Body: 'hello', ServerSideEncryption: 'aws:kms' })
  t.is(await got(user('storer'), 'k'), 'hello')
  const direct = user('admin').generateDataKey({ KeyId: 'alias/aws/s3', KeySpec: 'AES_256' })
  await refuses(t, direct, 'AccessDeniedException')
})

test('a checksum tells of the plaintext: asking for it asks the key', async (t) => {
  const { user, room, arn } = await shop(t)
  const Checksum = { algorithm: 'CRC32', value: 'NhCmhg==' }
  const under = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn }
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', Checksum, ...under })
  const head = (name: string, ChecksumMode?: string) => user(name).s3.headObject({ Bucket, Key: 'k', ChecksumMode })
  t.is((await head('storer')).Checksum, undefined)
  await refuses(t, head('storer', 'ENABLED'), 'AccessDenied', /kms:Decrypt/)
  t.deepEqual((await head('reader', 'ENABLED')).Checksum, Checksum)
})

const states: readonly [string, 'disableKey' | 'scheduleKeyDeletion', string][] = [
  ['disabled', 'disableKey', 'KMS.DisabledException'],
  ['to be deleted', 'scheduleKeyDeletion', 'KMS.KMSInvalidStateException'],
]
for (const [title, act, code] of states) {
  test(`under a key that is ${title} nothing is written or read until it is back`, async (t) => {
    const { room, id } = await shop(t)
    await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', id) })
    await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
    await room[act]({ KeyId: id })
    await refuses(t, room.s3.getObject({ Bucket, Key: 'k' }), code)
    await refuses(t, room.s3.putObject({ Bucket, Key: 'k', Body: 'again' }), code)
    if (act === 'scheduleKeyDeletion') await room.cancelKeyDeletion({ KeyId: id })
    await room.enableKey({ KeyId: id })
    t.is(await got(room, 'k'), 'hello')
  })
}

test('under a key that is gone nothing is ever read again', async (t) => {
  const { room, id, pass } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', id) })
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(7)
  await room.sweep()
  await refuses(t, room.s3.getObject({ Bucket, Key: 'k' }), 'KMS.NotFoundException')
  await refuses(t, room.s3.putObject({ Bucket, Key: 'k', Body: 'again' }), 'KMS.NotFoundException')
  await t.notThrowsAsync(room.s3.deleteObject({ Bucket, Key: 'k' }))
})

test('while the Region of the key is cut off nobody answers', async (t) => {
  const { room, id } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', id) })
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  await room.regions.down('us-east-1')
  await t.throwsAsync(room.s3.getObject({ Bucket, Key: 'k' }), { instanceOf: Unreachable })
  await room.regions.up('us-east-1')
  t.is(await got(room, 'k'), 'hello')
})

test('after the key was rotated old objects still read', async (t) => {
  const { room, id } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', id) })
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  await room.rotateKeyOnDemand({ KeyId: id })
  await room.s3.putObject({ Bucket, Key: 'new', Body: 'new' })
  t.is(await got(room, 'k'), 'hello')
  t.is(await got(room, 'new'), 'new')
})

test('a copy is encrypted as its own bucket says, under another key if need be', async (t) => {
  const { room, arn } = await shop(t)
  const other = (await room.createKey()).KeyMetadata!.Arn!
  const under = (SSEKMSKeyId: string) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId })
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...under(arn) })
  const CopySource = `${Bucket}/k`
  t.is((await room.s3.copyObject({ Bucket, Key: 'own', CopySource })).ServerSideEncryption, 'AES256')
  t.is((await room.s3.copyObject({ Bucket, Key: 'other', CopySource, ...under(other) })).SSEKMSKeyId, other)
  await room.disableKey({ KeyId: arn })
  for (const Key of ['own', 'other']) t.is(await got(room, Key), 'hello')
})

test('an object of another account’s bucket needs leave from both, and a key that is shared', async (t) => {
  const { room, partner, id } = await shop(t)
  const Principal = { AWS: `arn:aws:iam::${AWAY}:root` }
  const put = (headers: object) => partner.s3.putObject({ Bucket, Key: 'k', Body: 'hello', ...headers })
  await refuses(t, put({}), 'AccessDenied', /s3:PutObject/)
  const Statement = [{ Effect: 'Allow', Principal, Action: ['s3:PutObject', 's3:GetObject'], Resource: `${BUCKET}/*` }]
  await room.s3.putBucketPolicy({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) })
  await put({})
  t.is(await got(partner, 'k'), 'hello')
  const { Arn } = (await room.describeKey({ KeyId: id })).KeyMetadata!
  const shared = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: Arn }
  await refuses(t, put(shared), 'AccessDenied', /kms:GenerateDataKey/)
  const owner = {
    Effect: 'Allow',
    Principal: { AWS: 'arn:aws:iam::111122223333:root' },
    Action: 'kms:*',
    Resource: '*',
  }
  const stranger = { ...owner, Principal, Action: ['kms:GenerateDataKey', 'kms:Decrypt'] }
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [owner, stranger] })
  await room.putKeyPolicy({ KeyId: id, PolicyName: 'default', Policy })
  await put(shared)
  t.is(await got(partner, 'k'), 'hello')
  // By its bare id it would be a key of the partner's own, and the managed key is the owner's alone.
  await refuses(t, put({ ...shared, SSEKMSKeyId: id }), 'KMS.NotFoundException')
  await room.s3.putObject({ Bucket, Key: 'mine', Body: 'hello', ServerSideEncryption: 'aws:kms' })
  await refuses(t, put({ ServerSideEncryption: 'aws:kms' }), 'AccessDenied')
})

test('with Bucket Keys each requester asks once in five minutes', async (t) => {
  let now = Date.UTC(2026, 0, 1)
  const { room, user, arn } = await shop(t, { now: () => new Date(now) })
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', arn, true) })
  const keys = Array.from({ length: 20 }, (_, n) => `k${n}`)
  const put = (name: string) =>
    Promise.all(keys.map((Key) => user(name).s3.putObject({ Bucket, Key: `${name}/${Key}`, Body: Key })))
  await put('admin')
  await put('writer')
  await put('admin')
  t.deepEqual(await kmsLines(room), [`GenerateDataKey ${BUCKET}`, `GenerateDataKey ${BUCKET}`])
  for (const Key of keys) t.is(await got(user('reader'), `admin/${Key}`), Key)
  t.is((await kmsLines(room)).length, 3)
  // What is in between is neither checked nor logged.
  await room.disableKey({ KeyId: arn })
  t.is(await got(user('reader'), 'admin/k1'), 'k1')
  now += 5 * 60_000
  await refuses(t, user('reader').s3.getObject({ Bucket, Key: 'admin/k1' }), 'KMS.DisabledException')
  await room.enableKey({ KeyId: arn })
  await put('admin')
  const asked = (await kmsCalls(room)).map(({ eventName, userIdentity, errorCode }) =>
    [eventName, userIdentity.userName, errorCode].filter(Boolean).join(' '),
  )
  t.deepEqual(asked, [
    'GenerateDataKey admin',
    'GenerateDataKey writer',
    'Decrypt reader',
    'Decrypt reader DisabledException',
    'GenerateDataKey admin',
  ])
})

test('a refusal of a Bucket Key is not kept', async (t) => {
  const { room, user, arn } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', arn, true) })
  await room.disableKey({ KeyId: arn })
  await refuses(t, user('admin').s3.putObject({ Bucket, Key: 'k', Body: 'hello' }), 'KMS.DisabledException')
  await room.enableKey({ KeyId: arn })
  await t.notThrowsAsync(user('admin').s3.putObject({ Bucket, Key: 'k', Body: 'hello' }))
})

test('many who come at once share one Bucket Key', async (t) => {
  const { room } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', undefined, true) })
  const keys = Array.from({ length: 10 }, (_, n) => `k${n}`)
  await Promise.all(keys.map((Key) => room.s3.putObject({ Bucket, Key, Body: Key })))
  for (const Key of keys) t.is(await got(room, Key), Key)
  t.deepEqual(await kmsLines(room), [`GenerateDataKey ${BUCKET}`, `Decrypt ${BUCKET}`])
})
