/** What is measured, as runs see it: it is set up by asking, put under load, and left as it was found. */
import type { Generator, Interval, MeasuredTarget, Pace } from './measured.ts'
import type { OperationName } from '../model/kms.ts'
import type { Ask, Members } from './operations.ts'
import type { Counted } from './times.ts'

export interface Target {
  readonly told: MeasuredTarget
  /** How many callers it has been given. */
  readonly principals: number
  /** Whether what is made outlives it, and has to be cleaned up. */
  readonly isLasting: boolean
  readonly ask: Ask
  run(load: Load, run: Run): Promise<Ran>
  close(): Promise<void>
}

/** What is asked for, in which order. */
export interface Load {
  /** The names of the tallies. */
  readonly names: readonly string[]
  readonly requests: readonly Prompt[]
  /** Places in `requests`; begun again at its end. */
  readonly order: Uint32Array
}

export interface Prompt {
  /** Which tally it counts for. */
  readonly kind: number
  readonly operation: OperationName
  readonly input: Members
  /** Whose request it is, by number. */
  readonly principal: number
}

export interface Run {
  readonly pace: Pace
  /** How many requests there are at a time, at most. */
  readonly connections: number
  /** Seconds. */
  readonly warmup: number
  readonly seconds: number
  onInterval(interval: Interval): void
  /** Whether nobody waits for the end of it any more. */
  isStopped(): boolean
}

export interface Ran {
  /** One a tally. */
  readonly counted: readonly Counted[]
  readonly intervals: readonly Interval[]
  readonly seconds: number
  readonly generator: Omit<Generator, 'limited'>
  /** Of the server, over what was counted; undefined where nobody can tell. */
  readonly cpuMicros: number | undefined
}

/** The ways into a room in this process. */
export const WAYS = ['in-process', 'handle', 'sdk'] as const
export type Way = (typeof WAYS)[number]

/** The target cannot be reached, or does not let itself be set up: nothing was measured. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured'
}

/** What a failure is called in a tally. */
export function errorName(problem: unknown): string {
  if (!(problem instanceof Error)) return 'unknown'
  return 'code' in problem && typeof problem.code === 'string' ? problem.code : problem.name
}
