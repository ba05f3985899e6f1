/** A served process whose keys are in a token, used by boto3: made, killed, served again; and what it says when it cannot be served. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import assert from 'node:assert/strict'
import test from 'ava'
import { COVERAGE } from '../../src/cli/coverage.ts'
import { readFlags } from '../../src/cli/flags.ts'
import { SERVE } from '../../src/cli/serve.ts'
import { tokenOf } from '../../src/cli/token.ts'
import { pkcs11, Strongroom } from '../../src/index.ts'
import { serve } from '../helpers/served.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { read } from '../helpers/tree.ts'
import { clientEnvironment } from './environment.ts'
import { told, type Verdict } from './told.ts'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const SCRIPT = fileURLToPath(new URL('token/kept.py', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'strongroom-token-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const { keys, other } = softTokens('keys', 'other')
const pin = file('pin', `${keys.pin}\n`, 0o600)
const data = join(folder, 'data')
const MODULE = ['--backend', 'pkcs11', '--module', keys.module]
const FLAGS = [...MODULE, '--token-label', 'keys', '--pin-file', pin]
const URI = `pkcs11:token=keys?module-path=${keys.module}&pin-source=file:${pin}`

function file(name: string, text: string, mode: number): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** Labels of secret and private keys of the token, as OpenSC's tool lists them. */
function stored(): string[] {
  const args = ['--module', keys.module, '--token-label', 'keys', '--login', '--pin', keys.pin, '--list-objects']
  const listed = execFileSync('pkcs11-tool', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const objects = listed.split(/^(?=\S)/m).filter((object) => !object.startsWith('Public'))
  return objects.flatMap((object) => /label:\s+(.*)/.exec(object)?.[1] ?? [])
}

/** One act of the story, in which every step has to be as told. */
async function act(
  name: string,
  url: string,
): Promise<{ verdicts: Verdict[]; played: number | undefined; errors: string }> {
  const ahead: Record<string, string> = name === 'later' ? { AHEAD: '8' } : {}
  return told(SCRIPT, { ...clientEnvironment(url, folder), ACT: name, STATE: join(folder, 'state.json'), ...ahead })
}

test.serial(
  'what boto3 does with keys in a token holds when the server is killed, and served again by a URI',
  async (t) => {
    const steps = async (name: string, url: string) => {
      const { verdicts, played, errors } = await act(name, url)
      t.is(errors, '')
      t.is(played, verdicts.length)
      t.true(verdicts.length > 0)
      for (const { name: step, ok, error } of verdicts) t.true(ok, `${step}: ${error}`)
    }
    const first = await serve(FLAGS, { data })
    t.regex(first.output(), /done in this process for the device: .*RSAES_OAEP_SHA_256/)
    t.regex(first.output(), /Keys are in a PKCS#11 token\. Records are kept in /)
    await steps('before', first.url)
    await first.kill()

    const second = await serve(['--token', URI], { data })
    t.teardown(() => second.stop())
    await steps('after', second.url)
    const args = [CLI, 'clock', 'advance', '8d', '--data', data, '--endpoint-url', second.url]
    execFileSync(process.execPath, args)
    await steps('later', second.url)
    // Two of the key that rotated, and the one that came in again; what was not taken in left nothing.
    t.is(stored().filter((label) => label === 'strongroom AES_256').length, 3)
    t.false((first.output() + second.output()).includes(keys.pin))
    await second.stop()
  },
)

test('what docs/tokens.md types is understood, and its example runs as it stands', async (t) => {
  const text = read('docs/tokens.md')
  const typed = text.matchAll(/^npx strongroom (serve|coverage) (.*)$/gm)
  const tokens = [...typed].map(([, command, args]) => {
    const flags = [...args!.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word)
    return tokenOf(readFlags(command === 'serve' ? SERVE : COVERAGE, flags))
  })
  t.is(tokens.length, 3)
  t.true(tokens.every((token) => token !== undefined))
  for (const [, flag] of text.matchAll(/`(--[\w-]+)`/g)) t.true(flag!.slice(2) in { ...SERVE, ...COVERAGE }, flag)

  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? []
  const own = { "'/usr/lib/softhsm/libsofthsm2.so'": keys.module, "'payments'": 'keys', "'payments.pin'": pin }
  const example = Object.entries({ ...own, "'room'": join(folder, 'room') }).reduce(
    (program, [theirs, ours]) => program.replaceAll(theirs, JSON.stringify(ours)),
    code.replaceAll(/^import .*$/gm, '').replace('console.error', '() => undefined'),
  )
  await t.notThrowsAsync(new AsyncFunction('assert', 'pkcs11', 'Strongroom', example)(assert, pkcs11, Strongroom))
})

const AsyncFunction = (async () => {}).constructor as new (...text: string[]) => (...given: unknown[]) => Promise<void>

const fails: readonly (readonly [what: string, line: RegExp, flags: () => readonly string[]])[] = [
  [
    'a wrong PIN',
    /^strongroom: PinIncorrect: the PIN is wrong/,
    () => [...MODULE, '--token-label', 'keys', '--pin-file', file('wrong', '000000', 0o600)],
  ],
  [
    'a PIN for all to see',
    /^strongroom: PinFileExposed: .*chmod 600/,
    () => [...MODULE, '--token-label', 'keys', '--pin-file', file('seen', keys.pin, 0o644)],
  ],
  [
    'no PIN file',
    /^strongroom: PinFileMissing: .*ENOENT/,
    () => [...MODULE, '--token-label', 'keys', '--pin-file', join(folder, 'none')],
  ],
  ['no module', /^strongroom: ModuleMissing: /, () => ['--module', '/nowhere.so', '--slot', '0', '--pin-file', pin]],
  [
    'no such token',
    /^strongroom: TokenMissing: there is no token labelled `keyz`/,
    () => [...MODULE, '--token-label', 'keyz', '--pin-file', pin],
  ],
  [
    'no such slot',
    /^strongroom: TokenMissing: there is no token in slot 9/,
    () => [...MODULE, '--slot', '9', '--pin-file', pin],
  ],
  ['no word which token', /^strongroom: TokenAmbiguous: there are \d tokens/, () => [...MODULE, '--pin-file', pin]],
  [
    'a serial number of none',
    /^strongroom: TokenMissing: .*of the serial `0`/,
    () => ['--token', URI.replace('?', ';serial=0?')],
  ],
  [
    'the token of others',
    /^strongroom: BackendRefused: the keys are in pkcs11:.*token=keys/,
    () => [...MODULE, '--token-label', 'other', '--pin-file', pin],
  ],
  ['no token', /^strongroom: BackendRefused: the keys are in pkcs11:.*token=keys/, () => []],
  ['a profile that is none', /^strongroom: ProfileInvalid: /, () => [...FLAGS, '--profile', pin]],
]
for (const [what, line, flags] of fails) {
  test.serial(`with ${what} nothing is served: one line, exit 1`, (t) => {
    const args = [CLI, 'serve', '--port', '0', '--data', data, ...flags()]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    t.is(status, 1)
    t.is(stdout, '')
    t.regex(stderr, line)
    t.is(stderr.trimEnd().split('\n').length, 1)
    t.false(stderr.includes(keys.pin) || stderr.includes('000000'))
  })
}

test.serial('a token that is taken away is an error of ours, and serves again when it is back', async (t) => {
  const server = await serve(FLAGS, { data })
  t.teardown(() => server.stop())
  const list = async () => (await act('later', server.url)).verdicts.map(({ ok }) => ok)
  t.deepEqual(await list(), [true, true, true])
  await server.kill()

  const tokens = join(other.folder, 'tokens')
  renameSync(tokens, `${tokens}.away`)
  const args = [CLI, 'serve', '--port', '0', '--data', data, ...FLAGS]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  t.is(status, 1)
  t.regex(stderr, /^strongroom: (TokenMissing|ModuleFailed): /)

  renameSync(`${tokens}.away`, tokens)
  const again = await serve(FLAGS, { data })
  t.teardown(() => again.stop())
  t.deepEqual(
    (await act('later', again.url)).verdicts.map(({ ok }) => ok),
    [true, true, true],
  )
})
