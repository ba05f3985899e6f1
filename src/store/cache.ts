/**
 * The records of the KMS over a store: what is hot is found without awaiting, in bounded identity maps; the rest is
 * loaded. INVARIANT: a key has at most one live cell, and a cell holds the last version this process committed or read,
 * so whatever points at the cell (an id, an alias, a key material) sees a change the moment it is durable.
 */
import type { Alias } from '../aliases.ts'
import type { ServiceEvent } from '../audit/observed.ts'
import { arnOf, parseIdentifier } from '../arn.ts'
import { fingerprint, isUnder, materialIdIn } from '../ciphertext.ts'
import { fail, MissingResource } from '../errors.ts'
import { keyOf, type Key, type Material } from '../keys.ts'
import type { KeyStore } from '../keystores.ts'
import { LastUsage } from '../lastusage.ts'
import type { Erasures, Leaving } from './erasures.ts'
import { Generations } from './generations.ts'
import { Grants } from './grants.ts'
import { KeyStores } from './keystores.ts'
import {
  aliasFrom,
  eraseAlias,
  eraseKey,
  eraseMaterial,
  keyFrom,
  materialFrom,
  ownerFrom,
  placeFrom,
  type KeyPlace,
  storeAlias,
  storeKey,
  storeMaterial,
} from './sql.ts'
import { isConflict, type Change, type Store } from './store.ts'

/** A place for one key; empty once the cache let it go or the key was erased. */
interface Cell {
  key: Key | undefined
}

/** One Region: key materials are unique in it. */
class Realm {
  readonly region: string
  readonly scopes = new Map<string, Scope>()
  /** Cells by the fingerprint of a material; a hit is only a guess until the whole id was compared. */
  readonly materials: Generations<number, Cell>

  constructor(region: string, limit: number) {
    this.region = region
    this.materials = new Generations(limit)
  }
}

/** One account in one Region: what identifiers are relative to. */
export class Scope {
  readonly realm: Realm
  readonly account: string
  /** Cells by identifier, as callers of this account write them. */
  readonly names: Generations<string, Cell>
  /** Counts the changes of aliases. */
  aliasEpoch = 0

  constructor(realm: Realm, account: string, limit: number) {
    this.realm = realm
    this.account = account
    this.names = new Generations(limit)
  }

  arn(resource: string): string {
    return arnOf(this.realm.region, this.account, resource)
  }
}

/** One change of a record: what the store is told, and what the cache must know once it is durable. */
type Edit =
  | { readonly change: Change; readonly arn: string; readonly key: Key | undefined; readonly ends?: Key }
  | { readonly change: Change; readonly alias: Alias }
  | Putting
  | { readonly change: Change; readonly granted: string }
  | { readonly change: Change; recorded(durable: boolean): void }
  | { readonly change: Change; readonly erases: Leaving }
  | { readonly change: Change }

/** The row of a material; `erases` is what it no longer has. */
interface Putting {
  readonly change: Change
  readonly owner: string
  readonly material: string
  readonly puts: Leaving
  readonly erases?: Leaving
}

export class Records {
  readonly store: Store
  readonly grants: Grants
  readonly keyStores: KeyStores
  readonly lastUsage: LastUsage
  private readonly limit: number
  private readonly announced: (event: ServiceEvent) => readonly Edit[]
  private readonly released: (material: Material) => void
  readonly erasures: Erasures | undefined
  private readonly realms = new Map<string, Realm>()
  private readonly cells: Generations<string, Cell>
  private readonly flights = new Map<string, Promise<Key | undefined>>()
  /** Counts commits: what was read while it moved may be old, and is not kept. */
  private revision = 0

