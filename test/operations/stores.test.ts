/** Custom key stores made and described. */
import test from 'ava'
import type { CreateCustomKeyStoreRequest } from '../../src/index.ts'
import { recordsOf } from '../helpers/inside.ts'
import { refuses, scene } from '../helpers/scene.ts'
import {
  PASSWORD,
  SECRET,
  ACCESS_KEY,
  SERVICE,
  OTHER_SERVICE,
  TrustAnchorCertificate,
  cluster,
  proxy,
  vpc,
  make,
  only,
  folder,
  settled,
  stores,
} from '../helpers/stores.ts'

const told = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('a CloudHSM key store is shown without its password', async (t) => {
  const { room } = await stores(t)
  const id = await make(room, cluster('one'))
  t.regex(id, /^cks-[0-9a-f]{17}$/)
  t.deepEqual(told(await room.describeCustomKeyStores({ CustomKeyStoreName: 'one' })), {
    CustomKeyStores: [
      {
        CustomKeyStoreId: id,
        CustomKeyStoreName: 'one',
        CustomKeyStoreType: 'AWS_CLOUDHSM',
        CreationDate: '2026-01-01T00:00:00.000Z',
        ConnectionState: 'DISCONNECTED',
        CloudHsmClusterId: 'cluster-234567abcde',
        TrustAnchorCertificate,
      },
    ],
    Truncated: false,
  })
})

test('an external key store is shown without its secret access key', async (t) => {
  const { room } = await stores(t)
  const [open, closed] = [await make(room, proxy('open')), await make(room, vpc('closed'))]
  const shown = told((await room.describeCustomKeyStores()).CustomKeyStores) as object[]
  t.like(shown[0], { CustomKeyStoreId: open, CustomKeyStoreType: 'EXTERNAL_KEY_STORE' })
  t.deepEqual(
    shown.map((each) => (each as { XksProxyConfiguration: object }).XksProxyConfiguration),
    [
      {
        Connectivity: 'PUBLIC_ENDPOINT',
        AccessKeyId: ACCESS_KEY,
        UriEndpoint: 'https://xks.example.com',
        UriPath: '/kms/xks/v1',
      },
      {
        Connectivity: 'VPC_ENDPOINT_SERVICE',
        AccessKeyId: ACCESS_KEY,
        UriEndpoint: 'https://private.example.com',
        UriPath: '/kms/xks/v1',
        VpcEndpointServiceName: SERVICE,
        VpcEndpointServiceOwner: '000000000000',
      },
    ],
  )
  t.is((await only(room, closed)).CustomKeyStoreName, 'closed')
})

test('secrets are kept sealed', async (t) => {
  const { room } = await stores(t)
  await make(room, cluster('one'))
  await make(room, proxy('two'))
  const rows = await recordsOf(room).store.list('key_stores', '', [], null, 10)
  t.is(rows.length, 2)
  for (const value of rows.flatMap(({ values }) => values)) {
    const text = value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value)
    t.false(text.includes(PASSWORD) || text.includes(SECRET))
  }
})

// What a new store must say -----------------------------------------------------------------------

const NEW: [why: string, input: CreateCustomKeyStoreRequest, code?: string][] = [
  ['a cluster without its id', cluster('a', { CloudHsmClusterId: undefined })],
  ['a cluster without its certificate', cluster('a', { TrustAnchorCertificate: undefined })],
  ['a cluster without a password', cluster('a', { KeyStorePassword: undefined })],
  ['a cluster with a proxy', cluster('a', { XksProxyUriPath: '/kms/xks/v1' })],
  ['a password with other than letters and digits', cluster('a', { KeyStorePassword: 'pass word' })],
  ['a password of six characters', cluster('a', { KeyStorePassword: 'abc123' })],
  ['a certificate that is none', cluster('a', { TrustAnchorCertificate: 'none' }), 'IncorrectTrustAnchorException'],
  ['a proxy without an endpoint', proxy('a', { XksProxyUriEndpoint: undefined })],
  ['a proxy without a path', proxy('a', { XksProxyUriPath: undefined })],
  ['a proxy without connectivity', proxy('a', { XksProxyConnectivity: undefined })],
  ['a proxy without a credential', proxy('a', { XksProxyAuthenticationCredential: undefined })],
  ['a proxy with a password', proxy('a', { KeyStorePassword: PASSWORD })],
  ['a proxy called a cluster', proxy('a', { CustomKeyStoreType: 'AWS_CLOUDHSM' })],
  ['a public proxy with a service', proxy('a', { XksProxyVpcEndpointServiceName: SERVICE })],
  ['a public proxy with the owner of a service', proxy('a', { XksProxyVpcEndpointServiceOwner: '000000000000' })],
  ['a private proxy without a service', vpc('a', { XksProxyVpcEndpointServiceName: undefined })],
  ['a proxy without TLS', proxy('a', { XksProxyUriEndpoint: 'http://xks.example.com' })],
]

