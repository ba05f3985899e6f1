/** The table: every operation strongroom has, by AWS's name for it. */
import type { Operation } from '../operation.ts'
import * as agreement from './agreement.ts'
import * as aliases from './aliases.ts'
import * as crypto from './crypto.ts'
import * as datakeys from './datakeys.ts'
import * as encapsulation from './encapsulation.ts'
import * as imported from './import.ts'
import * as grants from './grants.ts'
import * as keys from './keys.ts'
import * as lastusage from './lastusage.ts'
import * as lifecycle from './lifecycle.ts'
import * as mac from './mac.ts'
import * as multiregion from './multiregion.ts'
import * as policies from './policies.ts'
import * as random from './random.ts'
import * as rotation from './rotation.ts'
import * as signing from './signing.ts'
import * as stores from './stores.ts'
import * as tags from './tags.ts'

const groups: readonly Record<string, Operation>[] = [
  crypto,
  datakeys,
  signing,
  mac,
  agreement,
  encapsulation,
  random,
  keys,
  imported,
  lifecycle,
  rotation,
  multiregion,
  aliases,
  policies,
  grants,
  stores,
  lastusage,
  tags,
]

export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  groups.flatMap((group) => Object.values(group)).map((entry) => [entry.name, entry]),
)
