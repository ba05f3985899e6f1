/** `strongroom conformance`: tries a PKCS#11 token check by check, and tells what holds and what does not. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import type * as Conformance from '../conformance/conformance.ts'
import type { Report } from '../conformance/report.ts'
import { mistakeIn, type Shape } from '../shape.ts'
import { flagHelp, readFlags, UsageError, wholeNumber, type Given } from './flags.ts'
import { Progress } from './progress.ts'
import type { World } from './serve.ts'

const FLAGS = {
  module: { values: ['PATH'], help: "the token's PKCS#11 library" },
  'token-label': { values: ['L'], help: 'the token with this label' },
  slot: { values: ['N'], help: 'the token in this slot, counted from 0 among those that have one' },
  'pin-file': { values: ['F'], help: 'file with the PIN, which others must not be able to read (chmod 600)' },
  'so-pin-file': { values: ['F'], help: "file with the security officer's PIN: what only that lets do is tried, too" },
  write: { values: [], help: 'checks may store objects; they remove them, and touch no others' },
  only: { values: ['PATTERN'], help: 'only these checks: ids, beginnings of ids, `*` for anything; commas between' },
  list: { values: [], help: 'tell which checks there are, and try nothing' },
  json: { values: [], help: 'with --list: as JSON' },
  throughput: { values: [], help: 'measure as well how fast the token is' },
  out: { values: ['DIR'], help: 'where the reports go (conformance-MODEL)' },
  against: { values: ['REPORT'], help: 'an earlier report.json: what is different is told' },
  'profile-out': { values: ['F'], help: 'write what a room on such a token has to know, for `serve --profile`' },
  quiet: { values: [], help: 'no progress' },
} as const

export const CONFORMANCE_HELP = `usage: strongroom conformance --module PATH (--token-label L | --slot N) --pin-file F [flags]

Tries a token in a process of its own, which may crash or hang: that is what came of one check. Nothing is stored in the token
unless --write lets it. Ctrl-C ends the run; what was found until then is reported.

${flagHelp(FLAGS)}
Exit code 0: all that was tried holds, but for notes. 1: something does not, crashed or hung, or the run was stopped. 2: not
understood, or the token could not be opened.
`

export interface ConformanceWorld extends Pick<World, 'error' | 'stop'> {
  now(): number
  out(text: string): unknown
  /** Whether a person looks at what goes to `error` as it comes. */
  readonly isWatched?: boolean
  /** The URL of another module that exports CHECKS. */
  readonly checks?: string
}

/** Does what the flags say; the exit code. */
export async function conformance(args: readonly string[], world: ConformanceWorld): Promise<number> {
  const given = readFlags(FLAGS, args)
  const machinery = await load()
  const { checks } = world
  const plan = await machinery.planned(checks, given.only?.[0]?.split(','))
  if (plan.length === 0)
    throw new UsageError(`no check is called \`${given.only?.[0]}\`; \`--list\` tells which there are`)
  if (given.only && given['profile-out'])
    throw new UsageError('a profile is written of a whole run: `--profile-out` without `--only`')
  if (given.list) return list(plan, given, world)
  const target = targetOf(given, checks)
  const earlier = given.against && read(given.against[0]!, machinery.REPORT_SCHEMA)
  const progress = new Progress(world, { total: plan.length, isQuiet: given.quiet !== undefined })
  try {
    const report = await machinery.run(
      {
        ...{ target, plan, writes: given.write !== undefined, isMeasured: given.throughput !== undefined },
        isPartial: given.only !== undefined,
        reproduce: (id) => reproduction(given, id),
      },
      { now: world.now, after, stop: world.stop, onProgress: (step) => progress.tell(step) },
    )
    progress.end()
    const folder = given.out?.[0] ?? `conformance-${slug(report.token.model || report.token.label)}`
    await machinery.write(folder, report, earlier)
    if (given['profile-out'] && !(await machinery.writeProfile(given['profile-out'][0]!, report)))
      world.error('strongroom: there is no profile: a room could not be opened on this token, or the run was stopped\n')
    world.out(machinery.summary(report, folder, earlier))
    return machinery.holds(report) ? 0 : 1
  } catch (error) {
    progress.end()
    if (!(error instanceof machinery.Unusable)) throw error
    world.error(`strongroom: ${error.message}\n`)
    return 2
  }
}

