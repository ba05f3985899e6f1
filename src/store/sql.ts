/** The one SQL schema, portable between SQLite and PostgreSQL, and how records become rows and rows records. */
import { headerOf } from '../ciphertext.ts'
import type { Alias } from '../aliases.ts'
import { dueOf, keyOf, type Key, type Material, type MultiRegion, type Rotation, type Transition } from '../keys.ts'
import type { Tag } from '../model/kms.ts'
import { EVENTS, TRAIL } from './events.ts'
import { GRANTS } from './grants.ts'
import { IDENTITIES } from './identities.ts'
import { KEY_STORES } from './keystores.ts'
import { LAST_USAGE } from './lastusage.ts'
import { INTERNAL_KEYS } from './internal.ts'
import { RESOURCES } from './resources.ts'
import { table } from './rows.ts'
import type { Change, Row, Value } from './store.ts'

const KEYS = table({
  name: 'keys',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'id', type: 'TEXT' },
    { name: 'spec', type: 'TEXT' },
    { name: 'usage', type: 'TEXT' },
    { name: 'origin', type: 'TEXT' },
    { name: 'manager', type: 'TEXT' },
    { name: 'created', type: 'INTEGER' },
    { name: 'enabled', type: 'INTEGER' },
    { name: 'deletion', type: 'INTEGER' },
    { name: 'due', type: 'INTEGER' },
    { name: 'pending_window', type: 'INTEGER' },
    { name: 'description', type: 'TEXT' },
    { name: 'policy', type: 'TEXT' },
    { name: 'tags', type: 'TEXT' },
    { name: 'public_key', type: 'BLOB', null: true },
    { name: 'rotation', type: 'TEXT', null: true },
    { name: 'on_demand_rotations', type: 'INTEGER' },
    { name: 'multi_region', type: 'TEXT', null: true },
    { name: 'transition', type: 'TEXT', null: true },
    { name: 'custom_key_store', type: 'TEXT', null: true },
    { name: 'xks_key', type: 'TEXT', null: true },
    { name: 'material', type: 'TEXT' },
  ],
  key: ['region', 'account', 'id'],
  indexes: [
    { name: 'keys_by_due', columns: ['due'] },
    { name: 'keys_by_store', columns: ['region', 'account', 'custom_key_store'] },
  ],
})

const MATERIALS = table({
  name: 'materials',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'key_id', type: 'TEXT' },
    { name: 'id', type: 'TEXT' },
    { name: 'state', type: 'TEXT' },
    { name: 'created', type: 'INTEGER' },
    { name: 'expires', type: 'INTEGER' },
    { name: 'rotated', type: 'TEXT', null: true },
    { name: 'description', type: 'TEXT' },
    { name: 'token', type: 'BLOB', null: true, veiled: true },
  ],
  key: ['region', 'account', 'key_id', 'id'],
  indexes: [{ name: 'materials_by_id', columns: ['region', 'id'] }],
})

const ALIASES = table({
  name: 'aliases',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'name', type: 'TEXT' },
    { name: 'target', type: 'TEXT' },
    { name: 'created', type: 'INTEGER' },
    { name: 'updated', type: 'INTEGER' },
  ],
  key: ['region', 'account', 'name'],
  indexes: [{ name: 'aliases_by_target', columns: ['region', 'account', 'target'] }],
})

export const SCHEMA = {
  version: 1,
  tables: [
    ...[KEYS, MATERIALS, ALIASES, GRANTS, KEY_STORES, LAST_USAGE, INTERNAL_KEYS],
    ...[IDENTITIES, EVENTS, TRAIL, RESOURCES],
  ].map(({ definition }) => definition),
  migrations: [],
}

