/** Objects come back as they were put: whole, in part, on conditions, copied; and not at all once deleted. */
import test from 'ava'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, bytesOf, DAY, got, pattern, shop, textOf } from './scene.ts'

const CHUNK = 64 * 1024
const NOW = Date.UTC(2026, 0, 1)
const HELLO = '"5d41402abc4b2a76b9719d911017c592"'

test('what was put comes back, with all that was said of it', async (t) => {
  const { room } = await shop(t)
  const Headers = { 'cache-control': 'no-cache' }
  const put = { Bucket, Key: 'a/b', Body: 'hello', ContentType: 'text/plain', Metadata: { who: 'me' }, Headers }
  const Checksum = { algorithm: 'CRC32', value: 'NhCmhg==' }
  t.like(await room.s3.putObject({ ...put, Checksum: () => Checksum }), { ETag: HELLO, Checksum })
  const { Body, ...said } = await room.s3.getObject({ Bucket, Key: 'a/b', ChecksumMode: 'ENABLED' })
  t.is(await textOf(Body), 'hello')
  const expected = {
    ...{
      AcceptRanges: 'bytes',
      ContentLength: 5,
      ETag: HELLO,
      LastModified: NOW,
      Checksum,
      ChecksumType: 'FULL_OBJECT',
    },
    ...{ ContentType: 'text/plain', Metadata: { who: 'me' }, Headers, ServerSideEncryption: 'AES256' },
  } as const
  t.deepEqual(said, expected)
  t.deepEqual(await room.s3.headObject({ Bucket, Key: 'a/b', ChecksumMode: 'ENABLED' }), expected)
})

for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5]) {
  test(`${size} bytes come back as they were, however they came`, async (t) => {
    const { room } = await shop(t)
    const bytes = pattern(size)
    async function* dribble() {
      for (let at = 0; at < size; at += 50_000) yield bytes.subarray(at, at + 50_000)
    }
    for (const Body of [bytes, dribble()]) {
      await room.s3.putObject({ Bucket, Key: 'k', Body, ContentLength: size })
      t.true(bytes.equals(await bytesOf((await room.s3.getObject({ Bucket, Key: 'k' })).Body)))
    }
  })
}

const SIZE = 2 * CHUNK + 100
const ranges: readonly [string, number, number][] = [
  ['bytes=0-0', 0, 1],
  ['bytes=0-', 0, SIZE],
  [`bytes=${CHUNK - 1}-${CHUNK}`, CHUNK - 1, CHUNK + 1],
  [`bytes=${CHUNK}-${2 * CHUNK - 1}`, CHUNK, 2 * CHUNK],
  [`bytes=${2 * CHUNK}-`, 2 * CHUNK, SIZE],
  ['bytes=-7', SIZE - 7, SIZE],
  [`bytes=-${SIZE * 2}`, 0, SIZE],
  [`bytes=10-${SIZE * 2}`, 10, SIZE],
]
test('a range is exactly those bytes', async (t) => {
  const { room } = await shop(t)
  const bytes = pattern(SIZE)
  await room.s3.putObject({ Bucket, Key: 'k', Body: bytes })
  for (const [Range, start, end] of ranges) {
    const { Body, ContentRange, ContentLength } = await room.s3.getObject({ Bucket, Key: 'k', Range })
    t.is(ContentRange, `bytes ${start}-${end - 1}/${SIZE}`, Range)
    t.is(ContentLength, end - start, Range)
    t.true(bytes.subarray(start, end).equals(await bytesOf(Body)), Range)
  }
})

test('what is no range is no matter, and one beyond the end is refused', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  for (const Range of ['bytes=', 'bytes=3-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=x-']) {
    const { Body, ContentRange } = await room.s3.getObject({ Bucket, Key: 'k', Range })
    t.is(ContentRange, undefined)
    t.is(await textOf(Body), 'hello', Range)
  }
  for (const Range of ['bytes=5-', 'bytes=-0', 'bytes=7-9'])
    await refuses(t, room.s3.getObject({ Bucket, Key: 'k', Range }), 'InvalidRange')
})

