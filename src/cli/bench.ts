/** `strongroom bench`: how fast a KMS is, this one or any other, and what its users wait. */
import type { Measured, Pace } from '../harness/measured.ts'
import type { Target } from '../harness/target.ts'
import type { Instant } from '../clock.ts'
import { benchCompare, COMPARE_HELP } from './benchcompare.ts'
import { flagHelp, readFlags, UsageError, wholeNumber, type Flags, type Given } from './flags.ts'
import { Seconds } from './seconds.ts'
import { TOKEN, tokenOf } from './token.ts'
import { LOAD, workloadIn } from './workload.ts'

const PACE = {
  connections: { values: ['N'], help: 'requests at a time: each asks again once it was answered (16)' },
  rate: { values: ['R'], help: 'requests a second instead, due whether or not the last was answered' },
  ramp: { values: [], help: 'find the knee: 1, 2, 4 … up to --connections, or tenths of --rate' },
  warmup: { values: ['S'], help: 'seconds that are not counted (2)' },
  seconds: { values: ['S'], help: 'seconds that are, of each step (10)' },
} as const

const FLAGS = {
  target: {
    values: ['T'],
    help: 'in-process (default); handle, a key in the hand; sdk, the AWS SDK in process; or the URL of a KMS',
  },
  ...LOAD,
  ...PACE,
  credentials: { values: ['FILE'], help: 'who signs, as YAML: a list of { accessKeyId, secretAccessKey }' },
  ca: { values: ['FILE'], help: 'certificates that the one of a URL has to lead to (PEM)' },
  pid: { values: ['N'], help: "the server's process, whose CPU time is told (whoever listens there)" },
  out: { values: ['DIR'], help: 'where the report goes, as a page, and as JSON for `bench compare`' },
  json: { values: [], help: 'the whole of it as JSON, rather than a table' },
  quiet: { values: [], help: 'no progress' },
  ...TOKEN,
} as const satisfies Flags

export const BENCH_HELP = `usage: strongroom bench [flags]
       strongroom bench compare BEFORE AFTER

Measures a KMS under a load of your making. The keys it needs are made beforehand, and deleted afterwards; at a URL they are
scheduled to be, in seven days. A URL is asked with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION
(test, test, none and us-east-1), and signed by a generator in Rust. With --module and its kin the keys are in a PKCS#11 token.

${flagHelp(FLAGS)}
Exit code 0: measured. 1: an operation never succeeded, or the run was stopped. 2: not understood, or there was nothing to measure.

${COMPARE_HELP}`

export interface BenchWorld {
  now(): Instant
  readonly env: Readonly<Record<string, string | undefined>>
  out(text: string): unknown
  error(text: string): void
  /** Whether a person looks at what goes to `error` as it comes. */
  readonly isWatched?: boolean
  readonly stop: Promise<unknown>
}

/** Does what the flags say; the exit code. */
export async function bench(args: readonly string[], world: BenchWorld): Promise<number> {
  if (args[0] === 'compare') return benchCompare(args.slice(1), world)
  const given = readFlags(FLAGS, args)
  const { out, error, now, stop } = world
  const workload = workloadIn(given)
  const { measure, Stopped } = await import('../harness/measure.ts')
  const { NotMeasured } = await import('../harness/target.ts')
  const { tableOf } = await import('../harness/table.ts')
  const timing = { ...paceOf(given), warmup: seconds('warmup', given, 2), seconds: seconds('seconds', given, 10) }
  if (timing.seconds === 0) throw new UsageError('`--seconds` must be more than 0')
  let target: Target | undefined
  try {
    target = await targetOf(given, workload.principals, world)
    const request = { ...{ workload, command: commandOf(args) }, ...timing }
    const progress = new Seconds(world, { isQuiet: given.quiet !== undefined, total: timing.seconds })
    const watched = { now, stop, onPhase: progress.phase, onInterval: progress.second }
    const measured = await measure(
      target,
      { ...request, workload: { ...workload, principals: target.principals } },
      watched,
    ).finally(() => progress.end())
    if (given.out) await (await import('../harness/report/files.ts')).keepRun(given.out[0]!, measured)
    await out(given.json ? `${JSON.stringify(measured, null, 2)}\n` : tableOf(measured))
    return isWhole(measured) ? 0 : 1
  } catch (problem) {
    if (problem instanceof Stopped || problem instanceof NotMeasured) {
      error(`strongroom: ${problem.message}\n`)
      return problem instanceof Stopped ? 1 : 2
    }
    throw problem
  } finally {
    await target?.close()
  }
}

/** An operation that was never asked for, in a mix that has it seldom, is no failure. */
function isWhole({ operations, total }: Measured): boolean {
  return (
    total.succeeded > 0 && Object.values(operations).every(({ succeeded, failed }) => succeeded > 0 || failed === 0)
  )
}

function paceOf(given: Given<typeof PACE>): { pace: Pace; connections: number; isRamp: boolean } {
  const connections = wholeNumber('connections', given.connections, [1, 10_000]) ?? 16
  const rate = wholeNumber('rate', given.rate, [1, 10_000_000])
  return {
    pace: rate === undefined ? { closed: connections } : { rate },
    connections,
    isRamp: given.ramp !== undefined,
  }
}

function seconds(name: 'warmup' | 'seconds', given: Given<typeof PACE>, fallback: number): number {
  const text = given[name]?.[0]
  if (text === undefined) return fallback
  if (/^\d{1,5}(\.\d{1,3})?$/.test(text)) return Number(text)
  throw new UsageError(`\`--${name}\` must be a number of seconds`)
}

const URL_LIKE = /^https?:\/\//

async function targetOf(given: Given<typeof FLAGS>, principals: number, world: BenchWorld): Promise<Target> {
  const { WAYS } = await import('../harness/target.ts')
  const named = given.target?.[0] ?? 'in-process'
  if (URL_LIKE.test(named)) {
    for (const flag of Object.keys(TOKEN) as (keyof typeof TOKEN)[])
      if (given[flag]) throw new UsageError(`\`--${flag}\` is of a room in process, and not of a URL`)
    const { endpointIn } = await import('./endpoint.ts')
    return endpointIn(named, given, principals, world)
  }
  for (const flag of ['credentials', 'ca', 'pid'] as const)
    if (given[flag]) throw new UsageError(`\`--${flag}\` is of a URL: \`--target https://…\``)
  const way = WAYS.find((each) => each === named)
  if (!way) throw new UsageError(`\`--target\` must be ${WAYS.join(', ')} or a URL, not \`${named}\``)
  const token = tokenOf(given)
  const { localTarget } = await import('../harness/local.ts')
  const { pkcs11 } = await import('../backends/pkcs11.ts')
  return localTarget({ way, principals, region: world.env.AWS_REGION, backend: token && pkcs11(token) })
}

/** What was typed, so that a shell does the same again; no secret is ever a flag. */
function commandOf(args: readonly string[]): string {
  const quoted = (word: string) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
  return ['strongroom', 'bench', ...args].map(quoted).join(' ')
}
