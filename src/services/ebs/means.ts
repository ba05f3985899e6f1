/** What the operations of EBS work with. */
import type { Locks } from '../locks.ts'
import type { ServiceWorld } from '../world.ts'
import type { Attached } from './attached.ts'
import type { Files } from './files.ts'
import type { Keys } from './keys.ts'
import type { Leave } from './leave.ts'
import type { Records } from './records.ts'

export interface Means {
  readonly world: ServiceWorld
  readonly records: Records
  readonly files: Files
  readonly keys: Keys
  readonly leave: Leave
  readonly attached: Attached
  /** By the ids of volumes, snapshots and instances: nobody else changes one meanwhile. */
  readonly locks: Locks
}
