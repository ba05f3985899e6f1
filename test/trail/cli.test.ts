/** `strongroom audit`: what it prints and how it ends, over a trail that is partly shipped. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Hash } from '@smithy/core/serde'
import { SignatureV4 } from '@smithy/signature-v4'
import test, { type ExecutionContext } from 'ava'
import { publicKeyOf } from '../../src/audit/files/signing.ts'
import { audit, AUDIT_HELP } from '../../src/cli/audit.ts'
import { UsageError } from '../../src/cli/flags.ts'
import { visible } from '../../src/cli/line.ts'
import { momentOf } from '../../src/cli/moment.ts'
import { signedHeaders } from '../../src/cli/remote.ts'
import { cloudtrail } from '../../src/cloudtrail/lookup.ts'
import type { Context } from '../../src/context.ts'
import { KmsError } from '../../src/errors.ts'
import { ACCOUNT, DAY, HOUR, kept, OTHER, START, type KeptTrail } from './kept.ts'

interface Said {
  readonly code: number
  readonly out: string
  readonly error: string
}

async function scene(t: ExecutionContext) {
  const trail = await kept(t)
  trail.use({ requestId: 'one', context: { dept: 'ward', patient: 'p 7' } })
  await trail.ship()
  trail.now = START + HOUR
  trail.use({ requestId: 'two', user: 'mallory', error: new KmsError('AccessDeniedException', 'no') })
  trail.use({ requestId: 'three', key: 'k-2', name: 'Encrypt' })
  trail.use({ account: OTHER, owner: ACCOUNT, requestId: 'four' })
  await trail.settled()
  return { trail, run: (...args: string[]) => run(trail, args) }
}

/** With the room's store, or as somebody sees it who has the folder alone. */
async function run(
  trail: KeptTrail,
  args: readonly string[],
  stop: Promise<unknown> = Promise.resolve(),
): Promise<Said> {
  const { folder, store } = trail
  const said = { out: '', error: '' }
  const code = await audit(
    [
      ...args,
      ...(args.length === 0 || args.some((arg) => /^--(trail|endpoint-url)$/.test(arg)) ? [] : ['--data', folder]),
    ],
    {
      trail: () => Promise.resolve({ folder, store, close: () => Promise.resolve() }),
      now: () => trail.now,
      env: { AWS_ACCESS_KEY_ID: 'AKIATEST', AWS_REGION: 'us-east-1' },
      out: (text) => (said.out += text),
      error: (text) => (said.error += text),
      stop,
    },
  )
  return { code, ...said }
}

const ALICE = `arn:aws:iam::${ACCOUNT}:user/alice`

test('who tells in a line each who used a key, what came of it, and for what', async (t) => {
  const { run } = await scene(t)
  const { out, code } = await run('who', '--key', 'k-1')
  t.is(code, 0)
  t.deepEqual(out.split('\n'), [
    `2026-01-31T12:00:00Z  ${ALICE}  Decrypt  ok  dept=ward,patient="p 7"  192.0.2.7`,
    `2026-01-31T13:00:00Z  arn:aws:iam::${ACCOUNT}:user/mallory  Decrypt  AccessDenied  dept=ward  192.0.2.7`,
    `2026-01-31T13:00:00Z  arn:aws:iam::${OTHER}:user/alice  Decrypt  ok  dept=ward  192.0.2.7`,
    '',
  ])
})

test('who --since leaves out what was before', async (t) => {
  const { run } = await scene(t)
  t.is((await run('who', '--key', 'k-1', '--since', '30m')).out.split('\n').length, 3)
  t.is((await run('who', '--key', 'k-1', '--since', '2h')).out.split('\n').length, 4)
})

test('ids are one a line, each once, and the exit code says that the chain is whole', async (t) => {
  const { run } = await scene(t)
  t.deepEqual(await run('ids'), { code: 0, out: 'one\ntwo\nthree\nfour\n', error: '' })
})

test('ids fails on a broken chain, and says where it is broken', async (t) => {
  const { trail, run } = await scene(t)
  const [digest = ''] = await trail.digests()
  await trail.remove(digest)
  const { code, error } = await run('ids')
  t.is(code, 1)
  t.true(error.startsWith(`removed: ${digest}`), error)
})

test('export gives every record as a line of JSON', async (t) => {
  const { run } = await scene(t)
  const records = (await run('export')).out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { requestID: string })
  t.deepEqual(
    records.map(({ requestID }) => requestID),
    ['one', 'two', 'three', 'four', 'four'],
  )
  const denied = (await run('export', '--principal', 'mallory')).out
  t.is((JSON.parse(denied) as { errorCode: string }).errorCode, 'AccessDenied')
})

test('tail --once tells the latest events, with their keys', async (t) => {
  const { run } = await scene(t)
  const { out } = await run('tail', '--once', '--lines', '2', '--account', ACCOUNT, '--event', 'Encrypt')
  t.is(out, `2026-01-31T13:00:00Z  ${ALICE}  Encrypt  ok  k-2  dept=ward  192.0.2.7\n`)
})

test('tail goes on with what is shipped, and tells nothing twice', async (t) => {
  const { trail } = await scene(t)
  let stop = () => {}
  const following = run(trail, ['tail', '--lines', '100'], new Promise<void>((resolve) => (stop = resolve)))
  // It has begun once it looks for shipments, which it does a second apart.
  await new Promise((resolve) => setTimeout(resolve, 500))
  trail.use({ key: 'k-9' })
  await trail.ship()
  await new Promise((resolve) => setTimeout(resolve, 1500))
  stop()
  const lines = (await following).out.trimEnd().split('\n')
  t.is(lines.length, 6)
  t.regex(lines[5]!, /k-9/)
})

