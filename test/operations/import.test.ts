/** Imported key material: how it comes in, what keeps it out, how it ends, and how it comes back. */
import test, { type ExecutionContext } from 'ava'
import { createHash, randomBytes } from 'node:crypto'
import type { AlgorithmSpec, Client, ImportKeyMaterialRequest, WrappingKeySpec } from '../../src/index.ts'
import { bring, FOREVER, parcel } from '../helpers/import.ts'
import { bytes, refuses, scene, type Scene } from '../helpers/scene.ts'
import { node, openssl } from '../helpers/wrapping.ts'

const Plaintext = bytes('brought along')
const START = Date.UTC(2026, 0, 1)
const day = (n: number) => new Date(START + n * 86_400_000)

interface Vacant extends Scene {
  /** A key that waits for its material. */
  KeyId: string
  arn: string
  describe(): Promise<Record<string, unknown>>
  /** Has `material` wrapped under fresh parameters, and imports it. */
  bring(material: Uint8Array, more?: Partial<ImportKeyMaterialRequest>): Promise<string | undefined>
}

async function vacant(t: ExecutionContext, room?: Client): Promise<Vacant> {
  const all = await scene(t)
  const client = room ?? all.room
  const { KeyMetadata } = await client.createKey({ Origin: 'EXTERNAL' })
  const { KeyId, Arn: arn } = KeyMetadata!
  return {
    ...all,
    KeyId,
    arn: arn!,
    describe: async () => ({ ...(await client.describeKey({ KeyId })).KeyMetadata }),
    bring: (material, more = FOREVER) => bring(client, KeyId, material, more),
  }
}

function parameters(room: Client, KeyId: string, WrappingKeySpec: WrappingKeySpec = 'RSA_2048') {
  return room.getParametersForImport({ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec })
}

const idOf = (KeyId: string, material: Uint8Array) =>
  createHash('sha256').update(`${KeyId}\0`).update(material).digest('hex')

// Coming in ---------------------------------------------------------------------------------------

test('a key made for imported material waits for it, and works once it has come', async (t) => {
  const { room, KeyId, arn, describe, bring } = await vacant(t)
  t.like(await describe(), { Origin: 'EXTERNAL', KeyState: 'PendingImport', Enabled: false, ValidTo: undefined })
  t.is((await describe())['CurrentKeyMaterialId'], undefined)
  await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', `${arn} is pending import.`)
  const material = randomBytes(32)
  const id = await bring(material)
  t.is(id, idOf(KeyId, material))
  t.like(await describe(), {
    KeyState: 'Enabled',
    Enabled: true,
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    ValidTo: undefined,
    CurrentKeyMaterialId: id,
  })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const opened = await room.decrypt({ CiphertextBlob })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  t.is(opened.KeyMaterialId, id)
})

const ways: readonly (readonly [WrappingKeySpec, AlgorithmSpec, 'sha1' | 'sha256'])[] = [
  ['RSA_2048', 'RSAES_OAEP_SHA_1', 'sha1'],
  ['RSA_3072', 'RSAES_OAEP_SHA_256', 'sha256'],
  ['RSA_4096', 'RSAES_OAEP_SHA_256', 'sha256'],
]
for (const [WrappingKeySpec, WrappingAlgorithm, hash] of ways) {
  test(`${WrappingAlgorithm} under ${WrappingKeySpec}: openssl and node:crypto wrap what comes in`, async (t) => {
    const { room, KeyId, arn } = await vacant(t)
    const given = await room.getParametersForImport({ KeyId, WrappingAlgorithm, WrappingKeySpec })
    t.is(given.KeyId, arn)
    t.deepEqual(given.ParametersValidTo, day(1))
    const { ImportToken, PublicKey } = given
    t.true(ImportToken!.length <= 6144, 'the model takes no longer token')
    const material = randomBytes(32)
    // The pair is good for more than one import.
    for (const tool of [openssl, node]) {
      const EncryptedKeyMaterial = tool.oaep(PublicKey!, material, hash)
      const { KeyMaterialId } = await room.importKeyMaterial({
        ...{ KeyId, ImportToken: ImportToken!, EncryptedKeyMaterial },
        ...FOREVER,
      })
      t.is(KeyMaterialId, idOf(KeyId, material))
    }
  })
}

