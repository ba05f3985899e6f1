/** Tags of objects: where they come from, who may set them, and what they may be. */
import test from 'ava'
import { allow, arn, document, to } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, got, shop } from './scene.ts'

const at = { Bucket, Key: 'k' }
const TagSet = [
  { Key: 'ward', Value: '7' },
  { Key: 'phase', Value: 'a b' },
]

test('tags are set with the object or later, read, and taken away', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ ...at, Body: 'hello', Tagging: 'ward=7&phase=a+b' })
  t.deepEqual(await room.s3.getObjectTagging(at), { TagSet })
  t.is((await room.s3.headObject(at)).TagCount, 2)
  const others = [{ Key: 'ward', Value: '8' }]
  await room.s3.putObjectTagging({ ...at, Tagging: { TagSet: others } })
  t.deepEqual(await room.s3.getObjectTagging(at), { TagSet: others })
  await room.s3.deleteObjectTagging(at)
  t.deepEqual(await room.s3.getObjectTagging(at), { TagSet: [] })
  t.is((await room.s3.headObject(at)).TagCount, undefined)
  t.is(await got(room, 'k'), 'hello')
  await refuses(t, room.s3.getObjectTagging({ ...at, Key: 'none' }), 'NoSuchKey')
})

test('a copy has the same tags, unless it is told others; an upload in parts has its own', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ ...at, Body: 'hello', Tagging: 'ward=7&phase=a+b' })
  const CopySource = `${Bucket}/k`
  await room.s3.copyObject({ Bucket, Key: 'same', CopySource })
  await room.s3.copyObject({ Bucket, Key: 'other', CopySource, TaggingDirective: 'REPLACE', Tagging: 'n=1' })
  const { UploadId } = await room.s3.createMultipartUpload({ Bucket, Key: 'parts', Tagging: 'n=2' })
  const { ETag } = await room.s3.uploadPart({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'x' })
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
  await room.s3.completeMultipartUpload({ Bucket, Key: 'parts', UploadId, MultipartUpload })
  const tags = async (Key: string) => (await room.s3.getObjectTagging({ Bucket, Key })).TagSet
  t.deepEqual(await tags('same'), TagSet)
  t.deepEqual(await tags('other'), [{ Key: 'n', Value: '1' }])
  t.deepEqual(await tags('parts'), [{ Key: 'n', Value: '2' }])
})

test('a set of tags is whole, or none is set', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ ...at, Body: 'hello', Tagging: 'n=1' })
  for (const Tagging of [undefined, {}, { TagSet: [{ Key: 'a' }] }, { TagSet: [{ Value: 'a' }] }])
    await refuses(t, room.s3.putObjectTagging({ ...at, Tagging } as never), 'MalformedXML')
  t.deepEqual(await room.s3.getObjectTagging(at), { TagSet: [{ Key: 'n', Value: '1' }] })
  await room.s3.putObjectTagging({ ...at, Tagging: { TagSet: [] } })
  t.deepEqual(await room.s3.getObjectTagging(at), { TagSet: [] })
})

const many = (count: number) => Array.from({ length: count }, (_, n) => ({ Key: `k${n}`, Value: '' }))
const sets: readonly [string, typeof TagSet, string | undefined][] = [
  ['ten', many(10), undefined],
  ['eleven', many(11), 'BadRequest'],
  ['one twice', [TagSet[0]!, TagSet[0]!], 'InvalidTag'],
  ['a key of 128', [{ Key: 'k'.repeat(128), Value: 'v'.repeat(256) }], undefined],
  ['a key of 129', [{ Key: 'k'.repeat(129), Value: '' }], 'InvalidTag'],
  ['no key', [{ Key: '', Value: '' }], 'InvalidTag'],
  ['a value of 257', [{ Key: 'k', Value: 'v'.repeat(257) }], 'InvalidTag'],
]
test('which tags an object may have', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ ...at, Body: 'hello' })
  for (const [title, set, code] of sets) {
    const tagged = room.s3.putObjectTagging({ ...at, Tagging: { TagSet: set } })
    if (code === undefined) await t.notThrowsAsync(tagged, title)
    else await refuses(t, tagged, code)
  }
})

test('tags take leave of their own', async (t) => {
  const { room, user } = await shop(t)
  const Resource = `arn:aws:s3:::${Bucket}/*`
  const Policy = document(allow(['s3:PutObject', 's3:GetObjectTagging'], { ...to(arn.user('nobody')), Resource }))
  await room.s3.putBucketPolicy({ Bucket, Policy })
  const { s3 } = user('nobody')
  await s3.putObject({ ...at, Body: 'hello' })
  await t.notThrowsAsync(s3.getObjectTagging(at))
  for (const asked of [
    s3.putObject({ ...at, Body: 'hello', Tagging: 'n=1' }),
    s3.createMultipartUpload({ ...at, Tagging: 'n=1' }),
    s3.putObjectTagging({ ...at, Tagging: { TagSet } }),
  ])
    await refuses(t, asked, 'AccessDenied', /s3:PutObjectTagging/)
  await refuses(t, s3.deleteObjectTagging(at), 'AccessDenied', /s3:DeleteObjectTagging/)
})