/** A server that knows LookupEvents alone. */
async function served(t: ExecutionContext, trail: KeptTrail): Promise<string> {
  const { store, folder } = trail
  const world = { store, folder, clock: () => trail.now, permit: () => undefined, settled: () => trail.settled() }
  const server = createServer((request, response) => {
    t.regex(
      request.headers.authorization ?? '',
      /^AWS4-HMAC-SHA256 Credential=AKIATEST\/20260131\/us-east-1\/cloudtrail\//,
    )
    void text(request).then(async (body) => {
      const context = { caller: { account: ACCOUNT }, region: 'us-east-1' } as Context
      response.end(JSON.stringify(await cloudtrail(world)('LookupEvents', JSON.parse(body), context)))
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('tail --endpoint-url asks a running server, also for what is not shipped yet', async (t) => {
  const { trail } = await scene(t)
  const url = await served(t, trail)
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const following = run(trail, ['tail', '--lines', '2', '--endpoint-url', url], stopped)
  await new Promise((resolve) => setTimeout(resolve, 500))
  trail.use({ key: 'k-9' })
  await new Promise((resolve) => setTimeout(resolve, 1500))
  stop()
  const lines = (await following).out.trimEnd().split('\n')
  t.deepEqual(
    lines.map((line) => line.split('  ')[4]),
    ['k-2', 'k-1', 'k-9'],
  )
})

test('what is sent to a server is signed as the SDK signs it', async (t) => {
  const env = {
    AWS_ACCESS_KEY_ID: 'AKIA',
    AWS_SECRET_ACCESS_KEY: 'hush',
    AWS_SESSION_TOKEN: 'token',
    AWS_REGION: 'eu-west-1',
  }
  const { authorization, ...headers } = signedHeaders(
    { endpoint: 'http://127.0.0.1:4599', env, now: () => START },
    '{}',
  )
  const signer = new SignatureV4({
    credentials: { accessKeyId: 'AKIA', secretAccessKey: 'hush', sessionToken: 'token' },
    region: 'eu-west-1',
    service: 'cloudtrail',
    sha256: Hash.bind(null, 'sha256'),
    applyChecksum: false,
  })
  const request = {
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: '/',
    query: {},
    headers,
    body: '{}',
  }
  const signed = await signer.sign(request, { signingDate: new Date(START) })
  t.is(authorization, signed.headers.authorization)
})

test('verify says what was proved: by the room, by a key from elsewhere, by the files themselves', async (t) => {
  const { trail, run } = await scene(t)
  const whole = await run('verify')
  t.is(whole.code, 0)
  t.is(whole.out.split('\n')[0], 'whole: 1 records in 1 log files, under 1 digests; 4 records in the store')
  t.regex(whole.out, /The room vouches/)
  const key = join(await mkdtemp(join(tmpdir(), 'strongroom-key-')), 'key.pem')
  t.teardown(() => rm(dirname(key), { recursive: true }))
  await writeFile(key, (await publicKeyOf(trail.store))!)
  t.regex((await run('verify', '--trail', trail.folder, '--public-key', key)).out, /Signed by the key you gave/)
  t.regex((await run('verify', '--trail', trail.folder)).out, /Consistent in itself/)
})

test('verify names the first offence', async (t) => {
  const { trail, run } = await scene(t)
  const [log = ''] = await trail.logs()
  await trail.edit(log, (text) => text.replace('alice', 'alicf'))
  const { code, out, error } = await run('verify')
  t.is(code, 1)
  t.is(out, '')
  t.regex(error, /^changed: AWSLogs\/.*\.json\.gz, record 0 \([0-9a-f-]{36}\): it is not what was written\n$/)
})

test('what callers wrote reaches the terminal as text', async (t) => {
  const { trail, run } = await scene(t)
  trail.use({ key: 'k-5', context: { 'a\nb': '\u001b[2J\u202etxt', 'c  Decrypt': '"' } })
  await trail.settled()
  const { out } = await run('who', '--key', 'k-5')
  t.regex(out, / {2}"a\\u\{a\}b"="\\u\{1b\}\[2J\\u\{202e\}txt","c {2}Decrypt"="\\"" {2}/)
  t.is(out.split('\n').length, 2)
  t.is(visible('Müller'), 'Müller')
})

for (const [args, problem] of [
  [[], /audit what/],
  [['whom'], /unknown `audit whom`/],
  [['who'], /needs `--key`/],
  [['tail', '--lines', 'x'], /whole number/],
  [['who', '--key', 'k', '--since', 'yesterday'], /--since/],
  [['export', '--trail', '/nowhere', '--data', '/nowhere'], /exclude/],
] as const) {
  test(`is not understood: audit ${args.join(' ')}`, async (t) => {
    const { trail } = await scene(t)
    await t.throwsAsync(run(trail, args), { instanceOf: UsageError, message: problem })
  })
}

test('moments are how long ago, or dates', (t) => {
  const at = (text: string) => momentOf('since', text, START)
  t.is(at('24h'), START - DAY)
  t.is(at('30m'), START - HOUR / 2)
  t.is(at('7d'), START - 7 * DAY)
  t.is(at('2026-01-31'), START - 12 * HOUR)
  t.is(at('2026-01-31T12:00'), START)
  t.is(at('2026-01-31T13:00+01:00'), START)
  for (const wrong of ['', '7', '7 d', '2026-13-01', '31.1.2026', '2026-01-31T12'])
    t.throws(() => at(wrong), { instanceOf: UsageError }, wrong)
})

test('the help names every verb', (t) => {
  for (const verb of ['tail', 'export', 'ids', 'who', 'verify']) t.regex(AUDIT_HELP, new RegExp(`^  ${verb} `, 'm'))
})
