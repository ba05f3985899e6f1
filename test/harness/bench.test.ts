/** `strongroom bench`, run for a moment: what it tells, how it counts, and how it ends. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { bench } from '../../src/cli/bench.ts'
import { UsageError } from '../../src/cli/flags.ts'
import type { Measured, Tally } from '../../src/harness/measured.ts'
import { MEASURABLES } from '../../src/harness/operations.ts'
import { readTimes } from '../../src/harness/times.ts'
import { certificate } from '../http/certificate.ts'
import { Strongroom, type StrongroomOptions } from '../../src/index.ts'

/** Long enough that a server in the same process has its turn, however busy the machine is. */
const BRIEF = ['--seconds', '1', '--warmup', '0.1', '--connections', '4']

interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  let [out, error] = ['', '']
  const code = await bench(args, {
    ...{ now: Date.now, env, stop: new Promise(() => {}) },
    out: (text) => (out += text),
    error: (text) => (error += text),
  })
  return { code, out, error }
}

/** What a run came to, of `args` over the brief ones. */
async function measured(t: ExecutionContext, ...args: readonly string[]): Promise<Measured> {
  const usual = BRIEF.flatMap((word, at) =>
    word.startsWith('--') && !args.includes(word) ? [word, BRIEF[at + 1]!] : [],
  )
  const { code, out, error } = await run([...args, ...usual, '--json', '--quiet'])
  t.is(error, '')
  t.is(code, 0)
  return JSON.parse(out) as Measured
}

/** A room with a door, closed when the test ends. */
async function served(
  t: ExecutionContext,
  options: StrongroomOptions = {},
): Promise<{ room: Strongroom; url: string }> {
  const room = await Strongroom.open({ memory: true, ...options })
  t.teardown(() => room.close())
  const { url } = await room.listen()
  return { room, url }
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

/** Every count says the same in each of its places. */
function addsUp(t: ExecutionContext, { operations, total }: Measured): void {
  const sum = (of: (tally: Tally) => number) => Object.values(operations).reduce((all, tally) => all + of(tally), 0)
  t.is(
    sum(({ succeeded }) => succeeded),
    total.succeeded,
  )
  t.is(
    sum(({ failed }) => failed),
    total.failed,
  )
  for (const tally of [...Object.values(operations), total]) {
    t.is(readTimes(tally.histogram).totalCount, tally.succeeded)
    t.is(
      Object.values(tally.errors).reduce((all, count) => all + count, 0),
      tally.failed,
    )
    const { p50, p90, p99, p999, p9999, max } = tally.latency
    const ordered = [p50, p90, p99, p999, p9999, max]
    t.deepEqual(
      ordered.toSorted((a, b) => a - b),
      ordered,
    )
  }
}

// What a run tells --------------------------------------------------------------------------------

for (const target of ['in-process', 'handle', 'sdk']) {
  test.serial(`${target}: all is told, and the counts add up`, async (t) => {
    const ran = await measured(t, '--target', target)
    t.like(ran, {
      schema: 'strongroom/measured/1',
      command: `strongroom bench --target ${target} --seconds 1 --warmup 0.1 --connections 4 --json --quiet`,
      pace: { closed: 4 },
      target: { kind: target === 'sdk' ? 'sdk' : 'in-process' },
      workload: { name: 'Encrypt', size: 1024, contextPairs: 2, keys: 1, principals: 1 },
    })
    t.true(ran.total.succeeded > 0 && ran.seconds >= 1 && ran.cpuMicrosPerOperation! > 0)
    t.true(ran.environment.cores > 0 && ran.environment.machine.length === 12)
    t.true(ran.generator.busy > 0 && ran.generator.busy < 1)
    t.deepEqual(Object.keys(ran.operations), ['Encrypt'])
    addsUp(t, ran)
  })
}

test.serial(
  'at a URL: a mix, every operation of it and every caller, and the CPU time of who listens there',
  async (t) => {
    const users = [{ name: 'a', accessKeys: [{ id: 'AKIAONE', secret: 'first-secret' }], policies: [ALL] }]
    const root = { id: 'AKIATWO', secret: 'second-secret' }
    const { room, url } = await served(t, { accounts: [{ id: '111122223333', users, accessKeys: [root] }] })
    const file = join(folder(t), 'callers.yaml')
    const lines = [
      '{ accessKeyId: AKIAONE, secretAccessKey: first-secret }',
      '{ accessKeyId: AKIATWO, secretAccessKey: second-secret }',
    ]
    writeFileSync(file, lines.map((line) => `- ${line}\n`).join(''), { mode: 0o600 })
    const ran = await measured(
      t,
      '--target',
      url,
      '--mix',
      'tenants',
      '--keys',
      '3',
      '--credentials',
      file,
      '--seconds',
      '1',
    )
    t.like(ran.workload, { name: 'tenants', principals: 2, keys: 3, distribution: { kind: 'zipf', exponent: 0.99 } })
    t.deepEqual(Object.keys(ran.operations), ['Decrypt', 'Encrypt', 'GenerateDataKey'])
    addsUp(t, ran)
    t.true(Object.values(ran.operations).every(({ succeeded, failed }) => succeeded > 0 && failed === 0))
    t.is(ran.intervals.length, 1)
    t.true(ran.cpuMicrosPerOperation! > 0)
    const callers = new Set<string | undefined>()
    for await (const { eventName, userIdentity } of room.audit.events())
      if (eventName === 'Encrypt') callers.add(userIdentity.accessKeyId)
    t.deepEqual([...callers].sort(), ['AKIAONE', 'AKIATWO'])
  },
)

const ALL = {
  name: 'all',
  document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] },
}

