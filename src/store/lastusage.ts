/** The last use of each key in the store. */
import type { KeyName } from './grants.ts'
import { table } from './rows.ts'
import type { Change, Row, Store } from './store.ts'

export const LAST_USAGE = table({
  name: 'last_usage',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'key_id', type: 'TEXT' },
    { name: 'operation', type: 'TEXT' },
    { name: 'at', type: 'INTEGER' },
    { name: 'request', type: 'TEXT' },
    { name: 'event', type: 'TEXT', null: true },
  ],
  key: ['region', 'account', 'key_id'],
  indexes: [],
})

/** One use of a key. */
export interface Use {
  readonly operation: string
  readonly at: number
  readonly requestId: string
  readonly eventId: string | undefined
}

/** A use as it is stored, with the version of its row. */
export type StoredUse = Use & { readonly version: number }

export async function storedUse(store: Store, { region, account, id }: KeyName): Promise<StoredUse | undefined> {
  const row = await store.get('last_usage', [region, account, id])
  return row ? useFrom(row) : undefined
}

export function putUse({ region, account, id }: KeyName, use: Use, version: number): Change {
  const { operation, at, requestId, eventId } = use
  const values = LAST_USAGE.row({
    region,
    account,
    key_id: id,
    operation,
    at,
    request: requestId,
    event: eventId ?? null,
  })
  return { table: 'last_usage', key: [region, account, id], values, expect: version }
}

export function eraseUse({ region, account, id }: KeyName, { version }: StoredUse): { readonly change: Change } {
  return { change: { table: 'last_usage', key: [region, account, id], expect: version } }
}

function useFrom(row: Row): StoredUse {
  const column = LAST_USAGE.reader(row)
  return {
    operation: column('operation'),
    at: column('at'),
    requestId: column('request'),
    eventId: column<string | null>('event') ?? undefined,
    version: row.version,
  }
}
