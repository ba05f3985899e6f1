/** `strongroom coverage`: what AWS has, and whether it works here, found out by trying all of it in a fresh room. */
import { cover, type Coverage, type Doors, type Finding } from '../coverage.ts'
import type { Given } from './flags.ts'

export const COVERAGE = {
  json: { values: [], help: 'as JSON' },
} as const

/** What trying needs of the world. */
export interface Trials {
  /** A room in memory, closed when `use` is done. */
  fresh<T>(use: (room: Doors) => Promise<T>): Promise<T>
  out(text: string): unknown
}

/** Tries everything; the exit code. */
export async function coverage(given: Given<typeof COVERAGE>, { fresh, out }: Trials): Promise<number> {
  const found = await fresh(cover)
  out(given.json ? `${JSON.stringify(found, null, 2)}\n` : table(found))
  return [...found.operations, ...found.algorithms].some(({ problem }) => problem !== undefined) ? 1 : 0
}

function table({ operations, algorithms }: Coverage): string {
  const specs = [...new Set(algorithms.map(({ spec }) => spec))]
  const whole = specs.filter((spec) => algorithms.every((each) => each.spec !== spec || each.problem === undefined))
  return [
    ...operations.map(line),
    ...algorithms.map(line),
    '',
    `${working(operations)}/${operations.length} operations`,
    `${whole.length}/${specs.length} key specs`,
    `${working(algorithms)}/${algorithms.length} algorithms of them`,
    '',
  ].join('\n')
}

const working = (findings: readonly Finding[]): number => findings.filter(({ problem }) => problem === undefined).length

function line({ name, problem }: Finding): string {
  return problem === undefined ? `ok      ${name}` : `missing ${name}: ${problem}`
}
