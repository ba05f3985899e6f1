/** Several imported materials in one key: which is current, which waits, what the key is without one; and in several Regions. */
import test, { type ExecutionContext } from 'ava'
import { randomBytes } from 'node:crypto'
import type { Client } from '../../src/index.ts'
import { bring, FOREVER, parcel } from '../helpers/import.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const Plaintext = bytes('under one of them')
const NEW = { ...FOREVER, ImportType: 'NEW_KEY_MATERIAL' } as const
const EXISTING = { ...FOREVER, ImportType: 'EXISTING_KEY_MATERIAL' } as const
const START = Date.UTC(2026, 0, 1)
const day = (n: number) => new Date(START + n * 86_400_000)
const [one, two, three] = [1, 2, 3].map(() => randomBytes(32)) as [Buffer, Buffer, Buffer]
const HELD_BACK = 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'

async function vacant(t: ExecutionContext) {
  const all = await scene(t)
  const { KeyId, Arn: arn } = (await all.room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  return { ...all, KeyId, arn: arn! }
}

const metadata = async (room: Client, KeyId: string) => (await room.describeKey({ KeyId })).KeyMetadata!

/** The state of each material, and whether it is there, by id. */
async function materials(room: Client, KeyId: string): Promise<Record<string, string>> {
  const { Rotations } = await room.listKeyRotations({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })
  const said = Rotations!.map((each) => [each.KeyMaterialId, `${each.KeyMaterialState} ${each.ImportState}`] as const)
  return Object.fromEntries(said) as Record<string, string>
}

const opens = async (t: ExecutionContext, room: Client, CiphertextBlob: Uint8Array | undefined, id?: string) => {
  const opened = await room.decrypt({ CiphertextBlob })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  t.is(opened.KeyMaterialId, id)
}

test('new material waits for its rotation, and then encrypts, while the old one decrypts what it encrypted', async (t) => {
  const { room, KeyId, arn } = await vacant(t)
  const none = `No available key material pending rotation for the key: ${arn}.`
  const first = (await bring(room, KeyId, one))!
  await refuses(t, room.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', none)
  const before = await room.encrypt({ KeyId, Plaintext })
  const second = (await bring(room, KeyId, two, NEW))!
  t.is((await metadata(room, KeyId)).CurrentKeyMaterialId, first)
  t.deepEqual(await materials(room, KeyId), { [first]: 'CURRENT IMPORTED', [second]: 'PENDING_ROTATION IMPORTED' })
  await room.rotateKeyOnDemand({ KeyId })
  t.is((await metadata(room, KeyId)).CurrentKeyMaterialId, second)
  t.deepEqual(await materials(room, KeyId), { [first]: 'NON_CURRENT IMPORTED', [second]: 'CURRENT IMPORTED' })
  const after = await room.encrypt({ KeyId, Plaintext })
  await opens(t, room, before.CiphertextBlob, first)
  await opens(t, room, after.CiphertextBlob, second)
  await refuses(t, room.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', none)
})

test('one material alone can wait', async (t) => {
  const { room, KeyId } = await vacant(t)
  await bring(room, KeyId, one)
  const second = (await bring(room, KeyId, two, NEW))!
  const other = await idOf(three, KeyId)
  const message = `New key material (id: ${other}) cannot be imported into KMS key ${KeyId}, because another key material (id: ${second}) is pending rotation.`
  await refuses(t, bring(room, KeyId, three, NEW), 'KMSInvalidStateException', message)
  // The one that waits may come again, and go again.
  t.is(await bring(room, KeyId, two, NEW), second)
  t.is(await bring(room, KeyId, two), second)
  await room.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: second })
  t.is((await metadata(room, KeyId)).KeyState, 'Enabled')
  t.deepEqual(Object.keys(await materials(room, KeyId)).length, 1)
  t.is(await bring(room, KeyId, three, NEW), other)
})

test('what is said to be new must be, and what is said to be known, too', async (t) => {
  const { room, KeyId } = await vacant(t)
  await refuses(t, bring(room, KeyId, one, EXISTING), 'IncorrectKeyMaterialException')
  const named = { ...FOREVER, KeyMaterialId: 'ab'.repeat(32) }
  await refuses(t, bring(room, KeyId, one, named), 'ValidationException', /KeyMaterialId cannot be set/)
  const first = (await bring(room, KeyId, one, NEW))!
  await refuses(t, bring(room, KeyId, one, NEW), 'IncorrectKeyMaterialException')
  await refuses(t, bring(room, KeyId, two), 'IncorrectKeyMaterialException')
  await refuses(t, bring(room, KeyId, two, EXISTING), 'IncorrectKeyMaterialException')
  await refuses(t, bring(room, KeyId, one, named), 'IncorrectKeyMaterialException')
  await refuses(t, bring(room, KeyId, two, { ...FOREVER, KeyMaterialId: first }), 'IncorrectKeyMaterialException')
  await refuses(t, bring(room, KeyId, two, { ...NEW, KeyMaterialId: first }), 'ValidationException')
  t.is(await bring(room, KeyId, one, { ...EXISTING, KeyMaterialId: first }), first)
})

test('a description is kept until another is given', async (t) => {
  const { room, KeyId } = await vacant(t)
  const described = async () =>
    (await room.listKeyRotations({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations![0]!
      .KeyMaterialDescription
  await bring(room, KeyId, one, { ...FOREVER, KeyMaterialDescription: 'from the safe' })
  t.is(await described(), 'from the safe')
  await bring(room, KeyId, one)
  t.is(await described(), 'from the safe')
  await bring(room, KeyId, one, { ...FOREVER, KeyMaterialDescription: 'from the other safe' })
  t.is(await described(), 'from the other safe')
})

test('a key lacks nothing, or works for nothing', async (t) => {
  const { room, KeyId, arn } = await vacant(t)
  const first = (await bring(room, KeyId, one))!
  const old = await room.encrypt({ KeyId, Plaintext })
  const second = (await bring(room, KeyId, two, NEW))!
  await room.rotateKeyOnDemand({ KeyId })
  const fresh = await room.encrypt({ KeyId, Plaintext })
  const waits = (act: Promise<unknown>) => refuses(t, act, 'KMSInvalidStateException', `${arn} is pending import.`)
  const gone = await room.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: first })
  t.is(gone.KeyMaterialId, first)
  t.deepEqual(await materials(room, KeyId), { [first]: 'NON_CURRENT PENDING_IMPORT', [second]: 'CURRENT IMPORTED' })
  await waits(room.decrypt({ CiphertextBlob: fresh.CiphertextBlob }))
  await waits(room.encrypt({ KeyId, Plaintext }))
  await waits(room.rotateKeyOnDemand({ KeyId }))
  // Without an id it is the current one that goes.
  t.is((await room.deleteImportedKeyMaterial({ KeyId })).KeyMaterialId, second)
  await bring(room, KeyId, one)
  t.is((await metadata(room, KeyId)).KeyState, 'PendingImport')
  await bring(room, KeyId, two)
  t.is((await metadata(room, KeyId)).KeyState, 'Enabled')
  await opens(t, room, old.CiphertextBlob, first)
  await opens(t, room, fresh.CiphertextBlob, second)
})

test('the earliest date of its materials is the key’s; one that waits has a date for itself', async (t) => {
  const { room, KeyId, pass } = await vacant(t)
  await bring(room, KeyId, one, { ValidTo: day(30) })
  await bring(room, KeyId, two, { ImportType: 'NEW_KEY_MATERIAL', ValidTo: day(10) })
  t.deepEqual((await metadata(room, KeyId)).ValidTo, day(30))
  await room.rotateKeyOnDemand({ KeyId })
  t.deepEqual((await metadata(room, KeyId)).ValidTo, day(10))
  pass(10)
  t.is((await metadata(room, KeyId)).KeyState, 'PendingImport')
  await bring(room, KeyId, two)
  t.like(await metadata(room, KeyId), {
    KeyState: 'Enabled',
    ValidTo: day(30),
    ExpirationModel: 'KEY_MATERIAL_EXPIRES',
  })
  await bring(room, KeyId, three, { ImportType: 'NEW_KEY_MATERIAL', ValidTo: day(15) })
  pass(5)
  t.is((await metadata(room, KeyId)).KeyState, 'Enabled', 'what waits is no part of the key yet')
  await refuses(t, room.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException')
})

// In several Regions ------------------------------------------------------------------------------

/** A key with its first material in two Regions, ready for a second one. */
async function family(t: ExecutionContext) {
  const all = await scene(t)
  const { room } = all
  const ireland = room.as({ region: 'eu-west-1' })
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL', MultiRegion: true })).KeyMetadata!
  const first = (await bring(room, KeyId, one))!
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  return { ...all, virginia: room, ireland, KeyId, first }
}

test('a replica waits for the same material, which comes to it under its own parameters', async (t) => {
  const { virginia, ireland, KeyId, first } = await family(t)
  t.like(await metadata(ireland, KeyId), { KeyState: 'PendingImport', Origin: 'EXTERNAL' })
  const abroad = await parcel(virginia, KeyId, one)
  await refuses(t, ireland.importKeyMaterial(abroad), 'InvalidImportTokenException')
  await refuses(t, bring(ireland, KeyId, two), 'IncorrectKeyMaterialException')
  t.is(await bring(ireland, KeyId, one), first, 'its id is the same in every Region')
  const { CiphertextBlob } = await virginia.encrypt({ KeyId, Plaintext })
  await opens(t, ireland, CiphertextBlob, first)
  // Dates and deletions are each Region's own.
  await ireland.deleteImportedKeyMaterial({ KeyId })
  t.is((await metadata(ireland, KeyId)).KeyState, 'PendingImport')
  t.is((await metadata(virginia, KeyId)).KeyState, 'Enabled')
})

test('new material is held back until every Region has it, and then rotates in all', async (t) => {
  const { virginia, ireland, KeyId, first } = await family(t)
  await bring(ireland, KeyId, one)
  await refuses(
    t,
    bring(ireland, KeyId, two, NEW),
    'UnsupportedOperationException',
    /is not a multi-region primary key/,
  )
  const second = (await bring(virginia, KeyId, two, NEW))!
  const held = { [first]: 'CURRENT IMPORTED', [second]: `${HELD_BACK} IMPORTED` }
  t.deepEqual(await materials(virginia, KeyId), held)
  t.deepEqual(await materials(ireland, KeyId), { ...held, [second]: `${HELD_BACK} PENDING_IMPORT` })
  t.is((await metadata(ireland, KeyId)).KeyState, 'Enabled')
  await refuses(t, virginia.rotateKeyOnDemand({ KeyId }), 'KMSInvalidStateException', /No available key material/)
  t.is(await bring(ireland, KeyId, two), second)
  const ready = { [first]: 'CURRENT IMPORTED', [second]: 'PENDING_ROTATION IMPORTED' }
  t.deepEqual(await materials(virginia, KeyId), ready)
  t.deepEqual(await materials(ireland, KeyId), ready)
  await virginia.rotateKeyOnDemand({ KeyId })
  const turned = { [first]: 'NON_CURRENT IMPORTED', [second]: 'CURRENT IMPORTED' }
  t.deepEqual(await materials(ireland, KeyId), turned)
  const { CiphertextBlob } = await ireland.encrypt({ KeyId, Plaintext })
  await opens(t, virginia, CiphertextBlob, second)
})

test('material that waits is withdrawn from all Regions at the primary, and at a replica from that alone', async (t) => {
  const { virginia, ireland, KeyId, first } = await family(t)
  await bring(ireland, KeyId, one)
  const second = (await bring(virginia, KeyId, two, NEW))!
  await bring(ireland, KeyId, two)
  await ireland.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: second })
  t.deepEqual(await materials(virginia, KeyId), { [first]: 'CURRENT IMPORTED', [second]: 'PENDING_ROTATION IMPORTED' })
  t.deepEqual(await materials(ireland, KeyId), {
    [first]: 'CURRENT IMPORTED',
    [second]: 'PENDING_ROTATION PENDING_IMPORT',
  })
  await virginia.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: second })
  for (const room of [virginia, ireland]) t.deepEqual(await materials(room, KeyId), { [first]: 'CURRENT IMPORTED' })
  await t.notThrowsAsync(bring(virginia, KeyId, three, NEW))
})

