/** How many keys of its own an account has in a Region: whether there may be one more. */
import { fail } from './errors.ts'
import type { Limits } from './limits.ts'
import { MANAGED_PREFIX } from './managed.ts'
import type { Edit, Records, Scope } from './store/cache.ts'

/**
 * What is known without asking the store. Keys that are made are counted, those that are erased are not: there are never
 * more than this, and it is counted anew before anybody is refused.
 */
interface Count {
  made: number
  /** To be committed, or not. */
  underway: number
}

const COUNTS = new WeakMap<Scope, Count>()

/** More aliases of AWS's own than any account has in a Region. */
const MANY = 1000

interface World {
  readonly records: Records
  readonly limits: Limits
}

/** Throws LimitExceededException unless there may be one more. What it returns has to be done to the edit that puts it. */
export async function roomForKey(scope: Scope, { records, limits }: World): Promise<(edit: Edit) => Edit> {
  const { realm, account } = scope
  const most = limits.most('Keys', realm.region, account)
  const count = COUNTS.get(scope) ?? (await countIn(scope, records))
  if (count.made + count.underway >= most) await recount(count, scope, records)
  if (count.made + count.underway >= most) {
    fail('LimitExceededException', `The account ${account} has reached its quota of ${most} keys in ${realm.region}.`)
  }
  count.underway++
  const recorded = (durable: boolean) => {
    count.underway--
    if (durable) count.made++
  }
  return (edit) => ({ ...edit, recorded })
}

async function countIn(scope: Scope, records: Records): Promise<Count> {
  const made = await countOwn(scope, records)
  // Somebody may have been faster, and counts since.
  const count = COUNTS.get(scope) ?? { made, underway: 0 }
  COUNTS.set(scope, count)
  return count
}

/** Until no key was made meanwhile, which might be in the store's count or not. */
async function recount(count: Count, scope: Scope, records: Records): Promise<void> {
  for (;;) {
    const before = count.made
    const own = await countOwn(scope, records)
    if (count.made !== before) continue
    count.made = own
    return
  }
}

/** Each key that AWS manages has one alias, which nobody can take from it. */
async function countOwn(scope: Scope, records: Records): Promise<number> {
  const { realm, account } = scope
  const [all, aliases] = await Promise.all([
    records.store.count('keys', 'keys_by_store', [realm.region, account]),
    records.aliases(scope, undefined, MANAGED_PREFIX, MANY),
  ])
  return all - aliases.filter(({ name }) => name.startsWith(MANAGED_PREFIX)).length
}
