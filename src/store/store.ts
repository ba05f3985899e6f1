/** What the KMS asks of a store: rows of a few tables, read by key or in the order of an index, changed all or nothing. */

/** TEXT, INTEGER (safe integers) or BLOB. */
export type Value = string | number | Uint8Array | null

export interface Row {
  /** One value a column, in the order of the schema. */
  readonly values: readonly Value[]
  /** Counts the changes of this row, from 1. */
  readonly version: number
}

export interface Change {
  readonly table: string
  readonly key: Value[]
  /** The whole new row; absent to delete it. */
  readonly values?: Value[]
  /** The version the writer saw; 0 when there must be no such row. */
  readonly expect: number
}

export interface Store {
  get(table: string, key: Value[]): Promise<Row | null>
  /**
   * At most `limit` rows that equal `equal` in the leading columns of `index` (the primary key when ''), in its order,
   * strictly after `after`: the remaining columns of the index, then those of the primary key it lacks.
   */
  list(table: string, index: string, equal: Value[], after: Value[] | null, limit: number): Promise<Row[]>
  count(table: string, index: string, equal: Value[]): Promise<number>
  /** All or nothing; durable once it resolves. Rejects with code `Conflict` when some `expect` is not what is there. */
  commit(changes: Change[]): Promise<number>
  /** Leaves nothing in the store's files of what was deleted. */
  scrub(): Promise<void>
  close(): Promise<void>
}

/** Whether the store refused a commit because somebody else changed one of its rows first. */
export function isConflict(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'Conflict'
}