test('a key on its way to another state takes what that state allows', async (t) => {
  const hour = 3_600_000
  const { room: virginia, pass } = await scene(t, { settleMillis: hour })
  const ireland = virginia.as({ region: 'eu-west-1' })
  const { KeyId, Arn } = (await virginia.createKey({ Origin: 'EXTERNAL', MultiRegion: true })).KeyMetadata!
  const anything = { KeyId, ImportToken: bytes('x'), EncryptedKeyMaterial: bytes('x'), ...FOREVER }
  const there = Arn!.replace('us-east-1', 'eu-west-1')
  await bring(virginia, KeyId, one)
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  const creating = (act: Promise<unknown>) => refuses(t, act, 'KMSInvalidStateException', `${there} is creating.`)
  await creating(parcel(ireland, KeyId, one))
  await creating(ireland.importKeyMaterial(anything))
  await creating(ireland.deleteImportedKeyMaterial({ KeyId }))
  pass(1)
  await bring(ireland, KeyId, one)
  const before = await parcel(virginia, KeyId, one)
  await virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
  const updating = (act: Promise<unknown>) => refuses(t, act, 'KMSInvalidStateException', `${Arn!} is updating.`)
  await updating(parcel(virginia, KeyId, one))
  await updating(virginia.deleteImportedKeyMaterial({ KeyId }))
  await t.notThrowsAsync(virginia.importKeyMaterial(before))
})

/** The id that `material` has, or would have, in the key. */
async function idOf(material: Uint8Array, KeyId: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Buffer.concat([Buffer.from(`${KeyId}\0`), material]))
  return Buffer.from(digest).toString('hex')
}
