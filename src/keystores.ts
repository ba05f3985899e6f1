/** A custom key store as a record, and the pure rules about it: what it must say, what no two may share, when it may change. */
import { X509Certificate } from 'node:crypto'
import type { Instant } from './clock.ts'
import { fail } from './errors.ts'
import type {
  ConnectionErrorCodeType,
  ConnectionStateType,
  CreateCustomKeyStoreRequest,
  CustomKeyStoresListEntry,
  CustomKeyStoreType,
  UpdateCustomKeyStoreRequest,
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

type Properties = Pick<KeyStore, 'cluster' | 'proxy'>
type Member = keyof CreateCustomKeyStoreRequest & keyof UpdateCustomKeyStoreRequest

export function typeOf({ cluster }: Pick<KeyStore, 'cluster'>): CustomKeyStoreType {
  return cluster ? 'AWS_CLOUDHSM' : 'EXTERNAL_KEY_STORE'
}

/** What only stores of one type have. */
const OWN: Readonly<Record<CustomKeyStoreType, readonly (Member | 'TrustAnchorCertificate')[]>> = {
  AWS_CLOUDHSM: ['CloudHsmClusterId', 'TrustAnchorCertificate', 'KeyStorePassword'],
  EXTERNAL_KEY_STORE: [
    'XksProxyConnectivity',
    'XksProxyUriEndpoint',
    'XksProxyUriPath',
    'XksProxyAuthenticationCredential',
    'XksProxyVpcEndpointServiceName',
    'XksProxyVpcEndpointServiceOwner',
  ],
}

const NEEDED = 4

/** What CreateCustomKeyStore asks across its fields; the sentences are ours, AWS's own are unknown. */
export function requireKeyStore(input: CreateCustomKeyStoreRequest): void {
  const { CustomKeyStoreType: type = 'AWS_CLOUDHSM' } = input
  refuseForeign(type, input)
  const missing = OWN[type].slice(0, NEEDED).filter((member) => input[member] === undefined)
  if (missing.length > 0) refuse(`A custom key store of type ${type} needs ${missing.join(', ')}.`)
  requirePassword(input.KeyStorePassword)
  if (input.TrustAnchorCertificate !== undefined) requireCertificate(input.TrustAnchorCertificate)
  if (input.XksProxyConnectivity) requireService(input.XksProxyConnectivity, input)
}

/** Refuses members of the other type. */
function refuseForeign(
  type: CustomKeyStoreType,
  input: UpdateCustomKeyStoreRequest | CreateCustomKeyStoreRequest,
): void {
  const other = type === 'AWS_CLOUDHSM' ? 'EXTERNAL_KEY_STORE' : 'AWS_CLOUDHSM'
  const given = OWN[other].filter((member) => (input as CreateCustomKeyStoreRequest)[member] !== undefined)
  if (given.length > 0) refuse(`A custom key store of type ${type} has no ${given.join(', ')}.`)
}

function requirePassword(password: string | undefined): void {
  if (password !== undefined && !/^[a-zA-Z0-9]+$/.test(password)) {
    refuse('The KeyStorePassword must consist of letters and digits.')
  }
}

function requireCertificate(text: string): void {
  if (!isCertificate(text)) fail('IncorrectTrustAnchorException', 'The trust anchor is not an X.509 certificate.')
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0
  } catch {
    return false
  }
}

type ServiceInput = Pick<
  CreateCustomKeyStoreRequest,
  'XksProxyVpcEndpointServiceName' | 'XksProxyVpcEndpointServiceOwner'
>

/** A proxy is reached through a VPC endpoint service, or has none. */
function requireService(connectivity: XksProxyConnectivityType, input: ServiceInput): void {
  const { XksProxyVpcEndpointServiceName: name, XksProxyVpcEndpointServiceOwner: owner } = input
  if (connectivity === 'VPC_ENDPOINT_SERVICE' && name === undefined) {
    refuse('An XksProxyConnectivity of VPC_ENDPOINT_SERVICE needs an XksProxyVpcEndpointServiceName.')
  }
  if (connectivity === 'PUBLIC_ENDPOINT' && (name ?? owner) !== undefined) {
    refuse('An XksProxyConnectivity of PUBLIC_ENDPOINT has no VPC endpoint service.')
  }
}

