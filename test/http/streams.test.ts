/** Streams over sockets: how long they may take, who waits for whom, and what is left when somebody goes. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { Unreachable } from '../../src/errors.ts'
import type { Handle, StreamedRequest, StreamedResponse } from '../../src/http/message.ts'
import { listen, type Limits } from '../../src/http/server.ts'

const MEGABYTE = Buffer.alloc(1024 * 1024, 'm')

type Answer = (request: StreamedRequest) => Promise<StreamedResponse>

/** A server whose `/stream` is a streaming service; everything else is collected, and told how long it was. */
async function server(t: ExecutionContext, answer: Answer, limits: Partial<Limits> = {}) {
  const handle: Handle = Object.assign(
    async ({ body }: { body: Uint8Array }) => ({ status: 200, headers: {}, body: `collected ${body.length}` }),
    { streaming: { takes: ({ url }: { url: string }) => url === '/stream', answer } },
  )
  const { url, close } = await listen(handle, { limits: { grace: 0, ...limits } })
  t.teardown(close)
  return (path: string, headers: Record<string, string> = {}) => httpRequest(url + path, { method: 'PUT', headers })
}

async function told(
  request: ClientRequest,
): Promise<{ status: number | undefined; text: string; connection?: string }> {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  const { connection } = response.headers
  return { status: response.statusCode, text: Buffer.concat(pieces).toString(), connection }
}

const plain = (status: number, body: string) => ({ status, headers: { 'content-length': String(body.length) }, body })

/** Reads all there is, and says how much. */
const counting: Answer = async ({ body }) => {
  let length = 0
  for await (const piece of body) length += piece.length
  return plain(200, `read ${length}`)
}

const refusing: Answer = async () => plain(403, 'no')

test('a body of any length goes through', async (t) => {
  const ask = await server(t, counting)
  const request = ask('/stream')
  for (let at = 0; at < 8; at++) request.write(MEGABYTE)
  request.end()
  t.like(await told(request), { status: 200, text: `read ${8 * MEGABYTE.length}` })
})

test('a stream may take longer than a request, which may not', async (t) => {
  const ask = await server(t, counting, { request: 100 })
  const slowly = async (path: string) => {
    const request = ask(path, { 'content-length': '6' })
    const answer = told(request)
    request.write('abc')
    await pause(1500)
    if (!request.destroyed) request.end('def')
    return answer
  }
  const [stream, collected] = await Promise.all([slowly('/stream'), slowly('/')])
  t.like(stream, { status: 200, text: 'read 6' })
  t.is(collected.status, 408)
})

test('a stream on which nothing happens ends', async (t) => {
  const broken = new Promise<Error>((resolve) => {
    void server(
      t,
      async (request) => {
        try {
          return await counting(request)
        } catch (error) {
          resolve(error as Error)
          throw error
        }
      },
      { idle: 100 },
    ).then((ask) => {
      const request = ask('/stream', { 'content-length': '6' })
      request.on('error', () => {})
      request.write('abc')
    })
  })
  t.is(((await broken) as NodeJS.ErrnoException).code, 'ECONNRESET')
})

test('a client that waits to go on is told to when somebody reads, and no sooner', async (t) => {
  const expecting = { 'content-length': '5', expect: '100-continue' }
  for (const [answer, path, continued, status] of [
    [counting, '/stream', true, 200],
    [refusing, '/stream', false, 403],
    [refusing, '/', true, 200],
  ] as const) {
    const ask = await server(t, answer)
    const request = ask(path, expecting)
    let goes = false
    request.on('continue', () => {
      goes = true
      request.end('hello')
    })
    request.flushHeaders()
    const { status: got, connection } = await told(request)
    t.deepEqual([goes, got], [continued, status])
    t.is(connection, continued ? 'keep-alive' : 'close', 'the body may still come, and is no request')
    request.destroy()
  }
})

test('who is refused hears it, though the body is long', async (t) => {
  const ask = await server(t, refusing)
  for (const [megabytes, connection] of [
    [2, 'keep-alive'],
    [6, 'close'],
  ] as const) {
    const request = ask('/stream')
    request.on('error', () => {})
    for (let at = 0; at < megabytes; at++) request.write(MEGABYTE)
    const answer = told(request)
    if (connection === 'keep-alive') request.end()
    t.like(await answer, { status: 403, text: 'no', connection })
    request.destroy()
  }
})

test('a client that goes away breaks the body off', async (t) => {
  const broken = new Promise<Error>((resolve) => {
    void server(t, async (request) => {
      try {
        return await counting(request)
      } catch (error) {
        resolve(error as Error)
        throw error
      }
    }).then((ask) => {
      const request = ask('/stream', { 'content-length': '6' })
      request.on('error', () => {})
      request.write('abc', () => request.destroy())
    })
  })
  t.is(((await broken) as NodeJS.ErrnoException).code, 'ECONNRESET')
})

test('an answer is made as it is read, and no further when its reader goes', async (t) => {
  let made = 0
  let ended = () => {}
  const returned = new Promise<void>((resolve) => (ended = resolve))
  async function* endless() {
    try {
      for (; ; made++) yield MEGABYTE
    } finally {
      ended()
    }
  }
  const ask = await server(t, async () => ({ status: 200, headers: {}, body: endless() }))
  const request = ask('/stream')
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  await once(response, 'data')
  response.pause()
  await pause(100)
  t.true(made < 64, 'a pipe holds so much, and not all there is')
  request.destroy()
  await returned
  t.true(made < 64)
})

test('an answer that breaks off is not taken for a whole one', async (t) => {
  async function* breaking() {
    yield MEGABYTE
    throw new Error('a disk gone bad')
  }
  const headers = { 'content-length': String(2 * MEGABYTE.length) }
  const ask = await server(t, async () => ({ status: 200, headers, body: breaking() }))
  const request = ask('/stream')
  request.end()
  await t.throwsAsync(told(request), { message: 'aborted' })
})

test('where nobody can be reached, nobody answers', async (t) => {
  const ask = await server(t, async () => {
    throw new Unreachable('us-east-1')
  })
  const request = ask('/stream')
  request.end()
  await t.throwsAsync(told(request), { code: 'ECONNRESET' })
})