test.serial('every operation that can be measured succeeds, in process and at a URL', async (t) => {
  const { url } = await served(t)
  const file = join(folder(t), 'all.yaml')
  writeFileSync(file, `operations:\n${MEASURABLES.map((operation) => `  - operation: ${operation}\n`).join('')}`)
  for (const target of ['in-process', url]) {
    const ran = await measured(t, '--target', target, '--workload', file, '--seconds', '1')
    for (const [name, { succeeded, errors }] of Object.entries(ran.operations)) {
      t.true(succeeded > 0, `${target} ${name}`)
      t.deepEqual(errors, {}, `${target} ${name}`)
    }
  }
})

test.serial('a ramp tells its steps, and the run at the knee is one of them', async (t) => {
  const { ramp, pace, total } = await measured(t, '--ramp')
  t.deepEqual(
    ramp?.steps.map((step) => step.pace),
    [{ closed: 1 }, { closed: 2 }, { closed: 4 }],
  )
  const knee = ramp!.steps[ramp!.knee]!
  t.deepEqual(pace, knee.pace)
  t.is(total.perSecond, knee.perSecond)
})

test.serial('the table is for people, the folder for others', async (t) => {
  const path = folder(t)
  const { code, out, error } = await run([...BRIEF, '--mix', 'envelope', '--out', path])
  t.is(code, 0)
  t.regex(
    out,
    /^envelope, on a room in process\n50 % GenerateDataKey, 50 % Decrypt\n32 bytes, a context of 2 pairs, 10 keys, 1 caller\n4 at a time/,
  )
  t.regex(
    out,
    /\n +a second +mean +p50 .*failed\nGenerateDataKey +[\d,.]+ .*\nDecrypt .*\nall .*\n\nCPU of the server .* each; the generator was busy \d+ % of the time\n/,
  )
  t.regex(error, /^setting up 10 keys of each kind\n/)
  t.is((JSON.parse(readFileSync(join(path, 'report.json'), 'utf8')) as Measured).workload.name, 'envelope')
  t.true(existsSync(join(path, 'report.html')))
})

/** A room's door over TLS, and the file of its certificate. */
async function secured(t: ExecutionContext): Promise<{ url: string; ca: string }> {
  const path = folder(t)
  const { cert, key } = certificate()
  const tls = { cert: join(path, 'cert.pem'), key: join(path, 'key.pem') }
  writeFileSync(tls.cert, cert)
  writeFileSync(tls.key, key)
  const room = await Strongroom.open({ memory: true })
  t.teardown(() => room.close())
  const { url } = await room.listen({ tls })
  return { url, ca: tls.cert }
}

