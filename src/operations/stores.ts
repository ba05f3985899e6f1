/** Custom key stores as things: Create-, Describe-, Update-, Delete-, Connect- and DisconnectCustomKeyStore. */
import { fail } from '../errors.ts'
import { isGone } from '../keys.ts'
import { changed, propertiesOf, requireKeyStore, secretOf } from '../keystorerequests.ts'
import { entryOf, isSame, missingStore, refuseShared, requireState, typeOf, type KeyStore } from '../keystores.ts'
import { openSecret, sealSecret } from '../keystoresecrets.ts'
import { operation, type Call, type KeyStoreBackends } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { eraseKeyStore, putKeyStore } from '../store/keystores.ts'

export const createCustomKeyStore = operation('CreateCustomKeyStore', {
  on: {},
  mutates: true,
  check: requireKeyStore,
  async run(call) {
    const { input, scope, now, entropy } = call
    const { CustomKeyStoreName: name } = input
    const stores = await storesOf(call)
    const properties = propertiesOf(input, scope.account)
    const secret = secretOf(input)!
    const same = stores.find((store) => isSame(store, name, properties))
    if (same?.state === 'DISCONNECTED' && (await openSecret(same, call.secrets)) === secret) {
      return { CustomKeyStoreId: same.id }
    }
    refuseShared({ name, ...properties }, stores)
    await behind(call).examine({ ...properties, region: scope.realm.region, secret, others: stores }, call)
    const id = `cks-${entropy.hex(9).slice(0, 17)}`
    const store = {
      region: scope.realm.region,
      account: scope.account,
      place: freePlace(stores, call.limits.most('CustomKeyStores', scope.realm.region, scope.account)),
      id,
      name,
      created: now,
      state: 'DISCONNECTED',
      error: undefined,
      ...properties,
      secret: await sealSecret(id, secret, call.secrets),
      version: 0,
    } as const
    call.put(...[...stores, store].map(putKeyStore))
    return { CustomKeyStoreId: id }
  },
})

export const describeCustomKeyStores = operation('DescribeCustomKeyStores', {
  on: {},
  check({ CustomKeyStoreId, CustomKeyStoreName }) {
    if (CustomKeyStoreId && CustomKeyStoreName) {
      fail('ValidationException', 'You can specify a CustomKeyStoreId or a CustomKeyStoreName, but not both.')
    }
  },
  async run(call) {
    const { input } = call
    const { CustomKeyStoreId: id, CustomKeyStoreName: name } = input
    const page = pageOf('DescribeCustomKeyStores', input, 1000, 1000)
    const stores = await storesOf(call)
    if (id || name) {
      const found = stores.find((store) => (id ? store.id === id : store.name === name))
      return { CustomKeyStores: [entryOf(found ?? missingStore((id ?? name)!))], Truncated: false }
    }
    const after = Number(page.after ?? -1)
    if (Number.isNaN(after)) fail('InvalidMarkerException')
    const rest = stores.filter(({ place }) => place > after)
    const shown = rest.slice(0, page.limit)
    const last = rest.length > page.limit ? String(shown.at(-1)!.place) : undefined
    return { CustomKeyStores: shown.map(entryOf), ...pageEnd('DescribeCustomKeyStores', last) }
  },
})

export const updateCustomKeyStore = operation('UpdateCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const { input } = call
    const store = await namedStore(call)
    const next = changed(store, input)
    const others = (await storesOf(call)).filter(({ id }) => id !== store.id)
    refuseShared(next, others)
    const given = secretOf(input)
    if (given !== undefined || !isSame(next, next.name, store)) {
      const secret = given ?? (await openSecret(store, call.secrets))
      await behind(call).examine({ ...next, secret, others, before: store }, call)
    }
    // All are written, so that of two changes that do not agree with each other one comes too late.
    const sealed = given === undefined ? next : { ...next, secret: await sealSecret(store.id, given, call.secrets) }
    call.put(...others.map(putKeyStore), followed(sealed, call))
    return {}
  },
})

export const deleteCustomKeyStore = operation('DeleteCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['DISCONNECTED'])
    if ((await call.records.keysIn(store)).some((key) => !isGone(key, call.now))) {
      fail('CustomKeyStoreHasCMKsException', `The custom key store ${store.id} contains KMS keys.`)
    }
    call.put(eraseKeyStore(store))
    return {}
  },
})

/** It answers at once; whether it was possible to connect, the state of the store will tell. */
export const connectCustomKeyStore = operation('ConnectCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['DISCONNECTED', 'CONNECTED', 'CONNECTING'])
    if (store.state === 'DISCONNECTED') call.put(followed({ ...store, state: 'CONNECTING' }, call))
    return {}
  },
})

/** There is nothing to wait for but at a cluster, where somebody has to be logged out. */
export const disconnectCustomKeyStore = operation('DisconnectCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['CONNECTED', 'CONNECTING', 'FAILED'])
    const isLoggedIn = store.state === 'CONNECTED' && typeOf(store) === 'AWS_CLOUDHSM'
    const state = isLoggedIn ? 'DISCONNECTING' : 'DISCONNECTED'
    call.put(followed({ ...store, state, error: undefined }, call))
    return {}
  },
})

function behind({ keyStores }: Pick<Call, 'keyStores'>): KeyStoreBackends {
  return keyStores ?? fail('UnsupportedOperationException', 'there is nothing here to connect to')
}

/** A store to be written, and to be done by once it is. */
function followed(store: KeyStore, call: Pick<Call, 'keyStores'>) {
  const recorded = (durable: boolean) => {
    if (durable) behind(call).follow(store)
  }
  return { ...putKeyStore(store), recorded }
}

type Asking<I> = Pick<Call<I>, 'input' | 'scope' | 'records'>

function storesOf({ scope, records }: Asking<unknown>): Promise<KeyStore[]> {
  return records.keyStores.list(scope.realm.region, scope.account)
}

async function namedStore(
  call: Asking<{ readonly CustomKeyStoreId: string }> & Pick<Call, 'keyStore'>,
): Promise<KeyStore> {
  const { CustomKeyStoreId: id } = call.input
  return (call.keyStore = (await storesOf(call)).find((store) => store.id === id) ?? missingStore(id))
}

function freePlace(stores: readonly KeyStore[], most: number): number {
  const taken = new Set(stores.map(({ place }) => place))
  let place = 0
  while (taken.has(place)) place++
  if (place >= most) fail('LimitExceededException', `There can be ${most} custom key stores at the most.`)
  return place
}
