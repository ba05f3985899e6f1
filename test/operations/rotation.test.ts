/** Rotation, with a clock to turn: by itself, on demand, what is listed of it, and that nothing old is lost by it. */
import test from 'ava'
import type { Client } from '../../src/index.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const Plaintext = bytes('attack at dawn')
const START = Date.UTC(2026, 0, 1)
const DAY = 86_400_000
const day = (n: number) => new Date(START + n * DAY)

async function currentId(room: Client, KeyId: string): Promise<string> {
  return (await room.describeKey({ KeyId })).KeyMetadata!.CurrentKeyMaterialId!
}

test('the schedule: on, changed, off, and on again, each counted from its call', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  const status = () => room.getKeyRotationStatus({ KeyId: id })
  const off = {
    KeyId: arn,
    KeyRotationEnabled: false,
    RotationPeriodInDays: undefined,
    NextRotationDate: undefined,
    OnDemandRotationStartDate: undefined,
  }
  const on = (days: number, at: number) => ({
    ...off,
    KeyRotationEnabled: true,
    RotationPeriodInDays: days,
    NextRotationDate: day(at),
  })
  t.deepEqual(await status(), off)
  await room.enableKeyRotation({ KeyId: arn })
  t.deepEqual(await status(), on(365, 365))
  pass(10)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  t.deepEqual(await status(), on(90, 100))
  await room.disableKeyRotation({ KeyId: id })
  t.deepEqual(await status(), off)
  await room.disableKeyRotation({ KeyId: id })
  pass(10)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 2560 })
  t.deepEqual(await status(), on(2560, 2580))
  for (const RotationPeriodInDays of [89, 2561]) {
    await refuses(t, room.enableKeyRotation({ KeyId: id, RotationPeriodInDays }), 'ValidationException')
  }
})

test('a key rotates on its dates, however late anybody looks, and what it encrypted before decrypts for ever', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 100 })
  const first = await currentId(room, id)
  const old = (await room.encrypt({ KeyId: id, Plaintext })).CiphertextBlob!
  pass(99)
  t.is(await currentId(room, id), first)
  pass(1)
  const second = await currentId(room, id)
  t.not(second, first)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  t.is((await room.decrypt({ CiphertextBlob })).KeyMaterialId, second)

  // Three periods go by unseen; Encrypt is the first to meet the key.
  pass(350)
  const newest = (await room.encrypt({ KeyId: id, Plaintext })).CiphertextBlob!
  const { Rotations, Truncated, NextMarker } = await room.listKeyRotations({ KeyId: id })
  t.false(Truncated)
  t.is(NextMarker, undefined)
  t.deepEqual(
    Rotations!.map(({ RotationDate }) => RotationDate),
    [day(100), day(200), day(300), day(400)],
  )
  t.deepEqual(
    Rotations!.map(({ KeyMaterialState }) => KeyMaterialState),
    ['NON_CURRENT', 'NON_CURRENT', 'NON_CURRENT', 'CURRENT'],
  )
  t.deepEqual(Rotations![0], {
    KeyId: arn,
    KeyMaterialId: second,
    KeyMaterialDescription: undefined,
    ImportState: undefined,
    KeyMaterialState: 'NON_CURRENT',
    ExpirationModel: undefined,
    ValidTo: undefined,
    RotationDate: day(100),
    RotationType: 'AUTOMATIC',
  })
  t.deepEqual((await room.getKeyRotationStatus({ KeyId: id })).NextRotationDate, day(500))
  t.is(Rotations![3]!.KeyMaterialId, await currentId(room, id))
  for (const [blob, made] of [
    [old, first],
    [CiphertextBlob!, second],
    [newest, Rotations![3]!.KeyMaterialId],
  ] as const) {
    const opened = await room.decrypt({ CiphertextBlob: blob })
    t.deepEqual(Uint8Array.from(opened.Plaintext!), Plaintext)
    t.like(opened, { KeyMaterialId: made, KeyId: arn })
  }
  const again = await room.reEncrypt({ CiphertextBlob: old, DestinationKeyId: id })
  t.like(again, { SourceKeyMaterialId: first, DestinationKeyMaterialId: Rotations![3]!.KeyMaterialId })
})

test('a sweep rotates what nobody asks for; many calls at once rotate once', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  const count = async () => (await room.listKeyRotations({ KeyId: id })).Rotations!.length
  pass(90)
  t.is(await room.sweep(), 0)
  t.is(await count(), 1)
  pass(90)
  const blobs = await Promise.all(Array.from({ length: 20 }, () => room.encrypt({ KeyId: id, Plaintext })))
  const used = await Promise.all(
    blobs.map(async ({ CiphertextBlob }) => (await room.decrypt({ CiphertextBlob })).KeyMaterialId),
  )
  t.is(new Set(used).size, 1)
  t.is(used[0], await currentId(room, id))
  t.is(await count(), 2)
})