/** A key from its row and those of its materials. */
export function keyFrom(row: Row, materials: readonly Material[]): Key {
  const column = KEYS.reader(row)
  return keyOf({
    region: column('region'),
    account: column('account'),
    id: column('id'),
    spec: column('spec'),
    usage: column('usage'),
    origin: column('origin'),
    manager: column('manager'),
    created: column('created'),
    enabled: column('enabled') === 1,
    deletion: column('deletion'),
    pendingWindow: column('pending_window'),
    description: column('description'),
    policy: column('policy'),
    tags: JSON.parse(column('tags')) as Tag[],
    publicKey: column<Uint8Array | null>('public_key') ?? undefined,
    rotation: read<Rotation>(column('rotation')),
    onDemandRotations: column('on_demand_rotations'),
    multiRegion: read<MultiRegion>(column('multi_region')),
    transition: read<Transition>(column('transition')),
    customKeyStoreId: column<string | null>('custom_key_store') ?? undefined,
    xksKeyId: column<string | null>('xks_key') ?? undefined,
    currentId: column('material'),
    materials,
    version: row.version,
  })
}

/** As much of a key as its own row tells without its materials. */
export function placeFrom(row: Row): KeyPlace {
  const column = KEYS.reader(row)
  return {
    region: column('region'),
    account: column('account'),
    id: column('id'),
    deletion: column('deletion'),
    due: column('due'),
  }
}

export interface KeyPlace {
  readonly region: string
  readonly account: string
  readonly id: string
  readonly deletion: number
  readonly due: number
}

/** Whose material a row holds. */
export function ownerFrom(row: Row): { account: string; id: string } {
  const column = MATERIALS.reader(row)
  return { account: column('account'), id: column('key_id') }
}

function keyRow(key: Key): Value[] {
  return KEYS.row({
    region: key.region,
    account: key.account,
    id: key.id,
    spec: key.spec,
    usage: key.usage,
    origin: key.origin,
    manager: key.manager,
    created: key.created,
    enabled: key.enabled ? 1 : 0,
    deletion: key.deletion,
    due: dueOf(key),
    pending_window: key.pendingWindow,
    description: key.description,
    policy: key.policy,
    tags: JSON.stringify(key.tags),
    public_key: key.publicKey ?? null,
    rotation: written(key.rotation),
    on_demand_rotations: key.onDemandRotations,
    multi_region: written(key.multiRegion),
    transition: written(key.transition),
    custom_key_store: key.customKeyStoreId ?? null,
    xks_key: key.xksKeyId ?? null,
    material: key.currentId,
  })
}

export function materialFrom(row: Row): Material {
  const column = MATERIALS.reader(row)
  const id = column<string>('id')
  return {
    id,
    header: headerOf(id),
    token: column<Uint8Array | null>('token') ?? undefined,
    state: column('state'),
    created: column('created'),
    expires: column('expires'),
    rotated: read<NonNullable<Material['rotated']>>(column('rotated')),
    description: column('description'),
    version: row.version,
    opened: { slot: 0 },
  }
}

function materialRow(key: Key, material: Material): Value[] {
  return MATERIALS.row({
    region: key.region,
    account: key.account,
    key_id: key.id,
    id: material.id,
    state: material.state,
    created: material.created,
    expires: material.expires,
    rotated: written(material.rotated),
    description: material.description,
    token: material.token ?? null,
  })
}

export function aliasFrom(row: Row): Alias {
  const [region, account, name, target, created, updated] = row.values as [
    string,
    string,
    string,
    string,
    number,
    number,
  ]
  return { region, account, name, target, created, updated, version: row.version }
}

/** The change that stores `key`; its materials are stored by changes of their own. */
export function storeKey(key: Key): Change {
  return { table: 'keys', key: [key.region, key.account, key.id], values: keyRow(key), expect: key.version }
}

export function eraseKey(key: Key): Change {
  return { table: 'keys', key: [key.region, key.account, key.id], expect: key.version }
}

export function storeMaterial(key: Key, material: Material): Change {
  const primary = [key.region, key.account, key.id, material.id]
  return { table: 'materials', key: primary, values: materialRow(key, material), expect: material.version }
}

export function eraseMaterial(key: Key, material: Material): Change {
  return { table: 'materials', key: [key.region, key.account, key.id, material.id], expect: material.version }
}

export function storeAlias(alias: Alias): Change {
  const primary = [alias.region, alias.account, alias.name]
  return {
    table: 'aliases',
    key: primary,
    values: [...primary, alias.target, alias.created, alias.updated],
    expect: alias.version,
  }
}

export function eraseAlias(alias: Alias): Change {
  return { table: 'aliases', key: [alias.region, alias.account, alias.name], expect: alias.version }
}

function written(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

function read<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T)
}