for (const [why, input, code = 'ValidationException'] of NEW) {
  test(`CreateCustomKeyStore refuses ${why}`, async (t) => {
    const { room } = await stores(t)
    const error = await t.throwsAsync(room.createCustomKeyStore(input))
    t.is((error as Error & { code: string }).code, code)
    t.false(/pass word|abc123/.test(error.message))
    t.deepEqual((await room.describeCustomKeyStores()).CustomKeyStores, [])
  })
}

/** What a second store may share with the first, and what not. */
const path = { XksProxyUriPath: '/b/kms/xks/v1' }
const TWO: [why: string, first: CreateCustomKeyStoreRequest, second: CreateCustomKeyStoreRequest, code?: string][] = [
  ['the name', cluster('a'), proxy('a'), 'CustomKeyStoreNameInUseException'],
  [
    'the name, though all else is alike but the password',
    cluster('a'),
    cluster('a', { KeyStorePassword: 'another1' }),
    'CustomKeyStoreNameInUseException',
  ],
  ['the cluster', cluster('a'), cluster('b'), 'CloudHsmClusterInUseException'],
  ['endpoint and path', proxy('a'), proxy('b'), 'XksProxyUriInUseException'],
  ['a public endpoint, on another path', proxy('a'), proxy('b', path)],
  ['a path, at another endpoint', proxy('a'), proxy('b', { XksProxyUriEndpoint: 'https://b.example.com' })],
  [
    'a private endpoint, on another path',
    vpc('a'),
    vpc('b', { ...path, XksProxyVpcEndpointServiceName: OTHER_SERVICE }),
    'XksProxyUriEndpointInUseException',
  ],
  [
    'the endpoint of a private proxy in public',
    vpc('a'),
    proxy('b', { ...path, XksProxyUriEndpoint: 'https://private.example.com' }),
    'XksProxyUriEndpointInUseException',
  ],
  [
    'a service',
    vpc('a'),
    vpc('b', { ...path, XksProxyUriEndpoint: 'https://b.example.com' }),
    'XksProxyVpcEndpointServiceInUseException',
  ],
]

for (const [why, first, second, code] of TWO) {
  test(`two stores ${code ? 'must not' : 'may'} share ${why}`, async (t) => {
    const { room } = await stores(t)
    await make(room, first)
    if (code) await refuses(t, make(room, second), code)
    else await t.notThrowsAsync(make(room, second))
    // Another account, or another Region, is another world.
    await t.notThrowsAsync(make(room.as({ account: '111122223333' }), second))
    const { XksProxyVpcEndpointServiceName: service } = second
    const there = { XksProxyVpcEndpointServiceName: service?.replace('us-east-1', 'eu-west-1') }
    await t.notThrowsAsync(make(room.as({ region: 'eu-west-1' }), { ...second, ...there }))
  })
}

test('to ask for a disconnected store again is to get it', async (t) => {
  const { room } = await stores(t)
  for (const input of [cluster('a'), proxy('b'), vpc('c')]) {
    const id = await make(room, input)
    t.is(await make(room, input), id)
    await room.connectCustomKeyStore({ CustomKeyStoreId: id })
    await refuses(t, make(room, input), 'CustomKeyStoreNameInUseException')
  }
  t.is((await room.describeCustomKeyStores()).CustomKeyStores!.length, 3)
})

const numbered = (i: number) =>
  cluster(`store ${i}`, { CloudHsmClusterId: `cluster-${String.fromCharCode(97 + i).repeat(11)}` })

test('ten stores and no more, however many are asked for at once; a place that falls free is taken again', async (t) => {
  const { room } = await stores(t)
  const outcomes = await Promise.allSettled(Array.from({ length: 13 }, (_, i) => make(room, numbered(i))))
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  t.deepEqual(
    refused.map(({ reason }) => (reason as { code: string }).code),
    Array(3).fill('LimitExceededException'),
  )
  const { CustomKeyStores } = await room.describeCustomKeyStores()
  await room.deleteCustomKeyStore({ CustomKeyStoreId: CustomKeyStores![4]!.CustomKeyStoreId! })
  await t.notThrowsAsync(make(room, numbered(20)))
  await refuses(t, make(room, numbered(21)), 'LimitExceededException')
})

