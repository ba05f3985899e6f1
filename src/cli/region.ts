/** `strongroom region`: cutting off a Region of a running server, and restoring it. */
import { administer, SERVER, verbOf, type AdminWorld } from './administer.ts'
import { flagHelp, readFlags } from './flags.ts'

const VERBS = { list: undefined, down: 'the name of a Region', up: 'the name of a Region' }

export const REGION_HELP = `usage: strongroom region list | down NAME | up NAME [flags]

  list       which Regions are cut off, and since when
  down NAME  cuts one off: calls there reach nobody, as if its endpoint were gone
  up NAME    restores it, and makes up for what has waited

${flagHelp(SERVER)}`

interface Lost {
  readonly lost: readonly { readonly region: string; readonly since: string }[]
}

/** Does what the first argument says; the exit code. */
export async function region(args: readonly string[], world: AdminWorld): Promise<number> {
  const { verb, value, flags } = verbOf('region', VERBS, args)
  const given = readFlags(SERVER, flags)
  const asked = verb === 'list' ? { method: 'GET' } : { method: 'POST', body: { [verb]: value } }
  const { lost } = await administer<Lost>(given, world, { route: 'regions', ...asked })
  const lines = lost.map((each) => `${each.region} is cut off since ${each.since}\n`)
  await world.out(lines.join('') || 'no Region is cut off\n')
  return 0
}
