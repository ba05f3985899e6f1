/** S3 of a whole room, through its doors in process and over HTTP: what comes in comes out, and what must not be kept is not. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { StreamedRequest } from '../../../../src/http/message.ts'
import { Strongroom } from '../../../../src/index.ts'
import { signed, type Sending } from './standin.ts'

const Bucket = 'records'
const READER = { id: 'AKIAREADER', secret: 'reader' }
const ALL_OF_S3 = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }
const ACCOUNT = {
  id: '111122223333',
  accessKeys: [{ id: 'test', secret: 'test' }],
  users: [{ name: 'reader', accessKeys: [READER], policies: [{ name: 's3', document: ALL_OF_S3 }] }],
}
const MEGABYTES = Buffer.alloc(3 * 1024 * 1024, 'the record of a patient. ')

/** A room with a bucket, and a folder whose files can be looked at. */
async function scene(t: ExecutionContext) {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-s3-'))
  const log: string[] = []
  const room = await Strongroom.open({ data, accounts: [ACCOUNT], log: (line) => log.push(line) })
  t.teardown(async () => {
    await room.close()
    await rm(data, { recursive: true, force: true })
  })
  await room.s3.createBucket({ Bucket })
  return { room, log, folder: join(data, 's3'), ...clients(room) }
}

const clients = (room: Strongroom) => {
  const client = (
    { id, secret } = { id: 'test', secret: 'test' },
    way: object = { requestHandler: room.requestHandler() },
  ) =>
    new S3Client({
      region: 'us-east-1',
      credentials: { accessKeyId: id, secretAccessKey: secret },
      forcePathStyle: true,
      maxAttempts: 1,
      ...way,
    })
  return { client, s3: client() }
}

/** The same client, through a socket if it is to. */
async function through(door: string, { room, client, s3 }: Awaited<ReturnType<typeof scene>>): Promise<S3Client> {
  return door === 'over HTTP' ? client(undefined, { endpoint: (await room.listen()).url }) : s3
}

/** All that the service has written. */
async function filesOf(folder: string): Promise<Buffer[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(files.map((file) => readFile(join(file.parentPath, file.name))))
}

for (const door of ['without a socket', 'over HTTP']) {
  test(`an object goes in and out of the SDK ${door}`, async (t) => {
    const s3 = await through(door, await scene(t))
    const put = await s3.send(
      new PutObjectCommand({ Bucket, Key: 'a b/é', Body: 'hello', Metadata: { patient: 'one' } }),
    )
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b/é' }))
    t.like(got, { ETag: put.ETag, ContentLength: 5, Metadata: { patient: 'one' }, ServerSideEncryption: 'AES256' })
    t.is(await got.Body?.transformToString(), 'hello')
  })

  test(`streams go both ways ${door}, and only ciphertext is written`, async (t) => {
    const made = await scene(t)
    const { folder } = made
    const s3 = await through(door, made)
    const pieces = [MEGABYTES, MEGABYTES]
    const ContentLength = 2 * MEGABYTES.length
    const sse = { ServerSideEncryption: 'aws:kms' } as const
    await s3.send(new PutObjectCommand({ Bucket, Key: 'long', Body: Readable.from(pieces), ContentLength, ...sse }))
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'long' }))
    t.regex(got.SSEKMSKeyId ?? '', /^arn:aws:kms:us-east-1:111122223333:key\//)
    t.true(Buffer.concat(pieces).equals((await got.Body?.transformToByteArray()) ?? new Uint8Array()))
    const files = await filesOf(folder)
    t.true(files.length > 0)
    t.false(files.some((file) => file.includes('patient')))
  })
}

for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const) {
  test(`a stream’s ${ChecksumAlgorithm} comes at its end, is kept and told, and the client finds it right`, async (t) => {
    const { s3 } = await scene(t)
    const of = { Bucket, Key: 'sum' }
    const Body = Readable.from([MEGABYTES])
    const { length: ContentLength } = MEGABYTES
    const put = await s3.send(new PutObjectCommand({ ...of, Body, ContentLength, ChecksumAlgorithm }))
    const got = await s3.send(new GetObjectCommand({ ...of, ChecksumMode: 'ENABLED' }))
    t.truthy(put[`Checksum${ChecksumAlgorithm}`])
    t.is(got[`Checksum${ChecksumAlgorithm}`], put[`Checksum${ChecksumAlgorithm}`])
    t.is((await got.Body?.transformToByteArray())?.length, ContentLength)
  })
}

