/** `strongroom xks-proxy`: the commands of docs/xks.md, and what is refused. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { main } from '../../src/cli/main.ts'
import type { Terminal } from '../../src/cli/main.ts'
import { read } from '../helpers/tree.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { ask, encryptBody } from './asking.ts'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const run = promisify(execFile)

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-xks-cli-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await promisify((done: () => void) => server.close(done))()
  return port
}

async function ready(child: ChildProcess): Promise<void> {
  let out = ''
  for await (const chunk of child.stdout!) if ((out += String(chunk)).includes('Ready.')) return
  throw new Error(`it does not get ready: ${out}`)
}

test('the commands of docs/xks.md do what they say', async (t) => {
  const [setUp = '', curl = ''] = [...read('docs/xks.md').matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text)
  const [cwd, port] = [folder(t), String(await freePort())]
  const script = (text: string) =>
    text
      .replaceAll('npx strongroom xks-proxy --', `exec '${process.execPath}' '${CLI}' xks-proxy --`)
      .replaceAll('npx strongroom', `'${process.execPath}' '${CLI}'`)
      .replaceAll('4700', port)
  const child = spawn('bash', ['-ec', script(setUp)], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  await ready(child)
  const { stdout } = await run('bash', ['-ec', script(curl)], { cwd })
  t.like(JSON.parse(stdout), { xksProxyVendor: 'strongroom', ekmFleetDetails: [{ healthStatus: 'ACTIVE' }] })
  const credential = {
    accessKeyId: 'ABCDEFGHIJKLMNOPQRST',
    secretAccessKey: readFileSync(join(cwd, 'secret'), 'utf8').trim(),
  }
  const base = `http://127.0.0.1:${port}/clinic/kms/xks/v1`
  t.is((await ask(base, '/keys/patients/encrypt', encryptBody('hello'), { credential })).status, 200)
  t.is(
    (await ask(base, '/keys/archive/encrypt', encryptBody('hello'), { credential })).body.errorName,
    'InvalidKeyUsageException',
  )
  child.kill('SIGTERM')
  t.deepEqual(await ended, [0, null])
})

const { proxied } = softTokens('proxied')

test('keys of a token are made and served', async (t) => {
  const cwd = folder(t)
  writeFileSync(join(cwd, 'pin'), proxied.pin, { mode: 0o600 })
  writeFileSync(
    join(cwd, 'proxy.yaml'),
    `credentials: [{ accessKeyId: ABCDEFGHIJKLMNOPQRST, secretAccessKey: ${'s'.repeat(43)} }]
keys: [{ id: one }]
backend: { module: ${proxied.module}, tokenLabel: proxied, pinFile: pin }
`,
  )
  const made = await run(process.execPath, [CLI, 'xks-proxy', 'key', 'create', 'one', '--config', 'proxy.yaml'], {
    cwd,
  })
  t.is(made.stdout, 'made one\n')
  const args = ['--config', 'proxy.yaml', '--port', '0', '--port-file', 'port', '--path-prefix', '/a/b']
  const child = spawn(process.execPath, [CLI, 'xks-proxy', ...args], { cwd, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  await ready(child)
  const base = `http://127.0.0.1:${readFileSync(join(cwd, 'port'), 'utf8')}/a/b/kms/xks/v1`
  t.is((await ask(base, '/keys/one/encrypt', encryptBody('hello'))).status, 200)
  child.kill('SIGTERM')
  t.deepEqual(await ended, [0, null])
})

const credentials = `credentials: [{ accessKeyId: ABCDEFGHIJKLMNOPQRST, secretAccessKey: ${'s'.repeat(43)} }]\n`
const refused = test.macro({
  title: (_, what) => `refused: ${what}`,
  async exec(t, _what: string, file: string, args: string, why: RegExp) {
    const config = join(folder(t), 'proxy.yaml')
    writeFileSync(config, file)
    let error = ''
    const terminal = { error: (text: string) => (error += text), out: () => t.fail() } as unknown as Terminal
    t.is(await main(`xks-proxy ${args.replace('FILE', config)}`.trim().split(' '), terminal), 2)
    t.regex(error, why)
    t.notRegex(error, /ssss/)
  },
})
test(refused, 'no config file', '', '', /needs `--config`/)
test(refused, 'a file without credentials', 'keys: []\n', '--config FILE', /`credentials` is missing/)
test(refused, 'no credentials in it', 'credentials: []\n', '--config FILE', /nobody would be answered/)
test(refused, 'a short access key id', 'credentials: [{ accessKeyId: ABC }]\n', '--config FILE', /20 to 30/)
test(refused, 'no secret', 'credentials: [{ accessKeyId: ABCDEFGHIJKLMNOPQRST }]\n', '--config FILE', /either/)
test(refused, 'a short secret', credentials.replace(': ss', ': '), '--config FILE', /43 to 64/)
test(refused, 'two keys of one id', `${credentials}keys: [{ id: a }, { id: a }]\n`, '--config FILE', /used before/)
test(refused, 'a key id with a slash', `${credentials}keys: [{ id: a/b }]\n`, '--config FILE', /1 to 128/)
test(
  refused,
  'another usage',
  `${credentials}keys: [{ id: a, usage: [SIGN] }]\n`,
  '--config FILE',
  /ENCRYPT or DECRYPT/,
)
test(refused, 'an unknown setting', `${credentials}key: []\n`, '--config FILE', /unknown key `key`/)
test(refused, 'a prefix without a slash', credentials, '--config FILE --path-prefix clinic', /must be a path/)
test(refused, 'mutual TLS without TLS', credentials, '--config FILE --mtls ca.pem', /`--mtls` needs `--tls`/)
test(refused, 'a name without mutual TLS', credentials, '--config FILE --client-name a', /that `--mtls` asks for/)
test(refused, 'making a key of no id', credentials, 'key create', /needs an external key id/)
test(refused, 'another verb', credentials, 'key delete a --config FILE', /key create/)
