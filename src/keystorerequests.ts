/** What requests about custom key stores must say, and what they make of a store. The sentences are ours; AWS's are unknown. */
import { X509Certificate } from 'node:crypto'
import { fail } from './errors.ts'
import { requireState, typeOf, type KeyStore, type Properties, type Proxy } from './keystores.ts'
import type {
  CreateCustomKeyStoreRequest,
  CreateKeyRequest,
  CustomKeyStoreType,
  KeySpec,
  UpdateCustomKeyStoreRequest,
  XksProxyConnectivityType,
} from './model/kms.ts'

type Member = keyof CreateCustomKeyStoreRequest & keyof UpdateCustomKeyStoreRequest

/** What only stores of one type have: first what they must have, then what they may. */
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

/** The VPC endpoint service, behind the first four, is for those alone that are reached through one. */
const NEEDED = 4

/** What CreateCustomKeyStore asks across its fields. */
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

/** What CreateKey asks of a key for a custom key store, and of one that is for none. */
export function requireStoreOf(
  { Origin, CustomKeyStoreId, XksKeyId, MultiRegion }: CreateKeyRequest,
  spec: KeySpec,
): void {
  const isElsewhere = Origin === 'AWS_CLOUDHSM' || Origin === 'EXTERNAL_KEY_STORE'
  if (isElsewhere !== (CustomKeyStoreId !== undefined)) {
    refuse('A CustomKeyStoreId needs an Origin of AWS_CLOUDHSM or EXTERNAL_KEY_STORE, which in turn need it.')
  }
  if ((Origin === 'EXTERNAL_KEY_STORE') !== (XksKeyId !== undefined)) {
    refuse('An XksKeyId needs an Origin of EXTERNAL_KEY_STORE, which in turn needs it.')
  }
  if (isElsewhere && (spec !== 'SYMMETRIC_DEFAULT' || MultiRegion)) {
    fail('UnsupportedOperationException', 'Custom key stores hold symmetric encryption keys of a single Region alone.')
  }
}

function refuse(message: string): never {
  fail('ValidationException', message)
}
