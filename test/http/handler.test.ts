/** The server as a function: answers and refusals as AWS words them on the wire. */
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { fail, KmsError } from '../../src/errors.ts'
import { createHandler } from '../../src/http/handler.ts'
import type { Callable } from '../../src/http/handler.ts'
import { headerRecord } from '../../src/http/message.ts'
import type { HttpRequest, HttpResponse } from '../../src/http/message.ts'
import { defaultAccounts } from '../../src/identity.ts'
import { book } from './book.ts'
import { signed } from './sign.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const KEY = '1234abcd-12ab-34cd-56ef-1234567890ab'

interface Call {
  name: string
  input: unknown
  context: unknown
}

/** A handler in front of a service of one line, and what it was told and logged. */
function scene(serve: (call: Call) => unknown = () => ({}), ready = true) {
  const calls: Call[] = []
  const log: string[] = []
  const service: Callable = {
    call(name, input, context) {
      calls.push({ name, input, context })
      return serve({ name, input, context })
    },
  }
  const identities = book(defaultAccounts())
  const handle = createHandler({
    service,
    identities,
    now: () => AT,
    log: (line) => log.push(line),
    ready: () => ready,
  })
  return { handle, calls, log }
}

const sign = (operation: string, body: string | Uint8Array = '{}', headers: Record<string, string> = {}) =>
  signed(operation, { body, headers, at: AT })
const request = (method: string, url: string): HttpRequest => ({
  method,
  url,
  headers: headerRecord([]),
  body: new Uint8Array(),
})

function answers(t: ExecutionContext, response: HttpResponse, status: number, body: unknown): void {
  t.is(response.status, status)
  t.is(response.body, typeof body === 'string' ? body : JSON.stringify(body))
  t.regex(response.headers['x-amzn-requestid'] ?? '', UUID)
  t.is(response.headers['cache-control'], 'no-cache, no-store, must-revalidate, private')
  t.is(response.headers['expires'], '0')
  t.is(response.headers['pragma'], 'no-cache')
  t.is(response.headers['date'], 'Sun, 01 Mar 2026 12:00:00 GMT')
  const type = (JSON.parse(response.body.toString() || '{}') as { __type?: string }).__type
  t.is(response.headers['x-amzn-errortype'], type)
}

test('a call reaches the service decoded, with who calls, where, and the id of the answer', async (t) => {
  const { handle, calls } = scene(() => ({ KeyId: KEY, Plaintext: Buffer.from('hi') }))
  const response = await handle(await sign('Decrypt', '{"CiphertextBlob":"AAEC"}'))
  answers(t, response, 200, { KeyId: KEY, Plaintext: 'aGk=' })
  t.is(response.headers['content-type'], 'application/x-amz-json-1.1')
  const caller = { arn: 'arn:aws:iam::000000000000:root', account: '000000000000', accessKeyId: 'test' }
  t.like(calls, [
    {
      name: 'Decrypt',
      context: { caller, region: 'eu-central-1', requestId: response.headers['x-amzn-requestid'] },
    },
  ])
  t.deepEqual([...(calls[0]?.input as { CiphertextBlob: Uint8Array }).CiphertextBlob], [0, 1, 2])
})

test('every answer has another request id', async (t) => {
  const { handle } = scene()
  const ids = await Promise.all(
    Array.from({ length: 20 }, async () => (await handle(request('GET', '/health'))).headers),
  )
  t.is(new Set(ids.map((headers) => headers['x-amzn-requestid'])).size, 20)
})

test('an operation without an answer has an empty body', async (t) => {
  answers(t, await scene(() => undefined).handle(await sign('EnableKey', `{"KeyId":"${KEY}"}`)), 200, '')
})

test('a promise of the service is awaited', async (t) => {
  const { handle } = scene(() => Promise.resolve({ Keys: [], Truncated: false }))
  answers(t, await handle(await sign('ListKeys')), 200, { Keys: [], Truncated: false })
})

const refuses = test.macro({
  title: (_, error: KmsError) => `${error.code} has status ${error.status}, \`${error.message}\``,
  exec: async (t, error: KmsError, body: object) => {
    const { handle, log } = scene(() => Promise.reject(error))
    answers(t, await handle(await sign('ListKeys')), error.status, body)
    t.is(log.length, error.status >= 500 ? 1 : 0)
  },
})
test(refuses, new KmsError('NotFoundException', "Key 'x' does not exist"), {
  __type: 'NotFoundException',
  message: "Key 'x' does not exist",
})
test(refuses, new KmsError('AccessDeniedException', 'User: …'), { __type: 'AccessDeniedException', Message: 'User: …' })
test(refuses, new KmsError('InvalidCiphertextException'), { __type: 'InvalidCiphertextException' })
test(refuses, new KmsError('ServiceUnavailableException'), { __type: 'ServiceUnavailableException' })
test(refuses, new KmsError('KeyUnavailableException', 'x'), { __type: 'KeyUnavailableException', message: 'x' })

test('what nobody expected is KMSInternalException; the log has places and codes, and nothing that was said', async (t) => {
  const cause = Object.assign(new Error('secret-in-cause'), { code: 'ERR_SOMETHING' })
  const { handle, log } = scene(() => {
    throw new TypeError('received secret-in-message', { cause })
  })
  const response = await handle(await sign('ListKeys'))
  answers(t, response, 500, { __type: 'KMSInternalException' })
  t.is(log.length, 1)
  t.true(log[0]?.startsWith(`${response.headers['x-amzn-requestid']} KMSInternalException TypeError at `))
  t.regex(log[0] ?? '', /handler\.test\.ts.* <= Error \[ERR_SOMETHING\] at /)
  t.notRegex(log[0] ?? '', /secret|\n/)
})

