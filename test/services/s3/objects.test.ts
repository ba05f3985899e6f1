/** Objects come back as they were put: whole, in part, on conditions, copied; and not at all once deleted. */
import test from 'ava'
import { Bucket, shop, textOf } from './scene.ts'

test('what was put comes back', async (t) => {
  const { room } = await shop(t)
  await room.s3.putObject({ Bucket, Key: 'a/b', Body: 'hello', Metadata: { who: 'me' } })
  const { Body, ...rest } = await room.s3.getObject({ Bucket, Key: 'a/b' })
  t.is(await textOf(Body), 'hello')
  t.like(rest, { ContentLength: 5, Metadata: { who: 'me' }, ServerSideEncryption: 'AES256' })
  t.is(rest.ETag, '"5d41402abc4b2a76b9719d911017c592"')
  const { Contents } = await room.s3.listObjectsV2({ Bucket })
  t.deepEqual(
    Contents.map(({ Key, Size }) => [Key, Size]),
    [['a/b', 5]],
  )
})
