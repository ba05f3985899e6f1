/**
 * Doing what dates call for though nobody asks, in the order of those dates: erasing keys and imported material, rotating keys,
 * ending grants. Whoever sweeps once at the end finds the same as whoever swept all along.
 */
import { arnOf } from './arn.ts'
import { NEVER, type Instant } from './clock.ts'
import type { Grant } from './grants.ts'
import { dueOf, isGone, withFields, type Key } from './keys.ts'
import { nextRotation, primaryOf, rotations, type Rotating } from './rotation.ts'
import { edits, type Edit, type Records } from './store/cache.ts'
import { eraseGrant } from './store/grants.ts'
import type { KeyPlace } from './store/sql.ts'
import { isConflict } from './store/store.ts'

const AT_A_TIME = 100
/** How often it is begun again for what somebody else was changing at the time. */
const ROUNDS = 10

/** Something that is due: a key, or the end of grants that end one after the other. */
interface Due {
  readonly at: Instant
  readonly place?: KeyPlace
  readonly grants: readonly Grant[]
}

/** What is to be done, at what time. */
interface Work {
  readonly at: Instant
  readonly edits: readonly Edit[]
  /** When the next is due on what was changed. */
  readonly next: Instant
  readonly erases?: boolean
}

/**
 * Does all that is due by `now`; how many keys were erased, of which then nothing is left in the store's files. `reach` is told
 * of each date before.
 */
export async function sweep(world: Rotating, reach: (at: Instant) => void = () => undefined): Promise<number> {
  let erased = 0
  for (let round = 0; round < ROUNDS; round++) {
    const done = await new Round(world, reach).run()
    erased += done.erased
    if (!done.again) break
  }
  if (erased > 0) await world.records.store.scrub()
  return erased
}

/** From the first date to the last. What is due and cannot be done, its Region being cut off, is passed over. */
class Round {
  private readonly world: Rotating
  private readonly reach: (at: Instant) => void
  private erased = 0
  private again = false
  /** Commits under way, and the ids of the keys they are about: they go in order, and share the wait for the disk. */
  private flying: Promise<void>[] = []
  private busy = new Set<string>()
  /** ARNs of keys that were erased, and their grants with them. */
  private readonly gone = new Set<string>()
  /** The last that were looked at. */
  private key: KeyPlace | undefined
  private grant: Grant | undefined

  constructor(world: Rotating, reach: (at: Instant) => void) {
    this.world = world
    this.reach = reach
  }

  async run(): Promise<{ erased: number; again: boolean }> {
    while (await this.page());
    return { erased: this.erased, again: this.again }
  }

  /** Does some of what is due, as far as it can be foreseen; whether there was anything. */
  private async page(): Promise<boolean> {
    const { records, now } = this.world
    const [keys, grants] = await Promise.all([
      records.due(now, this.key, AT_A_TIME),
      records.grants.expired(now, this.grant, AT_A_TIME),
    ])
    // Past the end of a full page there may be more, of the other kind's dates.
    let horizon = Math.min(endOf(keys.map(({ due }) => due)), endOf(grants.map(({ expires }) => expires)))
    for (const due of inOrder(keys, grants)) {
      if (due.at > horizon) break
      const next = await this.attend(due)
      // What comes next on this key may come before what is next on the page.
      horizon = Math.min(horizon, next - 1)
    }
    await this.land()
    return keys.length + grants.length > 0
  }

  /** Does what is due; when there is more to do about the same. */
  private async attend({ place, grants }: Due): Promise<Instant> {
    this.key = place ?? this.key
    this.grant = grants.at(-1) ?? this.grant
    const ids = place ? [place.id] : grants.map(({ keyId }) => keyId)
    if (ids.some((id) => this.busy.has(id))) await this.land()
    const work = place ? await workOnKey(place, this.world) : workOnGrants(this.there(grants), this.world)
    if (!work) return NEVER
    this.reach(work.at)
    this.again ||= work.next === work.at
    for (const id of ids) this.busy.add(id)
    if (place && work.erases) this.gone.add(arnOfKey(place))
    this.flying.push(this.commit(work))
    return work.next
  }

  private there(grants: readonly Grant[]): readonly Grant[] {
    if (this.gone.size === 0) return grants
    return grants.filter(({ keyId, ...place }) => !this.gone.has(arnOfKey({ ...place, id: keyId })))
  }

  private async commit({ edits: changes, erases }: Work): Promise<void> {
    try {
      await this.world.records.commit(changes)
      if (erases) this.erased++
    } catch (error) {
      // Somebody else swept it, or changed it, first.
      if (!isConflict(error)) throw error
      this.again = true
    }
  }

