/** The table of identities: users, roles, groups, policies, access keys and sessions, each a document; secrets are sealed. */
import { table } from './rows.ts'
import type { Change, Row } from './store.ts'

export const IDENTITIES = table({
  name: 'identities',
  columns: [
    { name: 'kind', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'name', type: 'TEXT' },
    { name: 'document', type: 'TEXT' },
    { name: 'sealed', type: 'BLOB', null: true },
  ],
  key: ['kind', 'account', 'name'],
  indexes: [],
})

/** What tells an entity from all others. */
export type Place = readonly [kind: string, account: string, name: string]

export interface StoredIdentity {
  readonly place: Place
  readonly document: string
  readonly sealed: Uint8Array | undefined
  readonly version: number
}

export function identityFrom(row: Row): StoredIdentity {
  const column = IDENTITIES.reader(row)
  return {
    place: [column('kind'), column('account'), column('name')],
    document: column('document'),
    sealed: column<Uint8Array | null>('sealed') ?? undefined,
    version: row.version,
  }
}

export function putIdentity({ place, document, sealed, version }: StoredIdentity): Change {
  const [kind, account, name] = place
  const values = IDENTITIES.row({ kind, account, name, document, sealed: sealed ?? null })
  return { table: 'identities', key: [...place], values, expect: version }
}

export function eraseIdentity(place: Place, version: number): Change {
  return { table: 'identities', key: [...place], expect: version }
}
