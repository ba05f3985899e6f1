/** The embedded store: SQLite on a thread of its own, inside the addon. */
import { Store as NativeStore, type Hsm } from '../../bindings/node/index.js'
import { SCHEMA } from './sql.ts'
import type { Store } from './store.ts'

export interface SqliteOptions {
  /** Milliseconds that opening waits for the full check; a larger store is served while the check goes on. */
  readonly checkMillis?: number
  /** Told once when the check finds damage after opening; every later call is refused. */
  readonly onDamage?: (code: string, message: string) => void
  /** Pages the database may grow to, of 4 KiB: a disk that is full on cue. */
  readonly pageLimit?: number
}

/** Opens the store at `path`, or one in memory. Rows are authenticated under a key of the HSM's domain. */
export function openSqlite(path: string, hsm: Hsm, options: SqliteOptions = {}): Promise<Store> {
  return NativeStore.open(path, JSON.stringify(SCHEMA), hsm, options)
}

/** Checks every row of the store at `path` without serving it. Rejects with the code of the damage found. */
export function verifySqlite(path: string, hsm: Hsm): Promise<{ rows: number; revision: number }> {
  return NativeStore.verify(path, JSON.stringify(SCHEMA), hsm)
}
