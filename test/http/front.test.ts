/**
 * The front beside node:http before one and the same room: whatever is sent, in order or not, is answered alike. Each request goes
 * over a connection whose credential the front confirms already.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { seeded } from '../helpers/random.ts'
import { Strongroom, type StrongroomOptions } from '../../src/index.ts'
import { FrontDoor } from '../../src/http/front.ts'
import type { HttpResponse } from '../../src/http/message.ts'
import type { Listener } from '../../src/http/server.ts'
import { signed, type Signing } from './sign.ts'

/** Answers of one connection, one after the other. */
class Client {
  readonly #socket: Socket
  #text = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setMaxListeners(0)
    socket.setEncoding('latin1').on('data', (text: string) => (this.#text += text))
    socket.on('error', () => undefined)
  }

  static async to({ port }: Listener): Promise<Client> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Client(socket)
  }

  /** The answer to these bytes, or what there was of it when the connection ended. */
  async ask(bytes: string): Promise<string> {
    this.#socket.write(bytes, 'latin1')
    for (;;) {
      const whole = answerIn(this.#text)
      if (whole !== undefined || this.#socket.readableEnded || this.#socket.destroyed) {
        const answer = whole ?? this.#text
        this.#text = this.#text.slice(answer.length)
        return answer
      }
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')])
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

function answerIn(text: string): string | undefined {
  const head = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, Math.max(0, head + 1)))?.[1]
  const end = head + 4 + Number(length ?? NaN)
  return text.length >= end ? text.slice(0, end) : undefined
}

interface Scene {
  readonly room: Strongroom
  readonly keyId: string
  /** The same bytes through both doors: both answers, without what is random or says how connections are kept. */
  both(bytes: string): Promise<[string, string]>
}

async function scene(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Scene> {
  const room = await Strongroom.open({ seed: 1, ...options })
  const doors = [await room.listen(), await room.listen({ front: undefined })]
  const { KeyMetadata } = await room.createKey()
  t.teardown(() => room.close())
  const clients = await Promise.all(doors.map((door) => Client.to(door)))
  t.teardown(() => clients.forEach((client) => client.close()))
  const both = async (bytes: string): Promise<[string, string]> => {
    const answers = await Promise.all(
      doors.map(async (door, i) => {
        const answer = await clients[i]!.ask(bytes)
        if (/^connection: close\r$/im.test(answer) || answer === '') clients[i] = await Client.to(door)
        return told(answer)
      }),
    )
    return answers as [string, string]
  }
  return { room, keyId: KeyMetadata!.KeyId, both }
}

/** Ids, times, and random bytes differ between any two answers; how a connection is kept is the door's business. */
function told(answer: string): string {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  const fields = head
    .split('\r\n')
    .filter((line) => !/^(connection|keep-alive|content-length):/i.test(line))
    .map((line) => line.replace(/^(x-amzn-requestid|date): .*/i, '$1: …').toLowerCase())
  return [
    ...fields.slice(0, 1),
    ...fields.slice(1).sort(),
    body.replace(/"(CiphertextBlob|Plaintext|Mac)":"[^"]+"/g, '"$1":"…"'),
  ].join('\n')
}

/** A request as it stands on the wire. */
async function wire(operation: string, body: object | string, signing: Signing = {}): Promise<string> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const { method, url, headers } = await signed(operation, { region: 'us-east-1', body: text, ...signing })
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${url} HTTP/1.1\r\n${fields.join('')}content-length: ${Buffer.byteLength(text)}\r\n\r\n${Buffer.from(text).toString('latin1')}`
}

const encrypt = (keyId: string, signing?: Signing) =>
  wire('Encrypt', { KeyId: keyId, Plaintext: 'AAEC', EncryptionContext: { clinic: 'münster' } }, signing)

const replace = (from: string | RegExp, to: string) => (bytes: string) => bytes.replace(from, to)

/** What may be wrong, or only different, with a request that is in order. */
const CHANGES: Record<string, (bytes: string) => string> = {
  nothing: (bytes) => bytes,
  'a bit of the body': replace('AAEC', 'AAED'),
  'the signature': replace(/Signature=./, 'Signature=x'),
  'the length of the signature': replace(/Signature=./, 'Signature='),
  'its case': (bytes) => bytes.replace(/Signature=\w+/, (all) => `Signature=${all.slice(10).toUpperCase()}`),
  'the access key': replace('Credential=test/', 'Credential=tess/'),
  'the Region': replace('/us-east-1/', '/us-east-2/'),
  'the service': replace('/kms/', '/s3/'),
  'the terminator': replace('aws4_request', 'aws5_request'),
  'the day': replace(/Credential=test\/\d{8}/, 'Credential=test/20200101'),
  'the date': replace(/x-amz-date: \d{8}/, 'x-amz-date: 20200101'),
  'no date': replace(/x-amz-date: .*\r\n/, ''),
  'no authorization': replace(/authorization: .*\r\n/, ''),
  'authorization twice': (bytes) => bytes.replace(/(authorization: .*\r\n)/, '$1$1'),
  'another algorithm': replace('AWS4-HMAC-SHA256 ', 'AWS4-HMAC-SHA512 '),
  'blanks in the authorization': replace(/, SignedHeaders/, ',   SignedHeaders'),
  'no blanks in it': replace(/, /g, ','),
  'its parts in another order': replace(/(Credential=[^,]+), (SignedHeaders=[^,]+), (Signature=\S+)/, '$3, $2, $1'),
  'no such operation': replace('TrentService.Encrypt', 'TrentService.Encrypts'),
  'another operation': replace('TrentService.Encrypt', 'TrentService.Decrypt'),
  'an unsigned target': replace(';x-amz-target', ''),
  'no target': replace(/x-amz-target: .*\r\n/, ''),
  'the target twice': (bytes) => bytes.replace(/(x-amz-target: .*\r\n)/, '$1$1'),
  'another media type': replace('json-1.1', 'json-1.0'),
  'a media type with a parameter': replace('json-1.1', 'json-1.1; charset=utf-8'),
  'a header more': replace('\r\n\r\n', '\r\nx-extra: 1\r\n\r\n'),
  'a signed header gone': replace(/SignedHeaders=/, 'SignedHeaders=gone;'),
  'a session token': replace('\r\n\r\n', '\r\nx-amz-security-token: t\r\n\r\n'),
  'a hash of another body': replace(/x-amz-content-sha256: ./, 'x-amz-content-sha256: x'),
  'the host': replace(/host: .*\r\n/, 'host: other\r\n'),
  'no host': replace(/host: .*\r\n/, ''),
  'a body that is no JSON': replace('{"KeyId"', '{KeyId'),
  'a line that ends too soon': replace('\r\nx-amz-date', '\nx-amz-date'),
  'a grant that ends': replace('\r\n\r\n', '\r\nx-strongroom-grant-expires-in: 60\r\n\r\n'),
  'a query': replace('POST / ', 'POST /?a=b '),
  'another path': replace('POST / ', 'POST /x '),
  'another method': replace('POST / ', 'PUT / '),
  'a closed connection': replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`answered alike: ${what}`, async (t) => {
    const { keyId, both } = await scene(t)
    const bytes = await encrypt(keyId)
    for (let i = 0; i < 2; i++) await both(bytes)
    const [one, other] = await both(change(bytes))
    t.is(one, other)
    t.regex(one, /^http\/1\.1 \d{3}/)
  })
}

test('what AWS refuses is refused alike, and what fails fails alike', async (t) => {
  const { room, keyId, both } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: keyId, Plaintext: Buffer.from('x') })
  const blob = Buffer.from(CiphertextBlob!).toString('base64')
  const cases: [string, object | string][] = [
    ['Decrypt', { CiphertextBlob: blob }],
    ['Decrypt', { CiphertextBlob: `${blob.slice(0, -8)}AAAAAAA=` }],
    ['Decrypt', { CiphertextBlob: blob, EncryptionContext: { a: 'b' } }],
    ['Encrypt', {}],
    ['Encrypt', { KeyId: keyId, Plaintext: 'a'.repeat(8000) }],
    ['Encrypt', { KeyId: 'alias/none', Plaintext: 'AA==' }],
    ['DescribeKey', { KeyId: keyId }],
    ['GenerateRandom', { NumberOfBytes: 8 }],
    ['GenerateDataKey', { KeyId: keyId, KeySpec: 'AES_256', DryRun: true }],
    ['ListKeys', ''],
    ['ListKeys', 'null'],
    ['ListKeys', '[]'],
    ['ListKeys', '{"Limit": 1e3}'],
  ]
  for (const [operation, body] of cases) {
    const bytes = await wire(operation, body)
    for (let i = 0; i < 2; i++) {
      const [one, other] = await both(bytes)
      t.is(one, other, `${operation} ${JSON.stringify(body)}`)
    }
  }
})

test('any byte of a request may be another', async (t) => {
  const { keyId, both } = await scene(t)
  const bytes = await encrypt(keyId)
  const random = seeded(4599)
  for (let i = 0; i < 300; i++) {
    await both(bytes)
    const at = random.below(bytes.length)
    const other = String.fromCharCode(32 + random.below(95))
    // A length that is too long would have both wait for more.
    if (/content-length: [\d]*$/.test(bytes.slice(0, at)) || bytes.slice(at).startsWith('content-length')) continue
    const changed = bytes.slice(0, at) + other + bytes.slice(at + 1)
    if (!/\r\ncontent-length: \d+\r\n/.test(changed)) continue
    const [one, same] = await both(changed)
    t.is(one, same, JSON.stringify(changed.slice(Math.max(0, at - 40), at + 40)))
  }
})

test('a key that is taken away ends at once, on connections that knew it', async (t) => {
  const accounts = [
    {
      id: '111122223333',
      accessKeys: [{ id: 'AKIDROOT', secret: 's' }],
      users: [{ name: 'ann', accessKeys: [{ id: 'AKIDANN', secret: 'a' }] }],
    },
  ]
  const { room, keyId, both } = await scene(t, { accounts })
  const bytes = await encrypt(keyId, { accessKeyId: 'AKIDROOT', secretAccessKey: 's' })
  for (let i = 0; i < 3; i++) t.regex((await both(bytes))[0], / 200 /)
  await room.identities.declare([{ ...accounts[0]!, accessKeys: [{ id: 'AKIDROOT', secret: 'another' }] }])
  const [one, other] = await both(bytes)
  t.is(one, other)
  t.regex(one, /InvalidSignatureException/)
})

test('a message that has become old is refused, on connections that knew its sender', async (t) => {
  const { room, keyId, both } = await scene(t)
  const bytes = await encrypt(keyId)
  for (let i = 0; i < 3; i++) t.regex((await both(bytes))[0], / 200 /)
  await room.clock.advance('6m')
  const [one, other] = await both(bytes)
  t.regex(one, /Signature expired/)
  t.is(one.replace(/\d{8}T\d{6}Z/g, ''), other.replace(/\d{8}T\d{6}Z/g, ''))
})

test('who is out of reach gets no answer', async (t) => {
  const { room, keyId, both } = await scene(t)
  const bytes = await encrypt(keyId)
  for (let i = 0; i < 3; i++) t.regex((await both(bytes))[0], / 200 /)
  await room.regions.down('us-east-1')
  t.deepEqual(await both(bytes), ['', ''].map(told) as [string, string])
})

test('the trail tells of requests alike, whichever way they came', async (t) => {
  const { room, keyId, both } = await scene(t)
  const bytes = await encrypt(keyId, { headers: { 'user-agent': 'clinic/1.0' } })
  for (let i = 0; i < 3; i++) await both(bytes)
  const events = []
  for await (const event of room.audit.events()) if (event.eventName === 'Encrypt') events.push(event)
  const shapes = new Set(
    events.map(({ sourceIPAddress, userAgent, requestParameters }) =>
      JSON.stringify({ sourceIPAddress, userAgent, requestParameters }),
    ),
  )
  t.is(shapes.size, 1)
  t.regex([...shapes][0]!, /127\.0\.0\.1.*clinic\/1\.0/)
  t.is(new Set(events.map(({ requestID }) => requestID)).size, 6)
})

test('what was asked before a listener closes is answered, though nobody has looked at it yet', async (t) => {
  const room = await Strongroom.open({ seed: 1 })
  t.teardown(() => room.close())
  const { KeyMetadata } = await room.createKey()
  const listener = await room.listen()
  const client = await Client.to(listener)
  const bytes = await encrypt(KeyMetadata!.KeyId)
  t.regex(await client.ask(bytes), / 200 /)
  const answer = client.ask(bytes)
  // The front reads it meanwhile, and this thread does nothing.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  await listener.close()
  t.regex(await answer, / 200 [^]*CiphertextBlob/)
})

test('an answer that comes between two batches goes out at once', async (t) => {
  let resolve: (answer: HttpResponse) => void = () => undefined
  const promise = new Promise<HttpResponse>((resolved) => (resolve = resolved))
  const sent: number[] = []
  let batches = 0
  const door = new FrontDoor({
    connections: {
      take(out) {
        // The connection, and then more batches of its requests than are served without a pause.
        const records = batches++ === 0 ? [record(3, 0, '127.0.0.1'), record(2, 0, 'POST / HTTP/1.1\r\n\r\n')] : []
        if (batches > 1 && batches <= 20) records.push(record(4, 9, ''))
        const bytes = Buffer.concat(records)
        bytes.copy(out)
        return bytes.length
      },
      answer: (_, length) => sent.push(length),
      trust: () => 0,
    },
    answering: {
      targets: [],
      handle: () => promise,
      trusted: () => t.fail(),
      find: () => undefined,
      now: Date.now,
    },
    endpoint: undefined,
    stray: () => t.fail(),
    write: ({ body }) => body.toString(),
  })
  door.drain()
  t.deepEqual([batches < 20, sent], [true, []])
  resolve({ status: 200, headers: {}, body: 'answer' })
  await promise
  await Promise.resolve()
  t.deepEqual(sent, [16 + 'answer'.length])
})

/** A record as crates/front/src/mailbox.rs has it. */
function record(kind: number, turn: number, text: string): Buffer {
  const words = [kind, 1, turn, kind === 2 ? text.length : 0, 0, 0, 0xffff_ffff, text.length]
  const bytes = Buffer.concat([...words.map((word) => Buffer.from(Uint32Array.of(word).buffer)), Buffer.from(text)])
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}
