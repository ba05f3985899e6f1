/** A conformance run: what it says of each check, that nothing brings it down, and what it leaves in the token: nothing. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import test from 'ava'
import { conformance, type ConformanceWorld } from '../../src/cli/conformance.ts'
import { UsageError } from '../../src/cli/flags.ts'
import { CHECKS } from '../../src/conformance/checks/index.ts'
import type { Report, Result } from '../../src/conformance/report.ts'
import { REPORT_SCHEMA } from '../../src/conformance/schema.ts'
import type { TokenProfile } from '../../src/backends/pkcs11/profile.ts'
import { pkcs11 } from '../../src/index.ts'
import { mistakeIn, type Shape } from '../../src/shape.ts'
import { served } from '../helpers/served.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { files, read } from '../helpers/tree.ts'

const { house } = softTokens('house')
const STAGED = new URL('./staged.ts', import.meta.url).href
const folder = mkdtempSync(join(tmpdir(), 'strongroom-runner-'))
const pinFile = join(folder, 'pin')
writeFileSync(pinFile, `${house.pin}\n`, { mode: 0o600 })
const TOKEN = ['--module', house.module, '--token-label', 'house', '--pin-file', pinFile]
test.after.always(() => rmSync(folder, { recursive: true }))

interface Ran {
  readonly code: number
  readonly said: string
  readonly out: string
  readonly report: Report
  of(id: string): Result
}

let runs = 0

async function run(
  flags: readonly string[],
  world: Partial<ConformanceWorld> = {},
  token: readonly string[] = TOKEN,
): Promise<Ran> {
  const out = join(folder, `out-${runs++}`)
  let said = ''
  const code = await conformance([...token, '--out', out, ...flags], {
    now: Date.now,
    out: (text) => (said += text),
    error: (text) => void (said += text),
    stop: new Promise(() => {}),
    checks: STAGED,
    ...world,
  })
  const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report
  return { code, said, out, report, of: (id) => report.results.find((each) => each.id === id)! }
}

test.serial('each check has its verdict, whatever the others did to the process', async (t) => {
  const { code, of, report } = await run(['--only', 'stage'])
  t.is(code, 1)
  t.deepEqual(Object.fromEntries(report.results.map(({ id, verdict }) => [id, verdict])), {
    'stage.breaks': 'failed',
    'stage.cannot': 'inapplicable',
    'stage.crashes': 'crashed',
    'stage.ends': 'crashed',
    'stage.fails': 'failed',
    'stage.hangs': 'hung',
    'stage.lacks': 'inapplicable',
    'stage.leaves': 'passed',
    'stage.next': 'passed',
    'stage.passes': 'passed',
    'stage.remarks': 'failed',
    'stage.writes': 'skipped',
  })
  t.true(report.complete)
  t.is(mistakeIn(report, REPORT_SCHEMA), undefined)
  t.like(of('stage.fails'), { expected: 'CKR_OK', observed: 'CKR_USER_ALREADY_LOGGED_IN' })
  t.deepEqual(
    of('stage.fails').trace.map(({ call, rv }) => `${call} ${rv}`),
    ['C_OpenSession CKR_OK', 'C_Login CKR_OK', 'C_Login CKR_USER_ALREADY_LOGGED_IN'],
  )
  t.regex(of('stage.crashes').observed!, /SIGSEGV/)
  t.deepEqual(
    of('stage.crashes').trace.map(({ call }) => call),
    ['C_OpenSession'],
  )
  t.regex(of('stage.ends').observed!, /exit code 7/)
  t.regex(of('stage.hangs').observed!, /2 seconds/)
  t.deepEqual(
    of('stage.hangs').trace.map(({ call }) => call),
    ['C_OpenSession', 'C_Login'],
  )
  t.regex(of('stage.breaks').observed!, /the check itself is wrong/)
  t.is(of('stage.lacks').remark, 'the token does not announce CKM_KIP_DERIVE')
  t.is(of('stage.cannot').remark, 'it cannot be told here')
  t.is(of('stage.remarks').remark, 'it means nothing')
})

test.serial('what holds is 0, and a note alone as well', async (t) => {
  t.is((await run(['--only', 'stage.passes,another'])).code, 0)
  t.is((await run(['--only', 'stage.remarks'])).code, 0)
  t.is((await run(['--only', 'stage.fails'])).code, 1)
})

test.serial('the command of a result runs that check alone', async (t) => {
  const { report } = await run(['--only', 'stage.fails,stage.passes'])
  const [npx, program, ...words] = report.results[0]!.reproduce.split(' ')
  t.deepEqual([npx, program], ['npx', 'strongroom'])
  t.deepEqual(words, ['conformance', ...TOKEN, '--only', 'stage.fails'])
  const again = await run(words.slice(1 + TOKEN.length))
  t.deepEqual(
    again.report.results.map(({ id, verdict }) => [id, verdict]),
    [['stage.fails', 'failed']],
  )
})

test.serial('files are told as they were given', async (t) => {
  const module = relative(process.cwd(), house.module)
  const { code, report } = await run(['--only', 'stage.passes'], {}, ['--module', module, ...TOKEN.slice(2)])
  t.is(code, 0)
  t.is(report.module.path, module)
  t.true(report.results[0]!.reproduce.includes(`--module ${module} `))
})

test.serial('a stored key is measured beside one of the session, where it may be stored', async (t) => {
  const { report } = await run(['--only', 'stage.passes', '--throughput', '--write'])
  t.is(mistakeIn(report, REPORT_SCHEMA), undefined)
  const measured = new Set(report.throughput.map(({ mechanism, key }) => `${mechanism} ${key}`))
  for (const name of ['AES_GCM', 'SHA256_HMAC', 'RSA_PKCS', 'RSA_PKCS_PSS', 'ECDSA'])
    t.true(measured.has(`CKM_${name} session`) && measured.has(`CKM_${name} token`), name)
  t.true(measured.has('C_GenerateRandom session') && !measured.has('C_GenerateRandom token'))
})

test.serial('a run that is stopped tells what it found until then', async (t) => {
  let stop = (): void => undefined
  const stopped = new Promise<void>((resolve) => (stop = resolve))
  const { code, report, of, said } = await run([], {
    stop: stopped,
    isWatched: true,
    error: (text) => {
      if (text.includes('stage.hangs')) stop()
    },
  })
  t.is(code, 1)
  t.false(report.complete)
  t.is(of('another.passes').verdict, 'passed')
  t.is(of('stage.hangs').verdict, 'skipped')
  t.is(of('stage.passes').remark, 'the run was stopped before')
  t.is(report.results.length, 13)
  t.deepEqual(report.capabilities, [])
  t.is(mistakeIn(report, REPORT_SCHEMA), undefined)
  t.regex(said, /not to its end/)
})

test.serial('what checks store is gone afterwards, and what others stored is as it was', async (t) => {
  const objects = () =>
    readdirSync(join(house.folder, 'tokens'), { recursive: true }).filter((name) => String(name).endsWith('.object'))
      .length
  const before = objects()
  const { code, report, of } = await run(['--only', 'stage.writes', '--write'])
  t.is(code, 0)
  t.is(of('stage.writes').verdict, 'passed')
  t.true(report.writes)
  t.is(objects(), before)
})

test.serial('the PIN is nowhere: not in reports, not in what is said', async (t) => {
  const { out, said } = await run(['--only', 'stage.fails,stage.crashes,stage.breaks', '--write'])
  const names = readdirSync(out).sort()
  t.deepEqual(names, ['report.html', 'report.json', 'report.tap', 'report.xml'])
  for (const text of [said, ...names.map((name) => readFileSync(join(out, name), 'utf8'))])
    t.false(text.includes(house.pin))
})

test.serial('a profile is written of a whole run, and a room and a server are opened with it', async (t) => {
  const file = join(folder, 'profile.json')
  await run(['--profile-out', file])
  const profile = JSON.parse(readFileSync(file, 'utf8')) as TokenProfile
  t.is(mistakeIn(profile, JSON.parse(read('docs/conformance/profile.schema.json')) as Shape), undefined)
  const { backend, profile: known } = await pkcs11({ ...house, profile: file }).open()
  t.teardown(() => backend.close())
  t.deepEqual(JSON.parse(JSON.stringify(known)), profile)
  const { url } = await served(t, ['--backend', 'pkcs11', ...TOKEN, '--profile', file])
  t.is((await fetch(`${url}/health`)).status, 200)
  // Of another kind of token it would be refused.
  const other = { ...profile, device: { ...profile.device, token: { ...profile.device.token, model: 'another' } } }
  writeFileSync(file, JSON.stringify(other))
  await t.throwsAsync(pkcs11({ ...house, profile: file }).open(), { code: 'ProfileMismatch' })
})

test.serial('no profile is written of a few checks, or of a run that was stopped', async (t) => {
  const file = join(folder, 'no-profile.json')
  await t.throwsAsync(run(['--only', 'stage', '--profile-out', file]), {
    message: /a profile is written of a whole run/,
  })
  const { said } = await run(['--profile-out', file], { stop: Promise.resolve() })
  t.regex(said, /there is no profile/)
  t.false(existsSync(file))
})

test.serial('another report is compared with', async (t) => {
  const before = await run(['--only', 'stage.fails,stage.passes'])
  const path = join(before.out, 'report.json')
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report
  const better = { ...report, results: report.results.map((each) => ({ ...each, verdict: 'passed' })) }
  writeFileSync(path, JSON.stringify(better))
  t.regex((await run(['--only', 'stage.fails,stage.passes', '--against', path])).said, /since then: 0 better, 1 worse/)
  writeFileSync(path, JSON.stringify({ ...report, results: 7 }))
  await t.throwsAsync(run(['--against', path]), {
    instanceOf: UsageError,
    message: /`results` must be of the type array/,
  })
})

const refuses = test.macro<[string, ...string[]]>({
  title: (_, message) => `not understood: ${message}`,
  async exec(t, message, ...args) {
    const world = { now: Date.now, out: () => undefined, error: () => undefined, stop: new Promise(() => {}) }
    const error = await t.throwsAsync(conformance(args, { ...world, checks: STAGED }), { instanceOf: UsageError })
    t.true(error.message.includes(message), error.message)
  },
})

test(refuses, '`--module` says which library to try')
test(refuses, '`--token-label` or `--slot` says which token', '--module', house.module, '--pin-file', pinFile)
test(refuses, '`--pin-file` says where its PIN is', '--module', house.module, '--slot', '0')
test(refuses, 'there is no file `/nowhere.so`', '--module', '/nowhere.so', '--slot', '0', '--pin-file', pinFile)
test(refuses, 'no check is called `nothing`', ...TOKEN, '--only', 'nothing')
test(refuses, 'cannot be read', '--module', house.module, '--slot', '0', '--pin-file', join(folder, 'nowhere'))

test.serial('a token that cannot be opened is 2, and why', async (t) => {
  const wrong = join(folder, 'wrong')
  writeFileSync(wrong, '000000', { mode: 0o600 })
  const cases = [
    [
      ['--module', house.module, '--token-label', 'none', '--pin-file', pinFile],
      /there is no token `none` in this module; there is `house`/,
    ],
    [['--module', house.module, '--slot', '7', '--pin-file', pinFile], /there is no slot 7/],
    [['--module', house.module, '--slot', '0', '--pin-file', wrong], /CKR_PIN_INCORRECT/],
    [['--module', pinFile, '--slot', '0', '--pin-file', pinFile], /./],
  ] as const
  for (const [args, reason] of cases) {
    let said = ''
    const error = (text: string): void => void (said += text)
    const stop = new Promise(() => {})
    const code = await conformance(args, { now: Date.now, out: error, error, stop, checks: STAGED })
    t.is(code, 2, said)
    t.regex(said, reason)
    t.false(said.includes('000000'))
  }
})

test('--list tells the plan and touches no module', async (t) => {
  let said = ''
  const world = {
    now: Date.now,
    out: (text: string) => (said += text),
    error: () => undefined,
    stop: Promise.resolve(),
  }
  t.is(await conformance(['--list', '--only', 'stage.writes,another'], { ...world, checks: STAGED }), 0)
  t.regex(said, /^another.passes +major +what another.passes says \(PKCS#11 3.1, 5.6.1 C_OpenSession\)\n/)
  t.regex(said, /2 checks, of which 1 write\n$/)
  said = ''
  t.is(await conformance(['--list', '--json', '--only', 'st*.w*'], { ...world, checks: STAGED }), 0)
  t.like(JSON.parse(said), [{ id: 'stage.writes', severity: 'major', writes: true, needs: [] }])
})

test('the checks that are shipped: three hundred at least, each with a name of its own and a clause', (t) => {
  const ids = CHECKS.map(({ id }) => id)
  t.true(ids.length >= 300, String(ids.length))
  t.deepEqual(ids, [...new Set(ids)].sort(), 'unique, and in their order')
  t.deepEqual(
    CHECKS.filter(({ id }) => !/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(id)).map(({ id }) => id),
    [],
  )
  t.deepEqual(
    CHECKS.filter(({ clause, title }) => clause === '' || title === '').map(({ id }) => id),
    [],
  )
})

test('docs/conformance/report.schema.json is the schema that reports are read by', (t) => {
  t.deepEqual(JSON.parse(read('docs/conformance/report.schema.json')), REPORT_SCHEMA)
  t.true(files(/^docs\/conformance\/README\.md$/).length === 1)
})
