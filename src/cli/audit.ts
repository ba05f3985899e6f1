/** `strongroom audit`: who did what, and whether the record of it is whole. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CloudTrailRecord } from '../audit/cloudtrail.ts'
import { PUBLIC_KEY } from '../audit/files/names.ts'
import { Offence } from '../audit/files/offence.ts'
import type { OpenTrail } from '../audit/files/opened.ts'
import { latestShipment } from '../audit/files/state.ts'
import { verify, type Verified } from '../audit/files/verify.ts'
import { query, type Filter } from '../audit/query.ts'
import { textOf } from '../audit/record.ts'
import type { Instant } from '../clock.ts'
import { nearest } from '../nearest.ts'
import { flagHelp, readFlags, UsageError, wholeNumber, type Flags, type Given } from './flags.ts'
import { lineOf, spelled, visible } from './line.ts'
import { momentOf } from './moment.ts'
import { remoteEvents } from './remote.ts'
import { follow, followRemote } from './tail.ts'

/** What auditing needs of the world. */
export interface AuditWorld {
  /** What a data folder keeps of the trail: `openTrail`. */
  trail(data: string): Promise<OpenTrail>
  now(): Instant
  /** Variables of the environment: credentials and Region. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** May give a promise when the reader is slow. */
  out(text: string): unknown
  error(text: string): void
  /** Resolves when the operator wants us to stop. */
  stop: Promise<unknown>
}

const WHERE = {
  data: { values: ['DIR'], help: 'folder of the room (.strongroom)' },
  trail: { values: ['DIR'], help: 'a folder of log files alone, such as a copy; instead of --data' },
} as const satisfies Flags

const WHICH = {
  since: { values: ['WHEN'], help: 'from then on: 24h, 30m, 7d ago, or a date (2026-01-31T12:00Z)' },
  until: { values: ['WHEN'], help: 'up to then' },
  key: { values: ['ID'], help: 'of this key: its id or ARN' },
  event: { values: ['NAME'], help: 'this operation alone: Decrypt' },
  principal: { values: ['WHO'], help: 'by this user, role or account: ARN, name or id' },
  'access-key': { values: ['ID'], help: 'with this access key' },
  account: { values: ['ID'], help: 'in the trail of this account' },
  region: { values: ['NAME'], help: 'in this Region' },
} as const satisfies Flags

const TAIL = {
  ...WHERE,
  ...WHICH,
  lines: { values: ['N'], help: 'how many of the latest events to begin with (10)' },
  'endpoint-url': {
    values: ['URL'],
    help: 'ask this server, with the credentials of the environment; instead of --data',
  },
  once: { values: [], help: 'do not wait for more' },
} as const satisfies Flags

const VERIFY = {
  ...WHERE,
  'public-key': {
    values: ['FILE'],
    help: 'PEM file of the key that signed the digests, from wherever you trust it to be',
  },
} as const satisfies Flags

interface Verb {
  readonly summary: string
  readonly flags: Flags
  run(trail: OpenTrail, given: Given<Flags>, world: AuditWorld): Promise<number>
}

const VERBS: Readonly<Record<string, Verb>> = {
  tail: { summary: 'the latest events, a line each, and those that follow', flags: TAIL, run: tail },
  export: {
    summary: 'every event as a line of JSON, as CloudTrail has it',
    flags: { ...WHERE, ...WHICH },
    run: exported,
  },
  ids: {
    summary: 'the id of every request, a line each; fails when the chain is broken',
    flags: { ...WHERE, ...WHICH },
    run: ids,
  },
  who: { summary: 'who used a key, and when, a line each', flags: { ...WHERE, ...WHICH }, run: who },
  verify: { summary: 'whether anything was changed, removed or added; names the first', flags: VERIFY, run: verified },
}

export const AUDIT_HELP = `usage: strongroom audit VERB [flags]

${Object.entries(VERBS)
  .map(([name, { summary }]) => `  ${name.padEnd(8)}${summary}\n`)
  .join('')}
${flagHelp({ ...TAIL, ...VERIFY })}
While a server has the room open, what it has not shipped to log files yet, the last five minutes or so, is not
seen here; \`tail --endpoint-url\` asks the server itself. Exit code of ids and verify: 0 whole, 1 not, 2 not checked.
`

/** Does what the first argument says; the exit code. */
export async function audit([name = '', ...args]: readonly string[], world: AuditWorld): Promise<number> {
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (!verb)
    throw new UsageError(name === '' ? 'audit what?' : `unknown \`audit ${name}\`${nearest(name, Object.keys(VERBS))}`)
  const given = readFlags(verb.flags, args)
  if (name === 'who' && !given.key) throw new UsageError('`audit who` needs `--key`')
  const trail = await open(given, world)
  try {
    return await verb.run(trail, given, world)
  } catch (problem) {
    if (!(problem instanceof Offence)) throw problem
    world.error(`${spelled(problem.message)}\n`)
    return 1
  } finally {
    await trail.close()
  }
}

