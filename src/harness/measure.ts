/** One run of the harness: a target set up for a workload, put under load once or in steps, and left as it was found. */
import { environment, version } from './environment.ts'
import {
  MEASURED_SCHEMA,
  TOO_BUSY,
  type Generator,
  type Interval,
  type Measured,
  type Pace,
  type Step,
} from './measured.ts'
import { prepare, type Prepared } from './prepare.ts'
import { kneeOf, paces } from './ramp.ts'
import type { Ran, Target } from './target.ts'
import { sum, rounded, tallyOf } from './times.ts'
import type { Workload } from './workload.ts'

export interface Request {
  readonly workload: Workload
  readonly pace: Pace
  /** How many requests there are at a time, at most. */
  readonly connections: number
  /** Paces up to `pace`, rather than it alone. */
  readonly isRamp: boolean
  /** Seconds. */
  readonly warmup: number
  readonly seconds: number
  /** What was typed. */
  readonly command: string
}

/** What is told while it goes on. */
export interface Watcher {
  now(): number
  /** What is being done, before anything is counted. */
  onPhase(phase: string): void
  onInterval(pace: Pace, interval: Interval, second: number): void
  /** Resolves when it is to end before its time. */
  readonly stop: Promise<unknown>
}

/** The run was ended before its time. */
export class Stopped extends Error {
  override readonly name = 'Stopped'
}

export async function measure(target: Target, request: Request, watcher: Watcher): Promise<Measured> {
  const { workload } = request
  const started = new Date(watcher.now()).toISOString()
  const where = environment()
  watcher.onPhase(`setting up ${workload.keys} ${workload.keys === 1 ? 'key' : 'keys'} of each kind`)
  const load = await prepare(workload, target.ask, `strongroom bench ${started}`)
  try {
    let isStopped = false
    const stopped = watcher.stop.then(() => {
      isStopped = true
      throw new Stopped('the run was stopped')
    })
    const all = (request.isRamp ? paces : alone)(request.pace)
    const going = steps(target, load, request, all, watcher, () => isStopped)
    const measured = await Promise.race([stopped, going])
    const knee = kneeOf(measured.map(({ step }) => step))
    const { ran, step } = measured[request.isRamp ? knee : 0]!
    return {
      ...{ schema: MEASURED_SCHEMA, version: version(), started, command: request.command },
      ...{ environment: where, target: target.told, workload: toldOf(workload, load.names), pace: step.pace },
      ...{ warmup: request.warmup, seconds: rounded(ran.seconds) },
      ...talliesOf(ran, load.names),
      intervals: ran.intervals,
      ...cpuOf(ran),
      generator: step.generator,
      ...(request.isRamp && { ramp: { steps: measured.map(({ step }) => step), knee } }),
    }
  } finally {
    if (target.isLasting) {
      watcher.onPhase('taking the keys away')
      await load.cleanUp()
    }
  }
}

const alone = (pace: Pace): Pace[] => [pace]

async function steps(
  target: Target,
  load: Prepared,
  { connections, warmup, seconds }: Request,
  all: readonly Pace[],
  watcher: Watcher,
  isStopped: () => boolean,
): Promise<{ ran: Ran; step: Step }[]> {
  const measured = []
  for (const pace of all) {
    if (isStopped()) break
    let second = 0
    const ran = await target.run(load, {
      ...{ pace, warmup, seconds },
      connections: 'closed' in pace ? pace.closed : connections,
      onInterval: (interval) => {
        if (!isStopped()) watcher.onInterval(pace, interval, ++second)
      },
      isStopped,
    })
    measured.push({ ran, step: stepOf(pace, ran) })
  }
  return measured
}

function stepOf(pace: Pace, ran: Ran): Step {
  const { perSecond, failed, latency } = tallyOf(sum(ran.counted), ran.seconds)
  const { p50, p99, max } = latency
  return { pace, perSecond, failed, p50, p99, max, ...cpuOf(ran), generator: generatorOf(ran) }
}

function generatorOf({ generator: { busy, behind, unsent } }: Ran): Generator {
  const isLimited = busy > TOO_BUSY || unsent > 0
  return { busy: rounded(busy), behind: rounded(behind), unsent, limited: isLimited }
}

function talliesOf({ counted, seconds }: Ran, names: readonly string[]): Pick<Measured, 'operations' | 'total'> {
  const tallies = counted.map((each, kind) => [names[kind]!, tallyOf(each, seconds)] as const)
  return { operations: Object.fromEntries(tallies), total: tallyOf(sum(counted), seconds) }
}

/** Failures take the processor's time as well. */
function cpuOf({ counted, cpuMicros }: Ran): Pick<Measured, 'cpuMicrosPerOperation'> {
  const { times, errors } = sum(counted)
  const answered = times.totalCount + [...errors.values()].reduce((count, more) => count + more, 0)
  return cpuMicros === undefined || answered === 0 ? {} : { cpuMicrosPerOperation: rounded(cpuMicros / answered) }
}

function toldOf(workload: Workload, names: readonly string[]): Measured['workload'] {
  const { operations, ...rest } = workload
  const weights = operations.reduce((total, { weight }) => total + weight, 0)
  return {
    ...rest,
    operations: operations.map(({ operation, keySpec, weight }, at) => {
      return { name: names[at]!, operation, keySpec, weight: weight / weights }
    }),
  }
}
