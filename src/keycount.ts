/** How many keys an account has in a Region, as exactly as it must be known to tell whether there may be one more. */
import { fail } from './errors.ts'
import type { Limits } from './limits.ts'
import { MANAGED_PREFIX } from './managed.ts'
import type { Edit, Records, Scope } from './store/cache.ts'
import { Resources } from './store/resources.ts'

/** So near to the limit, keys are counted, and made one at a time. */
const NEAR_THE_LIMIT = 1000

/** What an account has in a Region at the most: as many as were counted once, and all it has asked for since. */
const AT_MOST = new WeakMap<Scope, number>()

/** More keys of AWS's than any account has in a Region. */
const MANAGED = 100

interface World {
  readonly records: Records
  readonly limits: Limits
}

/** Throws LimitExceededException unless there may be one more; what is to be committed with the new key. */
export async function roomForKey(scope: Scope, { records, limits }: World): Promise<readonly Edit[]> {
  const { region } = scope.realm
  const most = limits.most('Keys', region, scope.account)
  const known = AT_MOST.get(scope) ?? (await countAll(scope, records))
  if (known < most - NEAR_THE_LIMIT) {
    AT_MOST.set(scope, known + 1)
    return []
  }
  // Read before the count: who makes a key between the two makes this record another version.
  const turns = new Resources<object>(records.store, 'kms:turn')
  const turn = await turns.get(`${region}/${scope.account}`, 'Keys')
  const all = await countAll(scope, records)
  const own = all - (await countManaged(scope, records))
  AT_MOST.set(scope, all + 1)
  if (own >= most) {
    fail('LimitExceededException', `The account ${scope.account} has reached its quota of ${most} keys in ${region}.`)
  }
  return [{ change: turns.put(`${region}/${scope.account}`, 'Keys', {}, turn?.version ?? 0) }]
}

function countAll({ realm, account }: Scope, { store }: Records): Promise<number> {
  return store.count('keys', 'keys_by_store', [realm.region, account])
}

/** Each key that AWS manages has one alias, which nobody can take from it. */
async function countManaged(scope: Scope, records: Records): Promise<number> {
  const aliases = await records.aliases(scope, undefined, MANAGED_PREFIX, MANAGED)
  return aliases.filter(({ name }) => name.startsWith(MANAGED_PREFIX)).length
}