async function open({ data, trail, ...given }: Given<Flags>, world: AuditWorld): Promise<OpenTrail> {
  if (given['endpoint-url'] && (data ?? trail)) throw new UsageError('`--endpoint-url` excludes `--data` and `--trail`')
  if (given['endpoint-url']) return { folder: '', close: () => Promise.resolve() }
  if (data && trail) throw new UsageError('`--data` and `--trail` exclude each other')
  const folder = trail?.[0] ?? data?.[0] ?? '.strongroom'
  if (!existsSync(folder)) throw new UsageError(`there is no folder \`${folder}\``)
  if (trail) return { folder, close: () => Promise.resolve() }
  const opened = await world.trail(folder)
  if (!opened.store) world.error('the room is open elsewhere: only what was shipped to log files is seen\n')
  return opened
}

function filterOf(given: Given<typeof WHICH>, now: Instant): Filter {
  return {
    since: momentOf('since', given.since?.[0], now),
    until: momentOf('until', given.until?.[0], now),
    key: given.key?.[0],
    eventName: given.event?.[0],
    principal: given.principal?.[0],
    accessKeyId: given['access-key']?.[0],
    account: given.account?.[0],
    region: given.region?.[0],
  }
}

async function tail(trail: OpenTrail, given: Given<typeof TAIL>, world: AuditWorld): Promise<number> {
  const lines = wholeNumber('lines', given.lines, [0, 100_000]) ?? 10
  const filter = filterOf(given, world.now())
  const show = (record: CloudTrailRecord) => world.out(`${lineOf(record)}\n`)
  const following = { lines, once: given.once !== undefined, stop: world.stop }
  const [endpoint] = given['endpoint-url'] ?? []
  if (endpoint === undefined) await follow(trail, filter, following, show)
  else await followRemote(() => remoteEvents({ endpoint, ...world }), filter, following, show)
  return 0
}

async function each(
  trail: OpenTrail,
  given: Given<Flags>,
  world: AuditWorld,
  lineOf: (record: CloudTrailRecord) => string | undefined,
): Promise<number> {
  for await (const { record } of query(trail, filterOf(given, world.now()))) {
    const line = lineOf(record)
    // Waits for a slow reader, if `out` does.
    if (line !== undefined) await world.out(`${line}\n`)
  }
  return 0
}

function exported(trail: OpenTrail, given: Given<Flags>, world: AuditWorld): Promise<number> {
  return each(trail, given, world, textOf)
}

function who(trail: OpenTrail, given: Given<Flags>, world: AuditWorld): Promise<number> {
  return each(trail, given, world, (record) => (isCopy(record) ? undefined : lineOf(record, false)))
}

async function ids(trail: OpenTrail, given: Given<Flags>, world: AuditWorld): Promise<number> {
  await each(trail, given, world, (record) => {
    return record.requestID === undefined || isCopy(record) ? undefined : visible(record.requestID)
  })
  return verified(trail, {}, { ...world, out: () => undefined })
}

/** What the owner of a key hears of a call from another account, whose own trail says more. */
function isCopy({ userIdentity }: CloudTrailRecord): boolean {
  return userIdentity.type === 'AWSAccount'
}

async function verified(
  { folder, store }: OpenTrail,
  given: Given<typeof VERIFY>,
  { out, error }: AuditWorld,
): Promise<number> {
  const unfinished = store && ((await latestShipment(store))?.value.step ?? 'done') !== 'done'
  if (unfinished) {
    error('a shipment was cut short: open the room, which finishes it, and verify then\n')
    return 2
  }
  const beside = join(folder, PUBLIC_KEY)
  const file = given['public-key']?.[0] ?? (store || !existsSync(beside) ? undefined : beside)
  const result = await verify({ folder, store, publicKey: file === undefined ? undefined : readFileSync(file, 'utf8') })
  if (result.offence) throw result.offence
  out(`${summaryOf(result)}\n${proofOf(store !== undefined, given['public-key'] !== undefined)}\n`)
  return 0
}

function summaryOf({ records, logs, digests, stored }: Verified): string {
  return `whole: ${records} records in ${logs} log files, under ${digests} digests; ${stored} records in the store`
}

/** What was proved, and what was not. */
function proofOf(room: boolean, key: boolean): string {
  if (room) return 'The room vouches for the key that signed, and for where each chain ends.'
  const end = 'Whether the end of a chain was cut off, the room alone can tell.'
  if (key) return `Signed by the key you gave. ${end}`
  return `Consistent in itself: the key that signed was believed because it lay beside the files. ${end}`
}
