/** The commands: which there are, what their flags are, and which exit code an end has. */
import { existsSync, readFileSync } from 'node:fs'
import { ConfigError } from '../config.ts'
import { nearest } from '../nearest.ts'
import { audit, AUDIT_HELP, type AuditWorld } from './audit.ts'
import { bench, BENCH_HELP } from './bench.ts'
import { clock, CLOCK_HELP } from './clock.ts'
import { conformance, CONFORMANCE_HELP, type ConformanceWorld } from './conformance.ts'
import { coverage, COVERAGE, COVERAGE_HELP } from './coverage.ts'
import type { Trials } from './coverage.ts'
import { decrypt, DECRYPT_HELP, encrypt, ENCRYPT_HELP, type EnvelopeWorld } from './encrypt.ts'
import { explain, EXPLAIN, type ExplainWorld } from './explain.ts'
import { faults, FAULTS_HELP } from './faults.ts'
import { flagHelp, readFlags, UsageError } from './flags.ts'
import { db, DB_HELP, type DbWorld } from './db.ts'
import { grant, GRANT_HELP, type GrantWorld } from './grant.ts'
import { quotas, QUOTAS_HELP } from './quotas.ts'
import { region, REGION_HELP } from './region.ts'
import { serve, SERVE } from './serve.ts'
import type { World } from './serve.ts'
import { story, type StoryWorld } from './story.ts'
import { volume, VOLUME_HELP, type VolumeWorld } from './volume.ts'
import { XKS_HELP, xksProxy, type XksWorld } from './xksproxy.ts'

const VERIFY = {
  data: { values: ['DIR'], help: 'folder to check (.strongroom)' },
} as const

/** Everything outside this process that a command touches. */
export interface Terminal
  extends
    World,
    Trials,
    AuditWorld,
    ExplainWorld,
    GrantWorld,
    DbWorld,
    VolumeWorld,
    StoryWorld,
    EnvelopeWorld,
    XksWorld,
    ConformanceWorld {
  verify(data: string): Promise<{ rows: number; revision: number }>
}

interface Command {
  readonly summary: string
  readonly help: string
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

const COMMANDS: Record<string, Command> = {
  serve: {
    summary: 'serve AWS KMS over HTTP',
    help: `usage: strongroom serve [flags]\n\n${flagHelp(SERVE)}`,
    run: (args, terminal) => serve(readFlags(SERVE, args), terminal),
  },
  verify: {
    summary: 'check all that is stored, without serving it',
    help:
      `usage: strongroom verify --data DIR\n\n${flagHelp(VERIFY)}\n` +
      'Exit code 0: clean. 1: damaged, or not readable with the root secret; the code says what. 2: not checked.\n',
    run: (args, terminal) => verify(readFlags(VERIFY, args).data?.[0] ?? '.strongroom', terminal),
  },
  audit: {
    summary: 'who did what, and whether the record of it is whole',
    help: AUDIT_HELP,
    run: audit,
  },
  explain: {
    summary: 'why somebody may, or may not, do something to a key',
    help:
      `usage: strongroom explain --principal ARN --action kms:Decrypt --key ID [flags]\n\n${flagHelp(EXPLAIN)}\n` +
      'Exit code 0: allowed. 1: refused.\n',
    run: (args, terminal) => explain(readFlags(EXPLAIN, args), terminal),
  },
  volume: {
    summary: 'make, attach, snapshot and copy volumes of a running server',
    help: VOLUME_HELP,
    run: volume,
  },
  db: {
    summary: 'databases that are encrypted under keys of a running server',
    help: DB_HELP,
    run: db,
  },
  grant: {
    summary: 'let somebody use a key of a running server, for as long as you say',
    help: GRANT_HELP,
    run: grant,
  },
  story: {
    summary: 'a clinic and its keys, told and checked from beginning to end',
    help:
      'usage: strongroom story\n\nTells what is done, what was called and what came back, on a fresh room that leaves nothing behind.\n' +
      'Exit code 0: every step came out as told. 1: one did not.\n',
    run: (args, terminal) => {
      readFlags({}, args)
      return story(terminal)
    },
  },
  clock: {
    summary: 'the time of a running server, and putting it ahead',
    help: CLOCK_HELP,
    run: clock,
  },
  region: {
    summary: 'cut off a Region of a running server, and restore it',
    help: REGION_HELP,
    run: region,
  },
  faults: {
    summary: 'what is to go wrong in a running server',
    help: FAULTS_HELP,
    run: faults,
  },
  quotas: {
    summary: 'how much a running server lets be asked, and raising it',
    help: QUOTAS_HELP,
    run: quotas,
  },
  encrypt: {
    summary: 'encrypt a file of any size under keys of a running server',
    help: ENCRYPT_HELP,
    run: encrypt,
  },
  decrypt: {
    summary: 'decrypt a file that was encrypted so, here or with any AWS Encryption SDK',
    help: DECRYPT_HELP,
    run: decrypt,
  },
  conformance: {
    summary: 'try a PKCS#11 token, and tell whether it is fit to carry a KMS',
    help: CONFORMANCE_HELP,
    run: conformance,
  },
  bench: {
    summary: 'measure a KMS, this one or any other, under a load of your making',
    help: BENCH_HELP,
    run: bench,
  },
  'xks-proxy': {
    summary: 'serve keys to external key stores, of this KMS or of AWS',
    help: XKS_HELP,
    run: xksProxy,
  },
  coverage: {
    summary: 'try every operation and key spec, and tell which work',
    help: `usage: strongroom coverage [flags]\n\n${flagHelp(COVERAGE)}\n${COVERAGE_HELP}`,
    run: (args, terminal) => coverage(readFlags(COVERAGE, args), terminal),
  },
}

const HELP = `usage: strongroom COMMAND [flags]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(13)}${summary}\n`)
  .join('')}
