/** Custom key stores for tests, and something behind them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type {
  Client,
  ClustersConfig,
  CreateCustomKeyStoreRequest,
  Strongroom,
  StrongroomOptions,
} from '../../src/index.ts'
import type { ConnectionStateType } from '../../src/model/kms.ts'
import { putKeyStore } from '../../src/store/keystores.ts'
import { certificate } from '../http/certificate.ts'
import { fakeProxy, type FakeProxy } from './fakeproxy.ts'
import { recordsOf } from './inside.ts'
import { scene, type Scene } from './scene.ts'

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

const IDS = [
  '234567abcde',
  '234567abcdf',
  '234567abcdg',
  'abcdefghijk',
  'abcdefghijm',
  ...Array.from({ length: 22 }, (_, i) => String.fromCharCode(97 + i).repeat(11)),
]

/** Every cluster that tests name, with its keys in the room's own HSM. */
export const CLUSTERS: ClustersConfig = Object.fromEntries(IDS.map((id) => [`cluster-${id}`, 'simulated' as const]))

/** A room with clusters, and a proxy behind every endpoint. */
export async function stores(
  t: ExecutionContext,
  options: StrongroomOptions = {},
): Promise<Scene & { proxy: FakeProxy }> {
  const behind = await fakeProxy(t)
  return {
    ...(await scene(t, { clusters: CLUSTERS, xks: { endpoints: behind.endpoints, timeoutMillis: 1500 }, ...options })),
    proxy: behind,
  }
}

/** A folder for a room, until the test ends. */
export function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'strongroom-stores-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** The state of a store once nothing is under way any more, and what went wrong. */
export async function settled(room: Client, CustomKeyStoreId: string): Promise<(string | undefined)[]> {
  for (;;) {
    const { ConnectionState, ConnectionErrorCode } = await only(room, CustomKeyStoreId)
    if (!ConnectionState!.endsWith('ING')) return [ConnectionState, ConnectionErrorCode]
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Makes a store, and waits until it is connected. */
export async function connected(room: Client, input: CreateCustomKeyStoreRequest): Promise<string> {
  const CustomKeyStoreId = await make(room, input)
  await room.connectCustomKeyStore({ CustomKeyStoreId })
  await settled(room, CustomKeyStoreId)
  return CustomKeyStoreId
}

export const make = async (room: Client, input: CreateCustomKeyStoreRequest) =>
  (await room.createCustomKeyStore(input)).CustomKeyStoreId!

export const only = async (room: Client, CustomKeyStoreId: string) =>
  (await room.describeCustomKeyStores({ CustomKeyStoreId })).CustomKeyStores![0]!

/** Puts the first store of a room into a state, whether or not that is so. */
export async function put(room: Strongroom, state: ConnectionStateType): Promise<void> {
  const records = recordsOf(room)
  const [store] = await records.keyStores.list('us-east-1', '000000000000')
  await records.commit([putKeyStore({ ...store!, state })])
}
