/** What a check of a PKCS#11 token is: a row that says what has to hold and by which clause, and a function that finds out. */
import type { CKM } from './cryptoki/numbers.ts'
import type { Device } from './device.ts'

export { Finding, Inapplicable } from './finding.ts'

/** How much it matters that a check fails: keys or data are at risk; a KMS cannot be built on it; it is in the way; it is a remark. */
export type Severity = 'critical' | 'major' | 'minor' | 'note'

/** Profiles of the OASIS PKCS#11 Profiles specification, 3.1. */
export type Profile = 'baseline' | 'extended' | 'authentication'

export interface Check {
  /** Stable, in lower case: area, subject, and what of it: `session.login.twice`. */
  readonly id: string
  /** What has to hold, as a sentence. */
  readonly title: string
  /** Where it says so: `PKCS#11 3.1, 5.6.8 C_Login`; vectors name their source, and what only a KMS wants says `KMS`. */
  readonly clause: string
  readonly severity: Severity
  readonly profiles?: readonly Profile[]
  /** Stores objects in the token, or changes its PIN: only done with `--write`. What it stores it labels with `device.label`, and removes. */
  readonly writes?: boolean
  /** Mechanisms that the token must announce; without them the check does not apply. */
  readonly needs?: readonly (keyof typeof CKM)[]
  /** Seconds after which it counts as hanging; 20 unless said otherwise. */
  readonly patience?: number
  /** Throws what `expect…` of the device throws when something does not hold; `device.skip(why)` when it cannot be told. */
  run(device: Device): void | Promise<void>
}
