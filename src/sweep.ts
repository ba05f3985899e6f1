/** Erasing what is already unreachable: a key past its deletion date, with all its materials and aliases, in one commit each. */
import type { Instant } from './clock.ts'
import type { Key } from './keys.ts'
import { edits, type Records } from './store/cache.ts'
import { isConflict } from './store/store.ts'

const AT_A_TIME = 100

/** Erases every key that is gone at `now`; how many there were. */
export async function sweep(records: Records, now: Instant): Promise<number> {
  let erased = 0
  for (;;) {
    const due = await records.due(now, AT_A_TIME)
    for (const key of due) await erase(records, key)
    erased += due.length
    if (due.length < AT_A_TIME) return erased
  }
}

async function erase(records: Records, key: Key): Promise<void> {
  const scope = records.scope(key.region, key.account)
  const aliases = await records.aliases(scope, key.id, undefined, 1000)
  const materials = key.materials.map((material) => edits.eraseMaterial(key, material))
  try {
    await records.commit([edits.eraseKey(key), ...materials, ...aliases.map((alias) => edits.eraseAlias(alias))])
  } catch (error) {
    // Somebody else swept it, or moved one of its aliases, first; the next sweep sees to the rest.
    if (!isConflict(error)) throw error
  }
}
