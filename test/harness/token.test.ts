/** `strongroom bench` with keys in a token: measured there, and gone from it afterwards. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { bench } from '../../src/cli/bench.ts'
import type { Measured } from '../../src/harness/measured.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { bench: token } = softTokens('bench')

test('a token is measured by what it does itself, and keeps no key of it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [pin, file] = [join(folder, 'pin'), join(folder, 'mix.yaml')]
  writeFileSync(pin, token.pin, { mode: 0o600 })
  writeFileSync(file, 'operations:\n  - operation: Encrypt\n  - { operation: Sign, keySpec: ECC_NIST_P256 }\n')
  const flags = ['--module', token.module, '--token-label', token.tokenLabel, '--pin-file', pin]
  let out = ''
  const code = await bench([...flags, '--workload', file, '--seconds', '0.5', '--warmup', '0', '--json', '--quiet'], {
    ...{ now: Date.now, env: {}, stop: new Promise(() => {}), error: (text) => t.fail(text) },
    out: (text) => (out += text),
  })
  t.is(code, 0)
  const { target, operations, command } = JSON.parse(out) as Measured
  t.is(target.kind, 'pkcs11')
  for (const [name, { succeeded, failed }] of Object.entries(operations)) t.true(succeeded > 0 && failed === 0, name)
  t.false(out.includes(token.pin))
  t.true(command.includes(`--pin-file ${pin}`))
  const tool = ['--module', token.module, '--token-label', token.tokenLabel, '--login', '--pin', token.pin]
  const left = execFileSync('pkcs11-tool', [...tool, '--list-objects', '--type', 'secrkey'], { encoding: 'utf8' })
  t.false(left.includes('Secret Key Object'), left)
})
