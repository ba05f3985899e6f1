/**
 * Deletion is for good: when its date has passed nothing of a key is left in the data folder, a backup of the database
 * from before does not bring it back, and the HSM holds it open no longer.
 */
import test, { type ExecutionContext } from 'ava'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hsm } from '../../bindings/node/index.js'
import { Authority } from '../../src/authorize.ts'
import { nativeBackend } from '../../src/backends/native.ts'
import { Client } from '../../src/client.ts'
import { systemEntropy } from '../../src/entropy.ts'
import { Identities } from '../../src/identities/identities.ts'
import { Strongroom, type StrongroomOptions } from '../../src/index.ts'
import { inProcess } from '../../src/inprocess.ts'
import { Roots } from '../../src/roots.ts'
import { Secrets } from '../../src/secrets.ts'
import { Regions } from '../../src/regions.ts'
import { Service } from '../../src/service.ts'
import { Records } from '../../src/store/cache.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { sweep } from '../../src/sweep.ts'
import { bring } from '../helpers/import.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const Plaintext = bytes('short-lived')
const DAY = 86_400_000

interface Disk {
  data: string
  pass(days: number): void
  open(options?: StrongroomOptions): Promise<Strongroom>
}

/** A data folder, and a clock that its rooms share. */
async function disk(t: ExecutionContext): Promise<Disk> {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-deletion-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  let now = Date.UTC(2026, 0, 1)
  return {
    data,
    pass: (days) => {
      now += days * DAY
    },
    open: async (options) => {
      const room = await Strongroom.open({ data, now: () => new Date(now), ...options })
      t.teardown(() => room.close())
      return room
    },
  }
}

/** What anybody has who copies the database, but not the veils: the database at rest, and what it is checked against. */
const DATABASE = ['strongroom.db', 'strongroom.db-anchor']

async function backup(t: ExecutionContext, data: string, files: readonly string[]): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-backup-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const file of files) await copyFile(join(data, file), join(folder, file))
  return async () => {
    for (const file of files) await copyFile(join(folder, file), join(data, file))
  }
}

