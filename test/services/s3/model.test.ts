/** Whatever is done in whatever order, and however often the room opens again: objects are as in a map, and files as objects. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Strongroom } from '../../../src/index.ts'
import { temporary } from './folder.ts'
import { numbers } from './numbers.ts'
import { Bucket, encryptedBy, got, pattern } from './scene.ts'

const CHUNK = 64 * 1024
const KEYS = ['a', 'b', 'c/d', 'c/e']
const WAYS = [
  {},
  { ServerSideEncryption: 'AES256' },
  { ServerSideEncryption: 'aws:kms' },
  { ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true },
  { ServerSideEncryption: 'aws:kms:dsse' },
]

for (let seed = 1; seed <= 3; seed++) {
  test(`objects are as in a map (seed ${seed})`, async (t) => {
    const data = await temporary(t)
    const next = numbers(seed)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
    const bodyOf = () => pattern(Math.floor(next() * pick([10, 1000, 2 * CHUNK]))).toString('latin1')
    let room = await Strongroom.open({ data })
    t.teardown(() => room.close())
    await room.s3.createBucket({ Bucket })
    const model = new Map<string, string>()

    const acts: Readonly<Record<string, (Key: string) => Promise<void>>> = {
      async put(Key) {
        const Body = bodyOf()
        await room.s3.putObject({ Bucket, Key, Body, ...pick(WAYS) })
        model.set(Key, Body)
      },
      async copy(Key) {
        const source = pick([...model.keys()])
        if (source === undefined || source === Key) return
        await room.s3.copyObject({ Bucket, Key, CopySource: `${Bucket}/${encodeURIComponent(source)}`, ...pick(WAYS) })
        model.set(Key, model.get(source)!)
      },
      async delete(Key) {
        await room.s3.deleteObject({ Bucket, Key })
        model.delete(Key)
      },
      async upload(Key) {
        const upload = await room.s3.createMultipartUpload({ Bucket, Key, ...pick(WAYS) })
        const Body = bodyOf()
        const { ETag } = await room.s3.uploadPart({ ...upload, PartNumber: 7, Body })
        await room.s3.uploadPart({ ...upload, PartNumber: 8, Body: 'nobody wants it' })
        if (next() < 0.3) {
          await room.s3.abortMultipartUpload(upload)
          return
        }
        const MultipartUpload = { Parts: [{ PartNumber: 7, ETag }] }
        await room.s3.completeMultipartUpload({ ...upload, MultipartUpload })
        model.set(Key, Body)
      },
      async refused(Key) {
        const put = room.s3.putObject({ Bucket, Key, Body: bodyOf(), IfMatch: '"another"' })
        await t.throwsAsync(put)
      },
      async defaults() {
        await room.s3.putBucketEncryption({ Bucket, ...encryptedBy(pick(['AES256', 'aws:kms'] as const)) })
      },
      async reopen() {
        await room.close()
        room = await Strongroom.open({ data })
      },
    }

    await acts['put']!('a')
    for (let round = 0; round < 40; round++) {
      const name = pick(Object.keys(acts).filter((act) => act !== 'reopen' || next() < 0.3))
      await acts[name]!(pick(KEYS))
      const told = `seed ${seed}, round ${round}: ${name}`
      const { Contents } = await room.s3.listObjectsV2({ Bucket })
      t.deepEqual(
        Contents.map(({ Key, Size }) => [Key, Size]),
        [...model].map(([key, body]): [string, number] => [key, Buffer.byteLength(body)]).toSorted(),
        told,
      )
      for (const [key, body] of model) t.true((await got(room, key)) === body, told)
      t.is((await readdir(join(data, 's3'))).length, model.size, told)
    }
  })
}
