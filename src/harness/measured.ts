/**
 * What a run of `strongroom bench` comes to, as its JSON has it. Times are microseconds, from when a request was due until it
 * was answered, unless a name says otherwise.
 */

/** The `schema` of what this version writes. */
export const MEASURED_SCHEMA = 'strongroom/measured/1'

export interface Measured {
  readonly schema: typeof MEASURED_SCHEMA
  /** Of strongroom, which measured. */
  readonly version: string
  /** When the run began, ISO 8601. */
  readonly started: string
  /** What was typed, with no secret in it. */
  readonly command: string
  readonly environment: Environment
  readonly target: MeasuredTarget
  readonly workload: MeasuredWorkload
  readonly pace: Pace
  /** Seconds that went before, and are not counted. */
  readonly warmup: number
  /** How long was measured. */
  readonly seconds: number
  /** By operation: a name as AWS has it, or with its key spec where a mix has the operation twice. */
  readonly operations: Readonly<Record<string, Tally>>
  /** All operations together. */
  readonly total: Tally
  /** A second each. */
  readonly intervals: readonly Interval[]
  /** CPU time of the server's process, all its threads; absent where it is not on this machine or its id was not told. */
  readonly cpuMicrosPerOperation?: number
  readonly generator: Generator
  /** Of a ramp: what each of its paces came to. The rest is then the run at the knee. */
  readonly ramp?: Ramp
}

export interface Environment {
  readonly cpu: string
  readonly cores: number
  /** Of the first core: `performance`; absent where the system does not tell. */
  readonly governor?: string
  readonly kernel: string
  readonly node: string
  readonly memoryGiB: number
  /** The load average of the last minute, before the run. */
  readonly loadBefore: number
  /** A name for this machine that is the same in every run, and tells nothing of it: only such runs compare. */
  readonly machine: string
}

export type TargetKind = 'in-process' | 'sdk' | 'http' | 'pkcs11'

export interface MeasuredTarget {
  readonly kind: TargetKind
  /** What a reader calls it. */
  readonly name: string
  readonly url?: string
}

export interface MeasuredWorkload {
  readonly name: string
  readonly operations: readonly MeasuredOperation[]
  /** Bytes of plaintext, message or data. */
  readonly size: number
  /** Pairs of the encryption context. */
  readonly contextPairs: number
  /** How many keys there are of each key spec. */
  readonly keys: number
  /** How many callers sign. */
  readonly principals: number
  readonly distribution: Distribution
  readonly seed: number
  /** Messages of an application that one request is for, where it keeps data keys. */
  readonly messagesPerRequest?: number
}

export interface MeasuredOperation {
  /** As in `Measured.operations`. */
  readonly name: string
  readonly operation: string
  readonly keySpec: string
  /** Its part of all requests, 0 to 1. */
  readonly weight: number
}

/** Which key comes when: all alike, or a few very often. */
export type Distribution = { readonly kind: 'uniform' } | { readonly kind: 'zipf'; readonly exponent: number }

/** A closed loop of so many that ask again once they are answered, or requests a second, whatever becomes of them. */
export type Pace = { readonly closed: number } | { readonly rate: number }

export interface Tally {
  readonly succeeded: number
  readonly failed: number
  /** Succeeded. */
  readonly perSecond: number
  readonly latency: Latency
  /** HDR, V2, deflated, in base64; nanoseconds. */
  readonly histogram: string
  /** By type: `ThrottlingException`, or `timeout`, `connection` and the like where there was no answer. */
  readonly errors: Readonly<Record<string, number>>
  /** Those of the errors that say: not so fast. */
  readonly throttled: number
}

/** Of what succeeded. */
export interface Latency {
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly p9999: number
  readonly max: number
}

export interface Interval {
  readonly succeeded: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Past this share of the time it is the generator that is measured. */
export const TOO_BUSY = 0.9

/** How hard whatever made the load had to work. */
export interface Generator {
  /** The share of the time in which it was at work, 0 to 1. */
  readonly busy: number
  /** The longest that a request was sent after it was due. */
  readonly behind: number
  /** Requests that were due and never sent. */
  readonly unsent: number
  /** Whether it, rather than the target, may have set the figure. */
  readonly limited: boolean
}

export interface Ramp {
  readonly steps: readonly Step[]
  /** Which step is the knee: past it, throughput hardly grows, and waiting does. */
  readonly knee: number
}

export interface Step {
  readonly pace: Pace
  readonly perSecond: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly cpuMicrosPerOperation?: number
  readonly generator: Generator
}