/** Which of `words` stand anywhere in the folder. */
async function standing(data: string, words: readonly string[]): Promise<string[]> {
  const entries = (await readdir(data, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const files = await Promise.all(entries.map(({ parentPath, name }) => readFile(join(parentPath, name))))
  return words.filter((word) => files.some((file) => file.includes(word)))
}

test('after its date nothing of a key stands in the data folder, while the room goes on', async (t) => {
  const { data, open, pass } = await disk(t)
  // What was done stays on record, and names the key it was done to; here nothing is to be.
  const room = await open({ audit: 'off' })
  const keep = (await room.createKey()).KeyMetadata!.KeyId
  const Tags = [{ TagKey: 'whose', TagValue: 'tag-of-the-doomed' }]
  const { KeyMetadata } = await room.createKey({ Description: 'description-of-the-doomed', Tags })
  const KeyId = KeyMetadata!.KeyId
  await room.createAlias({ AliasName: 'alias/of-the-doomed', TargetKeyId: KeyId })
  await room.rotateKeyOnDemand({ KeyId })
  await room.createGrant({
    KeyId,
    GranteePrincipal: 'arn:aws:iam::000000000000:role/friend-of-the-doomed',
    Operations: ['Encrypt'],
  })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const materials = (await room.listKeyRotations({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' })).Rotations!
  const words = [
    KeyId,
    ...materials.map(({ KeyMaterialId }) => KeyMaterialId!),
    ...['description', 'tag', 'friend'].map((word) => `${word}-of-the-doomed`),
    'alias/of-the-doomed',
  ]
  t.deepEqual(await standing(data, words), words, 'the search finds what is there')

  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(7)
  t.is(await room.sweep(), 1)
  t.deepEqual(await standing(data, words), [])
  await refuses(t, room.decrypt({ CiphertextBlob }), 'AccessDeniedException')
  await room.encrypt({ KeyId: keep, Plaintext })
  await room.close()
  t.deepEqual(await standing(data, words), [])
  await Strongroom.verify(data)
})

test('a backup of the database brings back the living, not the deleted', async (t) => {
  const { data, open, pass } = await disk(t)
  let room = await open()
  const [living, deleted] = (await Promise.all([room.createKey(), room.createKey()])).map(
    ({ KeyMetadata }) => KeyMetadata!,
  )
  const encrypt = async (KeyId: string) => (await room.encrypt({ KeyId, Plaintext })).CiphertextBlob!
  const kept = await encrypt(living!.KeyId)
  const lost = [await encrypt(deleted!.KeyId)]
  await room.rotateKeyOnDemand({ KeyId: deleted!.KeyId })
  lost.push(await encrypt(deleted!.KeyId))
  await room.close()
  const restore = await backup(t, data, DATABASE)

  room = await open()
  await room.scheduleKeyDeletion({ KeyId: deleted!.KeyId, PendingWindowInDays: 7 })
  pass(7)
  t.is(await room.sweep(), 1)
  await room.close()

  // Before its deletion was even scheduled, beside the veils of now.
  await restore()
  room = await open()
  t.deepEqual(Uint8Array.from((await room.decrypt({ CiphertextBlob: kept })).Plaintext!), Plaintext)
  t.like((await room.describeKey({ KeyId: deleted!.KeyId })).KeyMetadata, { KeyState: 'Unavailable', Enabled: false })
  const unavailable = `${deleted!.Arn!} is unavailable.`
  for (const CiphertextBlob of lost) {
    await refuses(t, room.decrypt({ CiphertextBlob }), 'KMSInvalidStateException', unavailable)
  }
  await refuses(t, room.encrypt({ KeyId: deleted!.KeyId, Plaintext }), 'KMSInvalidStateException', unavailable)
  // What is left of it can be cleared away, and new keys come as ever.
  await room.scheduleKeyDeletion({ KeyId: deleted!.KeyId, PendingWindowInDays: 7 })
  pass(7)
  t.is(await room.sweep(), 1)
  const KeyId = (await room.createKey()).KeyMetadata!.KeyId
  const CiphertextBlob = await encrypt(KeyId)
  await room.close()
  room = await open()
  t.is((await room.decrypt({ CiphertextBlob })).Plaintext!.length, Plaintext.length)
})

test('who copied the veils as well, and has the root secret, has the key: no deletion reaches that copy', async (t) => {
  const { data, open, pass } = await disk(t)
  let room = await open()
  const KeyId = (await room.createKey()).KeyMetadata!.KeyId
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await room.close()
  const restore = await backup(t, data, [...DATABASE, 'strongroom.db-veils'])
  room = await open()
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(7)
  await room.sweep()
  await room.close()
  await restore()
  room = await open()
  t.is((await room.decrypt({ CiphertextBlob })).Plaintext!.length, Plaintext.length)
})

test('a replica is destroyed alone: its relatives live, in the backup, too', async (t) => {
  const { data, open, pass } = await disk(t)
  let room = await open()
  const KeyId = (await room.createKey({ MultiRegion: true })).KeyMetadata!.KeyId
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await room.close()
  const restore = await backup(t, data, DATABASE)
  room = await open()
  await room.as({ region: 'eu-west-1' }).scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(7)
  t.is(await room.sweep(), 1)
  t.is((await room.decrypt({ CiphertextBlob })).Plaintext!.length, Plaintext.length)
  await room.close()
  await restore()
  room = await open()
  t.is((await room.decrypt({ CiphertextBlob })).Plaintext!.length, Plaintext.length)
  await refuses(t, room.as({ region: 'eu-west-1' }).decrypt({ CiphertextBlob }), 'KMSInvalidStateException')
})

test('imported material that expired, or was deleted, is gone from backups as well, and can be imported again', async (t) => {
  const { data, open, pass } = await disk(t)
  let room = await open()
  const secrets = [randomBytes(32), randomBytes(32)]
  const keys: string[] = []
  for (const [i, secret] of secrets.entries()) {
    const KeyId = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!.KeyId
    const ValidTo = new Date(Date.UTC(2026, 0, 11))
    await bring(room, KeyId, secret, i === 0 ? { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo } : undefined)
    keys.push(KeyId)
  }
  const blobs = await Promise.all(keys.map(async (KeyId) => (await room.encrypt({ KeyId, Plaintext })).CiphertextBlob!))
  await room.close()
  const restore = await backup(t, data, DATABASE)
  room = await open()
  await room.deleteImportedKeyMaterial({ KeyId: keys[1]! })
  pass(10)
  t.is(await room.sweep(), 0)
  await room.close()
  await restore()
  // Back on the day of the backup, when neither had come to its end.
  pass(-10)
  room = await open()
  for (const [i, KeyId] of keys.entries()) {
    t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'PendingImport')
    await refuses(t, room.decrypt({ CiphertextBlob: blobs[i] }), 'KMSInvalidStateException', / is pending import\.$/)
    await bring(room, KeyId, secrets[i]!)
    t.is((await room.decrypt({ CiphertextBlob: blobs[i] })).Plaintext!.length, Plaintext.length)
  }
})

test('the HSM closes the slots of deleted keys, and of keys nobody remembers', async (t) => {
  const hsm = Hsm.create(randomBytes(32))
  const store = await openSqlite(':memory:', hsm)
  t.teardown(async () => {
    await store.close()
    hsm.close()
  })
  let now = 0
  const backend = nativeBackend(hsm, { roots: new Roots([]), window: 0 })
  const records = new Records(store, 8, (material) => backend.release(material))
  const [clock, entropy, secrets] = [() => now, systemEntropy, new Secrets(store, backend, systemEntropy)]
  const identities = await Identities.open({ store, secrets, entropy, clock, accounts: [] })
  const authority = new Authority(records, identities, 0)
  const regions = new Regions()
  const service = new Service({
    ...{ records, backend, clock, entropy, secrets, authority, trail: undefined, settle: 0 },
    ...{ regions, gates: [] },
  })
  const room = new Client(service, inProcess(identities, { account: '000000000000', region: 'us-east-1' }))
  const create = async () => (await room.createKey({})).KeyMetadata!.KeyId
  const open = () => hsm.stats().slots

  const KeyId = await create()
  const other = await create()
  for (let i = 0; i < 3; i++) {
    await room.encrypt({ KeyId, Plaintext })
    await room.rotateKeyOnDemand({ KeyId })
  }
  await room.encrypt({ KeyId: other, Plaintext })
  t.is(open(), 4, 'a rotation, and other changes of the record, close nothing')
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  now += 7 * DAY
  t.is(await sweep({ records, backend, entropy: systemEntropy, regions, now }), 1)
  t.is(open(), 1)

  for (let i = 0; i < 40; i++) await room.encrypt({ KeyId: await create(), Plaintext })
  t.true(open() <= 8, `${open()} slots for 8 records`)
  await room.encrypt({ KeyId: other, Plaintext })
})
