/** The command line: what it takes, what it refuses, what it says and with which exit code. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { main } from '../src/cli/main.ts'
import type { Terminal } from '../src/cli/main.ts'
import type { ListenOptions } from '../src/http/server.ts'
import { defaultAccounts } from '../src/identity.ts'
import type { StrongroomOptions } from '../src/options.ts'

interface Ran {
  code: number
  out: string
  error: string
  opened?: StrongroomOptions
  listened?: ListenOptions
  closed: boolean
}

/** Runs a command line in front of a room that only notes what is asked of it. */
async function run(args: string, changes: Partial<Terminal> = {}): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', error: '', closed: false }
  ran.code = await main(args === '' ? [] : args.split(' '), {
    out: (text) => (ran.out += text),
    error: (text) => (ran.error += text),
    stop: Promise.resolve(),
    input: () => Readable.from([]),
    output: () => new PassThrough(),
    verify: async () => ({ rows: 3, revision: 9 }),
    fresh: () => Promise.reject(new Error('no room here')),
    within: () => Promise.reject(new Error('no room here')),
    trail: () => Promise.reject(new Error('no trail here')),
    perform: () => Promise.reject(new Error('no story here')),
    proxy: () => Promise.reject(new Error('no proxy here')),
    now: () => 0,
    env: {},
    open: async (options) => {
      ran.opened = options
      return {
        listen: async (listening) => {
          ran.listened = listening
          const { host = '127.0.0.1', tls } = listening
          // Any free port is 4999 here.
          const port = listening.port === 0 ? 4999 : (listening.port ?? 0)
          return {
            url: `${tls ? 'https' : 'http'}://${host}:${port}`,
            port,
            close: async () => {},
          }
        },
        sweep: async () => 0,
        close: async () => {
          ran.closed = true
        },
      }
    },
    ...changes,
  })
  return ran
}

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

test('served without a word: the defaults, and lines to copy that end in Ready', async (t) => {
  const { code, out, opened, listened, closed } = await run('serve')
  t.is(code, 0)
  t.true(closed)
  t.like(opened, { data: '.strongroom', memory: undefined, slots: undefined, deviceRate: undefined })
  t.deepEqual(opened?.accounts, defaultAccounts())
  t.like(listened, { host: undefined, port: 4599, allowRemote: false, tls: undefined })
  t.is(
    out,
    `strongroom serves AWS KMS on http://127.0.0.1:4599
Keys and records are kept in .strongroom. Any Region will do:

export AWS_ENDPOINT_URL_KMS=http://127.0.0.1:4599 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

S3, EC2's volumes, RDS, IAM, STS and CloudTrail answer there, too; AWS_ENDPOINT_URL=http://127.0.0.1:4599 sends all clients.
Ready.
`,
  )
})

test('every flag arrives where it belongs', async (t) => {
  const line =
    'serve --port 0 --data=d --account 000000000007 --tls c.pem k.pem --slots 10 --device-rate 1000 --host ::1'
  const { code, out, opened, listened } = await run(line)
  t.is(code, 0)
  t.like(opened, { data: 'd', memory: false, account: '000000000007', slots: 10, deviceRate: 1000 })
  t.deepEqual(opened?.accounts, defaultAccounts('000000000007'))
  t.like(listened, { host: '::1', port: 0, tls: { cert: 'c.pem', key: 'k.pem' } })
  t.true(out.includes('https://::1:4999') && out.endsWith('\nReady.\n'))
})

test('quotas are named, or written down in a file, whose mistakes are told', async (t) => {
  const path = folder(t)
  const [file, wrong] = [join(path, 'quotas.yaml'), join(path, 'wrong.yaml')]
  writeFileSync(file, 'quotas: { Symmetric: 20000 }\n')
  writeFileSync(wrong, 'quotas:\n  Symetric: 20000\n  TagsPerKey: 60\n')
  t.is((await run('serve')).opened?.quotas, undefined)
  t.is((await run('serve --quotas classic')).opened?.quotas, 'classic')
  t.deepEqual((await run(`serve --quotas ${file}`)).opened?.quotas, { quotas: { Symmetric: 20_000 } })
  const refused = await run(`serve --quotas ${wrong}`)
  t.is(refused.code, 2)
  t.is(refused.opened, undefined)
  t.deepEqual(refused.error.trimEnd().split('\n'), [
    `${wrong}:2:3: unknown key \`Symetric\`; did you mean \`Symmetric\`?`,
    `${wrong}:3:15: \`TagsPerKey\` is 50; AWS raises it for nobody`,
  ])
  const none = await run('serve --quotas awz')
  t.is(none.code, 2)
  t.is(none.error, 'awz: cannot be read (ENOENT), and is none of off, aws, classic either\n')
})

