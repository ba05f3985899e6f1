/** `strongroom bench compare`: whether a run is faster than an earlier one, and whether that can be said at all. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { compareRuns, Incomparable, toldComparison } from '../harness/compare.ts'
import type { Measured } from '../harness/measured.ts'
import { MEASURED, RUN_FILE, TALLY } from '../harness/report/schema.ts'
import { mistakeIn } from '../shape.ts'
import { UsageError } from './flags.ts'

export const COMPARE_HELP = `\`bench compare\` takes the folders of two runs (--out DIR), or their report.json. It says how much faster or slower each operation
became, with 95 % confidence, or that there is no difference. Runs of different machines or of different workloads are not
compared. That a machine is faster on one day than on the next is not seen within a run: let runs take turns. Exit code 0:
nothing became slower. 1: something did. 2: not understood, or these cannot be compared.
`

export interface CompareWorld {
  out(text: string): unknown
  error(text: string): void
}

/** The exit code. */
export async function benchCompare(args: readonly string[], { out, error }: CompareWorld): Promise<number> {
  const [before, after, ...more] = args
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError('`bench compare` needs two runs: the earlier one and the later one')
  try {
    const comparison = compareRuns(runAt(before), runAt(after))
    await out(toldComparison(comparison))
    return comparison.differences.some(({ verdict }) => verdict === 'slower') ? 1 : 0
  } catch (problem) {
    if (!(problem instanceof Incomparable)) throw problem
    error(`strongroom: ${problem.message}\n`)
    return 2
  }
}

function runAt(path: string): Measured {
  const refuse = (why: string): never => {
    throw new UsageError(`\`${path}\` is not a run that \`bench --out\` kept: ${why}`)
  }
  const run = parsed(path) ?? refuse('it cannot be read')
  const mistake =
    mistakeIn(run, MEASURED) ??
    Object.entries(run.operations)
      .map(([name, tally]) => mistakeIn(tally, TALLY, `\`operations\`.${name}`))
      .find((each) => each !== undefined)
  return mistake === undefined ? run : refuse(mistake)
}

function parsed(path: string): Measured | undefined {
  try {
    return JSON.parse(readFileSync(statSync(path).isDirectory() ? join(path, RUN_FILE) : path, 'utf8')) as Measured
  } catch {
    return undefined
  }
}
