/**
 * Rotation of key material. Nothing is scheduled: rotations whose date has passed are made up for when a call meets the
 * key, or by a sweep, each with the date it was due. The primary key rotates for all its related keys, in one commit; and
 * not before all of their Regions can be reached, since no key may encrypt with what another cannot decrypt.
 */
import { SPECS, USES } from './algorithms.ts'
import { after, type Backend, type Eventually } from './backends/backend.ts'
import { DAY, NEVER, type Instant } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { isPrimary, newMaterial, withFields, type Key, type Material } from './keys.ts'
import type { RotationType } from './model/kms.ts'
import type { Regions } from './regions.ts'
import { placesOf, relatedKeys } from './related.ts'
import { edits, type Edit, type Records } from './store/cache.ts'
import { isConflict } from './store/store.ts'

/** Rotations on demand that a key gets in its life. */
export const ON_DEMAND_ROTATIONS = 25

/** What it takes to rotate. */
export interface Rotating {
  readonly records: Records
  readonly backend: Backend
  readonly entropy: Entropy
  readonly regions: Regions
  readonly now: Instant
}

/** A material that is to become current, and when. */
interface Step {
  readonly material: Material
  readonly at: Instant
  readonly type: RotationType
}

/** The material that a rotation on demand, begun and not yet over, will make current. */
export function underway(key: Key): Material | undefined {
  return key.materials.find(({ state, rotated }) => state === 'PENDING_ROTATION' && rotated !== undefined)
}

/** Dates up to `now` at which `key` was due to rotate by itself. */
function dueDates(key: Key, regions: Regions, now: Instant): Instant[] {
  const dates: Instant[] = []
  const period = (key.rotation?.periodInDays ?? 0) * DAY
  for (let date = automatic(key, regions); date <= now; date = possible(key, date + period, regions)) dates.push(date)
  return dates
}

/** When `key` rotates by itself next; NEVER while it cannot. A disabled key does not, nor does one to be deleted. */
function automatic(key: Key, regions: Regions): Instant {
  const rotates = key.rotation && key.enabled && key.deletion === NEVER && key.pendingWindow === 0
  return rotates ? possible(key, key.rotation.next, regions) : NEVER
}

/** When what is due on `key` at `date` can be done: not while a Region of its is cut off. */
function possible(key: Key, date: Instant, regions: Regions): Instant {
  return regions.available(date, placesOf(key, date))
}

/** When the rotation on demand that is under way is over; NEVER when none is, or while it cannot be. */
function finishing(key: Key, regions: Regions): Instant {
  const pending = underway(key)
  return pending ? possible(key, pending.rotated!.at, regions) : NEVER
}

/** The key with what was due on it by now done: at once when that is nothing, else after it was committed. */
export function upToDate(key: Key, rotating: Rotating): Eventually<Key> {
  if (!mayBeDue(key, rotating.now)) return key
  return after(primaryOf(key, rotating.records), (primary) => {
    if (!primary || !isDue(primary, rotating)) return key
    const caughtUp = catchUp(primary, rotating)
    if (primary.region === key.region) return caughtUp
    return caughtUp.then(async () => (await rotating.records.key(key.region, key.account, key.id)) ?? key)
  }) as Eventually<Key>
}

/** The key whose rotations those of `key` are: its primary key, or itself. */
export function primaryOf(key: Key, records: Records): Eventually<Key | undefined> {
  return key.multiRegion && !isPrimary(key) ? records.key(key.multiRegion.primary, key.account, key.id) : key
}

/** A material that did not exist before. */
export function freshMaterial(key: Key, { backend, entropy, now }: Rotating): Eventually<Material> {
  return after(backend.create(SPECS[key.spec].hsm, USES[key.usage]), ({ token }) =>
    newMaterial(entropy.hex(32), token, now),
  )
}