test('a token is named by flags, by a URI, or in the file, which any flag of it overrules', async (t) => {
  const path = folder(t)
  const [file, pin] = [join(path, 'room.yaml'), join(path, 'pin')]
  writeFileSync(pin, '1234', { mode: 0o644 })
  writeFileSync(file, 'backend: { module: a.so, tokenLabel: a, pinFile: pin }\n')
  for (const args of [
    `--backend pkcs11 --module /a.so --token-label a --pin-file ${pin}`,
    `--module /a.so --slot 0 --pin-file ${pin}`,
    `--token pkcs11:token=a?module-path=/a.so&pin-source=file:${pin}`,
    `--config ${file}`,
    `--config ${file} --backend pkcs11`,
  ]) {
    const { code, out, opened } = await run(`serve ${args}`)
    t.is(code, 0, args)
    t.is(opened?.backend?.name, 'pkcs11', args)
    t.regex(out, /^Keys are in a PKCS#11 token. Records are kept in .strongroom. Any Region/m, args)
  }
  t.is((await run(`serve --config ${file} --backend native`)).opened?.backend, undefined)
  t.is((await run('serve --backend native')).opened?.backend, undefined)
})

test('in memory there is no folder', async (t) => {
  const { opened, out } = await run('serve --memory')
  t.like(opened, { memory: true, data: undefined })
  t.true(out.includes('Nothing is kept on disk.'))
})

test('a host beyond this machine is served because it was named, and said aloud', async (t) => {
  const open = await run('serve --host 0.0.0.0')
  t.true(open.listened?.allowRemote)
  t.regex(
    open.error,
    /listening on 0\.0\.0\.0: other machines can reach this server, and what is sent is not encrypted\n/,
  )
  t.regex((await run('serve --host 0.0.0.0 --tls c k')).error, /can reach this server\n/)
  t.notRegex((await run('serve --host localhost')).error, /other machines/)
})

test('the port file holds the port, whole, and nothing is left beside it', async (t) => {
  const path = folder(t)
  t.is((await run(`serve --port 0 --port-file ${path}/port`)).code, 0)
  t.is(readFileSync(join(path, 'port'), 'utf8'), '4999')
  t.deepEqual(readdirSync(path), ['port'])
  const failed = await run(`serve --port-file ${path}/none/port`)
  t.is(failed.code, 1)
  t.true(failed.closed)
  t.notRegex(failed.out, /Ready/)
})

test('a config file is taken, flags win over it, and its secrets are nowhere in the output', async (t) => {
  const path = folder(t)
  const file = join(path, 'room.yaml')
  writeFileSync(
    file,
    "accounts: [{ id: '000000000002', accessKeys: [{ id: abc, secret: hidden }] }]\nport: 7000\nslots: 5\ndata: keys\n",
  )
  const plain = await run(`serve --config ${file}`)
  t.like(plain.opened, { data: join(path, 'keys'), slots: 5 })
  t.deepEqual(plain.opened?.accounts, [{ id: '000000000002', accessKeys: [{ id: 'abc', secret: 'hidden' }] }])
  t.is(plain.listened?.port, 7000)
  t.notRegex(plain.out + plain.error, /hidden|AWS_ACCESS_KEY_ID|test/)

  const flagged = await run(`serve --config ${file} --port 7001 --memory`)
  t.like(flagged.opened, { data: undefined, memory: true, slots: 5 })
  t.is(flagged.listened?.port, 7001)
})

test('a flag for a folder wins over memory in the file; a file of no accounts leaves the default', async (t) => {
  const file = join(folder(t), 'room.yaml')
  writeFileSync(file, 'memory: true\naccounts: []\n')
  t.like((await run(`serve --config ${file}`)).opened, { memory: true, data: undefined })
  const { opened } = await run(`serve --config ${file} --data d`)
  t.like(opened, { memory: false, data: 'd' })
  t.deepEqual(opened?.accounts, defaultAccounts())
})

test('a broken config file is told by its lines, exit 2, and nothing is opened', async (t) => {
  const file = join(folder(t), 'room.yaml')
  writeFileSync(file, 'port: x\nslots: 0\n')
  const { code, error, opened } = await run(`serve --config ${file}`)
  t.is(code, 2)
  t.is(error.split('\n').length, 3)
  t.true(error.startsWith(`${file}:1:7: \`port\` must be`))
  t.is(opened, undefined)
})

const misused = test.macro({
  title: (_, args: string, message: string) => `\`strongroom ${args}\`: ${message}`,
  exec: async (t, args: string, message: string) => {
    const { code, error, out, opened } = await run(args)
    t.is(code, 2)
    t.is(error.split('\n')[0], `strongroom: ${message}`)
    t.is(out, '')
    t.is(opened, undefined)
  },
})
test(misused, 'sevre', 'unknown command `sevre`; did you mean `serve`?')
test(
  misused,
  'constructor',
  'unknown command `constructor`; there are `serve`, `verify`, `audit`, `explain`, `volume`, `db`, `grant`, `story`, `clock`, `region`, `faults`, `quotas`, `encrypt`, `decrypt`, `conformance`, `bench`, `xks-proxy`, `coverage`',
)
test(
  misused,
  '--verbose',
  'unknown command `--verbose`; there are `serve`, `verify`, `audit`, `explain`, `volume`, `db`, `grant`, `story`, `clock`, `region`, `faults`, `quotas`, `encrypt`, `decrypt`, `conformance`, `bench`, `xks-proxy`, `coverage`',
)
test(misused, 'serve --prot 1', 'unknown flag `--prot`; did you mean `--port`?')
test(misused, 'serve --constructor', `unknown flag \`--constructor\`; there are ${serveFlags()}`)
test(misused, 'serve -p', `unknown flag \`-p\`; there are ${serveFlags()}`)
test(misused, 'serve now', 'unexpected `now`')
test(misused, 'serve --port', '`--port` needs N')
test(misused, 'serve --port --memory', '`--port` needs N')
test(misused, 'serve --port=', '`--port` needs N')
test(misused, 'serve --memory=yes', '`--memory` takes no value')
test(misused, 'serve --port 1 --port 2', '`--port` is given twice')
test(misused, 'serve --port 65536', '`--port` must be a whole number from 0 to 65535')
test(misused, 'serve --port 1e3', '`--port` must be a whole number from 0 to 65535')
test(misused, 'serve --slots 0', '`--slots` must be a whole number from 1 to 16777216')
test(misused, 'serve --device-rate -1', '`--device-rate` must be a whole number from 1 to 1000000000')
test(misused, 'serve --account 12', '`--account` must be 12 digits')
test(misused, 'serve --data d --memory', '`--data` and `--memory` exclude each other')
test(misused, 'serve --backend hsm', '`--backend` must be native or pkcs11, not `hsm`')
test(misused, 'serve --backend pkcs11', 'a token needs `--module`, or a `--token` that names one')
test(misused, 'serve --module /a.so', 'a token needs `--pin-file`, or a `--token` with a pin-source')
test(misused, 'serve --backend native --slot 1', '`--slot` is of a token: `--backend pkcs11`')
test(
  misused,
  'serve --token pkcs11:tokn=a',
  '`--token`: `tokn` is not known, and another token might be taken for want of it',
)
test(misused, 'serve --module /a.so --pin-file p --slot x', '`--slot` must be a whole number from 0 to 65535')
test(misused, 'serve --module /a.so --pin-file p --seed 1', '`--seed` makes no keys of a token repeat')
test(misused, 'serve --tls cert', '`--tls` needs CERT and KEY')
test(misused, 'serve --tls cert --memory', '`--tls` needs CERT and KEY')
test(misused, 'verify --port 1', 'unknown flag `--port`; there are `--data`')
test(misused, 'verify --data /nowhere/at/all', 'there is no folder `/nowhere/at/all`')

test('a room that does not open is told with its code, exit 1', async (t) => {
  const locked = Object.assign(new Error('another process serves this folder'), { code: 'StoreLocked' })
  const { code, error } = await run('serve', { open: () => Promise.reject(locked) })
  t.is(code, 1)
  t.is(error, 'strongroom: StoreLocked: another process serves this folder\n')
})

test('a port in use is told, and the room is closed again', async (t) => {
  let closed = false
  const { code, error, out } = await run('serve', {
    open: async () => ({
      listen: () => Promise.reject(new Error('port 4599 on 127.0.0.1 is already in use')),
      sweep: async () => 0,
      close: async () => {
        closed = true
      },
    }),
  })
  t.is(code, 1)
  t.is(error, 'strongroom: port 4599 on 127.0.0.1 is already in use\n')
  t.is(out, '')
  t.true(closed)
})

test('damage found while serving stops the server, exit 1', async (t) => {
  let tell: StrongroomOptions['onDamage']
  let closed = false
  const { code, error } = await run('serve', {
    stop: new Promise(() => {}),
    open: async ({ onDamage }) => {
      tell = onDamage
      return {
        listen: async () => {
          setImmediate(() => tell?.('StoreRolledBack', 'behind the anchor'))
          return { url: 'http://127.0.0.1:1', port: 1, close: async () => {} }
        },
        sweep: async () => 0,
        close: async () => {
          closed = true
        },
      }
    },
  })
  t.is(code, 1)
  t.true(closed)
  t.regex(error, /damage found: StoreRolledBack: behind the anchor\n.* stopping\n$/)
})

const verifies = test.macro({
  title: (_, code: number, why: string) => `verify exits with ${code} when the folder ${why}`,
  exec: async (t, code: number, why: string, error: Error | undefined) => {
    const path = folder(t)
    const verify = error ? { verify: () => Promise.reject(error) } : {}
    const ran = await run(`verify --data ${path}`, verify)
    t.is(ran.code, code)
    t.true((ran.out + ran.error).startsWith(`${path} ${why}`))
    t.is(ran.opened, undefined)
  },
})
const damage = (code: string, message = 'x') => Object.assign(new Error(message), { code })
test(verifies, 0, 'is clean: 3 rows, revision 9.', undefined)
test(verifies, 1, 'is damaged: StoreDamaged: row 7', damage('StoreDamaged', 'row 7'))
test(verifies, 1, 'is damaged: StoreRolledBack: behind', damage('StoreRolledBack', 'behind'))
test(verifies, 1, 'is damaged: DomainMissing: x', damage('DomainMissing'))
test(verifies, 1, 'is damaged: what nobody expected', new Error('what nobody expected'))
test(verifies, 2, 'was not checked: StoreLocked: x', damage('StoreLocked'))
test(verifies, 2, 'was not checked: StoreVersion: x', damage('StoreVersion'))

test('help names every command and flag; no command at all is a misuse', async (t) => {
  const help = await run('--help')
  t.is(help.code, 0)
  t.regex(help.out, /serve {3}.*\n {2}verify {2}/)
  t.is((await run('help')).out, help.out)
  t.like(await run(''), { code: 2, out: '', error: help.out })
  const serve = await run('serve --port 1 --help')
  t.like(serve, { code: 0, opened: undefined })
  for (const flag of serveFlags().match(/--[\w-]+/g) ?? []) t.true(serve.out.includes(`  ${flag} `), flag)
  t.regex((await run('verify -h')).out, /Exit code 0: clean/)
})

test('the program itself: version, help and misuse need nothing but Node', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.deepEqual(await program('--version'), { code: 0, out: `${version}\n`, error: '' })
  t.is((await program('--help')).code, 0)
  t.is((await program('serve', '--nonsense')).code, 2)
})

async function program(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import=ts-blank-space/register', cli, ...args])
  let [out, error] = ['', '']
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (error += String(chunk)))
  const code = await new Promise<number>((resolve) => child.on('close', resolve))
  return { code, out, error }
}

function serveFlags(): string {
  const names = [
    'host',
    'port',
    'port-file',
    'data',
    'memory',
    'account',
    'config',
    'tls',
    'slots',
    'device-rate',
    'backend',
    'token',
    'module',
    'token-label',
    'slot',
    'pin-file',
    'isolate',
    'profile',
    'quotas',
    'audit',
    'seed',
  ]
  return names.map((name) => `\`--${name}\``).join(', ')
}