test('what has not changed is not sent again', async (t) => {
  const { s3 } = await scene(t)
  const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: 'key', Body: 'hello' }))
  const again = await t.throwsAsync(s3.send(new GetObjectCommand({ Bucket, Key: 'key', IfNoneMatch: ETag })))
  t.is((again as S3ServiceException).$metadata.httpStatusCode, 304)
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'key', IfNoneMatch: '"other"' }))
  t.is(await Body?.transformToString(), 'hello')
})

test('part of an object, and an object that is not there, are what the SDK says they are', async (t) => {
  const { s3 } = await scene(t)
  await s3.send(new PutObjectCommand({ Bucket, Key: 'key', Body: '0123456789' }))
  const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'key', Range: 'bytes=-3' }))
  t.deepEqual([part.ContentRange, await part.Body?.transformToString()], ['bytes 7-9/10', '789'])
  const errors = await Promise.all([
    t.throwsAsync(s3.send(new GetObjectCommand({ Bucket, Key: 'key', Range: 'bytes=10-' }))),
    t.throwsAsync(s3.send(new GetObjectCommand({ Bucket, Key: 'none' }))),
    t.throwsAsync(s3.send(new HeadObjectCommand({ Bucket, Key: 'none' }))),
    t.throwsAsync(s3.send(new PutObjectCommand({ Bucket: 'no-such-bucket', Key: 'key', Body: '' }))),
    t.throwsAsync(s3.send(new GetObjectCommand({ Bucket, Key: 'key', IfMatch: '"other"' }))),
    t.throwsAsync(s3.send(new CreateBucketCommand({ Bucket: 'Not A Name' }))),
  ])
  t.deepEqual(
    errors.map(({ name }) => name),
    ['InvalidRange', 'NoSuchKey', 'NotFound', 'NoSuchBucket', 'PreconditionFailed', 'InvalidBucketName'],
  )
})

test('objects are copied, listed and deleted', async (t) => {
  const { s3 } = await scene(t)
  const keys = ['a b', 'a+b', '%41', '//', '../up', 'tab\t\nline', '<&>"\'', '☃']
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
  await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${encodeURIComponent('a+b')}` }))
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }))
  t.deepEqual(Contents.map(({ Key }) => Key).sort(), [...keys, 'copy'].sort())
  for (const Key of keys) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }))
    t.is(await Body?.transformToString(), Key)
  }
  const Objects = Contents.map(({ Key }) => ({ Key }))
  const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
  t.is(Deleted?.length, keys.length + 1)
  t.is((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0)
})

test('rights to S3 do not open what a key of the KMS closes', async (t) => {
  const { room, client } = await scene(t)
  const { KeyMetadata } = await room.createKey()
  const SSEKMSKeyId = KeyMetadata!.KeyId
  const sealed = { Bucket, Key: 'sealed', Body: 'secret', ServerSideEncryption: 'aws:kms', SSEKMSKeyId } as const
  await client().send(new PutObjectCommand(sealed))
  await client().send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'for all' }))
  const reader = client(READER)
  const plain = await reader.send(new GetObjectCommand({ Bucket, Key: 'plain' }))
  t.is(await plain.Body?.transformToString(), 'for all')
  for (const command of [new GetObjectCommand({ Bucket, Key: 'sealed' }), new PutObjectCommand(sealed)]) {
    const error = await t.throwsAsync(reader.send(command), { instanceOf: S3ServiceException })
    t.is(error.name, 'AccessDenied')
    t.is(error.$metadata.httpStatusCode, 403)
    t.notRegex(error.message, /secret/)
  }
})

test('a Region that is cut off is dead for S3 as well', async (t) => {
  const { room, s3 } = await scene(t)
  await room.regions.down('us-east-1')
  await t.throwsAsync(s3.send(new ListObjectsV2Command({ Bucket })), { code: 'ECONNREFUSED' })
  const { url } = await room.listen()
  const request = await sent(url, { path: `/${Bucket}` })
  request.end()
  await t.throwsAsync(once(request, 'response'), { code: 'ECONNRESET' })
  await room.regions.up('us-east-1')
  t.is((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0)
})

test('a client hears what time it is in the room', async (t) => {
  const { room, client } = await scene(t)
  await room.clock.advance('2 hours')
  const way = { requestHandler: room.requestHandler() }
  const list = new ListObjectsV2Command({ Bucket })
  await t.throwsAsync(client(undefined, way).send(list), { name: 'RequestTimeTooSkewed' })
  t.is((await client(undefined, { ...way, maxAttempts: 2 }).send(list)).KeyCount, 0)
})

test('a signed request goes through fetch', async (t) => {
  const { room } = await scene(t)
  const fetched = async (sending: Sending) => {
    const { method, url, headers, body } = await signed({ ...sending, at: new Date() })
    const pieces: Uint8Array[] = []
    for await (const piece of body) pieces.push(piece)
    const content = pieces.length > 0 ? Buffer.concat(pieces) : undefined
    return room.fetch(new Request(`http://127.0.0.1:4599${url}`, { method, headers, body: content }))
  }
  const put = await fetched({ method: 'PUT', path: `/${Bucket}/key`, body: 'hello' })
  t.deepEqual([put.status, await put.text()], [200, ''])
  const got = await fetched({ path: `/${Bucket}/key` })
  t.deepEqual([got.status, await got.text()], [200, 'hello'])
  const gone = await fetched({ method: 'DELETE', path: `/${Bucket}/key` })
  t.deepEqual([gone.status, gone.body], [204, null])
  t.is((await fetched({ path: `/${Bucket}/key` })).status, 404)
})

