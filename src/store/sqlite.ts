/** The embedded store: SQLite on a thread of its own, inside the addon. */
import { Store as NativeStore, type Hsm } from '../../bindings/node/index.js'
import { KmsError } from '../errors.ts'
import { SCHEMA } from './sql.ts'
import { isConflict, type Store } from './store.ts'

export interface SqliteOptions {
  /** Milliseconds that opening waits for the full check; a larger store is served while the check goes on. */
  readonly checkMillis?: number
  /** Told once when the check finds damage after opening; every later call is refused. */
  readonly onDamage?: (code: string, message: string) => void
}

/** Opens the store at `path`, or one in memory. Rows are authenticated under a key of the HSM's domain. */
export async function openSqlite(path: string, hsm: Hsm, options: SqliteOptions = {}): Promise<Store> {
  const store = await NativeStore.open(path, JSON.stringify(SCHEMA), hsm, options)
  return {
    get: (table, key) => store.get(table, key).catch(translate),
    list: (table, index, equal, after, limit) => store.list(table, index, equal, after, limit).catch(translate),
    count: (table, index, equal) => store.count(table, index, equal).catch(translate),
    commit: (changes) => store.commit(changes).catch(translate),
    scrub: () => store.scrub().catch(translate),
    close: () => store.close(),
  }
}

/** Checks every row of the store at `path` without serving it. Rejects with the code of the damage found. */
export function verifySqlite(path: string, hsm: Hsm): Promise<{ rows: number; revision: number }> {
  return NativeStore.verify(path, JSON.stringify(SCHEMA), hsm)
}

/** What the store says, as AWS would say it: all of it is our own fault, and a client does well to try again. */
function translate(cause: unknown): never {
  if (isConflict(cause)) throw cause
  switch ((cause as { code?: string }).code) {
    case 'StoreFull':
      throw new KmsError('KMSInternalException', 'the store has no room left; nothing was changed', { cause })
    case 'StoreClosed':
      throw new KmsError('ServiceUnavailableException', 'the store is closed', { cause })
    default:
      throw new KmsError('KMSInternalException', 'the store refused', { cause })
  }
}
