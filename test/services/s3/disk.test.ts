/** What is on the disk: nothing readable, nothing that can be changed unnoticed, nothing left over, and everything after a restart. */
import { copyFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { Strongroom } from '../../../src/index.ts'
import { CHUNK, HEADER } from '../../../src/services/s3/sealed.ts'
import { refuses } from '../../helpers/scene.ts'
import { temporary } from './folder.ts'
import { Bucket, bytesOf, encryptedBy, got, pattern, shop, type Shop } from './scene.ts'

const STRIDE = CHUNK + 16

interface Kept extends Shop {
  data: string
  /** The files that objects are in. */
  files(): Promise<string[]>
}

/** A room that keeps what it has in a folder. */
async function kept(t: ExecutionContext): Promise<Kept> {
  const data = await temporary(t)
  const made = await shop(t, { memory: false, data })
  const files = async () => (await readdir(join(data, 's3'))).map((name) => join(data, 's3', name))
  return { ...made, data, files }
}

async function everything(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

for (const [title, configuration] of [
  ['S3’s own keys', encryptedBy('AES256')],
  ['a key of the KMS', encryptedBy('aws:kms')],
  ['Bucket Keys', encryptedBy('aws:kms', undefined, true)],
  ['two layers', encryptedBy('aws:kms:dsse')],
] as const) {
  test(`no file holds what an object says: ${title}`, async (t) => {
    const { room, data, files } = await kept(t)
    await room.s3.putBucketEncryption({ Bucket, ...configuration })
    const secret = 'the patient is well'
    const Body = secret.repeat(10_000)
    await room.s3.putObject({ Bucket, Key: 'k', Body })
    const { UploadId } = await room.s3.createMultipartUpload({ Bucket, Key: 'parts' })
    await room.s3.uploadPart({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body })
    t.is((await files()).length, 2)
    for (const file of await everything(data)) t.false((await readFile(file)).includes('patient is'), file)
    for (const file of await files()) t.is((await stat(file)).mode & 0o777, 0o600)
    t.is((await stat(join(data, 's3'))).mode & 0o777, 0o700)
    t.is(await got(room, 'k'), Body)
  })
}

type Tamper = (file: string, other: string) => Promise<void>

const edit =
  (change: (bytes: Buffer, other: Buffer) => Buffer): Tamper =>
  async (file, other) =>
    writeFile(file, change(await readFile(file), await readFile(other)))

const flip = (at: number) =>
  edit((bytes) => {
    bytes[at < 0 ? bytes.length + at : at]! ^= 1
    return bytes
  })
const chunk = (bytes: Buffer, index: number) => bytes.subarray(HEADER + index * STRIDE, HEADER + (index + 1) * STRIDE)

const tampered: readonly [string, Tamper][] = [
  ['a bit of the format', flip(0)],
  ['a bit of the salt', flip(HEADER - 1)],
  ['a bit of the first chunk', flip(HEADER)],
  ['a bit of the first tag', flip(HEADER + STRIDE - 1)],
  ['a bit of the last chunk', flip(-17)],
  ['a bit of the last tag', flip(-1)],
  ['the last chunk is missing', (file) => truncate(file, HEADER + 2 * STRIDE)],
  ['a byte is missing', edit((bytes) => bytes.subarray(0, -1))],
  ['a byte too many', edit((bytes) => Buffer.concat([bytes, Buffer.alloc(1)]))],
  ['all but the header is missing', (file) => truncate(file, HEADER)],
  ['nothing is left', (file) => truncate(file, 0)],
  [
    'two chunks changed places',
    edit((bytes) => {
      const rest = bytes.subarray(HEADER + 2 * STRIDE)
      return Buffer.concat([bytes.subarray(0, HEADER), chunk(bytes, 1), chunk(bytes, 0), rest])
    }),
  ],
  [
    'a chunk came twice',
    edit((bytes) => {
      const rest = bytes.subarray(HEADER + 2 * STRIDE)
      return Buffer.concat([bytes.subarray(0, HEADER), chunk(bytes, 0), chunk(bytes, 0), rest])
    }),
  ],
  [
    'a chunk of another object',
    edit((bytes, other) => {
      chunk(other, 1).copy(chunk(bytes, 1))
      return bytes
    }),
  ],
  ['another object’s file', (file, other) => copyFile(other, file)],
]

// Bucket Keys, so that both objects are under one data key.
for (const [name, configuration] of [
  ['S3’s own keys', encryptedBy('AES256')],
  ['Bucket Keys', encryptedBy('aws:kms', undefined, true)],
] as const) {
  test(`what was changed on the disk is not handed out: ${name}`, async (t) => {
    const logged: string[] = []
    const data = await temporary(t)
    const { room } = await shop(t, { memory: false, data, log: (line) => logged.push(line) })
    await room.s3.putBucketEncryption({ Bucket, ...configuration })
    const bytes = pattern(2 * CHUNK + 1000)
    for (const [title, tamper] of tampered) {
      const before = new Set(await readdir(join(data, 's3')).catch(() => []))
      await room.s3.putObject({ Bucket, Key: `${title} other`, Body: bytes })
      const [other] = (await readdir(join(data, 's3'))).filter((name) => !before.has(name))
      await room.s3.putObject({ Bucket, Key: title, Body: bytes })
      const [file] = (await readdir(join(data, 's3'))).filter((name) => !before.has(name) && name !== other)
      await tamper(join(data, 's3', file!), join(data, 's3', other!))
      const received: Uint8Array[] = []
      const read = (async () => {
        const { Body } = await room.s3.getObject({ Bucket, Key: title })
        for await (const piece of Body) received.push(piece)
      })()
      await refuses(t, read, 'InternalError', 'We encountered an internal error. Please try again.')
      const got = Buffer.concat(received)
      t.true(got.length < bytes.length && bytes.subarray(0, got.length).equals(got), `${title}: only what is sure`)
      t.true(logged.pop()!.includes(file!))
      t.true(bytes.equals(await bytesOf((await room.s3.getObject({ Bucket, Key: `${title} other` })).Body)))
    }
  })
}

test('a range is read from its chunks alone, whatever became of others', async (t) => {
  const { room, files } = await kept(t)
  const bytes = pattern(4 * CHUNK)
  await room.s3.putObject({ Bucket, Key: 'k', Body: bytes })
  const [file] = await files()
  await flip(HEADER + 2 * STRIDE)(file!, file!)
  const range = (Range: string) => room.s3.getObject({ Bucket, Key: 'k', Range })
  t.true(bytes.subarray(0, 2 * CHUNK).equals(await bytesOf((await range(`bytes=0-${2 * CHUNK - 1}`)).Body)))
  t.true(bytes.subarray(3 * CHUNK).equals(await bytesOf((await range(`bytes=${3 * CHUNK}-`)).Body)))
  await refuses(t, range(`bytes=${2 * CHUNK}-${2 * CHUNK}`), 'InternalError')
})

test('a file that is missing is said to be', async (t) => {
  const { room, files } = await kept(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  await rm((await files())[0]!)
  await refuses(t, room.s3.getObject({ Bucket, Key: 'k' }), 'InternalError')
})

test('parts of an upload cannot take each other’s place', async (t) => {
  const { room, files } = await kept(t)
  const { UploadId } = await room.s3.createMultipartUpload({ Bucket, Key: 'k' })
  const Parts = []
  for (const PartNumber of [1, 2]) {
    const Body = Buffer.alloc(5 * 1024 ** 2, PartNumber)
    const { ETag } = await room.s3.uploadPart({ Bucket, Key: 'k', UploadId, PartNumber, Body })
    Parts.push({ PartNumber, ETag })
  }
  await room.s3.completeMultipartUpload({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } })
  const [one, two] = await files()
  const held = await readFile(one!)
  await copyFile(two!, one!)
  await writeFile(two!, held)
  await refuses(t, room.s3.getObject({ Bucket, Key: 'k' }), 'InternalError')
})

test('everything is there after a restart, and what a crash left behind is not', async (t) => {
  const data = await temporary(t)
  const before = await Strongroom.open({ data })
  await before.s3.createBucket({ Bucket })
  await before.s3.putBucketEncryption({ Bucket, ...encryptedBy('aws:kms', undefined, true) })
  await before.s3.putObject({ Bucket, Key: 'k', Body: 'hello', Metadata: { n: '1' } })
  const { UploadId } = await before.s3.createMultipartUpload({ Bucket, Key: 'parts' })
  const { ETag } = await before.s3.uploadPart({ Bucket, Key: 'parts', UploadId, PartNumber: 1, Body: 'part' })
  await before.close()
  const there = await readdir(join(data, 's3'))
  for (const left of [`${'0'.repeat(32)}.draft`, 'f'.repeat(32)]) await writeFile(join(data, 's3', left), 'left')

  const room = await Strongroom.open({ data })
  t.teardown(() => room.close())
  t.is(await got(room, 'k'), 'hello')
  t.deepEqual((await readdir(join(data, 's3'))).toSorted(), there.toSorted())
  t.like(await room.s3.headObject({ Bucket, Key: 'k' }), { Metadata: { n: '1' }, BucketKeyEnabled: true })
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] }
  await room.s3.completeMultipartUpload({ Bucket, Key: 'parts', UploadId, MultipartUpload })
  t.is(await got(room, 'parts'), 'part')
})