strongroom COMMAND --help tells more; strongroom --version the version.
`

/** Reasons why a store was not checked at all, which says nothing about its state. */
const NOT_CHECKED = new Set(['StoreLocked', 'StoreVersion', 'EACCES'])

/** Runs what was typed; the exit code: 0 all went well, 1 it did not, 2 it was not understood. */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  const { out, error } = terminal
  const [name = '', ...rest] = args
  try {
    if (name === '--version') return say(out, `${version()}\n`, 0)
    if (name === '--help' || name === '-h' || name === 'help') return say(out, HELP, 0)
    if (name === '') return say(error, HELP, 2)
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (!command) throw new UsageError(`unknown command \`${name}\`${nearest(name, Object.keys(COMMANDS))}`)
    if (rest.includes('--help') || rest.includes('-h')) return say(out, command.help, 0)
    return await command.run(rest, terminal)
  } catch (problem) {
    if (problem instanceof ConfigError) return say(error, `${problem.message}\n`, 2)
    if (problem instanceof UsageError) {
      const help = name in COMMANDS ? `strongroom ${name} --help` : 'strongroom --help'
      return say(error, `strongroom: ${problem.message}\n${help} tells what there is.\n`, 2)
    }
    return say(error, `strongroom: ${reason(problem)}\n`, 1)
  }
}

async function verify(data: string, { verify, out, error }: Terminal): Promise<number> {
  if (!existsSync(data)) throw new UsageError(`there is no folder \`${data}\``)
  try {
    const { rows, revision } = await verify(data)
    return say(out, `${data} is clean: ${rows} rows, revision ${revision}.\n`, 0)
  } catch (problem) {
    const checked = !NOT_CHECKED.has(codeOf(problem) ?? '')
    return say(error, `${data} ${checked ? 'is damaged' : 'was not checked'}: ${reason(problem)}\n`, checked ? 1 : 2)
  }
}

function say(speak: (text: string) => void, text: string, code: number): number {
  speak(text)
  return code
}

function codeOf(problem: unknown): string | undefined {
  return problem instanceof Error && 'code' in problem && typeof problem.code === 'string' ? problem.code : undefined
}

function reason(problem: unknown): string {
  const code = codeOf(problem)
  const message = problem instanceof Error ? problem.message : 'something failed'
  return code === undefined || message.startsWith(code) ? message : `${code}: ${message}`
}

function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}