/** The properties that a request for a new store gives it. */
export function propertiesOf(input: CreateCustomKeyStoreRequest, account: string): Properties {
  if (input.CloudHsmClusterId !== undefined) {
    return { cluster: { id: input.CloudHsmClusterId, trustAnchor: input.TrustAnchorCertificate! }, proxy: undefined }
  }
  const { XksProxyVpcEndpointServiceName: name, XksProxyVpcEndpointServiceOwner: owner = account } = input
  const proxy = {
    connectivity: input.XksProxyConnectivity!,
    endpoint: input.XksProxyUriEndpoint!,
    path: input.XksProxyUriPath!,
    accessKeyId: input.XksProxyAuthenticationCredential!.AccessKeyId,
    service: name === undefined ? undefined : { name, owner },
  }
  return { cluster: undefined, proxy }
}

type Secretive = Pick<CreateCustomKeyStoreRequest, 'KeyStorePassword' | 'XksProxyAuthenticationCredential'>

/** The secret that a request entrusts to the store, if it does. */
export function secretOf({ KeyStorePassword, XksProxyAuthenticationCredential }: Secretive): string | undefined {
  return KeyStorePassword ?? XksProxyAuthenticationCredential?.RawSecretAccessKey
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

/** What may be changed while the store is connected; the rest wants it disconnected. */
const ANY_TIME = new Set([
  'CustomKeyStoreId',
  'NewCustomKeyStoreName',
  'XksProxyAuthenticationCredential',
  'XksProxyUriPath',
])

/** The store as UpdateCustomKeyStore leaves it, but for its secret. */
export function changed(store: KeyStore, input: UpdateCustomKeyStoreRequest): KeyStore {
  refuseForeign(typeOf(store), input)
  requirePassword(input.KeyStorePassword)
  const members = Object.entries(input).flatMap(([member, value]) => (value === undefined ? [] : [member]))
  if (members.length < 2) refuse('You must specify at least one property to update.')
  const connected = store.state === 'CONNECTED' && members.every((member) => ANY_TIME.has(member))
  if (!connected) requireState(store, ['DISCONNECTED'])
  const { NewCustomKeyStoreName: name = store.name, CloudHsmClusterId: id } = input
  const cluster = store.cluster && id !== undefined ? { ...store.cluster, id } : store.cluster
  return { ...store, name, cluster, proxy: store.proxy && changedProxy(store.proxy, input, store.account) }
}

function changedProxy(proxy: Proxy, input: UpdateCustomKeyStoreRequest, account: string): Proxy {
  const { XksProxyConnectivity: connectivity = proxy.connectivity } = input
  if (connectivity !== proxy.connectivity && input.XksProxyUriEndpoint === undefined) {
    refuse('You must change the XksProxyUriEndpoint with the XksProxyConnectivity.')
  }
  const { XksProxyVpcEndpointServiceName: name = proxy.service?.name } = input
  const { XksProxyVpcEndpointServiceOwner: owner = proxy.service?.owner ?? account } = input
  const kept = connectivity === 'PUBLIC_ENDPOINT' ? input : { XksProxyVpcEndpointServiceName: name }
  requireService(connectivity, kept)
  return {
    connectivity,
    endpoint: input.XksProxyUriEndpoint ?? proxy.endpoint,
    path: input.XksProxyUriPath ?? proxy.path,
    accessKeyId: input.XksProxyAuthenticationCredential?.AccessKeyId ?? proxy.accessKeyId,
    service: connectivity === 'PUBLIC_ENDPOINT' || name === undefined ? undefined : { name, owner },
  }
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

function refuse(message: string): never {
  fail('ValidationException', message)
}