test('a seeded room that opens again writes over nothing', async (t) => {
  const data = await temporary(t)
  const room = () => Strongroom.open({ data, seed: 7 })
  const before = await room()
  await before.s3.createBucket({ Bucket })
  await before.s3.putObject({ Bucket, Key: 'before', Body: 'before' })
  const first = await before.s3.createMultipartUpload({ Bucket, Key: 'parts' })
  await before.close()
  const after = await room()
  t.teardown(() => after.close())
  await after.s3.putObject({ Bucket, Key: 'after', Body: 'after' })
  t.is(await got(after, 'before'), 'before')
  t.is(await got(after, 'after'), 'after')
  const uploads = Array.from({ length: 3 }, () => after.s3.createMultipartUpload({ Bucket, Key: 'parts' }))
  t.is(new Set([first, ...(await Promise.all(uploads))].map(({ UploadId }) => UploadId)).size, 4)
})

test('whoever comes last stays, and nothing else does', async (t) => {
  const { room, files } = await kept(t)
  const bodies = Array.from({ length: 12 }, (_, n) => `body ${n}`)
  await Promise.all(bodies.map((Body) => room.s3.putObject({ Bucket, Key: 'k', Body })))
  t.true(bodies.includes(await got(room, 'k')))
  t.is((await files()).length, 1)
  await Promise.all([
    ...bodies.map((Body) => room.s3.putObject({ Bucket, Key: 'k', Body })),
    ...bodies.map(() => room.s3.deleteObject({ Bucket, Key: 'k' })),
    ...bodies.map(() => got(room, 'k').catch(() => undefined)),
  ])
  await room.s3.deleteObject({ Bucket, Key: 'k' })
  t.deepEqual(await files(), [])
})

