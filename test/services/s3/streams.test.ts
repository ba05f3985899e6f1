/** Large bodies flow: nothing is taken in before what came is written, and nothing is read before it is asked for. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { CHUNK } from '../../../src/services/s3/sealed.ts'
import { refuses } from '../../helpers/scene.ts'
import { temporary } from './folder.ts'
import { Bucket, pattern, shop } from './scene.ts'

test('a body is taken in as fast as it is written, and no faster', async (t) => {
  const data = await temporary(t)
  const { room } = await shop(t, { memory: false, data })
  const folder = join(data, 's3')
  const piece = pattern(CHUNK)
  let ahead = 0
  async function* body() {
    for (let sent = 0; sent < 200; sent++) {
      const [draft] = await readdir(folder)
      ahead = Math.max(ahead, sent * CHUNK - (await stat(join(folder, draft!))).size)
      yield piece
    }
  }
  await room.s3.putObject({ Bucket, Key: 'k', Body: body() })
  t.is((await room.s3.headObject({ Bucket, Key: 'k' })).ContentLength, 200 * CHUNK)
  t.true(ahead <= CHUNK, `${ahead} bytes were waiting`)
})

test('a body is read as far as it is asked for, and no farther', async (t) => {
  const data = await temporary(t)
  const { room } = await shop(t, { memory: false, data })
  await room.s3.putObject({ Bucket, Key: 'k', Body: pattern(20 * CHUNK) })
  const { Body } = await room.s3.getObject({ Bucket, Key: 'k' })
  const chunks = Body[Symbol.asyncIterator]()
  for (let n = 0; n < 3; n++) t.is(((await chunks.next()).value as Uint8Array).length, CHUNK)
  // Whatever was read ahead would come as it was.
  const file = join(data, 's3', (await readdir(join(data, 's3')))[0]!)
  const { length } = await readFile(file)
  await writeFile(file, Buffer.alloc(length))
  await refuses(t, chunks.next(), 'InternalError')
  t.true((await chunks.next()).done)
})