/** What calls modules is optional, and only loaded here. */
async function load(): Promise<typeof Conformance> {
  try {
    return await import('../conformance/conformance.ts')
  } catch (error) {
    const isAbsent = error instanceof Error && /Cannot find (module|package) 'koffi'/.test(error.message)
    if (isAbsent) throw new UsageError('this needs the package koffi, which is not installed: npm install koffi')
    throw error
  }
}

function list(
  plan: Awaited<ReturnType<typeof Conformance.planned>>,
  given: Given<typeof FLAGS>,
  { out }: ConformanceWorld,
): number {
  const rows = plan.map(({ id, title, clause, severity, profiles = [], writes = false, needs = [] }) => {
    return { id, title, clause, severity, profiles, writes, needs }
  })
  if (given.json) out(`${JSON.stringify(rows, null, 2)}\n`)
  else {
    const width = Math.max(...rows.map(({ id }) => id.length))
    for (const { id, title, clause, severity, writes } of rows)
      out(`${id.padEnd(width)}  ${severity.padEnd(8)}  ${writes ? 'writes' : '      '}  ${title} (${clause})\n`)
    out(`\n${rows.length} checks, of which ${rows.filter(({ writes }) => writes).length} write\n`)
  }
  return 0
}

function targetOf(given: Given<typeof FLAGS>, checks: string | undefined): Conformance.Target {
  const [module, tokenLabel] = [given.module?.[0], given['token-label']?.[0]]
  const slot = wholeNumber('slot', given.slot, [0, 1_000_000])
  if (module === undefined) throw new UsageError('`--module` says which library to try')
  if ((tokenLabel === undefined) === (slot === undefined))
    throw new UsageError('`--token-label` or `--slot` says which token to try: one of them')
  if (!given['pin-file']) throw new UsageError('`--pin-file` says where its PIN is')
  if (!existsSync(module)) throw new UsageError(`there is no file \`${module}\``)
  const pin = secretIn('pin-file', given['pin-file'][0]!)
  const soPin = given['so-pin-file'] && secretIn('so-pin-file', given['so-pin-file'][0]!)
  return { module, tokenLabel, slot, pin, soPin, checks }
}

/** The first line of a file that nobody else can read. */
function secretIn(flag: string, file: string): string {
  try {
    if (statSync(file).mode & 0o077) throw new UsageError(`\`--${flag}\`: others can read \`${file}\`; chmod 600 it`)
    return readFileSync(file, 'utf8').split(/\r?\n/)[0]!
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`\`--${flag}\`: \`${file}\` cannot be read`)
  }
}

function read(file: string, schema: Shape): Report {
  const refuse = (why: string): never => {
    throw new UsageError(`\`--against\`: \`${file}\` is not the report.json of a run: ${why}`)
  }
  const report = attempt(() => JSON.parse(readFileSync(file, 'utf8')) as Report) ?? refuse('it cannot be read')
  const mistake = mistakeIn(report, schema)
  return mistake === undefined ? report : refuse(mistake)
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}

/** The same command for one check; a PIN is in a file, so that there is none in it. */
function reproduction(given: Given<typeof FLAGS>, id: string): string {
  const same = (['module', 'token-label', 'slot', 'pin-file', 'so-pin-file', 'write'] as const).filter((f) => given[f])
  const flags = same.flatMap((flag) => [`--${flag}`, ...given[flag]!.map(quoted)])
  return ['npx', 'strongroom', 'conformance', ...flags, '--only', id].join(' ')
}

function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '') || 'token'
  )
}

function after(milliseconds: number, act: () => void): () => void {
  const timer = setTimeout(act, milliseconds)
  return () => clearTimeout(timer)
}
