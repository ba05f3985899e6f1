/** A room whose keys are in a token: everything as with our own HSM, found again after a restart, and gone when it is to go. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { openTrail } from '../../src/audit/files/opened.ts'
import { verify } from '../../src/audit/files/verify.ts'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { CKA, CKO } from '../../src/backends/pkcs11/numbers.ts'
import { findAll, read } from '../../src/backends/pkcs11/objects.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import { createAttester, pkcs11, Strongroom, type StrongroomOptions } from '../../src/index.ts'
import { openEnvelope } from '../helpers/envelope.ts'
import { bring, FOREVER } from '../helpers/import.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { one, two, three } = softTokens('one', 'two', 'three')
const Plaintext = bytes('attack at dawn')
const DAY = 86_400_000
/** With a trail, its own key would come to the token whenever there is something to sign. */
const QUIET = { audit: 'off' } as const

interface Setting {
  readonly data: string
  readonly lines: string[]
  open(options?: StrongroomOptions): Promise<Strongroom>
  pass(days: number): void
}

/** A folder whose keys are in a token, opened as often as one likes. */
function setting(t: ExecutionContext, token = one): Setting {
  const data = mkdtempSync(join(tmpdir(), 'strongroom-token-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))
  const lines: string[] = []
  let now = Date.UTC(2026, 0, 1)
  return {
    data,
    lines,
    async open(options = {}) {
      const log = (line: string) => lines.push(line)
      const room = await Strongroom.open({ data, backend: pkcs11(token), now: () => new Date(now), log, ...options })
      t.teardown(() => room.close())
      return room
    },
    pass(days) {
      now += days * DAY
    },
  }
}

/** The labels of all that is stored in the token, told by the token itself. */
async function stored(options = one): Promise<string[]> {
  const { module, choice } = located(options)
  const token = new Token(await Library.open(module), choice)
  try {
    return await token.apart((session) =>
      findAll(token, session, [{ type: CKA.TOKEN, value: true }])
        .filter((handle) => read(token, session, handle, CKA.CLASS)[0]![0] !== CKO.PUBLIC_KEY)
        .map((handle) => read(token, session, handle, CKA.LABEL)[0]!.toString()),
    )
  } finally {
    await token.close()
  }
}

const number = async (options = one) => (await stored(options)).length

test.serial(
  'what was made before a restart is there after it: keys, rotations, grants, replicas and the trail',
  async (t) => {
    const { data, open, pass } = setting(t)
    const room = await open()
    const { KeyMetadata } = await room.createKey({ MultiRegion: true, Description: 'of a token' })
    const { KeyId } = KeyMetadata!
    await room.createAlias({ AliasName: 'alias/kept', TargetKeyId: KeyId })
    const EncryptionContext = { table: 'orders' }
    const old = await room.encrypt({ KeyId, Plaintext, EncryptionContext })
    await room.rotateKeyOnDemand({ KeyId })
    await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-3' })
    const fresh = await room.encrypt({ KeyId: 'alias/kept', Plaintext, EncryptionContext })
    const pair = (await room.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })).KeyMetadata!.KeyId
    const signed = { KeyId: pair, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
    const { Signature } = await room.sign(signed)
    pass(1)
    await room.sweep()
    await room.close()

    const again = await open()
    for (const { CiphertextBlob } of [old, fresh]) {
      const answer = await again.decrypt({ CiphertextBlob, EncryptionContext })
      t.deepEqual(Buffer.from(answer.Plaintext!), Buffer.from(Plaintext))
      const elsewhere = await again.as({ region: 'eu-west-3' }).decrypt({ CiphertextBlob, KeyId, EncryptionContext })
      t.deepEqual(Buffer.from(elsewhere.Plaintext!), Buffer.from(Plaintext))
      await refuses(t, again.decrypt({ CiphertextBlob }), 'InvalidCiphertextException')
    }
    t.true((await again.verify({ ...signed, Signature: Signature! })).SignatureValid)
    t.is((await again.describeKey({ KeyId: 'alias/kept' })).KeyMetadata!.Description, 'of a token')
    t.is((await again.listKeyRotations({ KeyId })).Rotations!.length, 1)
    await again.close()

    const trail = await openTrail(data)
    const { digests, offence } = await verify(trail)
    await trail.close()
    t.is(offence, undefined)
    t.true(digests > 0)
  },
)

test.serial('what the token does not do itself is told in two lines, and each thing once', async (t) => {
  const { lines, open } = setting(t)
  await open()
  t.is(lines.length, 2)
  t.regex(lines[0]!, /^done in this process for the device: .*Recipient \(plaintexts are put into envelopes/)
  t.regex(lines[1]!, /^not to be had with keys in the device: .*ML_KEM/)
  t.notRegex(lines.join(), new RegExp(one.pin))
})

test.serial(
  'a folder opens with the token of its keys and no other, and is as it was after every refusal',
  async (t) => {
    const { data, open } = setting(t)
    const room = await open()
    const { CiphertextBlob } = await room.encrypt({ KeyId: (await room.createKey()).KeyMetadata!.KeyId, Plaintext })
    await room.close()
    const files = () => readdirSync(data).toSorted()
    const before = files()
    const refused = { code: 'BackendRefused', message: /the keys are in pkcs11:.*token=one, and nowhere else/ }
    await t.throwsAsync(open({ backend: pkcs11(two) }), refused)
    await t.throwsAsync(open({ backend: undefined }), refused)
    t.deepEqual(files(), before)
    const again = await open({ backend: pkcs11({ uri: `pkcs11:token=one?module-path=${one.module}`, pin: one.pin }) })
    t.deepEqual(Buffer.from((await again.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
  },
)

test.serial('a folder with keys of our own HSM takes no token, and one without keys does', async (t) => {
  const { open } = setting(t)
  const empty = await open({ backend: undefined })
  await empty.close()
  const room = await open()
  await room.close()

  const other = setting(t)
  const native = await other.open({ backend: undefined })
  await native.createKey()
  await native.close()
  const refused = { code: 'BackendRefused', message: /the keys are in the HSM of the folder itself, and nowhere else/ }
  await t.throwsAsync(other.open(), refused)
  await t.notThrowsAsync(other.open({ backend: undefined }))
})

test.serial(
  'a token that does not open leaves no folder behind, and none is asked of one that a seed is given for',
  async (t) => {
    const { data, open } = setting(t)
    rmSync(data, { recursive: true })
    await t.throwsAsync(open({ backend: pkcs11({ ...one, pin: '000000' }) }), { code: 'PinIncorrect' })
    await t.throwsAsync(open({ seed: 1 }), { instanceOf: TypeError, message: /seed/ })
    t.throws(() => readdirSync(data), { code: 'ENOENT' })
    await t.notThrowsAsync(open())
  },
)

test.serial('a key that is swept is gone from the token, and no other key is', async (t) => {
  const { open, pass } = setting(t, two)
  const room = await open(QUIET)
  const before = await number(two)
  const [gone, stays] = await Promise.all([room.createKey(), room.createKey()])
  const pair = await room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })
  await room.rotateKeyOnDemand({ KeyId: gone.KeyMetadata!.KeyId })
  t.is(await number(two), before + 4)
  const { CiphertextBlob } = await room.encrypt({ KeyId: stays.KeyMetadata!.KeyId, Plaintext })
  for (const { KeyMetadata } of [gone, pair])
    await room.scheduleKeyDeletion({ KeyId: KeyMetadata!.KeyId, PendingWindowInDays: 7 })
  pass(6)
  await room.sweep()
  t.is(await number(two), before + 4)
  pass(2)
  t.is(await room.sweep(), 2)
  t.is(await number(two), before + 1)
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
})

test.serial('related keys share what is in the token, and the last of them takes it along', async (t) => {
  const { open, pass } = setting(t, two)
  const room = await open(QUIET)
  const before = await number(two)
  const { KeyId } = (await room.createKey({ MultiRegion: true })).KeyMetadata!
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-3' })
  const replica = room.as({ region: 'eu-west-3' })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  await replica.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  t.is(await room.sweep(), 1)
  t.is(await number(two), before + 1)
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))

  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  t.is(await room.sweep(), 1)
  t.is(await number(two), before)
})

test.serial('imported material is in the token until it is deleted, expires, or comes in again', async (t) => {
  const { open, pass } = setting(t, three)
  const room = await open()
  const external = async () => (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!.KeyId
  const secrets = async () => (await stored(three)).filter((label) => label === 'strongroom AES_256').length
  const before = await secrets()
  const [deleted, expires] = [await external(), await external()]
  const material = Buffer.alloc(32, 7)
  await bring(room, deleted, material)
  const { CiphertextBlob } = await room.encrypt({ KeyId: deleted, Plaintext })
  await bring(room, expires, material, { ValidTo: new Date(Date.UTC(2026, 0, 3)) })
  t.is(await secrets(), before + 2)
  await bring(room, deleted, material)
  t.is(await secrets(), before + 2)

  await room.deleteImportedKeyMaterial({ KeyId: deleted })
  t.is(await secrets(), before + 1)
  pass(3)
  await room.sweep()
  t.is(await secrets(), before)

  await refuses(t, room.decrypt({ CiphertextBlob }), 'KMSInvalidStateException')
  await bring(room, deleted, material, FOREVER)
  t.deepEqual(Buffer.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
})

test.serial('what cannot be destroyed is told of, does not come back, and is destroyed when it can be', async (t) => {
  const { open, pass, lines } = setting(t, two)
  const room = await open(QUIET)
  const before = await number(two)
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  const { cryptoki } = await Library.open(two.module)
  const rightly = cryptoki.C_DestroyObject
  Object.assign(cryptoki, {
    C_DestroyObject: () => {
      throw new Error('CKR_DEVICE_ERROR:48')
    },
  })
  t.teardown(() => Object.assign(cryptoki, { C_DestroyObject: rightly }))
  t.is(await room.sweep(), 1)
  const told = 'a key is deleted, but not yet destroyed in the device that keeps it: TokenFailed'
  t.true(lines.includes(told))
  await refuses(t, room.describeKey({ KeyId }), 'NotFoundException')
  t.is(await number(two), before + 1)
  await room.close()

  Object.assign(cryptoki, { C_DestroyObject: rightly })
  const again = await open(QUIET)
  t.is(await number(two), before)
  await refuses(t, again.describeKey({ KeyId }), 'NotFoundException')
})

test.serial('answers for an attested recipient are in envelopes, and say nothing in the clear', async (t) => {
  const attester = createAttester()
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { open } = setting(t)
  const room = await open({ attestationRoots: [attester.root] })
  const AttestationDocument = attester.attestationFor({ publicKey, now: new Date(Date.UTC(2026, 0, 1)) })
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument } as const
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const opened = ({ CiphertextForRecipient, Plaintext: plain, PrivateKeyPlaintext: key }: Answer) => {
    t.is(plain ?? key, undefined)
    return openEnvelope(CiphertextForRecipient!, privateKey)
  }

  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  t.deepEqual(opened(await room.decrypt({ CiphertextBlob, Recipient })), Buffer.from(Plaintext))
  const dataKey = await room.generateDataKey({ KeyId, KeySpec: 'AES_256', Recipient })
  const again = await room.decrypt({ CiphertextBlob: dataKey.CiphertextBlob })
  t.deepEqual(opened(dataKey), Buffer.from(again.Plaintext!))
  t.is(opened(await room.generateRandom({ NumberOfBytes: 48, Recipient })).length, 48)
  const pair = await room.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256', Recipient })
  const own = await room.decrypt({ CiphertextBlob: pair.PrivateKeyCiphertextBlob })
  t.deepEqual(opened(pair), Buffer.from(own.Plaintext!))
  const forged = Uint8Array.from(AttestationDocument, (byte, i) => (i === 200 ? byte ^ 1 : byte))
  const wrong = { CiphertextBlob, Recipient: { ...Recipient, AttestationDocument: forged } }
  await refuses(t, room.decrypt(wrong), 'ValidationException')
})

interface Answer {
  readonly CiphertextForRecipient?: Uint8Array
  readonly Plaintext?: Uint8Array
  readonly PrivateKeyPlaintext?: Uint8Array
}

test.serial('a folder does not hold what the token keeps', async (t) => {
  const { data, open } = setting(t)
  const room = await open()
  const material = Buffer.from('a key that came in from outside.')
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await bring(room, KeyId, material)
  await room.close()
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  t.true(files.length > 3)
  for (const { parentPath, name } of files) t.false(readFileSync(join(parentPath, name)).includes(material), name)
})

test.serial('the keys of a room in memory are gone from the token when it closes', async (t) => {
  const { open } = setting(t, three)
  const before = await stored(three)
  const room = await open({ ...QUIET, data: undefined, memory: true })
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await bring(room, KeyId, Buffer.alloc(32, 7))
  await room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })
  t.is(await number(three), before.length + 3)
  await room.close()
  t.deepEqual((await stored(three)).toSorted(), before.toSorted())
})

test.serial('a token is found by the number of its slot, and by its serial number', async (t) => {
  const { cryptoki } = await Library.open(one.module)
  const slots = cryptoki.C_GetSlotList(true)
  const serial = (slot: Buffer) => cryptoki.C_GetTokenInfo(slot).serialNumber.trim()
  const opened = async (path: string) => {
    const { backend, identity } = await pkcs11({ uri: `pkcs11:${path}`, module: one.module, pin: one.pin }).open()
    await backend.close()
    return /serial=(\w+)/.exec(identity)?.[1]
  }
  for (const slot of slots.slice(0, 3)) {
    t.is(await opened(`slot-id=${slot.readBigUInt64LE()}`), serial(slot))
    t.is(await opened(`serial=${serial(slot)}`), serial(slot))
    await t.throwsAsync(opened(`slot-id=${slot.readBigUInt64LE()};serial=0`), { code: 'TokenMissing' })
  }
  await t.throwsAsync(opened('slot-id=1'), { code: 'TokenMissing', message: /in the slot with the id 1/ })
})