test('every call gives parameters of its own', async (t) => {
  const { room, KeyId } = await vacant(t)
  const [a, b] = [await parameters(room, KeyId), await parameters(room, KeyId)]
  t.notDeepEqual(a.PublicKey, b.PublicKey)
  const EncryptedKeyMaterial = node.oaep(a.PublicKey!, randomBytes(32), 'sha256')
  const crossed = { KeyId, ImportToken: b.ImportToken!, EncryptedKeyMaterial, ...FOREVER }
  await refuses(t, room.importKeyMaterial(crossed), 'InvalidCiphertextException', '')
})

test('the same material has an id of its own in every key, and its ciphertexts stay with their key', async (t) => {
  const { room, KeyId, bring: bringHere } = await vacant(t)
  const other = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!.KeyId
  const material = randomBytes(32)
  t.not(await bringHere(material), await bring(room, other, material))
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await refuses(t, room.decrypt({ KeyId: other, CiphertextBlob }), 'IncorrectKeyException')
})

// Staying out -------------------------------------------------------------------------------------

test('a token is for one key, for a day, and only as it was given', async (t) => {
  const { room, KeyId, pass } = await vacant(t)
  const material = randomBytes(32)
  const good = await parcel(room, KeyId, material)
  const other = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!.KeyId
  await refuses(t, room.importKeyMaterial({ ...good, KeyId: other }), 'InvalidImportTokenException', '')
  for (let bit = 0; bit < good.ImportToken.length * 8; bit += 97) {
    const ImportToken = Uint8Array.from(good.ImportToken)
    ImportToken[bit >> 3]! ^= 1 << (bit & 7)
    await refuses(t, room.importKeyMaterial({ ...good, ImportToken }), 'InvalidImportTokenException', '')
  }
  for (const length of [1, 9, 53, good.ImportToken.length - 1]) {
    const ImportToken = good.ImportToken.subarray(0, length)
    await refuses(t, room.importKeyMaterial({ ...good, ImportToken }), 'InvalidImportTokenException', '')
  }
  pass(1)
  await refuses(t, room.importKeyMaterial(good), 'ExpiredImportTokenException', '')
  // Integrity first, then the date, then what is wrapped.
  const garbled = { ...good, EncryptedKeyMaterial: randomBytes(256) }
  await refuses(t, room.importKeyMaterial(garbled), 'ExpiredImportTokenException', '')
  await refuses(t, room.importKeyMaterial({ ...good, KeyId: other }), 'InvalidImportTokenException', '')
  pass(-1)
  t.is((await room.importKeyMaterial(good)).KeyMaterialId, idOf(KeyId, material))
})

test('what cannot be unwrapped, or is no key, is an invalid ciphertext', async (t) => {
  const { room, KeyId } = await vacant(t)
  const { ImportToken, PublicKey } = await parameters(room, KeyId)
  const wrapped = [
    ...[1, 16, 31, 33, 64].map((length) => node.oaep(PublicKey!, randomBytes(length), 'sha256')),
    node.oaep(PublicKey!, randomBytes(32), 'sha1'),
    node.keyWrap(PublicKey!, randomBytes(32), 'sha256'),
    randomBytes(256),
    randomBytes(255),
    randomBytes(1),
  ]
  for (const EncryptedKeyMaterial of wrapped) {
    const request = { KeyId, ImportToken: ImportToken!, EncryptedKeyMaterial, ...FOREVER }
    await refuses(t, room.importKeyMaterial(request), 'InvalidCiphertextException', '')
  }
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'PendingImport')
})

test('wrapping algorithms are those AWS has for the kind of key', async (t) => {
  const { room, KeyId } = await vacant(t)
  const nothing: readonly (readonly [AlgorithmSpec, WrappingKeySpec])[] = [
    ['RSAES_PKCS1_V1_5', 'RSA_2048'],
    ['RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048'],
    ['SM2PKE', 'RSA_2048'],
    ['RSAES_OAEP_SHA_256', 'SM2'],
    ['SM2PKE', 'SM2'],
  ]
  for (const [WrappingAlgorithm, WrappingKeySpec] of nothing) {
    const request = { KeyId, WrappingAlgorithm, WrappingKeySpec }
    await refuses(t, room.getParametersForImport(request), 'UnsupportedOperationException', /are not supported/)
  }
  const request = { KeyId, WrappingAlgorithm: 'ROT13' as never, WrappingKeySpec: 'RSA_2048' as const }
  await refuses(t, room.getParametersForImport(request), 'ValidationException', /enum value set/)
})