test('of two who want one cluster at once, one gets it', async (t) => {
  const { room } = await stores(t)
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((name) => make(room, cluster(name))))
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('stores are described page by page, by id, by name', async (t) => {
  const { room } = await stores(t)
  const ids = []
  for (let i = 0; i < 5; i++) ids.push(await make(room, numbered(i)))
  const all: string[] = []
  let Marker: string | undefined
  do {
    const page = await room.describeCustomKeyStores({ Limit: 2, Marker })
    all.push(...page.CustomKeyStores!.map(({ CustomKeyStoreId }) => CustomKeyStoreId!))
    Marker = page.NextMarker
  } while (Marker)
  t.deepEqual(all, ids)
  const nobody = 'CustomKeyStoreNotFoundException'
  await refuses(t, room.describeCustomKeyStores({ CustomKeyStoreId: 'cks-00000000000000000' }), nobody)
  await refuses(t, room.describeCustomKeyStores({ CustomKeyStoreName: 'none' }), nobody)
  await refuses(
    t,
    room.describeCustomKeyStores({ CustomKeyStoreId: ids[0], CustomKeyStoreName: 'store 0' }),
    'ValidationException',
  )
  await refuses(t, room.describeCustomKeyStores({ Marker: 'x' }), 'InvalidMarkerException')
})

// Connecting --------------------------------------------------------------------------------------

for (const [why, input, error] of [
  ['a cluster that is gone', cluster('a'), 'CLUSTER_NOT_FOUND'],
  ['a proxy that is gone', proxy('a'), 'XKS_PROXY_NOT_REACHABLE'],
] as const) {
  test(`${why} cannot be connected to, and the store says why`, async (t) => {
    const data = folder(t)
    const first = await stores(t, { data, memory: false })
    const CustomKeyStoreId = await make(first.room, input)
    await first.room.close()
    // The same folder, where nothing is behind its stores.
    const { room } = await scene(t, {
      data,
      memory: false,
      xks: { endpoints: { 'https://xks.example.com': 'http://127.0.0.1:9' } },
    })
    const invalid = 'CustomKeyStoreInvalidStateException'
    await refuses(t, room.disconnectCustomKeyStore({ CustomKeyStoreId }), invalid)
    t.deepEqual(await room.connectCustomKeyStore({ CustomKeyStoreId }), {})
    t.deepEqual(await settled(room, CustomKeyStoreId), ['FAILED', error])
    await refuses(t, room.connectCustomKeyStore({ CustomKeyStoreId }), invalid)
    await refuses(t, room.deleteCustomKeyStore({ CustomKeyStoreId }), invalid)
    await refuses(t, room.updateCustomKeyStore({ CustomKeyStoreId, NewCustomKeyStoreName: 'b' }), invalid)
    t.deepEqual(await room.disconnectCustomKeyStore({ CustomKeyStoreId }), {})
    t.deepEqual(await settled(room, CustomKeyStoreId), ['DISCONNECTED', undefined])
    t.deepEqual(await room.deleteCustomKeyStore({ CustomKeyStoreId }), {})
    await refuses(t, only(room, CustomKeyStoreId), 'CustomKeyStoreNotFoundException')
  })
}

test('what is not there can be neither changed, deleted, connected nor disconnected', async (t) => {
  const { room } = await stores(t)
  const theirs = await make(room.as({ account: '111122223333' }), cluster('a'))
  for (const CustomKeyStoreId of ['cks-00000000000000000', theirs]) {
    for (const act of [
      room.updateCustomKeyStore({ CustomKeyStoreId, NewCustomKeyStoreName: 'b' }),
      room.deleteCustomKeyStore({ CustomKeyStoreId }),
      room.connectCustomKeyStore({ CustomKeyStoreId }),
      room.disconnectCustomKeyStore({ CustomKeyStoreId }),
    ]) {
      await refuses(t, act, 'CustomKeyStoreNotFoundException')
    }
  }
})

test('neither a key nor chance comes from a store that is not connected', async (t) => {
  const { room } = await stores(t)
  const unknown = 'cks-00000000000000000'
  const hsm = await make(room, cluster('a'))
  const xks = await make(room, proxy('b'))
  const create = (CustomKeyStoreId: string, more = {}) =>
    room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM', ...more })
  const external = { Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' }
  await refuses(t, create(unknown), 'CustomKeyStoreNotFoundException')
  await refuses(t, create(hsm), 'CustomKeyStoreInvalidStateException')
  await refuses(t, create(xks, external), 'CustomKeyStoreInvalidStateException')
  await refuses(t, create(hsm, { Origin: undefined }), 'ValidationException')
  await refuses(t, create(hsm, { Origin: 'EXTERNAL' }), 'ValidationException')
  await refuses(t, create(hsm, { XksKeyId: 'k1' }), 'ValidationException')
  await refuses(t, create(xks, { ...external, XksKeyId: undefined }), 'ValidationException')
  await refuses(t, room.createKey({ Origin: 'AWS_CLOUDHSM' }), 'ValidationException')
  await refuses(t, room.createKey({ XksKeyId: 'k1' }), 'ValidationException')
  const hmac = { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }
  await refuses(t, create(hsm, hmac), 'UnsupportedOperationException')
  await refuses(t, create(hsm, { MultiRegion: true }), 'UnsupportedOperationException')
  const random = (CustomKeyStoreId: string) => room.generateRandom({ NumberOfBytes: 8, CustomKeyStoreId })
  await refuses(t, random(unknown), 'CustomKeyStoreNotFoundException')
  await refuses(t, random(hsm), 'CustomKeyStoreInvalidStateException')
})
