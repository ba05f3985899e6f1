/** Custom key stores in the store: ten at the most of an account in a Region, and always read together. */
import type { Cluster, KeyStore, Proxy } from '../keystores.ts'
import { table } from './rows.ts'
import type { Change, Row, Store } from './store.ts'

export const KEY_STORES = table({
  name: 'key_stores',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'place', type: 'INTEGER' },
    { name: 'id', type: 'TEXT' },
    { name: 'name', type: 'TEXT' },
    { name: 'created', type: 'INTEGER' },
    { name: 'state', type: 'TEXT' },
    { name: 'error', type: 'TEXT', null: true },
    { name: 'cluster', type: 'TEXT', null: true },
    { name: 'proxy', type: 'TEXT', null: true },
    { name: 'secret', type: 'BLOB' },
  ],
  // Two who want the last place cannot both have it.
  key: ['region', 'account', 'place'],
  indexes: [],
})

export class KeyStores {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  /** The stores of an account in a Region, in the order of their places. */
  async list(region: string, account: string): Promise<KeyStore[]> {
    return (await this.store.list('key_stores', '', [region, account], null, 1000)).map(keyStoreFrom)
  }

  /** Those of everybody. */
  async all(): Promise<KeyStore[]> {
    return (await this.store.list('key_stores', '', [], null, 100_000)).map(keyStoreFrom)
  }

  async find(region: string, account: string, id: string): Promise<KeyStore | undefined> {
    return (await this.list(region, account)).find((each) => each.id === id)
  }
}

export function putKeyStore(keyStore: KeyStore): { readonly change: Change } {
  const { region, account, place, id, name, created, state, error = null, secret, version } = keyStore
  const [cluster, proxy] = [written(keyStore.cluster), written(keyStore.proxy)]
  const values = KEY_STORES.row({ region, account, place, id, name, created, state, error, cluster, proxy, secret })
  return { change: { table: 'key_stores', key: [region, account, place], values, expect: version } }
}

export function eraseKeyStore({ region, account, place, version }: KeyStore): { readonly change: Change } {
  return { change: { table: 'key_stores', key: [region, account, place], expect: version } }
}

function keyStoreFrom(row: Row): KeyStore {
  const column = KEY_STORES.reader(row)
  return {
    region: column('region'),
    account: column('account'),
    place: column('place'),
    id: column('id'),
    name: column('name'),
    created: column('created'),
    state: column('state'),
    error: (column<string | null>('error') ?? undefined) as KeyStore['error'],
    cluster: read<Cluster>(column('cluster')),
    proxy: read<Proxy>(column('proxy')),
    secret: column('secret'),
    version: row.version,
  }
}

function written(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

function read<T>(text: string | null): T | undefined {
  return text === null ? undefined : (JSON.parse(text) as T)
}
