/** `strongroom quotas`: how much a running server lets be asked, and how much there may be; and raising it. */
import { administer, SERVER, verbOf, type AdminWorld } from './administer.ts'
import { flagHelp, readFlags, UsageError, type Flags, type Given } from './flags.ts'

const VERBS = { list: undefined, set: 'the name of a quota', reset: 'the name of a quota' }

const WHOSE = {
  account: { values: ['ID'], help: 'of this account (every one)' },
  region: { values: ['NAME'], help: 'in this Region (every one)' },
} as const satisfies Flags

const VALUE = {
  value: { values: ['N'], help: 'to set: requests a second, or how many there may be' },
} as const satisfies Flags

export const QUOTAS_HELP = `usage: strongroom quotas list | set NAME --value N | reset NAME [flags]

  list        all quotas, and which of them were changed
  set NAME    changes one, as an increase that AWS granted: --value 20000
  reset NAME  takes such a change back

${flagHelp({ ...VALUE, ...WHOSE, ...SERVER })}
Changes hold from now on, and are kept in the folder. Requests are throttled by servers started with \`--quotas\`.
`

interface Whose {
  readonly account?: string
  readonly region?: string
}

interface Listed {
  readonly throttles: boolean
  readonly quotas: readonly { quota: string; value: number; unit: string; adjustable: boolean }[]
  readonly changes: readonly (Whose & { quota: string; value: number })[]
}

/** Does what the first argument says; the exit code. */
export async function quotas(args: readonly string[], world: AdminWorld): Promise<number> {
  const { verb, value: quota, flags } = verbOf('quotas', VERBS, args)
  const known = { ...WHOSE, ...SERVER }
  const given: Given<typeof known & typeof VALUE> = readFlags(verb === 'set' ? { ...VALUE, ...known } : known, flags)
  const whose = { account: given.account?.[0], region: given.region?.[0] }
  if (verb === 'set' && given.value === undefined) throw new UsageError('`quotas set` needs `--value N`')
  const asked = {
    list: { method: 'POST', body: whose },
    set: { method: 'PUT', body: { quota, value: numberIn(given), ...whose } },
    reset: { method: 'DELETE', body: { quota, ...whose } },
  }[verb]
  await world.out(shown(await administer<Listed>(given, world, { route: 'quotas', ...asked })))
  return 0
}

/** What is no number is told by the server, which knows what the quota may be. */
function numberIn({ value }: Given<typeof VALUE>): number | string | undefined {
  return value && (Number.isNaN(Number(value[0])) ? value[0] : Number(value[0]))
}

/** A line for each, then one for each change. */
function shown({ throttles, quotas, changes }: Listed): string {
  const width = Math.max(...quotas.map(({ quota }) => quota.length))
  const lines = quotas.map(({ quota, value, unit, adjustable }) => {
    return `${quota.padEnd(width)}  ${String(value).padStart(7)} ${unit}${adjustable ? '' : ', for everybody'}`
  })
  const changed = changes.map(({ quota, value, account, region }) => {
    return `changed: ${quota} is ${value} for ${account ?? 'every account'} in ${region ?? 'every Region'}`
  })
  const off = throttles ? [] : ['requests are not throttled: the server was started without `--quotas`']
  return [...lines, ...changed, ...off].map((line) => `${line}\n`).join('')
}