/** The edits that make the materials of `steps` current, one after the other, in `key` and all that are related to it. */
export async function rotate(key: Key, steps: readonly Step[], { records, now }: Rotating): Promise<Edit[]> {
  const members = await relatedKeys(records, key, now)
  const told = members.flatMap((member) => tidings(member, key, steps, records))
  const changes = members.flatMap((member) => {
    const changed = turned(member, steps)
    const materials = [...new Map([...member.materials.map((each) => [each.id, each] as const), ...changed]).values()]
    // What the members share besides is taken from the one that rotates.
    const { rotation, onDemandRotations } = key
    const next = withFields(member, { materials, currentId: steps.at(-1)!.material.id, rotation, onDemandRotations })
    return [edits.putKey(next), ...[...changed.values()].map((material) => edits.putMaterial(next, material))]
  })
  return [...changes, ...told]
}

/** What goes on record about `member`: each rotation, or that it follows the primary key in them. */
function tidings(member: Key, primary: Key, steps: readonly Step[], records: Records): readonly Edit[] {
  if (member.region !== primary.region) {
    return records.announce({ name: 'SynchronizeMultiRegionKey', at: steps.at(-1)!.at, key: member })
  }
  return steps.flatMap(({ material, at, type }, i) => {
    const previousKeyMaterialId = i === 0 ? member.currentId : steps[i - 1]!.material.id
    const materials = { previousKeyMaterialId, currentKeyMaterialId: material.id }
    const details = { rotationType: type, keyOrigin: member.origin, ...materials }
    return records.announce({ name: 'RotateKey', at, key: member, details })
  })
}

/** The materials of `member` that change by `steps`, by their ids. */
function turned(member: Key, steps: readonly Step[]): Map<string, Material> {
  const changed = new Map<string, Material>()
  if (member.current) changed.set(member.currentId, { ...member.current, state: 'NON_CURRENT' })
  for (const [i, { material, at, type }] of steps.entries()) {
    // A member has its own row, and pocket, of a material it knows already; a new one comes to it as it is.
    const own = member.materials.find(({ id }) => id === material.id) ?? {
      ...material,
      version: 0,
      opened: { slot: 0 },
    }
    const state = i === steps.length - 1 ? 'CURRENT' : 'NON_CURRENT'
    changed.set(own.id, { ...own, state, rotated: { at, type } })
  }
  return changed
}

/** Commits what is due on `primary`, by whomever; the key as it then is. */
async function catchUp(primary: Key, rotating: Rotating): Promise<Key> {
  const { records } = rotating
  for (let key = primary; ;) {
    try {
      await records.commit(await rotations(key, rotating))
    } catch (error) {
      // Whoever came first may have done it, or something else.
      if (!isConflict(error)) throw error
    }
    const next = await records.key(key.region, key.account, key.id)
    if (!next || !isDue(next, rotating)) return next ?? key
    key = next
  }
}

/** The edits that bring about what is due on `primary` by now. */
export async function rotations(primary: Key, rotating: Rotating): Promise<Edit[]> {
  const { regions, now } = rotating
  const { rotation } = primary
  const dates = dueDates(primary, regions, now)
  const steps: Step[] = []
  for (const at of dates) {
    steps.push({ material: await freshMaterial(primary, { ...rotating, now: at }), at, type: 'AUTOMATIC' })
  }
  const finish = finishing(primary, regions)
  if (finish <= now) steps.push({ material: underway(primary)!, at: finish, type: 'ON_DEMAND' })
  steps.sort((a, b) => a.at - b.at)
  const last = dates.at(-1)
  if (!rotation || last === undefined) return rotate(primary, steps, rotating)
  const next = last + rotation.periodInDays * DAY
  return rotate(withFields(primary, { rotation: { ...rotation, next } }), steps, rotating)
}

/** When `primary` rotates next, by itself or because somebody asked for it; NEVER when it does not, or cannot. */
export function nextRotation(primary: Key, regions: Regions): Instant {
  return Math.min(automatic(primary, regions), finishing(primary, regions))
}

function isDue(primary: Key, { regions, now }: Rotating): boolean {
  return nextRotation(primary, regions) <= now
}

/** A first look, which needs no related key. */
function mayBeDue(key: Key, now: Instant): boolean {
  return (key.rotation !== undefined && key.rotation.next <= now) || underway(key) !== undefined
}