/** A request over a socket, signed, of which the body is yet to be sent. */
async function sent(url: string, sending: Sending, edit = (request: StreamedRequest) => request) {
  const { method, url: target, headers } = edit(await signed({ ...sending, at: new Date() }))
  return httpRequest(url + target, { method, headers })
}

const PUT: Sending = { method: 'PUT', path: `/${Bucket}/key` }
const LENGTH = { 'content-length': String(2 * MEGABYTES.length) }
const UNSIGNED = { ...PUT, payload: 'UNSIGNED-PAYLOAD', headers: LENGTH }

test('a client that goes away in the midst of its object leaves nothing', async (t) => {
  const { room, log, folder } = await scene(t)
  const listener = await room.listen()
  const request = await sent(listener.url, UNSIGNED)
  request.on('error', () => {})
  await new Promise<void>((resolve) => request.write(MEGABYTES, () => resolve()))
  request.destroy()
  await listener.close()
  t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
  t.deepEqual(await filesOf(folder), [])
  t.deepEqual(log, [], 'nobody is to blame')
})

const BAD: [what: string, code: string, sending: Sending, body: string][] = [
  [
    'another body than was signed',
    'XAmzContentSHA256Mismatch',
    { ...PUT, headers: { 'content-length': '5' } },
    'HELLO',
  ],
  [
    'a chunk that nobody signed',
    'SignatureDoesNotMatch',
    {
      ...PUT,
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      headers: { 'content-length': '174', 'x-amz-decoded-content-length': '5' },
    },
    `5;chunk-signature=${'0'.repeat(64)}\r\nhello\r\n0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`,
  ],
  [
    'a wrong checksum at the end',
    'BadDigest',
    {
      ...PUT,
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      headers: {
        'content-length': '48',
        'x-amz-decoded-content-length': '5',
        'x-amz-trailer': 'x-amz-checksum-crc32',
      },
    },
    '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n',
  ],
]

for (const [what, code, sending, body] of BAD) {
  test(`${what} leaves nothing`, async (t) => {
    const { room, folder } = await scene(t)
    const { url } = await room.listen()
    const headers = { ...sending.headers, 'content-length': String(body.length) }
    const request = await sent(url, { ...sending, headers })
    request.end(body)
    const [response] = (await once(request, 'response')) as [Readable]
    t.regex((await response.toArray()).join(''), new RegExp(`<Code>${code}</Code>`))
    t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
    t.deepEqual(await filesOf(folder), [])
  })
}

test('an abort in process breaks the body off', async (t) => {
  const { room, s3, folder } = await scene(t)
  const abort = new AbortController()
  async function* body() {
    yield MEGABYTES
    abort.abort()
    yield MEGABYTES
  }
  const put = new PutObjectCommand({
    Bucket,
    Key: 'key',
    Body: Readable.from(body()),
    ContentLength: 2 * MEGABYTES.length,
  })
  await t.throwsAsync(s3.send(put, { abortSignal: abort.signal }), { name: 'AbortError' })
  t.is((await room.s3.listObjectsV2({ Bucket })).KeyCount, 0)
  await room.close()
  t.deepEqual(await filesOf(folder), [])
})