const conditions: readonly [string, object, string | undefined][] = [
  ['the same tag', { IfMatch: HELLO }, undefined],
  ['the same tag without quotes', { IfMatch: HELLO.slice(1, -1) }, undefined],
  ['any tag', { IfMatch: '*' }, undefined],
  ['another tag', { IfMatch: '"0"' }, 'PreconditionFailed'],
  ['not this tag', { IfNoneMatch: HELLO }, 'NotModified'],
  ['not another tag', { IfNoneMatch: '"0"' }, undefined],
  ['changed since yesterday', { IfModifiedSince: NOW - DAY }, undefined],
  ['changed since this very second', { IfModifiedSince: NOW }, 'NotModified'],
  ['unchanged since this second', { IfUnmodifiedSince: NOW }, undefined],
  ['unchanged since yesterday', { IfUnmodifiedSince: NOW - DAY }, 'PreconditionFailed'],
  ['the same tag, whatever the date', { IfMatch: HELLO, IfUnmodifiedSince: NOW - DAY }, undefined],
  ['not another tag, whatever the date', { IfNoneMatch: '"0"', IfModifiedSince: NOW }, undefined],
]
test('conditions on reading', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  for (const [title, condition, code] of conditions) {
    for (const read of [room.s3.getObject, room.s3.headObject]) {
      const asked = read({ Bucket, Key: 'k', ...condition })
      if (code === undefined) await t.notThrowsAsync(asked, title)
      else await refuses(t, asked, code)
    }
  }
})

test('conditions on writing', async (t) => {
  const { room } = await shop(t)
  const put = (Body: string, condition: object) => room.s3.putObject({ Bucket, Key: 'k', Body, ...condition })
  await refuses(t, put('first', { IfMatch: HELLO }), 'NoSuchKey')
  await put('hello', { IfNoneMatch: '*' })
  await refuses(t, put('second', { IfNoneMatch: '*' }), 'PreconditionFailed')
  await refuses(t, put('second', { IfMatch: '"0"' }), 'PreconditionFailed')
  t.is(await got(room, 'k'), 'hello')
  await put('second', { IfMatch: HELLO })
  t.is(await got(room, 'k'), 'second')
})

test('of many who would be first, one is', async (t) => {
  const { room } = await shop(t)
  const bodies = Array.from({ length: 8 }, (_, n) => `body ${n}`)
  const outcomes = await Promise.allSettled(
    bodies.map((Body) => room.s3.putObject({ Bucket, Key: 'k', Body, IfNoneMatch: '*' })),
  )
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  t.is(await got(room, 'k'), bodies[outcomes.findIndex(({ status }) => status === 'fulfilled')]!)
})

test('what was deleted is gone, and may be deleted again', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  await room.s3.deleteObject({ Bucket, Key: 'k' })
  await refuses(t, room.s3.getObject({ Bucket, Key: 'k' }), 'NoSuchKey', 'The specified key does not exist.')
  await t.notThrowsAsync(room.s3.deleteObject({ Bucket, Key: 'k' }))
})

test('many are deleted at once, each with its outcome', async (t) => {
  const { room, user } = await shop(t)
  for (const Key of ['one', 'two']) await room.s3.putObject({ Bucket, Key, Body: Key })
  const Objects = [{ Key: 'one' }, { Key: 'none' }]
  const { Errors } = await user('reader').s3.deleteObjects({ Bucket, Delete: { Objects } })
  t.deepEqual(
    Errors.map(({ Key, Code }) => [Key, Code]),
    [
      ['one', 'AccessDenied'],
      ['none', 'AccessDenied'],
    ],
  )
  t.deepEqual(await room.s3.deleteObjects({ Bucket, Delete: { Objects } }), { Deleted: Objects, Errors: [] })
  t.deepEqual(await room.s3.deleteObjects({ Bucket, Delete: { Objects: [{ Key: 'two' }], Quiet: true } }), {
    Deleted: [],
    Errors: [],
  })
  t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
  await refuses(t, room.s3.deleteObjects({ Bucket, Delete: { Objects: [] } }), 'MalformedXML')
})

test('an object that is read while it is replaced, or deleted, is read to its end', async (t) => {
  const { room } = await shop(t)
  const [before, after] = [pattern(5 * CHUNK), Buffer.alloc(5 * CHUNK, 1)]
  await room.s3.putObject({ Bucket, Key: 'k', Body: before })
  const { Body } = await room.s3.getObject({ Bucket, Key: 'k' })
  await room.s3.putObject({ Bucket, Key: 'k', Body: after })
  const { Body: second } = await room.s3.getObject({ Bucket, Key: 'k' })
  await room.s3.deleteObject({ Bucket, Key: 'k' })
  t.true(before.equals(await bytesOf(Body)))
  t.true(after.equals(await bytesOf(second)))
})

