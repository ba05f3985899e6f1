/** Attacks on the proxy: requests that are not quite what was signed, and what is worse than no request. */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { ConfigError } from '../../src/schema.ts'
import { readProxyConfig } from '../../src/xks/config.ts'
import { CREDENTIAL, encryptBody, scene } from '../xks/asking.ts'

const BASE = '/kms/xks/v1'
const ENCRYPT = `${BASE}/keys/one/encrypt`
const hello = JSON.stringify(encryptBody('hello'))

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

interface Raw {
  /** What is signed, and what is sent instead. */
  readonly path?: string
  readonly sent?: string
  readonly body?: string
  readonly more?: readonly string[]
}

/** A request as it stands on the wire. */
function raw(port: string, { path = ENCRYPT, sent = path, body = hello, more = [] }: Raw): string {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '')
  const scope = `${date.slice(0, 8)}/us-east-1/kms-xks-proxy/aws4_request`
  const names = 'content-type;host;x-amz-date'
  const fields = `content-type:application/json\nhost:127.0.0.1:${port}\nx-amz-date:${date}\n`
  const canonical = `POST\n${path}\n\n${fields}\n${names}\n${sha256(body)}`
  const key = scope
    .split('/')
    .reduce<string | Buffer>((key, part) => hmac(key, part), `AWS4${CREDENTIAL.secretAccessKey}`)
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  const head = [
    `POST ${sent} HTTP/1.1`,
    ...fields
      .trim()
      .split('\n')
      .map((line) => line.replace(':', ': ')),
    `authorization: ${authorization}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...['connection: close', ...more],
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** Sends bytes; the status and the name of the error, if any. */
async function tell(port: string, bytes: string): Promise<string> {
  const socket: Socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => undefined)
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => (text += more))
  socket.write(bytes)
  await once(socket, 'close')
  const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'nothing'
  return [status, /"errorName":"(\w+)"/.exec(text)?.[1]].filter(Boolean).join(' ')
}

async function proxy(t: ExecutionContext) {
  const { base, lines } = await scene(t, {
    keys: [
      { id: '..', create: true },
      { id: 'two', create: true },
    ],
  })
  const { port } = new URL(base)
  return { lines, ask: (request: Raw) => tell(port, raw(port, request)), port }
}

const [FORGED, NOWHERE] = ['401 AuthenticationFailedException', '404 InvalidUriPathException']

/** What is signed, what is sent, and what comes of it. */
const PATHS: readonly (readonly [what: string, request: Raw, outcome: string])[] = [
  ['what was signed', {}, '200'],
  ['another key', { sent: `${BASE}/keys/two/encrypt` }, FORGED],
  ['another verb', { sent: `${BASE}/keys/one/decrypt` }, FORGED],
  ['a query', { sent: `${ENCRYPT}?a=b` }, FORGED],
  // Signatures are over paths without dots; what is served is the path as it stands.
  ['a detour by dots', { sent: `${BASE}/keys/two/../one/encrypt` }, NOWHERE],
  ['a dot', { sent: `${BASE}/./keys/one/encrypt` }, NOWHERE],
  ['two slashes', { sent: `/${ENCRYPT}` }, NOWHERE],
  ['two slashes within', { sent: `${BASE}//keys/one/encrypt` }, NOWHERE],
  ['dots that are a key’s name', { path: `${BASE}/encrypt`, sent: `${BASE}/keys/../encrypt` }, NOWHERE],
  ['a slash at the end', { path: `${ENCRYPT}/` }, NOWHERE],
  ['an encoded slash', { path: `${BASE}/keys/one%252Fencrypt`, sent: `${BASE}/keys/one%2Fencrypt` }, NOWHERE],
  ['an encoded letter', { path: `${BASE}/keys/%256Fne/encrypt`, sent: `${BASE}/keys/%6Fne/encrypt` }, NOWHERE],
  ['an absolute URL', { sent: `http://127.0.0.1${ENCRYPT}` }, FORGED],
  ['a fragment', { sent: `${ENCRYPT}#x` }, FORGED],
  ['something after health', { path: `${BASE}/health/` }, NOWHERE],
  ['much after health', { path: `${BASE}/health/keys/one`, sent: `${BASE}/health//keys/one` }, NOWHERE],
  ['a prefix that is no prefix', { path: `/x${ENCRYPT}` }, NOWHERE],
  ['another version', { path: '/kms/xks/v2/keys/one/encrypt' }, NOWHERE],
]

for (const [what, request, outcome] of PATHS) {
  test(`by its path, ${what}: ${outcome}`, async (t) => {
    t.is(await (await proxy(t)).ask(request), outcome)
  })
}

const HEADERS: readonly (readonly [what: string, more: string, outcome: string])[] = [
  ['a second date', 'x-amz-date: 20200101T000000Z', FORGED],
  [
    'a second signature',
    'authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=x',
    FORGED,
  ],
  ['a session token', 'x-amz-security-token: t', FORGED],
  ['a hash of another body', `x-amz-content-sha256: ${sha256('')}`, FORGED],
  ['a second media type', 'content-type: text/plain', FORGED],
  ['a second host', 'host: elsewhere', FORGED],
  ['another header', 'x-forwarded-for: 10.0.0.1', '200'],
]

