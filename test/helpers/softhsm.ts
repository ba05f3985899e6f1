/** A token of SoftHSM2 for a test file, in a folder of its own: a software HSM that is everywhere, and quirky. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SoftToken {
  readonly module: string
  readonly tokenLabel: string
  readonly pin: string
  readonly soPin: string
  /** Where its objects are, and what a process has to have in its environment to find them. */
  readonly folder: string
  readonly env: Readonly<Record<'SOFTHSM2_CONF', string>>
}

const PIN = '271828'
const SO_PIN = '31415926'

/** Where distributions put the module. */
const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

/**
 * Makes a folder, a configuration that this process uses from now on, and a token in it for each label. A process has one
 * such folder, because the module reads its configuration once.
 */
export function softTokens<L extends string>(...labels: readonly L[]): Record<L, SoftToken> {
  const module = MODULES.find((path) => existsSync(path))
  if (!module) throw new Error('SoftHSM2 is missing: tests use it. For example: apt-get install softhsm2')
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-softhsm-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const conf = join(folder, 'softhsm2.conf')
  mkdirSync(join(folder, 'tokens'))
  writeFileSync(
    conf,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  process.env.SOFTHSM2_CONF = conf
  const made = labels.map((tokenLabel) => {
    execFileSync('softhsm2-util', ['--init-token', '--free', '--label', tokenLabel, '--pin', PIN, '--so-pin', SO_PIN], {
      stdio: 'pipe',
    })
    const token: SoftToken = { module, tokenLabel, pin: PIN, soPin: SO_PIN, folder, env: { SOFTHSM2_CONF: conf } }
    return [tokenLabel, token] as const
  })
  return Object.fromEntries(made) as Record<L, SoftToken>
}