test('a body that fails, or is refused, leaves no file', async (t) => {
  const { room, files } = await kept(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: 'hello' })
  async function* broken() {
    yield pattern(3 * CHUNK)
    throw new TypeError('the client hung up')
  }
  await t.throwsAsync(room.s3.putObject({ Bucket, Key: 'k', Body: broken() }), { instanceOf: TypeError })
  await refuses(t, room.s3.putObject({ Bucket, Key: 'k', Body: 'x', IfNoneMatch: '*' }), 'PreconditionFailed')
  await refuses(t, room.s3.putObject({ Bucket, Key: 'k', Body: 'x', ContentLength: 2 }), 'IncompleteBody')
  const Checksum = () => {
    throw new TypeError('the checksum is another')
  }
  await t.throwsAsync(room.s3.putObject({ Bucket, Key: 'k', Body: 'x', Checksum }), { instanceOf: TypeError })
  t.is((await files()).length, 1)
  t.is(await got(room, 'k'), 'hello')
})

test('a body left unread keeps no file open, and its object may go', async (t) => {
  const { room, files } = await kept(t)
  await room.s3.putObject({ Bucket, Key: 'k', Body: pattern(3 * CHUNK) })
  const { Body } = await room.s3.getObject({ Bucket, Key: 'k' })
  await room.s3.deleteObject({ Bucket, Key: 'k' })
  t.is((await files()).length, 1)
  await Body[Symbol.asyncIterator]().return!()
  while ((await files()).length > 0) await new Promise(setImmediate)
  t.pass()
})
