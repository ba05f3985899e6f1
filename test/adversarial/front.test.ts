/** Attacks on the front: what it believes and node:http with the verifier behind it would not, and clients that wear it out. */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { setTimeout as pause } from 'node:timers/promises'
import { Front } from '../../bindings/node/index.js'
import type { HttpResponse } from '../../src/http/message.ts'
import { listen, type FrontListen, type Limits } from '../../src/http/server.ts'
import { Strongroom } from '../../src/index.ts'

const LATIN = 'latin1'

interface Doors {
  readonly room: Strongroom
  /** Ports of the front, and of node:http. */
  readonly ports: readonly [number, number]
}

async function doors(t: ExecutionContext): Promise<Doors> {
  const room = await Strongroom.open({ seed: 1 })
  t.teardown(() => room.close())
  const [front, plain] = [await room.listen(), await room.listen({ front: undefined })]
  return { room, ports: [front.port, plain.port] }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** The status lines of all answers on one connection, which is over afterwards. */
async function statuses(port: number, ...requests: readonly string[]): Promise<string[]> {
  const socket = await dial(port)
  let text = ''
  socket.setEncoding(LATIN).on('data', (more: string) => (text += more))
  for (const [i, request] of requests.entries()) {
    socket.write(request, LATIN)
    while (text.split('HTTP/1.1 ').length - 1 <= i && !socket.destroyed)
      await Promise.race([once(socket, 'data'), once(socket, 'close')])
  }
  socket.destroy()
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!)
}

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text, LATIN).digest()
const sha256 = (text: string) => createHash('sha256').update(text, LATIN).digest('hex')

/** ListKeys, signed over the very bytes that are sent, whatever they are. */
function listKeys(more: Readonly<Record<string, string>> = {}, before = ''): string {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kms/aws4_request`
  const fields = {
    'content-type': 'application/x-amz-json-1.1',
    host: '127.0.0.1',
    'x-amz-date': date,
    'x-amz-target': 'TrentService.ListKeys',
    ...more,
  }
  const names = Object.keys(fields).sort()
  const lines = names.map((name) => `${name}:${fields[name as 'host']}\n`).join('')
  const canonical = `POST\n/\n\n${lines}\n${names.join(';')}\n${sha256('{}')}`
  const key = scope.split('/').reduce<string | Buffer>((key, part) => hmac(key, part), 'AWS4test')
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  const head = Object.entries({ ...fields, authorization, 'content-length': '2' })
  return `${before}POST / HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n{}`
}

const ODD: readonly (readonly [what: string, request: () => string])[] = [
  ['nothing odd', () => listKeys()],
  ['a signed header that is not ASCII', () => listKeys({ 'x-name': 'M\xfcnster' })],
  ['a signed header that is UTF-8', () => listKeys({ 'x-name': 'M\xc3\xbcnster' })],
  ['a signed header that ends in a blank of Unicode', () => listKeys({ 'x-name': 'a\xa0' })],
  ['an empty line before it', () => listKeys({}, '\r\n')],
]

for (const [what, request] of ODD) {
  test(`${what}: the front believes what node:http's door believes`, async (t) => {
    const { ports } = await doors(t)
    const [front, plain] = await Promise.all(ports.map((port) => statuses(port, listKeys(), request(), request())))
    t.deepEqual(front, plain)
    t.is(front!.length, 3)
  })

  test(`${what}: so it does of somebody who was not there before`, async (t) => {
    const { ports } = await doors(t)
    const [front, plain] = await Promise.all(ports.map((port) => statuses(port, request())))
    t.deepEqual(front, plain)
    t.is(front!.length, 1)
  })
}

test('connections that are reset in the middle of something odd end nothing but themselves', async (t) => {
  const { ports } = await doors(t)
  for (let i = 0; i < 200; i++) {
    const socket = await dial(ports[0])
    socket.write(i % 2 ? 'GET / HTTP/1.1\r\n\r\n' : 'nonsense\r\n\r\n')
    if (i % 3) await new Promise((resolve) => setImmediate(resolve))
    socket.resetAndDestroy()
  }
  t.deepEqual(await statuses(ports[0], listKeys()), ['200'])
})

/** A front before a service whose answers are long, and how many of them it gave. */
async function verbose(t: ExecutionContext, limits: Partial<Limits> = {}) {
  const said = { count: 0 }
  const answer: HttpResponse = { status: 200, headers: {}, body: 'x'.repeat(64 * 1024) }
  const handle = () => {
    said.count++
    return Promise.resolve(answer)
  }
  const answering = { targets: [], handle, trusted: handle, find: () => undefined, now: () => 0 }
  const front: FrontListen = (...given) => Front.listen(...given)
  const listener = await listen(Object.assign(handle, { answering }), { front, limits: { grace: 0, ...limits } })
  t.teardown(() => listener.close())
  return { port: listener.port, said }
}

const ASK = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}'

test('whoever reads no answers gets only so many, and all of them once it reads', async (t) => {
  const { port, said } = await verbose(t)
  const socket = await dial(port)
  const most = 2000
  socket.write(ASK.repeat(most))
  for (let before = -1; said.count !== before;) {
    before = said.count
    await pause(300)
  }
  t.true(said.count > 0 && said.count < most / 4, `${said.count} answers are kept`)
  let length = 0
  socket.on('data', (bytes) => (length += bytes.length))
  // Heads come along with bodies: by their length alone the last answers are not there yet.
  while ((said.count < most || length < most * 64 * 1024) && !socket.destroyed) await once(socket, 'data')
  t.is(said.count, most)
})

test('whoever reads no answers is not waited for in the end', async (t) => {
  const { port, said } = await verbose(t, { keepAlive: 300 })
  const socket = await dial(port)
  const most = 500
  socket.write(ASK.repeat(most))
  await pause(1500)
  socket.resume()
  await once(socket, 'close')
  t.true(said.count < most)
})