test.serial('over TLS, with certificates that are believed because somebody says so', async (t) => {
  const { url, ca } = await secured(t)
  const { total } = await measured(t, '--target', url, '--ca', ca)
  t.true(total.succeeded > 0 && total.failed === 0)
})

test.serial('over TLS, a server that nobody vouches for is asked nothing', async (t) => {
  const { url } = await secured(t)
  const { code, error } = await run(['--target', url, '--quiet', ...BRIEF])
  t.is(code, 2)
  t.regex(error, /does not answer: DEPTH_ZERO_SELF_SIGNED_CERT\n$/)
})

// How it counts -----------------------------------------------------------------------------------

test.serial(
  'at a rate, what a stalled server makes others wait is counted; a closed loop asks nobody meanwhile',
  async (t) => {
    const stall = { operation: 'Encrypt', latency: '400ms', times: 1, after: 20 } as const
    const [at, closed] = [await served(t), await served(t)]
    at.room.faults.add(stall)
    closed.room.faults.add(stall)
    const few = ['--connections', '1', '--warmup', '0', '--seconds', '1.5']
    const open = await measured(t, '--target', at.url, '--rate', '100', ...few)
    const loop = await measured(t, '--target', closed.url, ...few)
    // Some forty requests were due while one waited, of a hundred and fifty: more than a tenth. The loop asked for one of many.
    t.true(open.total.latency.p90 > 50_000 && open.total.latency.p90 > loop.total.latency.p90)
    t.true(loop.total.latency.max > 390_000)
    t.true(open.generator.behind > 100_000)
  },
)

test.serial('a rate that one connection cannot carry leaves requests unsent, and that is said', async (t) => {
  const { room, url } = await served(t)
  room.faults.add({ operation: 'Encrypt', latency: '20ms' })
  const args = ['--target', url, '--rate', '500', '--connections', '1', '--warmup', '0', '--seconds', '1']
  const { generator } = await measured(t, ...args)
  t.true(generator.unsent > 100 && generator.limited)
  t.regex((await run(args)).out, /\nNOT KEPT UP WITH: \d+ requests due and never sent/)
})

test.serial('errors are counted by type, throttles beside them', async (t) => {
  const { room, url } = await served(t)
  room.faults.add({ operation: 'Encrypt', error: 'ThrottlingException', probability: 0.2, seed: 1 })
  room.faults.add({ operation: 'Encrypt', error: 'KMSInternalException', probability: 0.1, seed: 2 })
  const ran = await measured(t, '--target', url)
  const { errors, throttled, succeeded } = ran.total
  t.deepEqual(Object.keys(errors), ['ThrottlingException', 'KMSInternalException'])
  t.is(throttled, errors.ThrottlingException ?? 0)
  t.true(succeeded > 0)
  addsUp(t, ran)
})

test.serial('keys are scheduled for deletion, those that the load made as well; others are left alone', async (t) => {
  const { room, url } = await served(t)
  const { KeyMetadata } = await room.createKey({ Description: 'not of a bench' })
  const { total } = await measured(t, '--target', url, '--operation', 'CreateKey', '--connections', '2')
  t.true(total.succeeded > 0)
  const states = new Map<string, number>()
  let Marker: string | undefined
  do {
    const { Keys, NextMarker } = await room.listKeys({ Limit: 1000, Marker })
    for (const { KeyId } of Keys!) {
      const { KeyState } = (await room.describeKey({ KeyId: KeyId! })).KeyMetadata!
      states.set(KeyState!, (states.get(KeyState!) ?? 0) + 1)
    }
    Marker = NextMarker
  } while (Marker !== undefined)
  t.is(states.get('Enabled') ?? 0, 1)
  t.true((states.get('PendingDeletion') ?? 0) >= total.succeeded)
  t.is((await room.describeKey({ KeyId: KeyMetadata!.KeyId })).KeyMetadata?.KeyState, 'Enabled')
})

// How it ends -------------------------------------------------------------------------------------

test.serial('nobody listens: exit 2, and no table', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const { code, out, error } = await run(['--target', `http://127.0.0.1:${port}`, '--quiet'])
  t.is(code, 2)
  t.is(out, '')
  t.is(error, `strongroom: 127.0.0.1:${port} does not answer: ECONNREFUSED\n`)
})

