/** The generator of load in Rust, as a seam: the part of it that runs need. Tests put another in its place. */
import type { Interval } from './measured.ts'

export interface LoadPlan {
  /** An address and a port. */
  readonly address: string
  readonly host: string
  /** Certificates in PEM; plain HTTP when absent. */
  readonly roots?: string[]
  readonly serverName?: string
  readonly requests: LoadRequest[]
  /** Which request comes when; begun again at its end. */
  readonly order: Uint32Array
  readonly signers: LoadSigner[]
  /** How many tallies there are. */
  readonly kinds: number
  readonly connections: number
  /** Requests a second; a closed loop when absent. */
  readonly rate?: number
  readonly warmupMillis: number
  readonly durationMillis: number
}

export interface LoadRequest {
  readonly kind: number
  readonly method: string
  readonly path: string
  /** Names and values, one after the other. */
  readonly headers: string[]
  readonly body: Uint8Array
  /** Its place among the signers. */
  readonly signer: number
}

export interface LoadSigner {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly region: string
  readonly service: string
}

export interface LoadOutcome {
  readonly tallies: readonly {
    readonly histogram: Uint8Array
    readonly errors: readonly { readonly name: string; readonly count: number }[]
  }[]
  readonly intervals: readonly Interval[]
  readonly seconds: number
  readonly busy: number
  /** Microseconds. */
  readonly behind: number
  readonly unsent: number
}

/** Rejects when nothing answers at all. */
export type RunLoad = (plan: LoadPlan, onInterval?: (interval: Interval) => void) => Promise<LoadOutcome>
