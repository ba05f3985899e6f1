/** Uploads in parts: what becomes of them when they are completed, aborted, listed, or raced. */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Person } from '../../../src/person.ts'
import { temporary } from './folder.ts'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, bytesOf, encryptedBy, got, kmsLines, pattern, shop } from './scene.ts'

const MB = 1024 ** 2
const Key = 'large'
const LARGE = pattern(11 * MB)
const [first, second, third] = [LARGE.subarray(0, 5 * MB), LARGE.subarray(5 * MB, 10 * MB), LARGE.subarray(10 * MB)]
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest()

/** Starts an upload; puts its parts, from number 1; and what they are listed as. */
async function uploaded({ s3 }: Person, parts: readonly (Uint8Array | string)[], headers: object = {}) {
  const { UploadId } = await s3.createMultipartUpload({ Bucket, Key, ...headers })
  const upload = { Bucket, Key, UploadId }
  const Parts = []
  for (const [index, Body] of parts.entries()) {
    const { ETag } = await s3.uploadPart({ ...upload, PartNumber: index + 1, Body, ContentLength: Body.length })
    Parts.push({ PartNumber: index + 1, ETag })
  }
  return { upload, Parts }
}

test('parts become one object, whichever way its bytes are asked for', async (t) => {
  const { room } = await shop(t)
  const said = { ContentType: 'text/plain', Metadata: { who: 'me' } }
  const { upload, Parts } = await uploaded(room, [first, second, third], said)
  const done = await room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } })
  const etag = `"${md5(Buffer.concat([first, second, third].map(md5))).toString('hex')}-3"`
  t.like(done, { Bucket, Key, Location: `/${Bucket}/${Key}`, ETag: etag, ServerSideEncryption: 'AES256' })
  const { Body, ...answer } = await room.s3.getObject({ Bucket, Key })
  t.true(LARGE.equals(await bytesOf(Body)))
  t.like(answer, { ...said, ETag: etag, ContentLength: LARGE.length })
  for (const [start, end] of [
    [0, 1],
    [5 * MB - 1, 5 * MB + 1],
    [4 * MB, 11 * MB],
    [10 * MB, 10 * MB + 7],
  ] as const) {
    const ranged = await room.s3.getObject({ Bucket, Key, Range: `bytes=${start}-${end - 1}` })
    t.true(LARGE.subarray(start, end).equals(await bytesOf(ranged.Body)), `${start} to ${end}`)
  }
  const part = await room.s3.getObject({ Bucket, Key, PartNumber: 2 })
  t.true(second.equals(await bytesOf(part.Body)))
  t.like(part, { PartsCount: 3, ContentRange: `bytes ${5 * MB}-${10 * MB - 1}/${11 * MB}` })
  await refuses(t, room.s3.getObject({ Bucket, Key, PartNumber: 4 }), 'InvalidPartNumber')
  await refuses(t, room.s3.listParts(upload), 'NoSuchUpload')
})

test('parts come in any order, again, or for nothing', async (t) => {
  const folder = await temporary(t)
  const { room } = await shop(t, { memory: false, data: folder })
  const { UploadId } = await room.s3.createMultipartUpload({ Bucket, Key })
  const part = async (PartNumber: number, Body: Uint8Array) => {
    const { ETag } = await room.s3.uploadPart({ Bucket, Key, UploadId, PartNumber, Body })
    return { PartNumber, ETag }
  }
  const last = await part(9, third)
  await part(4, Buffer.from('never asked for'))
  await part(2, Buffer.alloc(10))
  const Parts = [await part(2, first), await part(3, second), last]
  await room.s3.completeMultipartUpload({ Bucket, Key, UploadId, MultipartUpload: { Parts } })
  t.true(LARGE.equals(await bytesOf((await room.s3.getObject({ Bucket, Key })).Body)))
  t.is((await readdir(join(folder, 's3'))).length, 3)
  await room.s3.putObject({ Bucket, Key, Body: 'small' })
  t.is((await readdir(join(folder, 's3'))).length, 1)
})

type Parts = Awaited<ReturnType<typeof uploaded>>['Parts']

const wrong: readonly [string, (parts: Parts) => Parts, string][] = [
  ['no parts', () => [], 'MalformedXML'],
  ['in another order', ([one, two]) => [two!, one!], 'InvalidPartOrder'],
  ['one twice', ([one]) => [one!, one!], 'InvalidPartOrder'],
  ['one that there is not', ([one]) => [one!, { PartNumber: 3, ETag: one!.ETag }], 'InvalidPart'],
  ['one of another tag', ([one, two]) => [one!, { ...two!, ETag: one!.ETag }], 'InvalidPart'],
]
test('an upload is completed with the parts that it has, or not at all', async (t) => {
  const { room } = await shop(t)
  const { upload, Parts } = await uploaded(room, [first, 'end'])
  for (const [title, listed, code] of wrong) {
    const MultipartUpload = { Parts: listed(Parts) }
    await refuses(t, room.s3.completeMultipartUpload({ ...upload, MultipartUpload }), code)
    await refuses(t, room.s3.getObject({ Bucket, Key }), 'NoSuchKey')
    t.is((await room.s3.listParts(upload)).Parts.length, 2, title)
  }
  await t.notThrowsAsync(room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } }))
})

