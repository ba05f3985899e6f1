/** `strongroom clock`: what time it is in a running server, and putting it ahead. */
import { administer, SERVER, verbOf, type AdminWorld } from './administer.ts'
import { flagHelp, readFlags } from './flags.ts'

const VERBS = { show: undefined, set: 'DATE', advance: 'TIME' }

export const CLOCK_HELP = `usage: strongroom clock show | set DATE | advance TIME [flags]

  show          the time of the server, and how far it is ahead of the machine's
  set DATE      puts its clock to a later date: 2027-01-31, 2027-01-31T12:00:00Z
  advance TIME  puts it ahead: 8d, 24h, 90m, 30s, "8 days"

${flagHelp(SERVER)}
What becomes due on the way is done in its turn: keys are deleted and rotated, material and grants expire. A clock goes
forward only, and a folder remembers how far it is ahead.
`

interface Time {
  readonly now: string
  readonly ahead: number
}

/** Does what the first argument says; the exit code. */
export async function clock(args: readonly string[], world: AdminWorld): Promise<number> {
  const { verb, value, flags } = verbOf('clock', VERBS, args)
  const given = readFlags(SERVER, flags)
  const turned = verb === 'show' ? { method: 'GET' } : { method: 'POST', body: { [verb]: value } }
  const { now, ahead } = await administer<Time>(given, world, { route: 'clock', ...turned })
  await world.out(`${now}, ${ahead === 0 ? "the machine's time" : `${lengthOf(ahead)} ahead of the machine's`}\n`)
  return 0
}

/** `8d 1h`: the two largest units that are not nothing. */
function lengthOf(millis: number): string {
  const seconds = Math.round(millis / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const shown = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count}${unit}`)
  return shown.slice(0, 2).join(' ') || '0s'
}
