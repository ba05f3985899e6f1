/** Clients of S3 that mean harm: requests that are begun and not ended, fields that cannot be sent, bodies that never end. */
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Strongroom } from '../../src/index.ts'
import { placeOf } from '../../src/services/s3/http/routes.ts'
import { signed, standIn, type Sending } from '../services/s3/http/standin.ts'

const Bucket = 'records'
const LARGE = Buffer.alloc(3 * 1024 * 1024, 'x')

/** A room with a bucket and a large object, that listens; and what is in its folder. */
async function scene(t: ExecutionContext) {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-s3-'))
  const accounts = [{ id: '000000000000', accessKeys: [{ id: 'test', secret: 'test' }] }]
  const room = await Strongroom.open({ data, accounts })
  t.teardown(async () => {
    await room.close()
    await rm(data, { recursive: true, force: true })
  })
  await room.s3.createBucket({ Bucket })
  await room.s3.putObject({ Bucket, Key: 'large', Body: LARGE })
  return { room, files: () => readdir(join(data, 's3')), ...(await room.listen()) }
}

/** A request whose body does not come, under way. */
async function begun(port: number, sending: Sending, extra: Record<string, string> = {}) {
  const { method, url, headers } = await signed({ at: new Date(), ...sending })
  const request = httpRequest({ host: '127.0.0.1', port, method, path: url, headers: { ...headers, ...extra } })
  request.on('error', () => undefined)
  return request
}

/** Files that go once nobody reads them any more; some time is given for that. */
async function isEmpty(files: () => Promise<string[]>): Promise<boolean> {
  for (let tries = 0; tries < 100 && (await files()).length > 0; tries++) await setTimeout(20)
  return (await files()).length === 0
}

// Readers who leave ---------------------------------------------------------------------------------

const LEAVING: [sentence: string, leave: (port: number) => Promise<void>][] = [
  [
    'who leaves before the answer, with a body yet to send',
    async (port) => {
      const request = await begun(port, { path: `/${Bucket}/large` }, { 'content-length': '10' })
      request.write('12345')
      await setTimeout(200)
      request.destroy()
    },
  ],
  [
    'who leaves in the middle of the answer',
    async (port) => {
      const request = await begun(port, { path: `/${Bucket}/large` })
      request.end()
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
      await once(response, 'readable')
      request.destroy()
    },
  ],
  [
    'who asks for a field of the answer that cannot be sent',
    async (port) => {
      const query = { 'response-content-type': 'text/plain\r\nx-evil: yes' }
      const request = await begun(port, { path: `/${Bucket}/large`, query })
      request.end()
      await once(request, 'response').catch(() => undefined)
      request.destroy()
    },
  ],
]

for (const [sentence, leave] of LEAVING) {
  test(`a reader ${sentence}, keeps no file from being removed`, async (t) => {
    const { room, port, files } = await scene(t)
    t.is((await files()).length, 1)
    await leave(port)
    await room.s3.deleteObject({ Bucket, Key: 'large' })
    t.true(await isEmpty(files))
  })
}

test('a client in process that gives up, keeps no file from being removed', async (t) => {
  const { room, files } = await scene(t)
  const client = new S3Client({
    ...{ region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 },
    ...{ credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, requestHandler: room.requestHandler() },
  })
  const controller = new AbortController()
  const command = new GetObjectCommand({ Bucket, Key: 'large' })
  const got = client.send(command, { abortSignal: controller.signal })
  await setTimeout(1)
  controller.abort()
  await t.throwsAsync(got, { name: 'AbortError' })
  await room.s3.deleteObject({ Bucket, Key: 'large' })
  t.true(await isEmpty(files))
})

// What cannot be sent -------------------------------------------------------------------------------

const FIELDS: [sentence: string, value: string, status: number][] = [
  ['plain text is sent', 'text/plain; charset=latin1', 200],
  ['what Latin-1 has is sent', 'attachment; filename=é', 200],
  ['a line break is refused', 'text/plain\r\nx-evil: yes', 400],
  ['what Latin-1 has not is refused', 'attachment; filename=\u4e2d', 400],
]

for (const [sentence, value, status] of FIELDS) {
  test(`of fields that a request asks its answer to have, ${sentence}`, async (t) => {
    const { send } = standIn()
    const query = { 'response-content-disposition': value }
    const answer = await send(signed({ path: `/${Bucket}/key`, query }))
    t.is(answer.status, status)
    t.is(answer.code, status === 200 ? undefined : 'InvalidArgument')
  })
}

// What cannot be read -------------------------------------------------------------------------------

const SCOPE = 'test/20260301/us-east-1/s3/aws4_request'
const HEADERS: [sentence: string, authorization: string, code: string][] = [
  ['without a signature', `Credential=${SCOPE}, SignedHeaders=host`, 'AuthorizationHeaderMalformed'],
  ['with an empty field', `Credential=${SCOPE},, SignedHeaders=host`, 'AuthorizationHeaderMalformed'],
  ['with a word alone', `Credential=${SCOPE}, Signature`, 'AuthorizationHeaderMalformed'],
  ['with all it needs', `Credential=${SCOPE}, SignedHeaders=host, Signature=0`, 'AccessDenied'],
]

for (const [sentence, fields, code] of HEADERS) {
  test(`an authorization ${sentence} is refused with ${code}, and is no fault of ours`, async (t) => {
    const { send, log } = standIn()
    const request = await signed({ path: `/${Bucket}/key` })
    const headers = { ...request.headers, authorization: `AWS4-HMAC-SHA256 ${fields}` }
    t.is((await send({ ...request, headers })).code, code)
    t.deepEqual(log, [])
  })
}

test('trailers without end are read no further than what was announced', async (t) => {
  let lines = 0
  async function* body() {
    yield Buffer.from('0\r\n')
    // Far fewer than a client could send, and far more than it should.
    for (; lines < 10_000; lines++) yield await Promise.resolve(Buffer.from(`x-amz-meta-${lines}: a\r\n`))
  }
  const { send } = standIn()
  const told = { 'x-amz-decoded-content-length': '0', 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const payload = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
  const request = await signed({ method: 'PUT', path: `/${Bucket}/key`, headers: told, payload })
  t.is((await send({ ...request, body: body() })).code, 'MalformedTrailerError')
  t.true(lines < 10, `${lines} were read`)
})

const HOSTS: [host: string, bucket: string | undefined][] = [
  ['records.s3.localhost:4599', 'records'],
  ['records.s3.eu-central-1.amazonaws.com', 'records'],
  ['records.s3.dualstack.cn-north-1.amazonaws.com.cn', 'records'],
  ['records.s3-eu-central-1.amazonaws.com', 'records'],
  ['records.s3x.amazonaws.com', undefined],
  ['s3.localhost', undefined],
  // Among which nobody tries out all the ways to part them.
  [`records.s3${'-a'.repeat(2000)}!`, undefined],
  [`records.s3${'.-'.repeat(2000)}!`, undefined],
]

for (const [host, bucket] of HOSTS) {
  test(`the bucket in the host ${host.slice(0, 60)} is ${bucket}`, (t) => {
    const place = placeOf({ method: 'GET', url: '/a/b', headers: { host } })
    t.deepEqual(place, bucket === undefined ? { Bucket: 'a', Key: 'b' } : { Bucket: bucket, Key: 'a/b' })
  })
}
