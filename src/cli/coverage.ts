/** `strongroom coverage`: what AWS has, and whether it works here, found out by trying all of it in a fresh room. */
import type { Ability, BackendSource } from '../backends/backend.ts'
import { pkcs11 } from '../backends/pkcs11.ts'
import { cover, withAbilities, type Coverage, type Doors, type Finding } from '../coverage.ts'
import type { Given } from './flags.ts'
import { TOKEN, tokenOf } from './token.ts'

export const COVERAGE = {
  json: { values: [], help: 'as JSON' },
  ...TOKEN,
} as const

export const COVERAGE_HELP = `With a token, what it does itself is \`native\`, what is done in this process for it \`emulated\`, and what is not to be had with keys
in it \`impossible\`; the keys that are tried are made in the token, and are gone from it at the end.
Exit code 0: all of them work, but for what is impossible. 1: not all.
`

/** What trying needs of the world. */
export interface Trials {
  /** A room in memory, closed when `use` is done; its keys are in `backend`, or our own HSM. */
  fresh<T>(use: (room: Doors) => Promise<T>, backend?: BackendSource): Promise<T>
  out(text: string): unknown
}

/** Tries everything; the exit code. */
export async function coverage(given: Given<typeof COVERAGE>, { fresh, out }: Trials): Promise<number> {
  const token = tokenOf(given)
  const found = token ? await coverBackend(pkcs11(token), fresh) : await fresh(cover)
  out(given.json ? `${JSON.stringify(found, null, 2)}\n` : table(found))
  return [...found.operations, ...found.algorithms].some(isWrong) ? 1 : 0
}

/** What is tried, beside what the device said of itself when it was opened. */
async function coverBackend(backend: BackendSource, fresh: Trials['fresh']): Promise<Coverage> {
  let abilities: readonly Ability[] = []
  const heard: BackendSource = {
    name: backend.name,
    async open() {
      const opened = await backend.open()
      abilities = opened.abilities
      return opened
    },
  }
  return withAbilities(await fresh(cover, heard), abilities)
}

function isWrong({ problem, support }: Finding): boolean {
  return problem !== undefined && support !== 'impossible'
}

function table({ operations, algorithms, abilities }: Coverage): string {
  const specs = [...new Set(algorithms.map(({ spec }) => spec))]
  const whole = specs.filter((spec) => algorithms.every((each) => each.spec !== spec || each.problem === undefined))
  return [
    ...operations.map(line),
    ...algorithms.map(line),
    '',
    `${working(operations)}/${operations.length} operations`,
    `${whole.length}/${specs.length} key specs`,
    `${working(algorithms)}/${algorithms.length} algorithms of them`,
    ...(abilities ? [shares([...operations, ...algorithms])] : []),
    '',
  ].join('\n')
}

const working = (findings: readonly Finding[]): number => findings.filter(({ problem }) => problem === undefined).length

function shares(findings: readonly Finding[]): string {
  const kinds = ['native', 'emulated', 'impossible'] as const
  return kinds.map((kind) => `${findings.filter(({ support }) => support === kind).length} ${kind}`).join(', ')
}

function line({ name, problem, support, how }: Finding): string {
  const tried = problem === undefined ? 'ok      ' : 'missing '
  const told = support === undefined ? '' : support.padEnd('impossible '.length)
  const why = [problem, how === undefined ? undefined : `(${how})`].filter((text) => text !== undefined).join(' ')
  return `${tried}${told}${name}${why === '' ? '' : `: ${why}`}`
}