test('a key whose material is KMS’s own takes none, and gives none up', async (t) => {
  const { room, id: KeyId, arn } = await scene(t)
  const message = `${arn} origin is AWS_KMS which is not valid for this operation.`
  const anything = { ImportToken: bytes('x'), EncryptedKeyMaterial: bytes('x'), ...FOREVER }
  await refuses(t, parameters(room, KeyId), 'UnsupportedOperationException', message)
  await refuses(t, room.importKeyMaterial({ KeyId, ...anything }), 'UnsupportedOperationException', message)
  await refuses(t, room.deleteImportedKeyMaterial({ KeyId }), 'UnsupportedOperationException', message)
  await refuses(
    t,
    room.createKey({ Origin: 'EXTERNAL', KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' }),
    'UnsupportedOperationException',
  )
})

test('a date is needed unless the material is said not to expire, and lies within a year', async (t) => {
  const { bring } = await vacant(t)
  const material = randomBytes(32)
  const missing = 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES'
  await refuses(t, bring(material, {}), 'ValidationException', missing)
  await refuses(t, bring(material, { ExpirationModel: 'KEY_MATERIAL_EXPIRES' }), 'ValidationException', missing)
  await refuses(t, bring(material, { ...FOREVER, ValidTo: day(9) }), 'ValidationException', /must not be set/)
  for (const ValidTo of [day(0), day(-1), new Date(day(365).getTime() + 1)]) {
    await refuses(t, bring(material, { ValidTo }), 'ValidationException', /The validTo date/)
  }
  await t.notThrowsAsync(bring(material, { ValidTo: day(365) }))
})

// Ending, and coming back -------------------------------------------------------------------------

test('material expires on its date, whether swept or not, and the same material alone brings the key back', async (t) => {
  const { room, KeyId, arn, describe, bring, pass } = await vacant(t)
  const material = randomBytes(32)
  const id = await bring(material, { ValidTo: day(10) })
  t.like(await describe(), { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: day(10), KeyState: 'Enabled' })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  pass(10)
  const state = { KeyState: 'PendingImport', CurrentKeyMaterialId: id, ExpirationModel: undefined, ValidTo: undefined }
  for (const swept of [false, true]) {
    if (swept) await room.sweep()
    t.like(await describe(), state)
    await refuses(t, room.decrypt({ CiphertextBlob }), 'KMSInvalidStateException', `${arn} is pending import.`)
  }
  await refuses(t, bring(randomBytes(32)), 'IncorrectKeyMaterialException')
  t.is(await bring(material, { ValidTo: day(20) }), id)
  t.like(await describe(), { KeyState: 'Enabled', ValidTo: day(20) })
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
  // A date can only be changed by another import.
  await bring(material)
  t.like(await describe(), { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE', ValidTo: undefined })
})

test('DeleteImportedKeyMaterial takes the current material, and the key waits until the same comes back', async (t) => {
  const { room, KeyId, arn, describe, bring } = await vacant(t)
  t.deepEqual(await room.deleteImportedKeyMaterial({ KeyId }), { KeyId: arn }, 'there is nothing to delete')
  const material = randomBytes(32)
  const id = await bring(material)
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  for (let times = 0; times < 2; times++) {
    t.deepEqual(await room.deleteImportedKeyMaterial({ KeyId }), { KeyId: arn, KeyMaterialId: id })
    t.like(await describe(), { KeyState: 'PendingImport', CurrentKeyMaterialId: id, ExpirationModel: undefined })
  }
  await refuses(t, room.decrypt({ CiphertextBlob }), 'KMSInvalidStateException', `${arn} is pending import.`)
  await refuses(t, room.deleteImportedKeyMaterial({ KeyId, KeyMaterialId: 'ab'.repeat(32) }), 'NotFoundException')
  t.is(await bring(material), id)
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
})

test('a key in any other state keeps it while material goes and comes', async (t) => {
  const { room, KeyId, arn, describe, bring } = await vacant(t)
  const material = randomBytes(32)
  await bring(material)
  await room.disableKey({ KeyId })
  await bring(material)
  t.is((await describe())['KeyState'], 'Disabled', 'what it lacked nothing of does not enable it')
  await room.scheduleKeyDeletion({ KeyId })
  await refuses(t, parameters(room, KeyId), 'KMSInvalidStateException', `${arn} is pending deletion.`)
  await room.deleteImportedKeyMaterial({ KeyId })
  t.is((await describe())['KeyState'], 'PendingDeletion')
  await room.cancelKeyDeletion({ KeyId })
  t.is((await describe())['KeyState'], 'PendingImport')
  await bring(material)
  t.is((await describe())['KeyState'], 'Enabled')
})