  private async land(): Promise<void> {
    const flying = this.flying
    this.flying = []
    this.busy = new Set()
    await Promise.all(flying)
  }
}

function endOf(dates: readonly Instant[]): Instant {
  return dates.length < AT_A_TIME ? NEVER : dates.at(-1)!
}

/** Keys and grants by their dates; grants that follow one another are one. */
function inOrder(keys: readonly KeyPlace[], grants: readonly Grant[]): Due[] {
  const merged: Due[] = []
  let ending: Grant[] = []
  const end = () => {
    if (ending.length > 0) merged.push({ at: ending.at(-1)!.expires, grants: ending })
    ending = []
  }
  let next = 0
  for (const place of keys) {
    while (next < grants.length && grants[next]!.expires <= place.due) ending.push(grants[next++]!)
    end()
    merged.push({ at: place.due, place, grants: [] })
  }
  ending = grants.slice(next)
  end()
  return merged
}

function workOnGrants(grants: readonly Grant[], { records, regions }: Rotating): Work | undefined {
  const ended = grants.filter(({ region }) => !regions.isDown(region))
  if (ended.length === 0) return undefined
  const changes = ended.flatMap((grant) => [eraseGrant(grant), ...toldOf(grant, records)])
  return { at: ended.at(-1)!.expires, edits: changes, next: NEVER }
}

function toldOf(grant: Grant, records: Records): readonly Edit[] {
  const { region, account, keyId: id, expires } = grant
  const key = { region, account, id, arn: arnOfKey({ region, account, id }) }
  return records.announce({ name: 'ExpireGrant', at: expires, key, details: { grantId: grant.id } })
}

function arnOfKey({ region, account, id }: Pick<KeyPlace, 'region' | 'account' | 'id'>): string {
  return arnOf(region, account, `key/${id}`)
}

/** What is to be done first about a key; undefined when nothing is, or can be. */
async function workOnKey({ region, account, id }: KeyPlace, world: Rotating): Promise<Work | undefined> {
  const { records, regions, now } = world
  const key = regions.isDown(region) ? undefined : await records.key(region, account, id)
  const primary = key && (await primaryOf(key, records))
  if (!key) return undefined
  const rotates = primary ? nextRotation(primary, regions) : NEVER
  const expires = Math.min(...key.materials.map(expiryOf))
  const at = Math.min(key.deletion, rotates, expires)
  if (at > now) return undefined
  if (isGone(key, at)) {
    const told = records.announce({ name: 'DeleteKey', at, key, additional: await backingOf(key, records) })
    return { at, edits: [...(await erasure(records, key)), ...told], next: NEVER, erases: true }
  }
  const changes = rotates === at ? await rotations(primary!, { ...world, now: at }) : expiry(records, key, at)
  return { at, edits: changes, next: Math.min(...changes.map(dueAfter)) }
}

/** What the trail tells of the keys behind a key in a cluster: those there is a way to are destroyed, others once there is one. */
async function backingOf(key: Key, records: Records): Promise<Record<string, string> | undefined> {
  const { region, account, customKeyStoreId, clusterId, materials } = key
  if (customKeyStoreId === undefined || clusterId === undefined) return undefined
  const store = await records.keyStores.find(region, account, customKeyStoreId)
  const deletionStatus = store?.state === 'CONNECTED' ? 'SUCCESS' : 'FAILURE'
  const keys = materials.map(({ id }) => ({ backingKeyId: id }))
  return {
    ...{ customKeyStoreId, clusterId, backingKeys: JSON.stringify(keys) },
    backingKeysDeletionStatus: JSON.stringify(keys.map((each) => ({ ...each, deletionStatus }))),
  }
}

function dueAfter(edit: Edit): Instant {
  return 'arn' in edit && edit.key ? dueOf(edit.key) : NEVER
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

/** Imported material past its date, which nobody can use any more, is destroyed; its row stays for it to be imported again. */
function expiry(records: Records, key: Key, at: Instant): Edit[] {
  const expired = key.materials.filter((material) => expiryOf(material) <= at)
  const emptied = expired.map((material) => ({ ...material, token: undefined, opened: { slot: 0 } }))
  const materials = key.materials.map((material) => emptied.find(({ id }) => id === material.id) ?? material)
  const next = withFields(key, { materials })
  const told = expired.flatMap(({ id, expires }) =>
    records.announce({ name: 'DeleteExpiredKeyMaterial', at: expires, key, details: { keyMaterialId: id } }),
  )
  const rows = emptied.map((material, i) => edits.putMaterial(next, material, expired[i]))
  return [edits.putKey(next), ...rows, ...told]
}

function expiryOf({ token, expires }: Key['materials'][number]): Instant {
  return token === undefined ? NEVER : expires
}
