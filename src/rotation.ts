/**
 * Rotation of key material. Nothing is scheduled: rotations whose date has passed are made up for when a call meets the
 * key, or by a sweep, each with the date it was due. The primary key rotates for all its related keys, in one commit.
 */
import { SPECS, USES } from './algorithms.ts'
import { after, type Backend, type Eventually } from './backends/backend.ts'
import { DAY, NEVER, type Instant } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { isPrimary, newMaterial, withFields, type Key, type Material } from './keys.ts'
import type { RotationType } from './model/kms.ts'
import { relatedKeys } from './related.ts'
import { edits, type Edit, type Records } from './store/cache.ts'
import { isConflict } from './store/store.ts'

/** Rotations on demand that a key gets in its life. */
export const ON_DEMAND_ROTATIONS = 25

/** What it takes to rotate. */
export interface Rotating {
  readonly records: Records
  readonly backend: Backend
  readonly entropy: Entropy
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

/** Dates up to `now` at which `key` was due to rotate by itself. A disabled key does not, nor does one to be deleted. */
function dueDates(key: Key, now: Instant): Instant[] {
  const dates: Instant[] = []
  if (!key.rotation || !key.enabled || key.deletion !== NEVER || key.pendingWindow > 0) return dates
  const { next, periodInDays } = key.rotation
  for (let date = next; date <= now; date += periodInDays * DAY) dates.push(date)
  return dates
}

/** The key with what was due on it by now done: at once when that is nothing, else after it was committed. */
export function upToDate(key: Key, rotating: Rotating): Eventually<Key> {
  if (!mayBeDue(key, rotating.now)) return key
  const { multiRegion, account, id } = key
  if (!multiRegion || isPrimary(key)) return isDue(key, rotating.now) ? catchUp(key, rotating) : key
  return after(rotating.records.key(multiRegion.primary, account, id), (primary) => {
    if (!primary || !isDue(primary, rotating.now)) return key
    return catchUp(primary, rotating).then(async () => (await rotating.records.key(key.region, account, id)) ?? key)
  }) as Eventually<Key>
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
  const { records, now } = rotating
  for (let key = primary; ;) {
    try {
      await records.commit(await dueEdits(key, rotating))
    } catch (error) {
      // Whoever came first may have done it, or something else.
      if (!isConflict(error)) throw error
    }
    const next = await records.key(key.region, key.account, key.id)
    if (!next || !isDue(next, now)) return next ?? key
    key = next
  }
}

async function dueEdits(primary: Key, rotating: Rotating): Promise<Edit[]> {
  const { rotation } = primary
  const dates = dueDates(primary, rotating.now)
  const steps: Step[] = []
  for (const at of dates) {
    steps.push({ material: await freshMaterial(primary, { ...rotating, now: at }), at, type: 'AUTOMATIC' })
  }
  const finishing = underway(primary)?.rotated
  if (finishing && finishing.at <= rotating.now) {
    steps.push({ material: underway(primary)!, at: finishing.at, type: 'ON_DEMAND' })
  }
  steps.sort((a, b) => a.at - b.at)
  const last = dates.at(-1)
  if (!rotation || last === undefined) return rotate(primary, steps, rotating)
  const next = last + rotation.periodInDays * DAY
  return rotate(withFields(primary, { rotation: { ...rotation, next } }), steps, rotating)
}

function isDue(primary: Key, now: Instant): boolean {
  const finishing = underway(primary)
  return dueDates(primary, now).length > 0 || (finishing !== undefined && finishing.rotated!.at <= now)
}

/** A first look, which needs no related key. */
function mayBeDue(key: Key, now: Instant): boolean {
  return (key.rotation !== undefined && key.rotation.next <= now) || underway(key) !== undefined
}
