/** What a room can be opened with; all of it may be left out. */
import type { TrailMode } from './audit/trail.ts'
import type { BackendSource } from './backends/backend.ts'
import type { ClustersConfig } from './clusters.ts'
import type { Fault } from './faults.ts'
import type { AccountConfig, OrganizationConfig } from './identity.ts'
import type { KeySpec } from './model/kms.ts'
import type { QuotaSetting } from './quotas/quotas.ts'
import type { XksOptions } from './xks/client.ts'

export interface StrongroomOptions {
  /** The folder to keep everything in, made if need be (0700). */
  data?: string
  /** Keep nothing: keys and records end with the room. The default when there is no `data`. */
  memory?: boolean
  /** What the domain key is sealed under: 32 bytes are a key, anything else a passphrase. Default: a file in `data`. */
  rootSecret?: Uint8Array
  /**
   * Where keys are: `pkcs11({ … })` for a PKCS#11 token. A folder stays with what it was made with. Default: an HSM of our own,
   * whose keys are in the folder.
   */
  backend?: BackendSource
  /**
   * The AWS CloudHSM clusters there are, by id: each a PKCS#11 token, `{ module, tokenLabel }`, or `'simulated'`. Custom key stores
   * of the type AWS_CLOUDHSM connect to them. Default: none.
   */
  clusters?: ClustersConfig
  /** How the proxies of external key stores are reached. */
  xks?: XksOptions
  /** Who there is: accounts, their users and roles, access keys. Default: `test`/`test`, the root of `account`. */
  accounts?: AccountConfig[]
  /** The organization some of the accounts are in, with its policies. */
  organization?: OrganizationConfig
  /** Takes any six digits for the code of an MFA device, which proves nothing. Default false: every code is refused. */
  simulatedMfa?: boolean
  /** Milliseconds until a grant works without its token. Default 0; AWS takes up to five minutes. */
  grantDelayMillis?: number
  /**
   * When what happened is on record: in a tenth of a second at the latest, before it is answered (`strict`), or never
   * (`off`). Default `batched`. What changes something is on record as soon as it is changed.
   */
  audit?: TrailMode
  /** How many records a room without a folder keeps. Default 100,000. */
  auditRecords?: number
  /** Days that a folder keeps files of records. Default: all. */
  auditDays?: number
  /** The account whose root the room's own methods act for. Default 000000000000, or the first of `accounts`. */
  account?: string
  /** The Region the room's own methods act in. Default us-east-1. */
  region?: string
  /** Keys the HSM holds open at a time. Default 65,536. */
  slots?: number
  /** Operations a second that the HSM does at most, over all keys; more are throttled. Default: no limit. */
  deviceRate?: number
  /** How many of them may come at once. Default: a second's worth. */
  deviceBurst?: number
  /** The same of each key. */
  slotRate?: number
  slotBurst?: number
  /**
   * Throttles requests as AWS does, by account and Region: with the figures of today (`aws`), those that used to be
   * (`classic`), or your own. Default `off`. How many keys, aliases, grants and key stores there may be is limited always.
   */
  quotas?: QuotaSetting
  /** What goes wrong from the start; more is added with `room.faults`. */
  faults?: readonly Fault[]
  /** Milliseconds that a replica is Creating, a moved primary key Updating, and a rotation on demand under way. Default 0. */
  settleMillis?: number
  /** RSA keys to have ready before they are asked for, by spec: `{ RSA_4096: 4 }`, so that CreateKey does not wait. */
  pregenerate?: Partial<Record<KeySpec, number>>
  /**
   * Makes keys, ids and random bytes the same each time the same is done, for tests: such keys are not secret. A folder
   * made without a seed is refused, and one made with a seed opens with no other. Default: none.
   */
  seed?: number
  /** Keys whose records are kept at hand. Default 65,536. */
  cacheKeys?: number
  /**
   * Certificates in PEM that attestation documents have to lead to, so that answers go out to a `Recipient`: the root of
   * AWS Nitro Enclaves, or one of your own. Default: none, and every document is refused.
   */
  attestationRoots?: string[]
  /** Seconds that an attestation document may be old, or ahead of time. Default 300; AWS's figure is unpublished. */
  attestationWindow?: number
  /** Told, in one line without secrets, of what is our own fault. */
  log?: (line: string) => void
  /** Told once when the store turns out damaged while the room is open; from then on every call is refused. */
  onDamage?: (code: string, message: string) => void
  /** The time; the machine's by default. */
  now?: () => Date
}
