/** Keys enabled, disabled, scheduled for deletion, saved and gone. */
import test from 'ava'
import type { Client } from '../../src/index.ts'
import { bytes, refuses, scene, type Scene } from '../helpers/scene.ts'

const Plaintext = bytes('x')

/** How a key comes into each state. */
const STATES: Record<string, (scene: Scene) => Promise<unknown>> = {
  Enabled: async () => undefined,
  Disabled: ({ room, id }) => room.disableKey({ KeyId: id }),
  PendingDeletion: ({ room, id }) => room.scheduleKeyDeletion({ KeyId: id }),
}

/** Each operation on a key, in the three states: what it answers (facts: key states). */
const works = 'works'
const disabled = 'DisabledException'
const pending = 'KMSInvalidStateException'
const OPERATIONS: [name: string, act: (room: Client, KeyId: string) => Promise<unknown>, ...outcomes: string[]][] = [
  ['Encrypt', (room, KeyId) => room.encrypt({ KeyId, Plaintext }), works, disabled, pending],
  ['GenerateDataKey', (room, KeyId) => room.generateDataKey({ KeyId, NumberOfBytes: 8 }), works, disabled, pending],
  [
    'GenerateDataKeyWithoutPlaintext',
    (room, KeyId) => room.generateDataKeyWithoutPlaintext({ KeyId, NumberOfBytes: 8 }),
    works,
    disabled,
    pending,
  ],
  ['EnableKey', (room, KeyId) => room.enableKey({ KeyId }), works, works, pending],
  ['DisableKey', (room, KeyId) => room.disableKey({ KeyId }), works, works, pending],
  ['ScheduleKeyDeletion', (room, KeyId) => room.scheduleKeyDeletion({ KeyId }), works, works, pending],
  ['CancelKeyDeletion', (room, KeyId) => room.cancelKeyDeletion({ KeyId }), pending, pending, works],
  [
    'CreateAlias',
    (room, KeyId) => room.createAlias({ AliasName: 'alias/a', TargetKeyId: KeyId }),
    works,
    works,
    pending,
  ],
  ['TagResource', (room, KeyId) => room.tagResource({ KeyId, Tags: [] }), works, works, pending],
  ['UntagResource', (room, KeyId) => room.untagResource({ KeyId, TagKeys: [] }), works, works, pending],
  [
    'UpdateKeyDescription',
    (room, KeyId) => room.updateKeyDescription({ KeyId, Description: '' }),
    works,
    works,
    pending,
  ],
  ['DescribeKey', (room, KeyId) => room.describeKey({ KeyId }), works, works, works],
  ['GetKeyPolicy', (room, KeyId) => room.getKeyPolicy({ KeyId }), works, works, works],
  ['ListKeyPolicies', (room, KeyId) => room.listKeyPolicies({ KeyId }), works, works, works],
  ['ListResourceTags', (room, KeyId) => room.listResourceTags({ KeyId }), works, works, works],
  ['ListAliases', (room, KeyId) => room.listAliases({ KeyId }), works, works, works],
]

for (const [name, act, ...outcomes] of OPERATIONS) {
  for (const [i, [state, enter]] of Object.entries(STATES).entries()) {
    test(`${name} of a key that is ${state}: ${outcomes[i]!}`, async (t) => {
      const stage = await scene(t)
      await enter(stage)
      const answer = act(stage.room, stage.id)
      if (outcomes[i] === works) await t.notThrowsAsync(answer)
      else await refuses(t, answer, outcomes[i]!)
    })
  }
}

test('the words of a refusal name the key', async (t) => {
  const { room, id, arn } = await scene(t)
  await refuses(t, room.cancelKeyDeletion({ KeyId: id }), pending, `${arn} is not pending deletion.`)
  await room.disableKey({ KeyId: id })
  await refuses(t, room.encrypt({ KeyId: id, Plaintext }), disabled, `${arn} is disabled.`)
  await refuses(t, room.cancelKeyDeletion({ KeyId: id }), pending, `${arn} is not pending deletion.`)
  await room.scheduleKeyDeletion({ KeyId: id })
  await refuses(t, room.encrypt({ KeyId: id, Plaintext }), pending, `${arn} is pending deletion.`)
})

test('ciphertext of a disabled key waits; enabled again, it opens', async (t) => {
  const { room, id } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  await room.disableKey({ KeyId: id })
  await refuses(t, room.decrypt({ CiphertextBlob }), disabled)
  await refuses(t, room.reEncrypt({ CiphertextBlob, DestinationKeyId: id }), disabled)
  await room.enableKey({ KeyId: id })
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
})

test('deletion: 7 to 30 days, 30 unasked, and the date is told', async (t) => {
  const { room, id, arn } = await scene(t)
  for (const days of [6, 31]) {
    await refuses(
      t,
      room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: days }),
      'ValidationException',
      /pendingWindowInDays/,
    )
  }
  const DeletionDate = new Date('2026-01-31T00:00:00Z')
  t.deepEqual(await room.scheduleKeyDeletion({ KeyId: id }), {
    KeyId: arn,
    DeletionDate,
    KeyState: 'PendingDeletion',
    PendingWindowInDays: 30,
  })
  const { KeyMetadata } = await room.describeKey({ KeyId: id })
  t.like(KeyMetadata, { KeyState: 'PendingDeletion', Enabled: false, DeletionDate })
})

test('a key saved on its last day is disabled; on its date it is gone, aliases and all', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  await room.createAlias({ AliasName: 'alias/doomed', TargetKeyId: id })
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(6)
  await room.cancelKeyDeletion({ KeyId: id })
  t.like((await room.describeKey({ KeyId: id })).KeyMetadata, { KeyState: 'Disabled', DeletionDate: undefined })

  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 7 })
  pass(7)
  const gone = `Key '${arn}' does not exist`
  for (const swept of [false, true]) {
    if (swept) t.is(await room.sweep(), 1)
    await refuses(t, room.describeKey({ KeyId: id }), 'NotFoundException', gone)
    await refuses(t, room.cancelKeyDeletion({ KeyId: id }), 'NotFoundException', gone)
    await refuses(t, room.decrypt({ CiphertextBlob }), 'AccessDeniedException')
    await refuses(t, room.describeKey({ KeyId: 'alias/doomed' }), 'NotFoundException')
    t.deepEqual((await room.listKeys()).Keys, [])
    t.false((await room.listAliases()).Aliases!.some(({ TargetKeyId }) => TargetKeyId))
  }
  t.is(await room.sweep(), 0)
})
