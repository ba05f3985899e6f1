/** Custom key stores for tests, and the state that no operation can bring about yet. */
import type { Client, CreateCustomKeyStoreRequest, Strongroom } from '../../src/index.ts'
import type { ConnectionStateType } from '../../src/model/kms.ts'
import { putKeyStore } from '../../src/store/keystores.ts'
import { certificate } from '../http/certificate.ts'
import { recordsOf } from './inside.ts'

export const PASSWORD = 'kmsPswd1'
export const SECRET = 'a'.repeat(43)
export const ACCESS_KEY = 'ABCDEFGHIJKLMNOPQRST'
export const SERVICE = 'com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0'
export const OTHER_SERVICE = `${SERVICE}1`
export const TrustAnchorCertificate = certificate().cert

export const cluster = (
  name: string,
  more: Partial<CreateCustomKeyStoreRequest> = {},
): CreateCustomKeyStoreRequest => ({
  CustomKeyStoreName: name,
  CloudHsmClusterId: 'cluster-234567abcde',
  TrustAnchorCertificate,
  KeyStorePassword: PASSWORD,
  ...more,
})

export const proxy = (name: string, more: Partial<CreateCustomKeyStoreRequest> = {}): CreateCustomKeyStoreRequest => ({
  CustomKeyStoreName: name,
  CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
  XksProxyConnectivity: 'PUBLIC_ENDPOINT',
  XksProxyUriEndpoint: 'https://xks.example.com',
  XksProxyUriPath: '/kms/xks/v1',
  XksProxyAuthenticationCredential: { AccessKeyId: ACCESS_KEY, RawSecretAccessKey: SECRET },
  ...more,
})

export const vpc = (name: string, more: Partial<CreateCustomKeyStoreRequest> = {}) =>
  proxy(name, {
    XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE',
    XksProxyUriEndpoint: 'https://private.example.com',
    XksProxyVpcEndpointServiceName: SERVICE,
    ...more,
  })

export const make = async (room: Client, input: CreateCustomKeyStoreRequest) =>
  (await room.createCustomKeyStore(input)).CustomKeyStoreId!

export const only = async (room: Client, CustomKeyStoreId: string) =>
  (await room.describeCustomKeyStores({ CustomKeyStoreId })).CustomKeyStores![0]!

/** Puts the first store of a room into a state that only a connection to something could bring about. */
export async function put(room: Strongroom, state: ConnectionStateType): Promise<void> {
  const records = recordsOf(room)
  const [store] = await records.keyStores.list('us-east-1', '000000000000')
  await records.commit([putKeyStore({ ...store!, state })])
}
