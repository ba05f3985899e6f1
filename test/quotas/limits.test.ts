/** How much there may be, with quotas on requests or without; and more of it once that is granted. */
import test from 'ava'
import type { Strongroom } from '../../src/index.ts'
import { refuses } from '../helpers/scene.ts'
import { CLUSTERS, cluster } from '../helpers/stores.ts'
import { ACCOUNT, OTHER, still } from './throttled.ts'

const EXCEEDED = 'LimitExceededException'

const newKey = async (room: Pick<Strongroom, 'createKey'>, input = {}) => (await room.createKey(input)).KeyMetadata!

test('so many keys in an account and Region, in whatever state, and one more for one that is gone', async (t) => {
  const { room, pass } = await still(t, { quotas: { quotas: { Keys: 3, CreateKey: 100 } } })
  const { KeyId } = await newKey(room)
  await newKey(room)
  await newKey(room, { Origin: 'EXTERNAL' })
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  const message = `The account ${ACCOUNT} has reached its quota of 3 keys in us-east-1.`
  await refuses(t, newKey(room), EXCEEDED, message)
  await newKey(room.as({ region: 'eu-west-1' }))
  await newKey(room.as({ account: OTHER }))
  pass(7 * 86_400_000)
  await room.sweep()
  await newKey(room)
  await refuses(t, newKey(room), EXCEEDED, message)
  await room.quotas.set({ quota: 'Keys', value: 4, account: ACCOUNT })
  await newKey(room)
})

test('keys that AWS manages do not count', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { Keys: 1 } } })
  for (const service of ['s3', 'ebs', 'rds']) await room.describeKey({ KeyId: `alias/aws/${service}` })
  await newKey(room)
  await refuses(t, newKey(room), EXCEEDED)
})

test('a replica counts in its Region', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { CreateKey: 100 }, regions: { 'eu-west-1': { Keys: 1 } } } })
  const ireland = room.as({ region: 'eu-west-1' })
  const [one, other] = [await newKey(room, { MultiRegion: true }), await newKey(room, { MultiRegion: true })]
  await room.replicateKey({ KeyId: one.KeyId, ReplicaRegion: 'eu-west-1' })
  await refuses(t, newKey(ireland), EXCEEDED)
  await refuses(t, room.replicateKey({ KeyId: other.KeyId, ReplicaRegion: 'eu-west-1' }), EXCEEDED)
  await room.replicateKey({ KeyId: other.KeyId, ReplicaRegion: 'eu-west-2' })
})

test('of many that want the last places, as many get them as there are', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { Keys: 5, CreateKey: 100 } } })
  const settled = await Promise.allSettled(Array.from({ length: 20 }, () => newKey(room)))
  t.is(settled.filter(({ status }) => status === 'fulfilled').length, 5)
  t.is((await room.listKeys({})).Keys?.length, 5)
})

test('far from the limit nothing is counted, and still none goes past it', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { Keys: 1010, CreateKey: 10_000 } } })
  const make = async (count: number) => Promise.all(Array.from({ length: count }, () => newKey(room)))
  for (const count of [4, 4, 4, 4, 990]) await make(count)
  const settled = await Promise.allSettled(Array.from({ length: 8 }, () => newKey(room)))
  t.is(settled.filter(({ status }) => status === 'fulfilled').length, 4)
})

test('without quotas on requests, 100,000 keys, 50 aliases, 50,000 grants and 10 key stores are what there may be', async (t) => {
  const { room } = await still(t)
  const most = (quota: string) => room.quotas.get({ quota, region: 'us-east-1', account: ACCOUNT })
  t.false(room.quotas.throttles)
  t.deepEqual(['Keys', 'AliasesPerKey', 'GrantsPerKey', 'CustomKeyStores'].map(most), [100_000, 50, 50_000, 10])
  const { KeyId: TargetKeyId } = await newKey(room)
  for (let i = 0; i < 50; i++) await room.createAlias({ AliasName: `alias/${i}`, TargetKeyId })
  await refuses(t, room.createAlias({ AliasName: 'alias/50', TargetKeyId }), EXCEEDED)
})

test('so many aliases of a key, and more when that is granted', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { AliasesPerKey: 2 } } })
  const { KeyId: TargetKeyId, Arn } = await newKey(room)
  const alias = (name: string) => room.createAlias({ AliasName: `alias/${name}`, TargetKeyId })
  await alias('one')
  await alias('two')
  await refuses(t, alias('three'), EXCEEDED, `The key ${Arn} has reached its quota of 2 aliases.`)
  const { KeyId: other } = await newKey(room)
  await room.createAlias({ AliasName: 'alias/other', TargetKeyId: other })
  await refuses(t, room.updateAlias({ AliasName: 'alias/other', TargetKeyId }), EXCEEDED)
  await room.quotas.set({ quota: 'AliasesPerKey', value: 3 })
  await room.updateAlias({ AliasName: 'alias/other', TargetKeyId })
})

test('so many grants of a key, and more when that is granted', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { GrantsPerKey: 2 } } })
  const { KeyId, Arn } = await newKey(room)
  const grant = (Name: string) =>
    room.createGrant({ KeyId, GranteePrincipal: `arn:aws:iam::${ACCOUNT}:root`, Operations: ['Decrypt'], Name })
  await grant('one')
  const { GrantId } = await grant('two')
  t.is((await grant('two')).GrantId, GrantId)
  await refuses(t, grant('three'), EXCEEDED, `The key ${Arn} has reached its quota of 2 grants.`)
  await room.quotas.set({ quota: 'GrantsPerKey', value: 3, account: ACCOUNT, region: 'us-east-1' })
  await grant('three')
})

test('so many custom key stores, and more when that is granted', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { CustomKeyStores: 2 } }, clusters: CLUSTERS })
  const create = (n: number) =>
    room.createCustomKeyStore(cluster(`store ${n}`, { CloudHsmClusterId: `cluster-234567abcd${'efg'[n]}` }))
  await create(0)
  await create(1)
  await refuses(t, create(2), EXCEEDED, 'There can be 2 custom key stores at the most.')
  await room.quotas.set({ quota: 'CustomKeyStores', value: 3 })
  await create(2)
})