for (const [size, fine] of [
  [5 * MB, true],
  [5 * MB - 1, false],
] as const) {
  test(`a part of ${size} bytes before another is ${fine ? 'enough' : 'too small'}`, async (t) => {
    const { room } = await shop(t)
    const { upload, Parts } = await uploaded(room, [LARGE.subarray(0, size), 'end'])
    const completed = room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } })
    if (fine) await t.notThrowsAsync(completed)
    else await refuses(t, completed, 'EntityTooSmall')
  })
}

test('parts have numbers from 1 to 10,000', async (t) => {
  const { room } = await shop(t)
  const { upload } = await uploaded(room, [])
  for (const PartNumber of [1, 10_000]) await t.notThrowsAsync(room.s3.uploadPart({ ...upload, PartNumber, Body: 'x' }))
  for (const PartNumber of [0, 10_001, 1.5])
    await refuses(t, room.s3.uploadPart({ ...upload, PartNumber, Body: 'x' }), 'InvalidArgument')
})

test('what is aborted leaves nothing', async (t) => {
  const folder = await temporary(t)
  const { room } = await shop(t, { memory: false, data: folder })
  const { upload, Parts } = await uploaded(room, [first, 'end'])
  await room.s3.abortMultipartUpload(upload)
  t.deepEqual(await readdir(join(folder, 's3')), [])
  for (const after of [
    room.s3.abortMultipartUpload(upload),
    room.s3.uploadPart({ ...upload, PartNumber: 1, Body: 'x' }),
    room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } }),
    room.s3.listParts(upload),
  ])
    await refuses(t, after, 'NoSuchUpload')
  t.deepEqual(await readdir(join(folder, 's3')), [])
})

test('a part that comes while its upload is aborted leaves nothing either', async (t) => {
  const folder = await temporary(t)
  const { room } = await shop(t, { memory: false, data: folder })
  for (let round = 0; round < 10; round++) {
    const { upload } = await uploaded(room, [])
    const part = room.s3.uploadPart({ ...upload, PartNumber: 1, Body: 'x' })
    for (let turns = 0; turns < 3 * round; turns++) await new Promise(setImmediate)
    const [, aborted] = await Promise.allSettled([part, room.s3.abortMultipartUpload(upload)])
    t.is(aborted.status, 'fulfilled')
    t.deepEqual(await readdir(join(folder, 's3')), [])
  }
})

test('of two who complete an upload one does, and both hear of it; so does who asks again', async (t) => {
  const { room, arn } = await shop(t)
  await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', arn) })
  const { upload, Parts } = await uploaded(room, ['all'])
  const complete = () => room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } })
  const [one, other] = await Promise.all([complete(), complete()])
  t.deepEqual(one, other)
  const { LastModified } = await room.s3.headObject({ Bucket, Key })
  await room.clock.advance('1 hour')
  t.deepEqual(await complete(), one)
  t.like(await room.s3.headObject({ Bucket, Key }), { LastModified, ETag: one.ETag })
  t.is(await got(room, Key), 'all')
})

test('an upload that is over is completed again with the same parts by who may, as long as its object is there', async (t) => {
  const { room, user } = await shop(t)
  const { upload, Parts } = await uploaded(room, [first, 'end'])
  const complete = ({ s3 }: Person, listed: typeof Parts) =>
    s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts: listed } })
  await complete(room, Parts)
  await refuses(t, complete(room, Parts.slice(0, 1)), 'NoSuchUpload')
  await refuses(t, complete(room, []), 'MalformedXML')
  await refuses(t, complete(user('nobody'), Parts), 'AccessDenied')
  await refuses(
    t,
    room.s3.completeMultipartUpload({ ...upload, Key: 'other', MultipartUpload: { Parts } }),
    'NoSuchUpload',
  )
  await refuses(t, room.s3.uploadPart({ ...upload, PartNumber: 1, Body: 'x' }), 'NoSuchUpload')
  await t.notThrowsAsync(complete(room, Parts))
  await room.s3.putObject({ Bucket, Key, Body: 'another' })
  await refuses(t, complete(room, Parts), 'NoSuchUpload')
})

