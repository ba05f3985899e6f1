/** A report as data: the canonical form, which the pages, JUnit and TAP are made from. Its schema is docs/conformance/report.schema.json. */
import type { Profile, Severity } from './check.ts'
import type { Traced } from './cryptoki/module.ts'

export type Verdict =
  /** It holds. */
  | 'passed'
  /** It does not. */
  | 'failed'
  /** The process of the module ended while it ran. */
  | 'crashed'
  /** It did not come back in time. */
  | 'hung'
  /** The token does not have what it is about. */
  | 'inapplicable'
  /** It writes, and was not allowed to; or the run was stopped before. */
  | 'skipped'

export interface Result {
  readonly id: string
  readonly title: string
  readonly clause: string
  readonly severity: Severity
  readonly profiles: readonly Profile[]
  readonly verdict: Verdict
  readonly expected?: string
  readonly observed?: string
  /** One line more: why it is inapplicable or was skipped, or what it means that it failed. */
  readonly remark?: string
  readonly milliseconds: number
  /** The last calls, of what failed. */
  readonly trace: readonly Traced[]
  /** A command that runs this check alone. */
  readonly reproduce: string
}

/** Who does what of a KMS with keys in this token. */
export interface Capability {
  /** A key spec, as AWS calls it. */
  readonly spec: string
  /** `CreateKey`, `ImportKeyMaterial`, or an algorithm. */
  readonly algorithm: string
  readonly support: 'native' | 'emulated' | 'impossible'
  readonly how?: string
}

/** How fast something is, with percentiles in microseconds. */
export interface Throughput {
  readonly mechanism: string
  /** `AES-256, 1 KiB`. */
  readonly subject: string
  /** Where the key is: in the session, or stored. */
  readonly key: 'session' | 'token'
  readonly threads: number
  readonly operationsPerSecond: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface Report {
  readonly schema: 'https://strongroom.dev/schemas/conformance-report-1.json'
  readonly strongroom: string
  readonly started: string
  readonly milliseconds: number
  /** False when it was stopped before its end. */
  readonly complete: boolean
  readonly writes: boolean
  readonly module: {
    readonly path: string
    readonly sha256: string
    readonly cryptokiVersion: string
    readonly manufacturer: string
    readonly description: string
    readonly libraryVersion: string
  }
  readonly token: {
    readonly label: string
    readonly manufacturer: string
    readonly model: string
    readonly serial: string
    readonly hardwareVersion: string
    readonly firmwareVersion: string
    readonly flags: readonly string[]
    readonly mechanisms: readonly {
      readonly name: string
      readonly minKeySize: number
      readonly maxKeySize: number
      readonly flags: readonly string[]
    }[]
  }
  readonly results: readonly Result[]
  readonly capabilities: readonly Capability[]
  readonly throughput: readonly Throughput[]
  /** What the backend may load instead of probing; its shape is docs/conformance/profile.schema.json. */
  readonly profile?: unknown
}