for (const [what, more, outcome] of HEADERS) {
  test(`with ${what}: ${outcome}`, async (t) => {
    t.is(await (await proxy(t)).ask({ more: [more] }), outcome)
  })
}

test('a second body length, or a body in chunks besides, is no request at all', async (t) => {
  const { ask } = await proxy(t)
  for (const more of ['content-length: 5', 'transfer-encoding: chunked']) t.regex(await ask({ more: [more] }), /^400/)
})

const deep = (open: string, close: string, times: number) => open.repeat(times) + close.repeat(times)
const inside = (member: string) => hello.replace('{', `{${member},`)

/** Bodies that are signed as they are. */
const BODIES: readonly (readonly [what: string, body: string, outcome: string])[] = [
  ['nests deeply', inside(`"x":${deep('[', ']', 10_000)}`), '400 ValidationException'],
  ['nests deeply in what is asked', inside(`"plaintext":${deep('{"a":', '}', 10_000)}`), '400 ValidationException'],
  ['has a prototype', inside('"__proto__":{"kmsOperation":"x"}'), '400 ValidationException'],
  ['says something twice', inside('"plaintext":"AAAA"'), '400 ValidationException'],
  ['says it twice in other letters', inside('"pl\\u0061intext":"AAAA"'), '400 ValidationException'],
  ['has a member of all objects', inside('"constructor":{"x":1},"toString":1'), '200'],
  ['has a huge number', inside('"x":1e999999'), '200'],
  ['is too long', inside(`"x":"${'x'.repeat(70_000)}"`), '400 ValidationException'],
  ['is a list', `[${hello}]`, '400 ValidationException'],
  ['is empty', '', '400 ValidationException'],
]

for (const [what, body, outcome] of BODIES) {
  test(`whose body ${what}: ${outcome}`, async (t) => {
    t.is(await (await proxy(t)).ask({ body }), outcome)
  })
}

test('what the KMS tells of a request cannot tell other things in the log', async (t) => {
  const { ask, lines } = await proxy(t)
  const told = {
    ...(JSON.parse(hello) as object),
    requestMetadata: {
      ...encryptBody('').requestMetadata,
      kmsOperation: 'x\n{"status":500}',
      ...{ key: 'two', api: 'health', accessKeyId: 'nobody', status: '500' },
    },
  }
  t.is(await ask({ body: JSON.stringify(told) }), '200')
  t.is(lines.length, 1)
  t.false(lines[0]!.includes('\n'))
  t.like(JSON.parse(lines[0]!), { status: 200, key: 'one', api: 'encrypt', accessKeyId: CREDENTIAL.accessKeyId })
})

test('who sends more than there is to send is not read to the end, and signs for nothing', async (t) => {
  const { port } = await proxy(t)
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(`POST ${ENCRYPT} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n`)
  const sending = (async () => {
    while (!socket.destroyed && socket.bytesWritten < 200_000_000) {
      socket.write(Buffer.alloc(1_000_000))
      await pause(1)
    }
  })()
  await new Promise((resolve) => socket.once('close', resolve))
  await sending
  t.true(socket.bytesWritten < 100_000_000, `${socket.bytesWritten} bytes were taken`)
})

// The config file ---------------------------------------------------------------------------------

function configured(t: ExecutionContext, text: string, secret = 's'.repeat(43), mode = 0o600) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-xks-config-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'proxy.yaml'), text)
  writeFileSync(join(folder, 'secret'), secret)
  chmodSync(join(folder, 'secret'), mode)
  return () => readProxyConfig(join(folder, 'proxy.yaml'))
}

const withSecret = (more = '') =>
  `credentials: [{ accessKeyId: ${CREDENTIAL.accessKeyId}, secretFile: secret${more} }]\n`

test('a secret is in a file that others cannot read', (t) => {
  t.is(configured(t, withSecret())().credentials[0]!.secretAccessKey, 's'.repeat(43))
  for (const mode of [0o644, 0o640, 0o604]) {
    const { message } = t.throws(configured(t, withSecret(), undefined, mode), { instanceOf: ConfigError })
    t.regex(message, /chmod 600/)
  }
})

test('a secret that is none is not told', (t) => {
  const { message } = t.throws(configured(t, withSecret(), 'hunter2'), { instanceOf: ConfigError })
  t.false(message.includes('hunter2'))
})

test('an expiry that is no moment is refused, and not one that never comes', (t) => {
  t.notThrows(configured(t, withSecret(', expires: 2027-01-31T00:00:00Z')))
  for (const expires of [
    '2027-13-01T00:00:00Z',
    '2027-01-01T25:00:00Z',
    '2027-00-00T00:00:00Z',
    '2027-02-30T00:00:00Z',
  ])
    t.throws(configured(t, withSecret(`, expires: ${expires}`)), { instanceOf: ConfigError })
})
