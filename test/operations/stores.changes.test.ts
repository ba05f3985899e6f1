/** Custom key stores updated, connected, disconnected and deleted. */
import test from 'ava'
import type { CreateCustomKeyStoreRequest, Strongroom, UpdateCustomKeyStoreRequest } from '../../src/index.ts'
import { keyOf, NEW_KEY, type Key } from '../../src/keys.ts'
import { edits } from '../../src/store/cache.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import {
  PASSWORD,
  SECRET,
  SERVICE,
  OTHER_SERVICE,
  cluster,
  proxy,
  vpc,
  make,
  only,
  put,
  settled,
  stores,
} from '../helpers/stores.ts'

const path = { XksProxyUriPath: '/b/kms/xks/v1' }

// Changing ----------------------------------------------------------------------------------------

const CHANGES: [
  why: string,
  store: CreateCustomKeyStoreRequest,
  change: Partial<UpdateCustomKeyStoreRequest>,
  outcome: object | string,
  connected: boolean,
][] = [
  ['the name', cluster('a'), { NewCustomKeyStoreName: 'b' }, { CustomKeyStoreName: 'b' }, true],
  ['the name, to its own', cluster('a'), { NewCustomKeyStoreName: 'a' }, { CustomKeyStoreName: 'a' }, true],
  ['the password', cluster('a'), { KeyStorePassword: 'another1' }, { ConnectionState: 'DISCONNECTED' }, false],
  [
    'the cluster',
    cluster('a'),
    { CloudHsmClusterId: 'cluster-bbbbbbbbbbb' },
    { CloudHsmClusterId: 'cluster-bbbbbbbbbbb' },
    false,
  ],
  [
    'the credential',
    proxy('a'),
    { XksProxyAuthenticationCredential: { AccessKeyId: 'B'.repeat(20), RawSecretAccessKey: SECRET } },
    { XksProxyConfiguration: { AccessKeyId: 'B'.repeat(20), UriPath: '/kms/xks/v1' } },
    true,
  ],
  ['the path', proxy('a'), path, { XksProxyConfiguration: { UriPath: '/b/kms/xks/v1' } }, true],
  [
    'the endpoint',
    proxy('a'),
    { XksProxyUriEndpoint: 'https://b.example.com' },
    { XksProxyConfiguration: { UriEndpoint: 'https://b.example.com' } },
    false,
  ],
  [
    'the service',
    vpc('a'),
    { XksProxyVpcEndpointServiceName: OTHER_SERVICE },
    { XksProxyConfiguration: { VpcEndpointServiceName: OTHER_SERVICE, VpcEndpointServiceOwner: '000000000000' } },
    false,
  ],
  [
    'the owner of the service',
    vpc('a'),
    { XksProxyVpcEndpointServiceOwner: '111122223333' },
    { XksProxyConfiguration: { VpcEndpointServiceName: SERVICE, VpcEndpointServiceOwner: '111122223333' } },
    false,
  ],
  [
    'public to private',
    proxy('a'),
    {
      XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE',
      XksProxyUriEndpoint: 'https://b.example.com',
      XksProxyVpcEndpointServiceName: SERVICE,
    },
    { XksProxyConfiguration: { Connectivity: 'VPC_ENDPOINT_SERVICE', VpcEndpointServiceName: SERVICE } },
    false,
  ],
  [
    'private to public',
    vpc('a'),
    { XksProxyConnectivity: 'PUBLIC_ENDPOINT', XksProxyUriEndpoint: 'https://b.example.com' },
    { XksProxyConfiguration: { Connectivity: 'PUBLIC_ENDPOINT', VpcEndpointServiceName: undefined } },
    false,
  ],
  ['nothing', cluster('a'), {}, 'ValidationException', true],
  ['the path of a proxy that is a cluster', cluster('a'), path, 'ValidationException', true],
  ['the password of a proxy', proxy('a'), { KeyStorePassword: PASSWORD }, 'ValidationException', true],
  ['the password to what can be none', cluster('a'), { KeyStorePassword: 'pass word' }, 'ValidationException', true],
  [
    'public to private without a service',
    proxy('a'),
    { XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE', XksProxyUriEndpoint: 'https://b.example.com' },
    'ValidationException',
    false,
  ],
  [
    'the connectivity without the endpoint',
    vpc('a'),
    { XksProxyConnectivity: 'PUBLIC_ENDPOINT' },
    'ValidationException',
    false,
  ],
  [
    'the service of a public proxy',
    proxy('a'),
    { XksProxyVpcEndpointServiceName: SERVICE },
    'ValidationException',
    false,
  ],
]

for (const [why, store, change, outcome, connected] of CHANGES) {
  test(`UpdateCustomKeyStore changes ${why}: ${typeof outcome === 'string' ? outcome : 'done'}`, async (t) => {
    const { room } = await stores(t)
    const CustomKeyStoreId = await make(room, store)
    const update = () => room.updateCustomKeyStore({ CustomKeyStoreId, ...change })
    await put(room, 'CONNECTED')
    if (!connected && typeof outcome !== 'string') await refuses(t, update(), 'CustomKeyStoreInvalidStateException')
    else if (connected && typeof outcome !== 'string') t.deepEqual(await update(), {})
    await put(room, 'DISCONNECTED')
    if (typeof outcome === 'string') await refuses(t, update(), outcome)
    else {
      t.deepEqual(await update(), {})
      t.like(await only(room, CustomKeyStoreId), outcome)
    }
  })
}

test('a changed store may share no more than a new one', async (t) => {
  const { room } = await stores(t)
  await make(room, cluster('a'))
  const other = await make(room, cluster('b', { CloudHsmClusterId: 'cluster-bbbbbbbbbbb' }))
  await make(room, proxy('c'))
  const external = await make(room, proxy('d', path))
  const update = (CustomKeyStoreId: string, more: object) => room.updateCustomKeyStore({ CustomKeyStoreId, ...more })
  await refuses(t, update(other, { NewCustomKeyStoreName: 'a' }), 'CustomKeyStoreNameInUseException')
  await refuses(t, update(other, { CloudHsmClusterId: 'cluster-234567abcde' }), 'CloudHsmClusterInUseException')
  await refuses(t, update(external, { XksProxyUriPath: '/kms/xks/v1' }), 'XksProxyUriInUseException')
})

// Keys in a store ---------------------------------------------------------------------------------

/** A key in a custom key store that is not connected. */
async function keyIn(room: Strongroom, customKeyStoreId: string): Promise<Key> {
  const key = keyOf({
    ...NEW_KEY,
    region: 'us-east-1',
    account: '000000000000',
    id: '11111111-1111-4111-8111-111111111111',
    spec: 'SYMMETRIC_DEFAULT',
    usage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_CLOUDHSM',
    created: 0,
    customKeyStoreId,
    currentId: '',
    materials: [],
  })
  await recordsOf(room).commit([edits.putKey(key)])
  return key
}

test('a key is unavailable while its store is not connected', async (t) => {
  const { room } = await stores(t)
  const CustomKeyStoreId = await make(room, cluster('a'))
  const { id: KeyId, arn } = await keyIn(room, CustomKeyStoreId)
  const state = async () => (await room.describeKey({ KeyId })).KeyMetadata!.KeyState
  t.is(await state(), 'Unavailable')
  await refuses(t, room.encrypt({ KeyId, Plaintext: bytes('x') }), 'KMSInvalidStateException', `${arn} is unavailable.`)
  await put(room, 'CONNECTED')
  t.is(await state(), 'Enabled')
  await room.disconnectCustomKeyStore({ CustomKeyStoreId })
  await settled(room, CustomKeyStoreId)
  t.is(await state(), 'Unavailable')
  await refuses(t, room.deleteCustomKeyStore({ CustomKeyStoreId }), 'CustomKeyStoreHasCMKsException')
})

test('what can be done with an unavailable key', async (t) => {
  const { room } = await stores(t)
  const { id: KeyId } = await keyIn(room, await make(room, cluster('a')))
  const grantee = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['Decrypt' as const] }
  const { GrantId } = await room.createGrant({ KeyId, ...grantee })
  t.is((await room.listGrants({ KeyId })).Grants!.length, 1)
  await room.revokeGrant({ KeyId, GrantId: GrantId! })
  const Policy = JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' } })
  await room.putKeyPolicy({ KeyId, Policy })
  t.is((await room.getKeyPolicy({ KeyId })).Policy, Policy)
  t.deepEqual((await room.getKeyLastUsage({ KeyId })).KeyLastUsage, {})
  await room.disableKey({ KeyId })
  t.is(
    (await room.describeKey({ KeyId })).KeyMetadata!.KeyState,
    'Unavailable',
    'the change shows when it is connected',
  )
  await room.scheduleKeyDeletion({ KeyId })
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'PendingDeletion')
  await room.cancelKeyDeletion({ KeyId })
})
