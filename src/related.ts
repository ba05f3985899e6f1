/**
 * The related keys of a multi-Region key: found together, changed together in one commit. A single-Region key is a set
 * of one. INVARIANT: what `MultiRegion` says is the same in each member, and a member's `deletion` is its entry there.
 */
import { NEVER, type Instant } from './clock.ts'
import { fail } from './errors.ts'
import { deletionDate, isPrimary, relatedRegions, withFields, type Key, type KeyFields } from './keys.ts'
import type { Regions } from './regions.ts'
import { edits, type Edit, type Records } from './store/cache.ts'

/** `key`, and all related keys that are there at `now`. */
export async function relatedKeys(records: Records, key: Key, now: Instant): Promise<Key[]> {
  const members = [key]
  for (const region of relatedRegions(key, now)) {
    const other = await records.key(region, key.account, key.id)
    if (other) members.push(other)
  }
  return members
}

/** The Regions that have a say in what `key` shares: its own, and those of all keys that are related to it at `now`. */
export function placesOf(key: Key, now: Instant): string[] {
  return [key.region, ...relatedRegions(key, now)]
}

/** Whether all of these Regions can be reached; if not, new material has to wait for them. */
export function isReachable(key: Key, { regions, now }: { readonly regions: Regions; readonly now: Instant }): boolean {
  return !placesOf(key, now).some((region) => regions.isDown(region))
}

/** The edits that give every related key these fields, which they share. */
export async function shared(records: Records, key: Key, now: Instant, fields: Partial<KeyFields>): Promise<Edit[]> {
  return (await relatedKeys(records, key, now)).map((member) => edits.putKey(withFields(member, fields)))
}

/**
 * `members` after the deletion of the one in `region` was set to a date, or taken back. For a primary key with replicas
 * there is no date yet, only a window of so many days, which begins to run when the last replica is gone.
 */
export function rescheduled(members: readonly Key[], region: string, deletion: Instant, window = 0): Key[] {
  const { multiRegion } = members[0]!
  if (!multiRegion) return members.map((key) => withFields(key, { deletion, pendingWindow: window }))
  const { primary } = multiRegion
  const head = members.find(isPrimary)
  const waiting = region === primary ? window : (head?.pendingWindow ?? 0)
  const dates = new Map(multiRegion.related.map((each) => [each.region, each.deletion]))
  dates.set(region, deletion)
  if (waiting > 0) {
    const last = Math.max(...[...dates].filter(([place]) => place !== primary).map(([, date]) => date))
    dates.set(primary, last === NEVER ? NEVER : deletionDate(last, waiting))
  }
  const related = [...dates].map(([place, date]) => ({ region: place, deletion: date }))
  return members.map((member) =>
    withFields(member, {
      deletion: dates.get(member.region)!,
      pendingWindow: isPrimary(member) ? waiting : 0,
      multiRegion: { primary, related },
    }),
  )
}

/** What AWS says of a replica, or a single-Region key, where only a primary key will do. */
export function refuseReplica(key: Key): never {
  fail('UnsupportedOperationException', `${key.arn} is not a multi-region primary key.`)
}