test('ciphertext alone finds its key through every material, and meets the rotation that is due', async (t) => {
  const { room, id, pass } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  await room.enableKeyRotation({ KeyId: id })
  pass(365)
  await room.decrypt({ CiphertextBlob })
  t.is((await room.listKeyRotations({ KeyId: id })).Rotations!.length, 1)
})

test('a disabled key does not rotate; enabled again, an overdue rotation runs at once and the schedule begins anew', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 100 })
  const first = await currentId(room, id)
  pass(50)
  await room.disableKey({ KeyId: id })
  pass(300)
  await room.sweep()
  t.is(await currentId(room, id), first)
  t.like(await room.getKeyRotationStatus({ KeyId: id }), { KeyRotationEnabled: true, NextRotationDate: day(100) })
  await room.enableKey({ KeyId: id })
  t.not(await currentId(room, id), first)
  t.like((await room.listKeyRotations({ KeyId: id })).Rotations, {
    length: 1,
    0: { RotationDate: day(350), RotationType: 'AUTOMATIC' },
  })
  t.deepEqual((await room.getKeyRotationStatus({ KeyId: id })).NextRotationDate, day(450))

  // Not overdue: the schedule goes on as it was.
  await room.disableKey({ KeyId: id })
  pass(20)
  await room.enableKey({ KeyId: id })
  t.deepEqual((await room.getKeyRotationStatus({ KeyId: id })).NextRotationDate, day(450))
})

test('what was due before the key was disabled has happened, whoever looks first', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  pass(91)
  await room.disableKey({ KeyId: id })
  t.like((await room.listKeyRotations({ KeyId: id })).Rotations, { length: 1, 0: { RotationDate: day(90) } })
})

test('a key pending deletion does not rotate and reads false; saved and enabled, it makes up for it', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  pass(80)
  await room.scheduleKeyDeletion({ KeyId: id, PendingWindowInDays: 30 })
  t.like(await room.getKeyRotationStatus({ KeyId: id }), {
    KeyRotationEnabled: false,
    RotationPeriodInDays: undefined,
    NextRotationDate: undefined,
  })
  pass(20)
  await room.sweep()
  t.deepEqual((await room.listKeyRotations({ KeyId: id })).Rotations, [])
  await room.cancelKeyDeletion({ KeyId: id })
  t.like(await room.getKeyRotationStatus({ KeyId: id }), { KeyRotationEnabled: true, NextRotationDate: day(90) })
  await room.enableKey({ KeyId: id })
  t.like((await room.listKeyRotations({ KeyId: id })).Rotations, { length: 1, 0: { RotationDate: day(100) } })
})