for (const bucketKeys of [false, true]) {
  test(`the KMS is asked for a key once, and to open it for each part${bucketKeys ? ', but for Bucket Keys' : ''}`, async (t) => {
    const { room, arn } = await shop(t)
    await room.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', arn, bucketKeys) })
    const { upload, Parts } = await uploaded(room, [first, 'end'])
    const done = await room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } })
    t.like(done, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn })
    await room.s3.getObject({ Bucket, Key })
    const about = bucketKeys ? `arn:aws:s3:::${Bucket}` : `arn:aws:s3:::${Bucket}/${Key}`
    const opened = Array.from({ length: bucketKeys ? 1 : 4 }, () => `Decrypt ${about}`)
    t.deepEqual(await kmsLines(room), [`GenerateDataKey ${about}`, ...opened])
  })
}

test('who uploads in parts needs kms:Decrypt, too', async (t) => {
  const { room, user, arn } = await shop(t)
  const { UploadId } = await user('writer').s3.createMultipartUpload({
    ...{ Bucket, Key },
    ...{ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn },
  })
  const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }
  await refuses(t, user('writer').s3.uploadPart(part), 'AccessDenied', /kms:Decrypt/)
  const Parts = [{ PartNumber: 1, ...(await user('admin').s3.uploadPart(part)) }]
  const completion = { Bucket, Key, UploadId, MultipartUpload: { Parts } }
  await refuses(t, user('writer').s3.completeMultipartUpload(completion), 'AccessDenied', /kms:Decrypt/)
  await room.disableKey({ KeyId: arn })
  await refuses(t, user('admin').s3.uploadPart(part), 'KMS.DisabledException')
})

test('parts are copied from objects, whole or in ranges', async (t) => {
  const { room, arn } = await shop(t)
  const under = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn }
  await room.s3.putObject({ Bucket, Key: 'source', Body: LARGE, ...under })
  const { upload } = await uploaded(room, [])
  const copy = (PartNumber: number, CopySourceRange?: string) =>
    room.s3.uploadPartCopy({ ...upload, PartNumber, CopySource: `${Bucket}/source`, CopySourceRange })
  const Parts = []
  for (const [PartNumber, range] of [
    [1, undefined],
    [2, `bytes=${10 * MB}-${11 * MB - 1}`],
  ] as const)
    Parts.push({ PartNumber, ETag: (await copy(PartNumber, range)).CopyPartResult.ETag })
  for (const range of ['bytes=5-', 'bytes=0-1,2-3', `bytes=0-${11 * MB}`, 'all'])
    await refuses(t, copy(3, range), 'InvalidArgument')
  await room.s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } })
  const expected = Buffer.concat([LARGE, third])
  t.true(expected.equals(await bytesOf((await room.s3.getObject({ Bucket, Key })).Body)))
})

test('parts are listed in their order, a page at a time', async (t) => {
  const { room } = await shop(t)
  const { upload } = await uploaded(room, ['1', '22', '333'])
  await room.s3.uploadPart({ ...upload, PartNumber: 100, Body: '4444' })
  const page = await room.s3.listParts({ ...upload, MaxParts: 2 })
  t.like(page, { IsTruncated: true, NextPartNumberMarker: 2, MaxParts: 2 })
  const rest = await room.s3.listParts({ ...upload, PartNumberMarker: page.NextPartNumberMarker })
  t.false(rest.IsTruncated)
  const sizes = [...page.Parts, ...rest.Parts].map(({ PartNumber, Size }) => [PartNumber, Size])
  t.deepEqual(sizes, [
    [1, 1],
    [2, 2],
    [3, 3],
    [100, 4],
  ])
})

test('uploads are listed by key, a page at a time, and rolled up', async (t) => {
  const { room } = await shop(t)
  const keys = ['a', 'b', 'b', 'c/1', 'c/2', 'd']
  for (const key of keys) await room.s3.createMultipartUpload({ Bucket, Key: key })
  t.deepEqual(await pages(t, room, {}), keys)
  t.deepEqual(await pages(t, room, { Prefix: 'c/' }), ['c/1', 'c/2'])
  t.deepEqual(await pages(t, room, { Delimiter: '/' }), ['a', 'b', 'b', 'c/', 'd'])
  t.deepEqual(await pages(t, room, { KeyMarker: 'b' }), ['c/1', 'c/2', 'd'])
})

/** What is listed, one by one. */
async function pages(t: ExecutionContext, { s3 }: Person, input: object): Promise<string[]> {
  const found: string[] = []
  let from = input
  for (;;) {
    const page = await s3.listMultipartUploads({ Bucket, ...from, MaxUploads: 1 })
    found.push(...page.Uploads.map((upload) => upload.Key), ...page.CommonPrefixes.map(({ Prefix }) => Prefix))
    if (!page.IsTruncated) return found
    t.is(page.Uploads.length + page.CommonPrefixes.length, 1)
    from = { ...input, KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}
