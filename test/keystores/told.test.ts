/** What custom key stores put on record, and the quota that each has. */
import test from 'ava'
import { bytes, refuses } from '../helpers/scene.ts'
import { cluster, connected, proxy, settled, stores } from '../helpers/stores.ts'

const Plaintext = bytes('attack at dawn')

test('the trail tells which store a key is in, and what is behind it', async (t) => {
  const { room } = await stores(t)
  const hsm = await connected(room, cluster('a'))
  const xks = await connected(room, proxy('b'))
  const one = await room.createKey({ CustomKeyStoreId: hsm, Origin: 'AWS_CLOUDHSM' })
  const two = await room.createKey({ CustomKeyStoreId: xks, Origin: 'EXTERNAL_KEY_STORE', XksKeyId: 'k1' })
  for (const { KeyMetadata } of [one, two]) await room.encrypt({ KeyId: KeyMetadata!.KeyId, Plaintext })
  await room.disconnectCustomKeyStore({ CustomKeyStoreId: hsm })
  const told = async (eventName: string) => {
    const found: unknown[] = []
    for await (const { additionalEventData } of room.audit.events({ eventName })) found.push(additionalEventData)
    return found
  }
  const clusterId = 'cluster-234567abcde'
  const [, made, ...others] = await told('CreateKey')
  const { backingKey, ...rest } = made as { backingKey: string }
  t.deepEqual(Object.keys(JSON.parse(backingKey) as object), ['backingKeyId'])
  t.deepEqual(
    [rest, ...others],
    [
      { customKeyStoreId: hsm, customKeyStoreName: 'a', clusterId },
      { customKeyStoreId: xks, xksKeyId: 'k1', customKeyStoreName: 'b' },
    ],
  )
  t.deepEqual(await told('Encrypt'), [
    { customKeyStoreId: hsm, clusterId },
    { customKeyStoreId: xks, xksKeyId: 'k1' },
  ])
  t.deepEqual(await told('DisconnectCustomKeyStore'), [{ customKeyStoreName: 'a', clusterId }])
})

for (const [what, connect, deletionStatus] of [
  ['connected', true, 'SUCCESS'],
  ['disconnected', false, 'FAILURE'],
] as const) {
  test(`of a key that is deleted while its store is ${what}, the trail tells what became of the keys behind it`, async (t) => {
    const { room, pass } = await stores(t)
    const CustomKeyStoreId = await connected(room, cluster('a'))
    const { KeyId } = (await room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!
    await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
    if (!connect) await room.disconnectCustomKeyStore({ CustomKeyStoreId })
    await settled(room, CustomKeyStoreId)
    pass(8)
    await room.sweep()
    const last = async (eventName: string) => {
      let data: Readonly<Record<string, unknown>> = {}
      for await (const event of room.audit.events({ eventName })) data = event.additionalEventData ?? {}
      return data
    }
    const made = JSON.parse((await last('CreateKey')).backingKey as string) as object
    t.deepEqual(await last('DeleteKey'), {
      ...{ customKeyStoreId: CustomKeyStoreId, clusterId: 'cluster-234567abcde' },
      backingKeys: JSON.stringify([made]),
      backingKeysDeletionStatus: JSON.stringify([{ ...made, deletionStatus }]),
    })
  })
}

test('1,800 requests a second are what a store takes, whatever the account may ask; others go on', async (t) => {
  const { room, id } = await stores(t, { quotas: 'aws' })
  const CustomKeyStoreId = await connected(room, cluster('a'))
  const { KeyId } = (await room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!
  const plaintexts = Array.from({ length: 1800 }, () => Plaintext)
  await room.key(KeyId).encryptMany(plaintexts)
  const message = new RegExp(`for the custom key store ${CustomKeyStoreId}\\.`)
  await refuses(t, room.encrypt({ KeyId, Plaintext }), 'ThrottlingException', message)
  await t.notThrowsAsync(room.encrypt({ KeyId: id, Plaintext }))
})