test('on demand: at once, beside the schedule, 25 times in a life', async (t) => {
  const { room, id, arn, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  const blobs = [(await room.encrypt({ KeyId: id, Plaintext })).CiphertextBlob!]
  for (let i = 0; i < 25; i++) {
    t.deepEqual(await room.rotateKeyOnDemand({ KeyId: id }), { KeyId: arn })
    blobs.push((await room.encrypt({ KeyId: id, Plaintext })).CiphertextBlob!)
  }
  const limit = `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`
  await refuses(t, room.rotateKeyOnDemand({ KeyId: id }), 'LimitExceededException', limit)
  t.deepEqual((await room.getKeyRotationStatus({ KeyId: id })).NextRotationDate, day(90))
  const ids = await Promise.all(
    blobs.map(async (CiphertextBlob) => (await room.decrypt({ CiphertextBlob })).KeyMaterialId),
  )
  t.is(new Set(ids).size, 26)
  // The limit is of those on demand; the schedule goes on, and so does the limit.
  pass(90)
  await refuses(t, room.rotateKeyOnDemand({ KeyId: id }), 'LimitExceededException', limit)
  const { Rotations } = await room.listKeyRotations({ KeyId: id })
  t.is(Rotations!.length, 26)
  t.like(Rotations!.at(-1), { RotationType: 'AUTOMATIC', RotationDate: day(90), KeyMaterialState: 'CURRENT' })
  t.true(Rotations!.slice(0, 25).every(({ RotationType }) => RotationType === 'ON_DEMAND'))
})

test('a rotation that takes its time shows when it began, refuses a second, and is then over', async (t) => {
  const { room, id, arn, pass } = await scene(t, { settleMillis: 60_000 })
  const minutes = (n: number) => pass(n / 24 / 60)
  const first = await currentId(room, id)
  t.deepEqual(await room.rotateKeyOnDemand({ KeyId: id }), { KeyId: arn })
  t.deepEqual((await room.getKeyRotationStatus({ KeyId: id })).OnDemandRotationStartDate, day(0))
  t.is(await currentId(room, id), first)
  const list = async () =>
    (await room.listKeyRotations({ KeyId: id, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations!
  t.is((await list()).length, 1)
  await refuses(t, room.rotateKeyOnDemand({ KeyId: id }), 'ConflictException')
  const during = (await room.encrypt({ KeyId: id, Plaintext })).CiphertextBlob!
  minutes(1)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  t.not((await room.decrypt({ CiphertextBlob })).KeyMaterialId, first)
  t.is((await room.decrypt({ CiphertextBlob: during })).KeyMaterialId, first)
  t.is((await room.getKeyRotationStatus({ KeyId: id })).OnDemandRotationStartDate, undefined)
  t.like(await list(), {
    length: 2,
    0: { KeyMaterialId: first, KeyMaterialState: 'NON_CURRENT', RotationDate: undefined },
    1: { KeyMaterialState: 'CURRENT', RotationType: 'ON_DEMAND', RotationDate: new Date(START + 60_000) },
  })
})

test('on demand is refused within twenty minutes of a scheduled rotation', async (t) => {
  const { room, id, pass } = await scene(t)
  await room.enableKeyRotation({ KeyId: id, RotationPeriodInDays: 90 })
  pass(90 - 20 / 24 / 60)
  await refuses(t, room.rotateKeyOnDemand({ KeyId: id }), 'ConflictException')
  pass(20 / 24 / 60)
  await room.rotateKeyOnDemand({ KeyId: id })
  t.is((await room.listKeyRotations({ KeyId: id })).Rotations!.length, 2)
})

test('ListKeyRotations leaves the first material out unless asked, and pages', async (t) => {
  const { room, id, pass } = await scene(t)
  const first = await currentId(room, id)
  t.deepEqual(await room.listKeyRotations({ KeyId: id }), { Rotations: [], Truncated: false })
  for (let i = 0; i < 7; i++) {
    pass(1)
    await room.rotateKeyOnDemand({ KeyId: id })
  }
  const IncludeKeyMaterial = 'ALL_KEY_MATERIAL'
  const all = (await room.listKeyRotations({ KeyId: id, IncludeKeyMaterial })).Rotations!
  t.is(all.length, 8)
  t.like(all[0], { KeyMaterialId: first, RotationDate: undefined, RotationType: undefined })
  t.deepEqual(
    (await room.listKeyRotations({ KeyId: id, IncludeKeyMaterial: 'ROTATIONS_ONLY' })).Rotations,
    all.slice(1),
  )
  const paged = []
  let Marker: string | undefined
  do {
    const page = await room.listKeyRotations({ KeyId: id, IncludeKeyMaterial, Limit: 3, Marker })
    t.is(page.Truncated, page.NextMarker !== undefined)
    paged.push(...page.Rotations!)
    Marker = page.NextMarker
  } while (Marker)
  t.deepEqual(paged, all)
  await refuses(t, room.listKeyRotations({ KeyId: id, Marker: 'abcd' }), 'InvalidMarkerException')
})

const rotations = {
  EnableKeyRotation: (room: Client, KeyId: string) => room.enableKeyRotation({ KeyId }),
  DisableKeyRotation: (room: Client, KeyId: string) => room.disableKeyRotation({ KeyId }),
  RotateKeyOnDemand: (room: Client, KeyId: string) => room.rotateKeyOnDemand({ KeyId }),
}

for (const [name, act] of Object.entries(rotations)) {
  test(`${name} refuses a disabled key, one pending deletion, and an alias`, async (t) => {
    const { room, id, arn } = await scene(t)
    await room.createAlias({ AliasName: 'alias/a', TargetKeyId: id })
    await refuses(t, act(room, 'alias/a'), 'NotFoundException', "Invalid keyId 'alias/a'")
    await room.disableKey({ KeyId: id })
    await refuses(t, act(room, id), 'DisabledException', `${arn} is disabled.`)
    await room.scheduleKeyDeletion({ KeyId: id })
    await refuses(t, act(room, id), 'KMSInvalidStateException', `${arn} is pending deletion.`)
  })
}