const bad: readonly [string, object, string][] = [
  ['shorter than it was to be', { Body: 'hell', ContentLength: 5 }, 'IncompleteBody'],
  ['longer than it was to be', { Body: 'hello!', ContentLength: 5 }, 'IncompleteBody'],
  ['too long by its own word', { Body: '', ContentLength: 5 * 1024 ** 3 + 1 }, 'EntityTooLarge'],
  ['under no key', { Key: '', Body: '' }, 'InvalidURI'],
  ['under a key of 1025 bytes', { Key: `${'é'.repeat(512)}x`, Body: '' }, 'KeyTooLongError'],
  ['with 2049 bytes of metadata', { Metadata: { n: 'v'.repeat(2048) } }, 'MetadataTooLarge'],
  ['encrypted with a key of the customer’s', { SSECustomerAlgorithm: 'AES256' }, 'NotImplemented'],
]
test('what is refused leaves what was there', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  for (const [title, input, code] of bad) {
    await refuses(t, room.s3.putObject({ Bucket, Key: 'k', ...input }), code)
    t.is(await got(room, 'k'), 'hello', title)
  }
  async function* broken() {
    yield Buffer.from('half')
    throw new TypeError('the client hung up')
  }
  await t.throwsAsync(room.s3.putObject({ Bucket, Key: 'k', Body: broken() }), { instanceOf: TypeError })
  t.is(await got(room, 'k'), 'hello')
  t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 1)
})

test('2048 bytes of metadata will do', async (t) => {
  const { room } = await shop(t)
  const Metadata = { n: 'v'.repeat(2047) }
  await room.s3.putObject({ Bucket, Key: 'k', Body: '', Metadata })
  t.deepEqual((await room.s3.headObject({ Bucket, Key: 'k' })).Metadata, Metadata)
})

test('a key of 1024 bytes will do', async (t) => {
  const { room } = await shop(t)
  const Key = 'é'.repeat(512)
  await room.s3.putObject({ Bucket, Key, Body: 'hello' })
  t.is(await got(room, Key), 'hello')
})

test('a copy has the bytes, and what was said of them or what is said now', async (t) => {
  const { room } = await shop(t)
  const Key = 'a key/with+%☃'
  await room.s3.putObject({ Bucket, Key, Body: 'hello', Metadata: { n: '1' }, ContentType: 'text/plain' })
  const CopySource = `/${Bucket}/${encodeURIComponent(Key)}`
  const { CopyObjectResult } = await room.s3.copyObject({ Bucket, Key: 'same', CopySource })
  t.deepEqual(CopyObjectResult, { ETag: HELLO, LastModified: NOW })
  const renewed = { MetadataDirective: 'REPLACE', Metadata: { n: '2' } }
  await room.s3.copyObject({ Bucket, Key: 'renewed', CopySource, ...renewed })
  t.is(await got(room, 'same'), 'hello')
  t.is(await got(room, 'renewed'), 'hello')
  t.like(await room.s3.headObject({ Bucket, Key: 'same' }), { Metadata: { n: '1' }, ContentType: 'text/plain' })
  t.like(await room.s3.headObject({ Bucket, Key: 'renewed' }), { Metadata: { n: '2' } })
})

test('a copy onto itself has to change something', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello', Metadata: { n: '1' } })
  const onto = { Bucket, Key: 'k', CopySource: `${Bucket}/k` }
  await refuses(t, room.s3.copyObject(onto), 'InvalidRequest', /itself/)
  await room.s3.copyObject({ ...onto, MetadataDirective: 'REPLACE', Metadata: { n: '2' } })
  t.like(await room.s3.headObject({ Bucket, Key: 'k' }), { Metadata: { n: '2' } })
  await room.s3.copyObject({ ...onto, ServerSideEncryption: 'aws:kms' })
  t.is(await got(room, 'k'), 'hello')
})

const copies: readonly [string, object, string | undefined][] = [
  ['without a key', { CopySource: Bucket }, 'InvalidArgument'],
  ['of nothing', { CopySource: `${Bucket}/none` }, 'NoSuchKey'],
  ['from nowhere', { CopySource: 'nowhere/k' }, 'NoSuchBucket'],
  ['badly encoded', { CopySource: `${Bucket}/%zz` }, 'InvalidArgument'],
  ['with the right tag', { CopySourceIfMatch: HELLO }, undefined],
  ['with another tag', { CopySourceIfMatch: '"0"' }, 'PreconditionFailed'],
  ['unless it has this tag', { CopySourceIfNoneMatch: HELLO }, 'PreconditionFailed'],
  ['changed since', { CopySourceIfModifiedSince: NOW }, 'PreconditionFailed'],
  ['unchanged since', { CopySourceIfUnmodifiedSince: NOW - 1000 }, 'PreconditionFailed'],
]
test('what is copied, and what is not', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  for (const [title, input, code] of copies) {
    const copied = room.s3.copyObject({ Bucket, Key: 'copy', CopySource: `${Bucket}/k`, ...input })
    if (code === undefined) await t.notThrowsAsync(copied, title)
    else await refuses(t, copied, code)
  }
})
