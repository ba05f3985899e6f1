/** What only a socket can get wrong: broken requests, time-outs, limits, TLS, an end in good order. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import type { Handle, HttpRequest } from '../../src/http/message.ts'
import { isLoopback, listen } from '../../src/http/server.ts'
import type { ListenOptions } from '../../src/http/server.ts'
import { certificate } from './certificate.ts'

const echo: Handle = async ({ method, url, headers, body }) => ({
  status: 200,
  headers: { 'x-amzn-requestid': 'id' },
  body: JSON.stringify({ method, url, headers, body: Buffer.from(body).toString() }),
})

/** A server of one test, closed with it. */
async function scene(t: ExecutionContext, handle: Handle = echo, options: ListenOptions = {}) {
  const listener = await listen(handle, options)
  t.teardown(() => listener.close())
  return listener
}

/** Writes these bytes to the port and reads until the server has closed. */
async function raw(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {})
  for (const part of parts) socket.write(part)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

const post = (body: string, ...fields: string[]) =>
  `POST /?q HTTP/1.1\r\nHost: h\r\nContent-Length: ${body.length}\r\n${fields.map((f) => `${f}\r\n`).join('')}\r\n${body}`

async function get(url: string, agent?: Agent): Promise<{ response: IncomingMessage; port: number }> {
  const sent = httpRequest(url, { agent }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const port = response.socket.localPort ?? 0
  response.resume()
  await once(response, 'end')
  return { response, port }
}

/** A handle that answers when told to, and a promise of its first request. */
function gate() {
  let open = () => {}
  let arrived = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  const request = new Promise<void>((resolve) => (arrived = resolve))
  const handle: Handle = async (message) => {
    arrived()
    await opened
    return echo(message)
  }
  return { handle, request, open: () => open() }
}

test('the handler gets the request as it stood on the wire, duplicates joined', async (t) => {
  const { port } = await scene(t)
  const answer = await raw(port, post('{"a":1}', 'X-A: 1 ', 'x-a:  2', '__proto__: x', 'Connection: close'))
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.regex(answer, /x-amzn-requestid: id\r\n/)
  const { method, url, headers, body } = JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as HttpRequest
  t.deepEqual([method, url, body as unknown], ['POST', '/?q', '{"a":1}'])
  t.is(headers['x-a'], '1,2')
  t.is(Object.getOwnPropertyDescriptor(headers, '__proto__')?.value, 'x')
})

test('a body in pieces and chunks is one body', async (t) => {
  const { port } = await scene(t)
  const head = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
  const answer = await raw(port, head, '3\r\nabc\r\n', '2\r\nde\r\n', '0\r\n\r\n')
  t.regex(answer, /"body":"abcde"/)
})

test('pipelined requests are answered in their order, whichever is done first', async (t) => {
  let first = () => {}
  const slow = new Promise<void>((resolve) => (first = resolve))
  const { port } = await scene(t, async (request) => {
    if (request.url === '/?q' && Buffer.from(request.body).toString() === '1') await slow
    else first()
    return echo(request)
  })
  const answer = await raw(port, post('1') + post('22') + post('333', 'Connection: close'))
  t.deepEqual(answer.match(/"body":"\d+"/g), ['"body":"1"', '"body":"22"', '"body":"333"'])
})

test('a connection is kept between requests', async (t) => {
  const { url } = await scene(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ports = new Set<number>()
  for (let i = 0; i < 3; i++) ports.add((await get(url, agent)).port)
  agent.destroy()
  t.is(ports.size, 1)
})

test('Expect: 100-continue is served', async (t) => {
  const { port } = await scene(t)
  t.regex(
    await raw(port, post('{}', 'Expect: 100-continue', 'Connection: close')),
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
  )
})

const malformed = test.macro({
  title: (why = '') => `typed, and no crash: ${why}`,
  exec: async (t, bytes: string, status: number, type: string) => {
    const { port, url } = await scene(t)
    const answer = await raw(port, bytes)
    t.regex(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    t.regex(answer, /x-amzn-requestid: [0-9a-f-]{36}\r\n/)
    t.is((JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as { __type: string }).__type, type)
    t.is((await get(url)).response.statusCode, 200)
  },
})
test('noise', malformed, 'noise\r\n\r\n', 400, 'SerializationException')
test('a TLS greeting', malformed, '\x16\x03\x01\x02\x00\x01', 400, 'SerializationException')
test('two lengths', malformed, post('{}', 'Content-Length: 3'), 400, 'SerializationException')
test('length and chunks', malformed, post('{}', 'Transfer-Encoding: chunked'), 400, 'SerializationException')
test('a bad header', malformed, 'GET / HTTP/1.1\r\nHost: h\r\nA\x01: b\r\n\r\n', 400, 'SerializationException')
test(
  'a bad chunk',
  malformed,
  'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  400,
  'SerializationException',
)
test(
  'headers without end',
  malformed,
  `GET / HTTP/1.1\r\nHost: h\r\nA: ${'a'.repeat(17_000)}\r\n\r\n`,
  431,
  'RequestHeaderSectionTooLarge',
)

test('a request without Host reaches the handler', async (t) => {
  const { port } = await scene(t)
  t.regex(await raw(port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /)
})

test('256 KiB are taken, a byte more is refused although it was all sent', async (t) => {
  const { port } = await scene(t, async ({ body }) => ({ status: 200, headers: {}, body: String(body.length) }))
  t.regex(await raw(port, post('a'.repeat(262_144), 'Connection: close')), /\r\n\r\n262144$/)
  const refusal = await raw(port, post('a'.repeat(262_145)))
  t.regex(refusal, /^HTTP\/1\.1 413 .*\{"__type":"RequestEntityTooLarge"\}$/s)
})

test('a body without end is refused and cut off', async (t) => {
  const { port, url } = await scene(t)
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  let answer = ''
  socket.on('data', (chunk) => (answer += String(chunk)))
  socket.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
  const closed = new Promise((resolve) => socket.once('close', resolve))
  const send = () => {
    while (socket.writable && socket.write(chunk));
  }
  socket.on('drain', send)
  send()
  await closed
  t.true(answer === '' || answer.startsWith('HTTP/1.1 413 '))
  t.is((await get(url)).response.statusCode, 200)
})

test('a client that dawdles over its headers, or over its body, is told so', async (t) => {
  const { port } = await scene(t, echo, { limits: { headers: 50, request: 50 } })
  t.regex(await raw(port, 'POST / HTTP/1.1\r\nHost: h\r\n'), /^HTTP\/1\.1 408 .*RequestTimeoutException/s)
  t.regex(
    await raw(port, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n{'),
    /^HTTP\/1\.1 408 .*RequestTimeoutException/s,
  )
})

test('connections over the cap are closed, those within it go on', async (t) => {
  const { port } = await scene(t, echo, { limits: { connections: 1 } })
  const first = connect(port, '127.0.0.1')
  await once(first, 'connect')
  first.write(post('1'))
  await once(first, 'data')
  t.is(await raw(port, post('2')), '')
  first.write(post('3', 'Connection: close'))
  t.regex(String(await once(first, 'data')), /"body":"3"/)
})

test('a client that leaves while its request is under way harms nobody', async (t) => {
  const { handle, request, open } = gate()
  const { port, url } = await scene(t, handle)
  const socket = connect(port, '127.0.0.1')
  socket.write(post('x'))
  await request
  socket.resetAndDestroy()
  await once(socket, 'close')
  open()
  t.is((await get(url)).response.statusCode, 200)
})

test('a handler that throws ends that connection alone', async (t) => {
  const { port, url } = await scene(t, async (request) => {
    if (request.method === 'POST') throw new Error('x')
    return echo(request)
  })
  t.is(await raw(port, post('x')), '')
  t.is((await get(url)).response.statusCode, 200)
})

test('closing finishes what is under way, closes what is idle or has not begun, and takes no more', async (t) => {
  const { handle, request, open } = gate()
  const listener = await listen(handle)
  const silent = connect(listener.port, '127.0.0.1')
  const half = connect(listener.port, '127.0.0.1').on('error', () => {})
  await Promise.all([once(silent, 'connect'), once(half, 'connect')])
  half.write('POST / HT')
  const answer = raw(listener.port, post('last'))
  await request
  const closed = listener.close()
  t.is(listener.close(), closed)
  const late = connect(listener.port, '127.0.0.1')
  const [refusal] = (await once(late, 'error')) as [NodeJS.ErrnoException]
  t.is(refusal.code, 'ECONNREFUSED')
  open()
  t.regex(await answer, /^HTTP\/1\.1 200 .*connection: close.*"body":"last"/is)
  await closed
  silent.destroy()
  half.destroy()
})

test('closing waits no longer than its grace', async (t) => {
  const { handle, request } = gate()
  const listener = await listen(handle, { limits: { grace: 20 } })
  const answer = raw(listener.port, post('never'))
  await request
  await listener.close()
  t.is(await answer, '')
})

test('the handler learns from the socket how a request came', async (t) => {
  const ways: unknown[] = []
  const handle: Handle = (request) => (ways.push(request.way), echo(request))
  const endpoint = { id: 'vpce-1', vpc: 'vpc-1', account: '000000000000', policy: undefined }
  for (const options of [{}, { endpoint }]) {
    const { url } = await scene(t, handle, options)
    await get(url, new Agent({ keepAlive: false }))
  }
  t.deepEqual(ways, [
    { address: '127.0.0.1', secure: false, endpoint: undefined },
    { address: '127.0.0.1', secure: false, endpoint },
  ])
})

test('HTTPS: TLS 1.2 and later, and the same answers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { cert, key } = certificate()
  const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(tls.cert, cert)
  writeFileSync(tls.key, key)
  const ways: unknown[] = []
  const { url, port } = await scene(t, (request) => (ways.push(request.way), echo(request)), { tls })
  t.is(url, `https://127.0.0.1:${port}`)
  const sent = httpsRequest(`${url}/x`, { ca: cert, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  t.is(response.statusCode, 200)
  response.resume()
  t.like(ways, [{ address: '127.0.0.1', secure: true, tls: { version: 'TLSv1.3' } }])
  t.regex((ways as { tls: { cipher: string } }[])[0]?.tls.cipher ?? '', /^TLS_/)
  const old = tlsConnect({ port, ca: cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  await t.throwsAsync(once(old, 'secureConnect'), { message: /protocol version/ })
  // A connection that never shakes hands does not keep the server from closing.
  await once(connect(port, '127.0.0.1'), 'connect')

  await t.throwsAsync(listen(echo, { tls: { ...tls, cert: join(folder, 'none') } }), {
    message: /cannot read `.*none` \(ENOENT\)/,
  })
  await t.throwsAsync(listen(echo, { tls: { ...tls, cert: tls.key } }), { message: /not a certificate and its key/ })
})

test('a port in use is said so', async (t) => {
  const { port } = await scene(t)
  await t.throwsAsync(listen(echo, { port }), { message: `port ${port} on 127.0.0.1 is already in use` })
})

test('an address of somebody else is said so', async (t) => {
  const message = '192.0.2.1 is not an address of this machine'
  await t.throwsAsync(listen(echo, { host: '192.0.2.1', allowRemote: true }), { message })
})

test('a network is served only when that is allowed', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com', '127.example.com']) {
    await t.throwsAsync(listen(echo, { host }), { message: /more than this machine/ })
  }
  const { url, port } = await scene(t, echo, { host: '0.0.0.0', allowRemote: true })
  t.is(url, `http://127.0.0.1:${port}`)
  t.deepEqual(['localhost', '127.0.0.1', '127.1.2.3', '::1', '10.0.0.1'].map(isLoopback), [
    true,
    true,
    true,
    true,
    false,
  ])
})