test('even a thrown string is an answer', async (t) => {
  const { handle, log } = scene(() => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the case is that somebody does
    throw 'secret'
  })
  answers(t, await handle(await sign('ListKeys')), 500, { __type: 'KMSInternalException' })
  t.regex(log[0] ?? '', /^\S+ KMSInternalException string$/)
})

test('an answer that does not fit its shape is our fault, not a broken body', async (t) => {
  const response = await scene(() => ({ Keys: 5 })).handle(await sign('ListKeys'))
  answers(t, response, 500, { __type: 'KMSInternalException' })
})

const unknown = test.macro({
  title: (why = '') => `UnknownOperationException: ${why}`,
  exec: async (t, headers: Record<string, string>) => {
    const { handle, calls } = scene()
    answers(t, await handle(await sign('ListKeys', '{}', headers)), 400, { __type: 'UnknownOperationException' })
    t.is(calls.length, 0)
  },
})
test('an operation AWS does not have', unknown, { 'x-amz-target': 'TrentService.MakeCoffee' })
test('a property of objects', unknown, { 'x-amz-target': 'TrentService.constructor' })
test('no target', unknown, { 'x-amz-target': '' })
test('a service of AWS that is not this one', unknown, { 'x-amz-target': 'DynamoDB_20120810.ListKeys' })
test('two targets', unknown, { 'x-amz-target': 'TrentService.ListKeys,TrentService.CreateKey' })
test('a target with more to it', unknown, { 'x-amz-target': 'TrentService.ListKeys.x' })
test('form data', unknown, { 'content-type': 'application/x-www-form-urlencoded' })
test('another JSON of AWS', unknown, { 'content-type': 'application/x-amz-json-1.0' })

test('the content type may have parameters and capitals', async (t) => {
  const headers = { 'content-type': 'Application/X-Amz-Json-1.1; charset=utf-8' }
  t.is((await scene().handle(await sign('EnableKey', '{}', headers))).status, 200)
})

test('the signature comes first: a stranger learns nothing of operations or bodies', async (t) => {
  const { handle, calls } = scene()
  for (const body of ['{}', 'no json']) {
    for (const target of ['ListKeys', 'MakeCoffee']) {
      const request = await sign(target, body)
      const fields = Object.entries(request.headers).filter(([name]) => name !== 'authorization')
      const response = await handle({ ...request, headers: headerRecord(fields) })
      const message = 'Missing Authentication Token'
      answers(t, response, 400, { __type: 'MissingAuthenticationTokenException', message })
    }
  }
  t.is(calls.length, 0)
})

test('a signed body that is not JSON is a SerializationException', async (t) => {
  const response = await scene().handle(await sign('ListKeys', 'no json'))
  t.is(response.status, 400)
  t.is(response.headers['x-amzn-errortype'], 'SerializationException')
})

test('a body of 256 KiB is read, one byte more is not', async (t) => {
  const { handle, calls } = scene(() => ({ Keys: [], Truncated: false }))
  const body = (length: number) => `{}${' '.repeat(length - 2)}`
  t.is((await handle(await sign('ListKeys', body(256 * 1024)))).status, 200)
  const response = await handle(await sign('ListKeys', body(256 * 1024 + 1)))
  answers(t, response, 413, { __type: 'RequestEntityTooLarge' })
  t.is(calls.length, 1)
})

const probes = test.macro({
  title: (_, method: string, url: string, ready: boolean, status: number) =>
    `${method} ${url} of a room ${ready ? '' : 'not '}ready is ${status}`,
  exec: async (t, method: string, url: string, ready: boolean, status: number, body: object | '') => {
    const response = await scene(undefined, ready).handle(request(method, url))
    answers(t, response, status, body)
  },
})
test(probes, 'GET', '/health', true, 200, { status: 'ok' })
test(probes, 'GET', '/health', false, 200, { status: 'ok' })
test(probes, 'HEAD', '/health', true, 200, '')
test(probes, 'GET', '/health?x=y', true, 200, { status: 'ok' })
test(probes, 'GET', '/ready', true, 200, { status: 'ok' })
test(probes, 'GET', '/ready', false, 503, { status: 'unavailable' })
test(probes, 'HEAD', '/ready', false, 503, '')
test(probes, 'POST', '/health', true, 405, { __type: 'UnknownOperationException' })
test(probes, 'GET', '/', true, 405, { __type: 'UnknownOperationException' })
test(probes, 'GET', '/nothing', true, 404, { __type: 'UnknownOperationException' })
test(probes, 'POST', '//', true, 404, { __type: 'UnknownOperationException' })

test('what is not allowed says what is', async (t) => {
  const { handle } = scene()
  t.is((await handle(request('DELETE', '/'))).headers['allow'], 'POST')
  t.is((await handle(request('DELETE', '/ready'))).headers['allow'], 'GET, HEAD')
})

test('fail() in a service is an answer like any other', async (t) => {
  const response = await scene(() => fail('DisabledException', 'k is disabled.')).handle(await sign('ListKeys'))
  answers(t, response, 400, { __type: 'DisabledException', message: 'k is disabled.' })
})
