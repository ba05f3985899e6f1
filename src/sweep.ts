/** Doing what dates call for though nobody asks: erasing keys and imported material past their dates, and rotating keys. */
import { arnOf } from './arn.ts'
import type { Instant } from './clock.ts'
import type { Grant } from './grants.ts'
import { isGone, withFields, type Key } from './keys.ts'
import { upToDate, type Rotating } from './rotation.ts'
import { edits, type Edit, type Records } from './store/cache.ts'
import { eraseGrant } from './store/grants.ts'
import type { KeyPlace } from './store/sql.ts'
import { isConflict } from './store/store.ts'

const AT_A_TIME = 100

/** Does all that is due at `now`; how many keys were erased, of which then nothing is left in the store's files. */
export async function sweep(world: Rotating): Promise<number> {
  const { records, now } = world
  let erased = 0
  let due = await records.due(now, undefined, AT_A_TIME)
  while (due.length > 0) {
    // Together, so that they share the wait for the disk.
    const done = await Promise.all(due.map((place) => attend(world, place)))
    erased += done.filter(Boolean).length
    due = await records.due(now, due.at(-1), AT_A_TIME)
  }
  if (erased > 0) await records.store.scrub()
  await endGrants(records, now)
  return erased
}

/** Erases grants whose end has come, each of which goes on record. */
async function endGrants(records: Records, now: Instant): Promise<void> {
  for (;;) {
    const ended = await records.grants.expired(now, AT_A_TIME)
    if (ended.length === 0) return
    try {
      await records.commit(ended.flatMap((grant) => [eraseGrant(grant), ...toldOf(grant, records)]))
    } catch (error) {
      // Somebody retired or revoked one of them meanwhile.
      if (!isConflict(error)) throw error
    }
  }
}

function toldOf(grant: Grant, records: Records): readonly Edit[] {
  const { region, account, keyId: id, expires } = grant
  const key = { region, account, id, arn: arnOf(region, account, `key/${id}`) }
  return records.announce({ name: 'ExpireGrant', at: expires, key, details: { grantId: grant.id } })
}

/**
 * The edits that leave nothing of a key: its last use, its aliases, its materials, its row. Its grants, which can be too many
 * for one commit, go before.
 */
export async function erasure(records: Records, key: Key): Promise<Edit[]> {
  const aliases = await records.aliases(records.scope(key.region, key.account), key.id, undefined, 1000)
  await records.grants.eraseAll(key)
  return [
    ...(await records.lastUsage.erasure(key)),
    ...aliases.map((alias) => edits.eraseAlias(alias)),
    ...key.materials.map((material) => edits.eraseMaterial(key, material)),
    edits.eraseKey(key),
  ]
}

/** Does what is due on one key; whether that was its erasure. */
async function attend(world: Rotating, place: KeyPlace): Promise<boolean> {
  const { records, now } = world
  const key = await records.key(place.region, place.account, place.id)
  try {
    if (!key) return false
    if (isGone(key, now)) {
      const told = records.announce({ name: 'DeleteKey', at: key.deletion, key })
      await records.commit([...(await erasure(records, key)), ...told])
      return true
    }
    await expire(records, await upToDate(key, world), now)
  } catch (error) {
    // Somebody else swept it, or changed it, first; the next sweep sees to the rest.
    if (!isConflict(error)) throw error
  }
  return false
}

/** Destroys imported material past its date, which nobody can use any more; its row stays for it to be imported again. */
async function expire(records: Records, key: Key, now: Instant): Promise<void> {
  const expired = key.materials.filter(({ token, expires }) => token !== undefined && expires <= now)
  if (expired.length === 0) return
  const emptied = expired.map((material) => ({ ...material, token: undefined, opened: { slot: 0 } }))
  const materials = key.materials.map((material) => emptied.find(({ id }) => id === material.id) ?? material)
  const next = withFields(key, { materials })
  const told = expired.flatMap(({ id, expires }) =>
    records.announce({ name: 'DeleteExpiredKeyMaterial', at: expires, key, details: { keyMaterialId: id } }),
  )
  await records.commit([edits.putKey(next), ...emptied.map((material) => edits.putMaterial(next, material)), ...told])
}