  /**
   * Keeps at most `limit` keys in memory, and as many names of each account and Region. `released` is told of each
   * opened material that is let go, lest it stay open when its key is deleted; `announced` makes edits that put on record
   * what the KMS does by itself; `erasures` destroys what leaves the records.
   */
  constructor(
    store: Store,
    limit: number,
    released: (material: Material) => void = () => undefined,
    announced: (event: ServiceEvent) => readonly Edit[] = () => [],
    erasures?: Erasures,
  ) {
    this.store = store
    this.grants = new Grants(store)
    this.keyStores = new KeyStores(store)
    this.lastUsage = new LastUsage(store)
    this.limit = limit
    this.released = released
    this.erasures = erasures
    this.announced = announced
    this.cells = new Generations(limit, (cell) => {
      this.letGo(cell.key)
      cell.key = undefined
    })
  }

  scope(region: string, account: string): Scope {
    return this.realms.get(region)?.scopes.get(account) ?? this.newScope(region, account)
  }

  /** The key that `identifier` names, in any of its four forms. Throws what AWS says when there is none. */
  find(scope: Scope, identifier: string): Key | Promise<Key> {
    return scope.names.get(identifier)?.key ?? this.load(scope, identifier)
  }

  /** The key whose material made `blob`, a framed ciphertext, in this Region; undefined when there is none. */
  findByCiphertext(realm: Realm, blob: Uint8Array): Key | undefined | Promise<Key | undefined> {
    const key = realm.materials.get(fingerprint(blob))?.key
    return key && materialOf(key, blob) ? key : this.loadByCiphertext(realm, blob)
  }

  /** The key with this id, if there is one, in whatever state; for those who know it by its Region and account. */
  key(region: string, account: string, id: string): Key | undefined | Promise<Key | undefined> {
    const revision = this.revision
    const key = this.loadKey(this.scope(region, account), id)
    if (!(key instanceof Promise)) return key
    return key.then((loaded) => (loaded && this.revision === revision ? this.keep(loaded).key : loaded))
  }

  async alias(scope: Scope, name: string): Promise<Alias | undefined> {
    const row = await this.store.get('aliases', [scope.realm.region, scope.account, name])
    return row ? aliasFrom(row) : undefined
  }

  /** Keys of an account in the order of their ids, from after the id `after`. */
  async keys(scope: Scope, after: string | undefined, limit: number): Promise<KeyPlace[]> {
    const from = after === undefined ? null : [after]
    const rows = await this.store.list('keys', '', [scope.realm.region, scope.account], from, limit)
    return rows.map(placeFrom)
  }

  /** Aliases of an account, or of one key of it, in the order of their names, from after the name `after`. */
  async aliases(scope: Scope, target: string | undefined, after: string | undefined, limit: number): Promise<Alias[]> {
    const equal = [scope.realm.region, scope.account]
    const from = after === undefined ? null : [after]
    const rows =
      target === undefined
        ? await this.store.list('aliases', '', equal, from, limit)
        : await this.store.list('aliases', 'aliases_by_target', [...equal, target], from, limit)
    return rows.map(aliasFrom)
  }

  countAliases(key: Key): Promise<number> {
    return this.store.count('aliases', 'aliases_by_target', [key.region, key.account, key.id])
  }

  /** The keys in a custom key store, without their materials, and whether or not they are gone. */
  async keysIn({ region, account, id }: KeyStore): Promise<Key[]> {
    const rows = await this.store.list('keys', 'keys_by_store', [region, account, id], null, 100_000)
    return rows.map((row) => keyFrom(row, []))
  }

  /** Where the keys are about which something is to be done at `now`, soonest first, from the one after `after` on. */
  async due(now: number, after: KeyPlace | undefined, limit: number): Promise<KeyPlace[]> {
    const from = after ? [after.due, after.region, after.account, after.id] : null
    const rows = await this.store.list('keys', 'keys_by_due', [], from, limit)
    return rows.map(placeFrom).filter((place) => place.due <= now)
  }

  /** The edits that put on record what the KMS does by itself, to be committed with it. */
  announce(event: ServiceEvent): readonly Edit[] {
    return this.announced(event)
  }

