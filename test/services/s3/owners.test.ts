/** ExpectedBucketOwner: whoever takes a bucket for an account's own finds out when it is another's, and does nothing to it. */
import test from 'ava'
import { AWAY, HOME } from '../../authorize/stage.ts'
import { refuses } from '../../helpers/scene.ts'
import { Bucket, encryptedBy, got, shop, type Shop } from './scene.ts'

const Key = 'k'
const CopySource = `${Bucket}/${Key}`
const UploadId = 'u'

type Ask = (s3: Shop['room']['s3'], owner: { readonly ExpectedBucketOwner: string }) => Promise<unknown>

const ASKS: Readonly<Record<string, Ask>> = {
  headBucket: (s3, owner) => s3.headBucket({ Bucket, ...owner }),
  getBucketLocation: (s3, owner) => s3.getBucketLocation({ Bucket, ...owner }),
  putBucketEncryption: (s3, owner) => s3.putBucketEncryption({ Bucket, ...encryptedBy('AES256'), ...owner }),
  getBucketEncryption: (s3, owner) => s3.getBucketEncryption({ Bucket, ...owner }),
  listObjects: (s3, owner) => s3.listObjects({ Bucket, ...owner }),
  listObjectsV2: (s3, owner) => s3.listObjectsV2({ Bucket, ...owner }),
  listMultipartUploads: (s3, owner) => s3.listMultipartUploads({ Bucket, ...owner }),
  putObject: (s3, owner) => s3.putObject({ Bucket, Key, Body: 'hello', ...owner }),
  getObject: (s3, owner) => s3.getObject({ Bucket, Key, ...owner }),
  headObject: (s3, owner) => s3.headObject({ Bucket, Key, ...owner }),
  copyObject: (s3, owner) => s3.copyObject({ Bucket, Key: 'copy', CopySource, ...owner }),
  getObjectTagging: (s3, owner) => s3.getObjectTagging({ Bucket, Key, ...owner }),
  createMultipartUpload: (s3, owner) => s3.createMultipartUpload({ Bucket, Key, ...owner }),
  deleteObjects: (s3, owner) => s3.deleteObjects({ Bucket, Delete: { Objects: [{ Key: 'copy' }] }, ...owner }),
}

for (const [title, ask] of Object.entries(ASKS)) {
  test(`${title} of the account that was expected, and of no other`, async (t) => {
    const { room } = await shop(t)
    await room.s3.putObject({ Bucket, Key, Body: 'hello' })
    await refuses(t, ask(room.s3, { ExpectedBucketOwner: AWAY }), 'AccessDenied')
    await refuses(t, ask(room.s3, { ExpectedBucketOwner: 'me' }), 'InvalidBucketOwnerAWSAccountID')
    t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 1)
    await t.notThrowsAsync(ask(room.s3, { ExpectedBucketOwner: HOME }))
  })
}

test('what is deleted, or done to an upload, is of the account that was expected', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key, Body: 'hello' })
  const owner = { ExpectedBucketOwner: AWAY }
  for (const refused of [
    room.s3.deleteObject({ Bucket, Key, ...owner }),
    room.s3.deleteBucket({ Bucket, ...owner }),
    room.s3.putBucketPolicy({ Bucket, Policy: '', ...owner }),
    room.s3.uploadPart({ Bucket, Key, UploadId, PartNumber: 1, Body: '', ...owner }),
    room.s3.completeMultipartUpload({ Bucket, Key, UploadId, ...owner }),
  ])
    await refuses(t, refused, 'AccessDenied')
  t.is(await got(room, Key), 'hello')
})

test('the source of a copy has an owner of its own', async (t) => {
  const { room, partner } = await shop(t)
  await room.s3.putObject({ Bucket, Key, Body: 'hello' })
  await partner.s3.createBucket({ Bucket: 'theirs' })
  await partner.s3.putObject({ Bucket: 'theirs', Key, Body: 'theirs' })
  const copy = (CopySource: string, ExpectedSourceBucketOwner: string) =>
    room.s3.copyObject({ Bucket, Key: 'copy', CopySource, ExpectedSourceBucketOwner, ExpectedBucketOwner: HOME })
  await refuses(t, copy(`theirs/${Key}`, HOME), 'AccessDenied')
  await refuses(t, copy(CopySource, AWAY), 'AccessDenied')
  await copy(CopySource, HOME)
  t.is(await got(room, 'copy'), 'hello')
})
