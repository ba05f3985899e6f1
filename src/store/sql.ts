/** The one SQL schema, portable between SQLite and PostgreSQL, and how records become rows and rows records. */
import { arnOf } from '../arn.ts'
import { headerOf } from '../ciphertext.ts'
import type { Alias } from '../aliases.ts'
import type { Key, Material } from '../keys.ts'
import type { KeySpec, KeyUsageType, OriginType, Tag } from '../model/kms.ts'
import type { Change, Row, Value } from './store.ts'

export const SCHEMA = {
  version: 1,
  tables: [
    {
      name: 'keys',
      columns: [
        { name: 'region', type: 'TEXT' },
        { name: 'account', type: 'TEXT' },
        { name: 'id', type: 'TEXT' },
        { name: 'spec', type: 'TEXT' },
        { name: 'usage', type: 'TEXT' },
        { name: 'origin', type: 'TEXT' },
        { name: 'created', type: 'INTEGER' },
        { name: 'enabled', type: 'INTEGER' },
        { name: 'deletion', type: 'INTEGER' },
        { name: 'description', type: 'TEXT' },
        { name: 'policy', type: 'TEXT' },
        { name: 'tags', type: 'TEXT' },
        { name: 'material', type: 'TEXT' },
      ],
      key: ['region', 'account', 'id'],
      indexes: [{ name: 'keys_by_deletion', columns: ['deletion'] }],
    },
    {
      name: 'materials',
      columns: [
        { name: 'region', type: 'TEXT' },
        { name: 'account', type: 'TEXT' },
        { name: 'key_id', type: 'TEXT' },
        { name: 'id', type: 'TEXT' },
        { name: 'created', type: 'INTEGER' },
        { name: 'token', type: 'BLOB' },
      ],
      key: ['region', 'account', 'key_id', 'id'],
      indexes: [{ name: 'materials_by_id', columns: ['region', 'id'] }],
    },
    {
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
    },
  ],
  migrations: [],
} as const

function keyRow(key: Key): Value[] {
  return [
    key.region,
    key.account,
    key.id,
    key.spec,
    key.usage,
    key.origin,
    key.created,
    key.enabled ? 1 : 0,
    key.deletion,
    key.description,
    key.policy,
    JSON.stringify(key.tags),
    key.current.id,
  ]
}

/** A key from its row and those of its materials; undefined when the current one is not among them. */
export function keyFrom(row: Row, materials: readonly Material[]): Key | undefined {
  const [region, account, id, spec, usage, origin, created, enabled, deletion, description, policy, tags, currentId] =
    row.values as [
      string,
      string,
      string,
      string,
      string,
      string,
      number,
      number,
      number,
      string,
      string,
      string,
      string,
    ]
  const current = materials.find((material) => material.id === currentId)
  return (
    current && {
      arn: arnOf(region, account, `key/${id}`),
      region,
      account,
      id,
      spec: spec as KeySpec,
      usage: usage as KeyUsageType,
      origin: origin as OriginType,
      created,
      enabled: enabled === 1,
      deletion,
      description,
      policy,
      tags: JSON.parse(tags) as Tag[],
      current,
      materials,
      version: row.version,
    }
  )
}

export function materialFrom(row: Row): Material {
  const [, , , id, created, token] = row.values as [string, string, string, string, number, Uint8Array]
  return { id, header: headerOf(id), token, created, opened: { slot: 0 } }
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

/** The change that stores a new material of `key`. */
export function storeMaterial(key: Key, material: Material): Change {
  const primary = [key.region, key.account, key.id, material.id]
  return { table: 'materials', key: primary, values: [...primary, material.created, material.token], expect: 0 }
}

/** Materials are written once, so the only version one can have is the first. */
export function eraseMaterial(key: Key, material: Material): Change {
  return { table: 'materials', key: [key.region, key.account, key.id, material.id], expect: 1 }
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
