/** The JavaScript SDK without a socket, in front of a service that only pretends. */
import {
  DecryptCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  InvalidCiphertextException,
  KMSClient,
  KMSServiceException,
  NotFoundException,
  paginateListKeys,
} from '@aws-sdk/client-kms'
import test from 'ava'
import { fail } from '../../src/errors.ts'
import { toFetch } from '../../src/http/fetch.ts'
import { createHandler } from '../../src/http/handler.ts'
import { SdkHandler } from '../../src/http/sdk.ts'
import { defaultAccounts } from '../../src/identity.ts'
import { book } from './book.ts'
import { signed } from './sign.ts'

const CREATED = new Date('2026-03-01T12:00:00.500Z')

type Serve = (name: string, input: never, context: object) => unknown

const handler = (serve: Serve) =>
  createHandler({
    service: { call: (name, input, context) => serve(name, input as never, context) },
    identities: book(defaultAccounts()),
    now: () => new Date(),
    log: () => {},
    ready: () => true,
  })

const client = (serve: Serve, secretAccessKey = 'test') =>
  new KMSClient({
    region: 'ap-southeast-4',
    credentials: { accessKeyId: 'test', secretAccessKey },
    requestHandler: new SdkHandler(handler(serve)),
    maxAttempts: 1,
  })

test('bytes and times arrive as bytes and times, both ways', async (t) => {
  const kms = client((name, input: { CiphertextBlob: Uint8Array }) =>
    name === 'Decrypt'
      ? { KeyId: 'k', Plaintext: input.CiphertextBlob }
      : { KeyMetadata: { KeyId: 'k', CreationDate: CREATED, Enabled: true } },
  )
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob: new Uint8Array([0, 255, 7]) }))
  t.deepEqual([...(Plaintext ?? [])], [0, 255, 7])
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: 'k' }))
  t.deepEqual(KeyMetadata?.CreationDate, CREATED)
})

test('the Region is the client’s', async (t) => {
  let seen: unknown
  await client((_name, _input, context) => {
    seen = context
    return {}
  }).send(new DescribeKeyCommand({ KeyId: 'k' }))
  t.like(seen, { region: 'ap-southeast-4', caller: { account: '000000000000' } })
})

test('an operation without an answer resolves, with the request id', async (t) => {
  const { $metadata } = await client(() => undefined).send(new EnableKeyCommand({ KeyId: 'k' }))
  t.is($metadata.httpStatusCode, 200)
  t.regex($metadata.requestId ?? '', /^[0-9a-f-]{36}$/)
})

test('errors are the SDK’s own classes', async (t) => {
  const kms = client((name) =>
    name === 'Decrypt' ? fail('InvalidCiphertextException') : fail('NotFoundException', "Key 'k' does not exist"),
  )
  const missing = await t.throwsAsync(kms.send(new DescribeKeyCommand({ KeyId: 'k' })))
  t.true(missing instanceof NotFoundException)
  t.is(missing.message, "Key 'k' does not exist")
  const garbled = await t.throwsAsync(kms.send(new DecryptCommand({ CiphertextBlob: new Uint8Array([1]) })))
  t.true(garbled instanceof InvalidCiphertextException)
})

test('AccessDeniedException keeps its message', async (t) => {
  const error = await t.throwsAsync(
    client(() => fail('AccessDeniedException', 'User: x is not authorized')).send(
      new DescribeKeyCommand({ KeyId: 'k' }),
    ),
  )
  t.is(error.name, 'AccessDeniedException')
  t.is(error.message, 'User: x is not authorized')
})

test('our own faults are faults, and nothing more', async (t) => {
  const broken = client(() => {
    throw new Error('secret')
  })
  const error = await t.throwsAsync(broken.send(new DescribeKeyCommand({ KeyId: 'k' })))
  t.true(error instanceof KMSServiceException)
  t.is(error.name, 'KMSInternalException')
  t.notRegex(JSON.stringify(error), /secret/)
})

test('a wrong secret is refused here, too', async (t) => {
  const error = await t.throwsAsync(client(() => ({}), 'wrong').send(new DescribeKeyCommand({ KeyId: 'k' })))
  t.is(error.name, 'InvalidSignatureException')
})

test('the SDK’s paginators work', async (t) => {
  const kms = client((_name, { Marker }: { Marker?: string }) =>
    Marker === undefined
      ? { Keys: [{ KeyId: '1' }], Truncated: true, NextMarker: 'next' }
      : { Keys: [{ KeyId: '2' }], Truncated: false },
  )
  const ids: unknown[] = []
  for await (const page of paginateListKeys({ client: kms }, {})) ids.push(...(page.Keys ?? []).map((key) => key.KeyId))
  t.deepEqual(ids, ['1', '2'])
})

test('an aborted call rejects, before it is sent and while it waits', async (t) => {
  const kms = client(() => new Promise(() => {}))
  const command = new DescribeKeyCommand({ KeyId: 'k' })
  for (const early of [true, false]) {
    const controller = new AbortController()
    if (early) controller.abort()
    const sent = kms.send(command, { abortSignal: controller.signal })
    setImmediate(() => controller.abort())
    t.is((await t.throwsAsync(sent)).name, 'AbortError')
  }
})

test('destroying a client leaves the room to others', async (t) => {
  const requestHandler = new SdkHandler(handler(() => ({ KeyMetadata: { KeyId: 'k' } })))
  const settings = {
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler,
  }
  new KMSClient(settings).destroy()
  const { KeyMetadata } = await new KMSClient(settings).send(new DescribeKeyCommand({ KeyId: 'k' }))
  t.is(KeyMetadata?.KeyId, 'k')
})

test('a stream is not a request', async (t) => {
  const request = { method: 'POST', path: '/', headers: {}, body: new ReadableStream() }
  await t.throwsAsync(new SdkHandler(handler(() => ({}))).handle(request), { message: /streamed/ })
})

test('a query is sent as it was signed', async (t) => {
  let url = ''
  const sdk = new SdkHandler(async (request) => {
    url = request.url
    return { status: 200, headers: {}, body: '' }
  })
  await sdk.handle({ method: 'GET', path: '/', query: { a: ['1', '2 3'], b: null, c: '' }, headers: {} })
  t.is(url, '/?a=1&a=2%203&b&c=')
})

test('the handler speaks the Fetch standard', async (t) => {
  const room = toFetch(handler(() => ({ Keys: [], Truncated: false })))
  const { headers, body, method } = await signed('ListKeys')
  const response = await room(
    new Request('http://127.0.0.1:4599/', { method, headers: { ...headers }, body: Buffer.from(body) }),
  )
  t.is(response.status, 200)
  t.deepEqual(await response.json(), { Keys: [], Truncated: false })
  t.is((await room(new Request('http://localhost/health'))).status, 200)
  t.is((await room(new Request('http://localhost/?x', { method: 'POST' }))).status, 400)
})
