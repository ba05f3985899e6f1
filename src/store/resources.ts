/** What the services around the KMS have on record: volumes, buckets, objects, databases; a document each, read by name. */
import { table } from './rows.ts'
import type { Change, Row, Store, Value } from './store.ts'

export const RESOURCES = table({
  name: 'resources',
  columns: [
    { name: 'kind', type: 'TEXT' },
    { name: 'place', type: 'TEXT' },
    { name: 'name', type: 'TEXT' },
    { name: 'document', type: 'TEXT' },
  ],
  key: ['kind', 'place', 'name'],
  indexes: [],
})

const AT_A_TIME = 1000

/** A record as it was read: with the version that a change of it has to name. */
export interface Recorded<T> {
  readonly name: string
  readonly value: T
  readonly version: number
}

/**
 * Records of one kind. A place is what they are listed by: a bucket, or an account in a Region. Each value is kept as JSON,
 * and within a place they are in the order of their names' UTF-8 bytes.
 */
export class Resources<T extends object> {
  private readonly store: Store
  private readonly kind: string

  constructor(store: Store, kind: string) {
    this.store = store
    this.kind = kind
  }

  async get(place: string, name: string): Promise<Recorded<T> | undefined> {
    const row = await this.store.get(RESOURCES.definition.name, [this.kind, place, name])
    return row ? recordedFrom<T>(row) : undefined
  }

  /** At most `limit` of a place, in the order of their names, from after the name `after`. */
  async list(place: string, after: string | undefined, limit: number): Promise<Recorded<T>[]> {
    const from = after === undefined ? null : [after]
    const rows = await this.store.list(RESOURCES.definition.name, '', [this.kind, place], from, limit)
    return rows.map((row) => recordedFrom<T>(row))
  }

  /** All of a place, which must not be more than one wants in memory. */
  async all(place: string): Promise<Recorded<T>[]> {
    const all: Recorded<T>[] = []
    for (;;) {
      const some = await this.list(place, all.at(-1)?.name, AT_A_TIME)
      all.push(...some)
      if (some.length < AT_A_TIME) return all
    }
  }

  count(place: string): Promise<number> {
    return this.store.count(RESOURCES.definition.name, '', [this.kind, place])
  }

  /** The change that keeps `value`; `version` is that of the record it takes the place of, 0 when there must be none. */
  put(place: string, name: string, value: T, version: number): Change {
    const key = [this.kind, place, name]
    return { ...this.named(key), values: [...key, JSON.stringify(value)], expect: version }
  }

  erase(place: string, name: string, version: number): Change {
    return { ...this.named([this.kind, place, name]), expect: version }
  }

  private named(key: Value[]): { table: string; key: Value[] } {
    return { table: RESOURCES.definition.name, key }
  }
}

function recordedFrom<T>(row: Row): Recorded<T> {
  const column = RESOURCES.reader(row)
  return { name: column('name'), value: JSON.parse(column('document')) as T, version: row.version }
}