  /** Makes `edits` durable, all or none, and only then visible. A conflict rejects after forgetting what was stale. */
  async commit(edits: readonly Edit[]): Promise<void> {
    const notes = this.erasures?.notesOf(edits.flatMap(leavingBy), edits.flatMap(endingBy)) ?? []
    try {
      await this.store.commit([...edits, ...notes].map(({ change }) => change))
    } catch (error) {
      if (isConflict(error)) for (const edit of edits) this.drop(edit)
      tell(edits, false)
      await this.erasures?.abandon(edits.flatMap((edit) => ('puts' in edit ? edit.puts : [])))
      throw error
    }
    this.revision++
    for (const edit of edits) this.apply(edit, edits)
    tell(edits, true)
    if (notes.length > 0) await this.erasures!.settle(notes)
  }

  private apply(edit: Edit, all: readonly Edit[]): void {
    const before = 'arn' in edit ? this.cells.get(edit.arn)?.key : undefined
    this.forget(edit)
    if (!('arn' in edit)) return
    const after = edit.key && written(edit.key, all)
    if (after) this.keep(after)
    this.letGo(before, after)
  }

  /** Tells of the materials of `before` that `after`, what became of it, can no longer use. */
  private letGo(before: Key | undefined, after?: Key): void {
    for (const material of before?.materials ?? []) {
      const kept = after?.materials.some(({ opened, token }) => opened === material.opened && token !== undefined)
      if (!kept && material.opened.slot !== 0) this.released(material)
    }
  }

  private drop(edit: Edit): void {
    const before = 'arn' in edit ? this.cells.get(edit.arn)?.key : undefined
    this.forget(edit)
    this.letGo(before)
  }

  private forget(edit: Edit): void {
    if ('arn' in edit) {
      this.flights.delete(edit.arn)
      const cell = this.cells.get(edit.arn)
      if (cell) cell.key = undefined
    } else if ('alias' in edit) {
      const { region, account, name } = edit.alias
      const scopes = this.realms.get(region)?.scopes
      const scope = scopes?.get(account)
      scope?.names.delete(name)
      if (scope) scope.aliasEpoch++
      const arn = arnOf(region, account, name)
      for (const scope of scopes?.values() ?? []) scope.names.delete(arn)
    } else if ('granted' in edit) this.cells.get(edit.granted)?.key?.access.clear()
  }

  /** The cell of `key`, holding this version of it. */
  private keep(key: Key): Cell {
    let cell = this.cells.get(key.arn)
    if (!cell) this.cells.set(key.arn, (cell = { key }))
    cell.key = key
    return cell
  }

  private async load(scope: Scope, identifier: string): Promise<Key> {
    const named = parseIdentifier(identifier)
    const { region } = scope.realm
    if (named.region !== undefined && named.region !== region) fail('NotFoundException', `Invalid arn ${named.region}`)
    const revision = this.revision
    const owner = named.account === undefined ? scope : this.scope(region, named.account)
    const id = named.kind === 'key' ? named.id : (await this.alias(owner, named.name))?.target
    const key = id === undefined ? undefined : await this.loadKey(owner, id)
    if (!key) throw missing(owner, named.kind === 'key' ? `key/${named.id}` : named.name)
    if (this.revision === revision) scope.names.set(identifier, this.keep(key))
    return key
  }

  private async loadByCiphertext(realm: Realm, blob: Uint8Array): Promise<Key | undefined> {
    const revision = this.revision
    const [row] = await this.store.list('materials', 'materials_by_id', [realm.region, materialIdIn(blob)], null, 1)
    if (!row) return undefined
    const { account, id } = ownerFrom(row)
    const key = await this.loadKey(this.scope(realm.region, account), id)
    if (key && this.revision === revision) realm.materials.set(fingerprint(blob), this.keep(key))
    return key
  }

