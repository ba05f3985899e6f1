/** A table as the store is told of it, and its rows by the names of their columns. */
import type { Row, Value } from './store.ts'

interface Column<C extends string> {
  readonly name: C
  readonly type: 'TEXT' | 'INTEGER' | 'BLOB'
  readonly null?: boolean
  /** Its values are destroyed, in every copy of the store, when they are deleted or replaced. */
  readonly veiled?: boolean
}

export interface Definition<C extends string> {
  readonly name: string
  readonly columns: readonly Column<C>[]
  readonly key: readonly C[]
  readonly indexes: readonly { readonly name: string; readonly columns: readonly C[]; readonly unique?: boolean }[]
}

export interface Table<C extends string> {
  /** What goes into the schema. */
  readonly definition: Definition<C>
  /** Reads a row by the names of its columns; the schema vouches for the types. */
  reader(row: Row): <V extends Value>(column: C) => V
  /** A row from the values of its columns by name. */
  row(values: Readonly<Record<C, Value>>): Value[]
}

export function table<const C extends string>(definition: Definition<C>): Table<C> {
  const names = definition.columns.map(({ name }) => name)
  const positions = new Map(names.map((name, i) => [name, i]))
  return {
    definition,
    reader:
      (row) =>
      <V extends Value>(column: C) =>
        row.values[positions.get(column)!] as V,
    row: (values) => names.map((name) => values[name]),
  }
}
