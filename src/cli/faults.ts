/** `strongroom faults`: what is to go wrong in a running server, for trying how callers take it. */
import { administer, SERVER, verbOf, type AdminWorld } from './administer.ts'
import { flagHelp, readFlags, UsageError, type Flags, type Given } from './flags.ts'

const VERBS = { list: undefined, add: undefined, remove: 'the number of a fault', clear: undefined }

const FAULT = {
  operation: { values: ['NAME'], help: 'calls of this operation: Decrypt' },
  key: { values: ['ID'], help: 'calls about this key: its id, ARN or alias' },
  account: { values: ['ID'], help: 'calls by this account' },
  region: { values: ['NAME'], help: 'calls in this Region' },
  backend: { values: ['NAME'], help: 'the cryptography itself: hsm' },
  error: { values: ['NAME'], help: 'fail with this exception: ThrottlingException' },
  drop: { values: [], help: 'get no answer: the connection breaks' },
  latency: { values: ['TIME'], help: 'take so much longer: 200ms' },
  hang: { values: [], help: 'never come to an end' },
  wrong: { values: [], help: 'of a backend: answer with a byte that is another' },
  forget: { values: [], help: 'of a backend: lose its sessions' },
  script: { values: ['JSON'], help: 'what goes wrong in turn: [{"error":"ThrottlingException"},{},{"hang":true}]' },
  times: { values: ['N'], help: 'so often (until it is removed)' },
  after: { values: ['N'], help: 'after so many that are left alone' },
  probability: { values: ['P'], help: 'so likely, from 0 to 1' },
  seed: { values: ['N'], help: 'with the same luck each time' },
} as const satisfies Flags

export const FAULTS_HELP = `usage: strongroom faults list | add [flags] | remove N | clear

Of a fault to add:

${flagHelp(FAULT)}
Of all:

${flagHelp(SERVER)}`

const NUMBERS = new Set(['times', 'after', 'probability', 'seed'])

interface Listed {
  readonly faults: readonly (Readonly<Record<string, unknown>> & { readonly id: number; readonly hits: number })[]
}

/** Does what the first argument says; the exit code. */
export async function faults(args: readonly string[], world: AdminWorld): Promise<number> {
  const { verb, value, flags } = verbOf('faults', VERBS, args)
  const given: Given<typeof FAULT & typeof SERVER> = readFlags(verb === 'add' ? { ...FAULT, ...SERVER } : SERVER, flags)
  const asked = {
    list: () => ({ method: 'GET' }),
    add: () => ({ method: 'POST', body: faultOf(given) }),
    remove: () => ({ method: 'DELETE', body: { id: numberOf('faults remove', value) } }),
    clear: () => ({ method: 'DELETE' }),
  }[verb]()
  const { faults: active } = await administer<Listed>(given, world, { route: 'faults', ...asked })
  await world.out(active.map((fault) => `${lineOf(fault)}\n`).join('') || 'there are no faults\n')
  return 0
}

function faultOf(given: Given<typeof FAULT>): object {
  const members = Object.entries(given).filter(([name]) => Object.hasOwn(FAULT, name))
  return Object.fromEntries(members.map(([name, [text]]) => [name, memberOf(name, text)]))
}

function memberOf(name: string, text: string | undefined): unknown {
  if (name === 'script') return jsonOf(text!)
  return NUMBERS.has(name) ? numberOf(`--${name}`, text!) : (text ?? true)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError('`--script` takes a list in JSON')
  }
}

function numberOf(name: string, text: string): number {
  if (Number.isFinite(Number(text || NaN))) return Number(text)
  throw new UsageError(`\`${name}\` takes a number`)
}

/** `3: ThrottlingException in Decrypt`, as the flags would say it. */
function lineOf({ id, hits, ...fault }: Listed['faults'][number]): string {
  const said = Object.entries(fault).map(([name, value]) =>
    value === true ? name : `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${id}: ${said.join(', ')}; has struck ${hits} times`
}