  private loadKey(owner: Scope, id: string): Key | undefined | Promise<Key | undefined> {
    const arn = owner.arn(`key/${id}`)
    const cached = this.cells.get(arn)?.key
    if (cached) return cached
    let flight = this.flights.get(arn)
    if (!flight) {
      // A commit takes the flight away, lest somebody who comes after it boards a read from before it.
      flight = this.read(owner.realm.region, owner.account, id).finally(() => {
        if (this.flights.get(arn) === flight) this.flights.delete(arn)
      })
      this.flights.set(arn, flight)
    }
    return flight
  }

  private async read(region: string, account: string, id: string, again = 3): Promise<Key | undefined> {
    const primary = [region, account, id]
    const [row, materials] = await Promise.all([
      this.store.get('keys', primary),
      this.store.list('materials', '', primary, null, 1000),
    ])
    if (!row) return undefined
    const key = keyFrom(row, materials.map(materialFrom))
    const torn = key.current === undefined && key.currentId !== ''
    // The two reads may straddle a commit that erased the key or gave it a new material: then read again.
    if (torn && again > 0) return this.read(region, account, id, again - 1)
    return torn ? fail('KMSInternalException', `the store holds no material for key ${id}`) : key
  }

  private newScope(region: string, account: string): Scope {
    let realm = this.realms.get(region)
    if (!realm) this.realms.set(region, (realm = new Realm(region, this.limit)))
    const scope = new Scope(realm, account, this.limit)
    realm.scopes.set(account, scope)
    return scope
  }
}

/** The material of `key` that made `blob`, if any did. */
export function materialOf(key: Key, blob: Uint8Array): Material | undefined {
  return key.current && isUnder(blob, key.current)
    ? key.current
    : key.materials.find((material) => isUnder(blob, material))
}

function leavingBy(edit: Edit): Leaving | [] {
  return 'erases' in edit && edit.erases ? edit.erases : []
}

function endingBy(edit: Edit): Key | [] {
  return 'ends' in edit && edit.ends ? edit.ends : []
}

function tell(edits: readonly Edit[], durable: boolean): void {
  for (const edit of edits) if ('recorded' in edit) edit.recorded(durable)
}

/** `key` as it is once `edits` are durable: each material written among them is a version further. */
function written(key: Key, edits: readonly Edit[]): Key {
  const ids = edits.map((edit) => ('material' in edit && edit.owner === key.arn ? edit.material : undefined))
  const changed = new Set(ids.filter((id) => id !== undefined))
  if (changed.size === 0) return key
  const materials = key.materials.map((each) => (changed.has(each.id) ? { ...each, version: each.version + 1 } : each))
  return keyOf({ ...key, materials })
}

function missing(owner: Scope, resource: string): MissingResource {
  const arn = owner.arn(resource)
  const message = resource.startsWith('alias/') ? `Alias ${arn} is not found.` : `Key '${arn}' does not exist`
  return new MissingResource(message, arn, owner.account)
}

function isSame(one: Uint8Array, two: Uint8Array | undefined): boolean {
  return two !== undefined && Buffer.compare(one, two) === 0
}

export const edits = {
  putKey: (key: Key): Edit => ({
    change: storeKey(key),
    arn: key.arn,
    key: keyOf({ ...key, version: key.version + 1 }),
  }),
  eraseKey: (key: Key): Edit => ({ change: eraseKey(key), arn: key.arn, key: undefined, ends: key }),
  /** `former` is what it was, should it lose its token or have another now. */
  putMaterial: (key: Key, material: Material, former?: Material): Edit => ({
    change: storeMaterial(key, material),
    owner: key.arn,
    material: material.id,
    puts: { key, material },
    erases: former?.token && !isSame(former.token, material.token) ? { key, material: former } : undefined,
  }),
  eraseMaterial: (key: Key, material: Material): Edit => ({
    change: eraseMaterial(key, material),
    erases: { key, material },
  }),
  putAlias: (alias: Alias): Edit => ({ change: storeAlias(alias), alias }),
  eraseAlias: (alias: Alias): Edit => ({ change: eraseAlias(alias), alias }),
}
export type { Edit }