test.serial('a key that is not known there: exit 2, and the secret is nowhere', async (t) => {
  const { url } = await served(t)
  const env = { AWS_ACCESS_KEY_ID: 'AKIANOBODY', AWS_SECRET_ACCESS_KEY: 'never-shown' }
  const { code, out, error } = await run(['--target', url, '--quiet'], env)
  t.is(code, 2)
  t.regex(error, /says UnrecognizedClientException/)
  t.notRegex(out + error, /never-shown/)
})

test.serial('nothing succeeded: exit 1, and the table says why', async (t) => {
  const { room, url } = await served(t)
  room.faults.add({ operation: 'Encrypt', error: 'KMSInternalException' })
  const { code, out } = await run(['--target', url, ...BRIEF, '--quiet'])
  t.is(code, 1)
  t.regex(out, /\nfailed: KMSInternalException [\d,]+\n/)
})

test.serial('stopped: exit 1, and the keys are taken away all the same', async (t) => {
  const { room, url } = await served(t)
  let stop = () => {}
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  let error = ''
  const code = await bench(['--target', url, '--seconds', '1', '--warmup', '0'], {
    ...{ now: Date.now, env: {}, stop: stopped, out: () => t.fail('a table of half a run') },
    error: (text) => {
      error += text
      stop()
    },
  })
  t.is(code, 1)
  t.regex(error, /the run was stopped\n$/)
  const { Keys } = await room.listKeys({})
  const states = await Promise.all(
    Keys!.map(async ({ KeyId }) => (await room.describeKey({ KeyId: KeyId! })).KeyMetadata?.KeyState),
  )
  t.deepEqual(states, ['PendingDeletion'])
})

const misused = test.macro({
  title: (_, args: string, message: string) => `\`bench ${args}\`: ${message}`,
  exec: async (t, args: string, message: string) => {
    await t.throwsAsync(run(args.split(' ')), { instanceOf: UsageError, message })
  },
})
test(misused, '--operation Encript', '`--operation`: there is no `Encript` to measure; did you mean `Encrypt`?')
test(misused, '--operation Sign --key-spec RSA_2047', '`--key-spec`: there is no `RSA_2047`; did you mean `RSA_2048`?')
test(
  misused,
  '--operation Encrypt --key-spec HMAC_256',
  'Encrypt takes no key of HMAC_256; there are SYMMETRIC_DEFAULT, RSA_2048, RSA_3072, RSA_4096, SM2',
)
test(misused, '--mix tennants', 'there is no mix `tennants`; did you mean `tenants`?')
test(misused, '--mix tenants --operation Encrypt', '`--operation` and `--mix` exclude each other')
test(misused, '--mix tenants --key-spec RSA_2048', '`--key-spec` is of `--operation`; a mix says which keys it uses')
test(misused, '--workload /nowhere.yaml', '`--workload`: `/nowhere.yaml` cannot be read')
test(misused, '--zipf 5', '`--zipf` must be a number from 0 to 4.999')
test(misused, '--seconds 0', '`--seconds` must be more than 0')
test(misused, '--warmup -1', '`--warmup` must be a number of seconds')
test(misused, '--target there', '`--target` must be in-process, handle, sdk or a URL, not `there`')
test(misused, '--target http://a:b@127.0.0.1:1', '`--target` must not hold credentials: they would be shown')
test(
  misused,
  '--target http://127.0.0.1:1 --principals 2',
  '2 callers at a URL need the credentials of each: `--credentials FILE`',
)
test(misused, '--target http://127.0.0.1:1 --slot 0', '`--slot` is of a room in process, and not of a URL')
test(misused, '--pid 1', '`--pid` is of a URL: `--target https://…`')

test.serial('credentials that others can read are refused', async (t) => {
  const file = join(folder(t), 'callers.yaml')
  writeFileSync(file, '- { accessKeyId: A, secretAccessKey: b }\n')
  chmodSync(file, 0o644)
  await t.throwsAsync(run(['--target', 'http://127.0.0.1:1', '--credentials', file]), {
    message: /others can read .*chmod 600/,
  })
})
