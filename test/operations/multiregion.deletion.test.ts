/** Deletion of related keys: replicas first, the primary's window after them, and what comes back when one is saved or made anew. */
import test from 'ava'
import { family, metadata } from '../helpers/family.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const Plaintext = bytes('one key, many Regions')
const START = Date.UTC(2026, 0, 1)
const day = (n: number) => new Date(START + n * 86_400_000)

test('a primary key waits for its replicas; its window begins when the last is gone', async (t) => {
  const { room, virginia, ireland, tokyo, KeyId, arnIn, pass } = await family(t)
  for (const ReplicaRegion of ['eu-west-1', 'ap-northeast-1']) await virginia.replicateKey({ KeyId, ReplicaRegion })
  t.deepEqual(await virginia.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 10 }), {
    KeyId: arnIn('us-east-1'),
    KeyState: 'PendingReplicaDeletion',
    PendingWindowInDays: 10,
  })
  const waiting = {
    KeyState: 'PendingReplicaDeletion',
    Enabled: false,
    DeletionDate: undefined,
    PendingDeletionWindowInDays: 10,
  }
  t.like(await metadata(virginia, KeyId), waiting)
  const pending = `${arnIn('us-east-1')} is pending deletion.`
  for (const act of [
    virginia.encrypt({ KeyId, Plaintext }),
    virginia.replicateKey({ KeyId, ReplicaRegion: 'us-west-2' }),
    virginia.scheduleKeyDeletion({ KeyId }),
    virginia.enableKey({ KeyId }),
  ]) {
    await refuses(t, act, 'KMSInvalidStateException', pending)
  }
  // The replicas go on, until they are deleted themselves: one on day 7, the other on day 20.
  const { CiphertextBlob } = await ireland.encrypt({ KeyId, Plaintext })
  await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(12)
  await refuses(t, ireland.describeKey({ KeyId }), 'NotFoundException')
  t.like(await metadata(virginia, KeyId), waiting)
  t.deepEqual((await metadata(virginia, KeyId)).MultiRegionConfiguration!.ReplicaKeys, [
    { Arn: arnIn('ap-northeast-1'), Region: 'ap-northeast-1' },
  ])
  await tokyo.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 8 })
  t.like(await metadata(virginia, KeyId), waiting)
  pass(8)
  t.like(await metadata(virginia, KeyId), {
    KeyState: 'PendingDeletion',
    DeletionDate: day(30),
    PendingDeletionWindowInDays: undefined,
  })
  t.is(await room.sweep(), 2)
  pass(9)
  t.like(await metadata(virginia, KeyId), { KeyState: 'PendingDeletion', DeletionDate: day(30) })
  pass(1)
  await refuses(t, virginia.describeKey({ KeyId }), 'NotFoundException')
  await refuses(t, virginia.decrypt({ CiphertextBlob }), 'AccessDeniedException')
  t.is(await room.sweep(), 1)
})

test('saved from deletion: the primary, or the replica it waits for', async (t) => {
  const { virginia, ireland, KeyId, pass } = await family(t)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await virginia.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  // The replica is saved on its last day, and with it the primary key, which would have gone a week later.
  pass(6)
  await ireland.cancelKeyDeletion({ KeyId })
  t.is((await metadata(ireland, KeyId)).KeyState, 'Disabled')
  pass(30)
  t.is((await metadata(virginia, KeyId)).KeyState, 'PendingReplicaDeletion')
  await virginia.cancelKeyDeletion({ KeyId })
  t.like(await metadata(virginia, KeyId), { KeyState: 'Disabled', PendingDeletionWindowInDays: undefined })
  await virginia.enableKey({ KeyId })
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'ap-northeast-1' })
})

test('a primary key without replicas, or whose replicas are gone, is deleted like any other', async (t) => {
  const { virginia, ireland, KeyId, pass } = await family(t)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(7)
  t.like(await virginia.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 }), {
    KeyState: 'PendingDeletion',
    DeletionDate: day(14),
  })
})

for (const swept of [false, true]) {
  test(`a replica that is gone, ${swept ? 'and swept' : 'swept or not'}, can be made anew; nothing of the old comes back`, async (t) => {
    const { room, virginia, ireland, KeyId, pass } = await family(t)
    await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1', Description: 'old' })
    await ireland.createAlias({ AliasName: 'alias/a', TargetKeyId: KeyId })
    await ireland.describeKey({ KeyId: 'alias/a' })
    const { CiphertextBlob } = await ireland.encrypt({ KeyId, Plaintext })
    await ireland.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
    await refuses(t, virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' }), 'AlreadyExistsException')
    pass(7)
    if (swept) t.is(await room.sweep(), 1)
    await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1', Description: 'new' })
    t.like(await metadata(ireland, KeyId), { Description: 'new', KeyState: 'Enabled', CreationDate: day(7) })
    t.false((await ireland.listAliases()).Aliases!.some(({ TargetKeyId }) => TargetKeyId))
    await refuses(t, ireland.describeKey({ KeyId: 'alias/a' }), 'NotFoundException')
    t.deepEqual(Uint8Array.from((await ireland.decrypt({ CiphertextBlob })).Plaintext!), Plaintext)
    t.is(await room.sweep(), 0)
  })
}
