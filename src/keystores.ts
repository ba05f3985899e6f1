/** A custom key store as a record, and the pure rules about it: what no two may share, and what its state allows. */
import type { Instant } from './clock.ts'
import { fail } from './errors.ts'
import type {
  ConnectionErrorCodeType,
  ConnectionStateType,
  CustomKeyStoresListEntry,
  CustomKeyStoreType,
  XksProxyConnectivityType,
} from './model/kms.ts'

export const KEY_STORES_PER_ACCOUNT = 10

export interface KeyStore {
  readonly region: string
  readonly account: string
  /** Its place among those of the account in the Region, from 0: there are as many as there may be stores. */
  readonly place: number
  /** `cks-` and 17 hex digits. */
  readonly id: string
  readonly name: string
  readonly created: Instant
  readonly state: ConnectionStateType
  /** Why the last attempt to connect failed; in state FAILED alone. */
  readonly error: ConnectionErrorCodeType | undefined
  /** One of the two, by the type of the store. */
  readonly cluster: Cluster | undefined
  readonly proxy: Proxy | undefined
  /** The password of `kmsuser`, or the secret access key of the proxy: sealed, and shown to nobody. */
  readonly secret: Uint8Array
  /** The version of the stored row, for optimistic commits; 0 before the first. */
  readonly version: number
}

export interface Cluster {
  readonly id: string
  readonly trustAnchor: string
}

export interface Proxy {
  readonly connectivity: XksProxyConnectivityType
  readonly endpoint: string
  readonly path: string
  readonly accessKeyId: string
  /** The VPC endpoint service it is reached through, and the account that owns it. */
  readonly service: { readonly name: string; readonly owner: string } | undefined
}

export type Properties = Pick<KeyStore, 'cluster' | 'proxy'>
export function typeOf({ cluster }: Pick<KeyStore, 'cluster'>): CustomKeyStoreType {
  return cluster ? 'AWS_CLOUDHSM' : 'EXTERNAL_KEY_STORE'
}

/** Whether two stores are to be the same in all but their secrets. */
export function isSame(store: KeyStore, name: string, properties: Properties): boolean {
  const { cluster, proxy } = store
  return (
    store.name === name && JSON.stringify([cluster, proxy]) === JSON.stringify([properties.cluster, properties.proxy])
  )
}

/** Refuses what another store of the account already has. */
export function refuseShared(store: Pick<KeyStore, 'name' | 'cluster' | 'proxy'>, others: readonly KeyStore[]): void {
  const { name, cluster, proxy } = store
  if (others.some((other) => other.name === name)) {
    fail('CustomKeyStoreNameInUseException', `The custom key store name ${name} is in use.`)
  }
  if (cluster && others.some((other) => other.cluster?.id === cluster.id)) {
    fail('CloudHsmClusterInUseException', `The cluster ${cluster.id} is in use by another custom key store.`)
  }
  if (proxy) for (const other of others) if (other.proxy) refuseSharedProxy(proxy, other.proxy)
}

/** Public endpoints may differ by their paths alone; what a VPC endpoint service leads to is one store's. */
function refuseSharedProxy(proxy: Proxy, other: Proxy): void {
  if (proxy.service && proxy.service.name === other.service?.name) {
    const message = `The VPC endpoint service ${proxy.service.name} is in use by another custom key store.`
    fail('XksProxyVpcEndpointServiceInUseException', message)
  }
  if (proxy.endpoint !== other.endpoint) return
  if (proxy.path === other.path) {
    fail(
      'XksProxyUriInUseException',
      `The proxy at ${proxy.endpoint}${proxy.path} is in use by another custom key store.`,
    )
  }
  if (proxy.service ?? other.service) {
    fail('XksProxyUriEndpointInUseException', `The endpoint ${proxy.endpoint} is in use by another custom key store.`)
  }
}

/** A store to get something from, which it has to be connected for. */
export function connectedStore(id: string, stores: readonly KeyStore[]): KeyStore {
  const store = stores.find((each) => each.id === id) ?? missingStore(id)
  requireState(store, ['CONNECTED'])
  return store
}

export function missingStore(name: string): never {
  fail('CustomKeyStoreNotFoundException', `The custom key store ${name} is not found.`)
}

export function requireState({ id, state }: KeyStore, states: readonly ConnectionStateType[]): void {
  if (states.includes(state)) return
  fail('CustomKeyStoreInvalidStateException', `The custom key store ${id} is ${state}.`)
}

/** A store as DescribeCustomKeyStores shows it. */
export function entryOf(store: KeyStore): CustomKeyStoresListEntry {
  const { cluster, proxy } = store
  return {
    CustomKeyStoreId: store.id,
    CustomKeyStoreName: store.name,
    CustomKeyStoreType: typeOf(store),
    CreationDate: new Date(store.created),
    ConnectionState: store.state,
    ConnectionErrorCode: store.error,
    CloudHsmClusterId: cluster?.id,
    TrustAnchorCertificate: cluster?.trustAnchor,
    XksProxyConfiguration: proxy && {
      Connectivity: proxy.connectivity,
      AccessKeyId: proxy.accessKeyId,
      UriEndpoint: proxy.endpoint,
      UriPath: proxy.path,
      VpcEndpointServiceName: proxy.service?.name,
      VpcEndpointServiceOwner: proxy.service?.owner,
    },
  }
}
