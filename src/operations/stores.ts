/** Custom key stores as things: Create-, Describe-, Update-, Delete-, Connect- and DisconnectCustomKeyStore. */
import { fail } from '../errors.ts'
import { changed, propertiesOf, requireKeyStore, secretOf } from '../keystorerequests.ts'
import { entryOf, isSame, missingStore, refuseShared, requireState, typeOf, type KeyStore } from '../keystores.ts'
import type { CreateCustomKeyStoreRequest } from '../model/kms.ts'
import { operation, type Call } from '../operation.ts'
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
    const same = stores.find((store) => isSame(store, name, properties))
    if (same?.state === 'DISCONNECTED' && (await openSecret(same, call)) === secretOf(input)) {
      return { CustomKeyStoreId: same.id }
    }
    refuseShared({ name, ...properties }, stores)
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
      secret: await sealSecret(id, secretOf(input)!, call),
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
    const secret = secretOf(input)
    // All are written, so that of two changes that do not agree with each other one comes too late.
    const sealed = secret === undefined ? next : { ...next, secret: await sealSecret(store.id, secret, call) }
    call.put(...[...others, sealed].map(putKeyStore))
    return {}
  },
})

export const deleteCustomKeyStore = operation('DeleteCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['DISCONNECTED'])
    if ((await call.records.keyStores.countKeys(store)) > 0) {
      fail('CustomKeyStoreHasCMKsException', `The custom key store ${store.id} contains KMS keys.`)
    }
    call.put(eraseKeyStore(store))
    return {}
  },
})

/**
 * Nothing is there to connect to yet, no cluster and no proxy, and the attempt fails as AWS's fails for that reason: the
 * answer is a good one, and the state tells.
 */
export const connectCustomKeyStore = operation('ConnectCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['DISCONNECTED', 'CONNECTED', 'CONNECTING'])
    const error = typeOf(store) === 'AWS_CLOUDHSM' ? 'CLUSTER_NOT_FOUND' : 'XKS_PROXY_NOT_REACHABLE'
    if (store.state === 'DISCONNECTED') call.put(putKeyStore({ ...store, state: 'FAILED', error }))
    return {}
  },
})

export const disconnectCustomKeyStore = operation('DisconnectCustomKeyStore', {
  on: {},
  mutates: true,
  async run(call) {
    const store = await namedStore(call)
    requireState(store, ['CONNECTED', 'CONNECTING', 'FAILED'])
    call.put(putKeyStore({ ...store, state: 'DISCONNECTED', error: undefined }))
    return {}
  },
})

type Asking<I> = Pick<Call<I>, 'input' | 'scope' | 'records'>

function storesOf({ scope, records }: Asking<unknown>): Promise<KeyStore[]> {
  return records.keyStores.list(scope.realm.region, scope.account)
}

async function namedStore(call: Asking<{ readonly CustomKeyStoreId: string }>): Promise<KeyStore> {
  const { CustomKeyStoreId: id } = call.input
  return (await storesOf(call)).find((store) => store.id === id) ?? missingStore(id)
}

function freePlace(stores: readonly KeyStore[], most: number): number {
  const taken = new Set(stores.map(({ place }) => place))
  let place = 0
  while (taken.has(place)) place++
  if (place >= most) fail('LimitExceededException', `There can be ${most} custom key stores at the most.`)
  return place
}

/** A secret opens for its own store alone. */
const purposeOf = (id: string): string => `custom key store ${id}`

type Sealing = Pick<Call<CreateCustomKeyStoreRequest>, 'secrets'>

function sealSecret(id: string, secret: string, { secrets }: Sealing): Promise<Uint8Array> {
  return secrets.seal(purposeOf(id), Buffer.from(secret))
}

async function openSecret({ id, secret }: KeyStore, { secrets }: Sealing): Promise<string> {
  return Buffer.from(await secrets.open(purposeOf(id), secret)).toString()
}
