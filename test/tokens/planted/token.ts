/** SoftHSM2 behind a module that misbehaves on cue, and runs of checks against it. Its source is beside: planted.c. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS } from '../../../src/conformance/checks/index.ts'
import { planOf } from '../../../src/conformance/plan.ts'
import { run } from '../../../src/conformance/runner.ts'
import type { Report, Verdict } from '../../../src/conformance/report.ts'
import { softTokens } from '../../helpers/softhsm.ts'

const CHECKS_URL = new URL('../../../src/conformance/checks/index.ts', import.meta.url).href
const SOURCE = new URL('./planted.c', import.meta.url).pathname

/** Seconds after which a check counts as hanging here: none of those takes a tenth of it. */
const PATIENCE = 10

export interface PlantedToken {
  /** Runs the checks that fit the patterns, with these bugs or none. */
  try(patterns: readonly string[], bugs?: readonly string[]): Promise<Report>
}

/** Compiles the module; its token is in a folder of its own. */
export function plantedToken(): PlantedToken {
  const { planted } = softTokens('planted')
  const module = join(planted.folder, 'planted.so')
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-std=gnu17', '-o', module, SOURCE, '-ldl'], { stdio: 'pipe' })
  const target = { module, tokenLabel: 'planted', pin: planted.pin, soPin: planted.soPin, checks: CHECKS_URL }
  return {
    async try(patterns, bugs = []) {
      // The process that has the module in it inherits these.
      process.env.STRONGROOM_PLANTED_MODULE = planted.module
      process.env.STRONGROOM_PLANTED = bugs.join(',')
      const plan = planOf(CHECKS, patterns).map((each) => ({ ...each, patience: PATIENCE }))
      return run({ target, plan, writes: true, isPartial: true, isMeasured: false, reproduce: (id) => id }, WAYS)
    },
  }
}

/** What a run needs of the world, in a test. */
export const WAYS = {
  now: () => performance.timeOrigin + performance.now(),
  after(milliseconds: number, act: () => void) {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  },
  stop: new Promise<void>(() => undefined),
  onProgress: () => undefined,
}

/** The bugs that the module knows. */
export function plantable(): ReadonlySet<string> {
  return new Set([...readFileSync(SOURCE, 'utf8').matchAll(/\bBUG\("([a-z-]+)"/g)].map(([, name]) => name!))
}

export function verdicts({ results }: Report): Readonly<Record<string, Verdict>> {
  return Object.fromEntries(results.map(({ id, verdict }) => [id, verdict]))
}
