/** A room whose token is full, locked, or taken out while it serves: what callers are told, and that it goes on afterwards. */
import test, { type ExecutionContext } from 'ava'
import { Library, type Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { pkcs11, Strongroom, type Pkcs11Options } from '../../src/index.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { softTokens } from '../helpers/softhsm.ts'

const { one } = softTokens('one')
const Plaintext = bytes('attack at dawn')

async function opened(t: ExecutionContext, options: Pkcs11Options = one) {
  const room = await Strongroom.open({ memory: true, audit: 'off', backend: pkcs11(options) })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  t.teardown(() => room.close())
  const opens = async () => {
    const answer = await room.decrypt({ CiphertextBlob })
    t.deepEqual(Buffer.from(answer.Plaintext!), Buffer.from(Plaintext))
  }
  return { room, KeyId, opens }
}

/** Has the module fail in these verbs until it is told that all is well again. */
async function failing(t: ExecutionContext, ckr: string, ...verbs: (keyof Cryptoki)[]) {
  const { cryptoki } = await Library.open(one.module)
  const rightly = Object.fromEntries(verbs.map((verb) => [verb, cryptoki[verb]]))
  const calls = { count: 0 }
  const fail = () => {
    calls.count++
    throw new Error(ckr)
  }
  Object.assign(cryptoki, Object.fromEntries(verbs.map((verb) => [verb, fail])))
  const well = () => void Object.assign(cryptoki, rightly)
  t.teardown(well)
  return { well, calls }
}

test.serial('a token that is full makes no keys until there is room, and the others are used meanwhile', async (t) => {
  const { room, KeyId, opens } = await opened(t)
  const verbs = ['C_GenerateKey', 'C_GenerateKeyPair', 'C_GenerateKeyPairAsync', 'C_CreateObject'] as const
  const { well } = await failing(t, 'CKR_DEVICE_MEMORY:49', ...verbs)
  const before = (await room.listKeys()).Keys!.length
  await refuses(t, room.createKey(), 'KMSInternalException')
  await refuses(t, room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }), 'KMSInternalException')
  await refuses(t, room.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }), 'KMSInternalException')
  await refuses(t, room.rotateKeyOnDemand({ KeyId }), 'KMSInternalException')
  t.is((await room.listKeys()).Keys!.length, before)
  await opens()
  well()
  await t.notThrowsAsync(room.createKey())
  await t.notThrowsAsync(room.rotateKeyOnDemand({ KeyId }))
  await opens()
})

test.serial('a token that is taken out fails who asks meanwhile, and serves when it is back', async (t) => {
  const { room, KeyId, opens } = await opened(t)
  const pair = (await room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).KeyMetadata!.KeyId
  const signing = { KeyId: pair, Message: Plaintext, SigningAlgorithm: 'RSASSA_PSS_SHA_256' } as const
  const verbs = ['C_EncryptInit', 'C_DecryptInit', 'C_SignInit', 'C_GenerateRandom', 'C_OpenSession'] as const
  const { well } = await failing(t, 'CKR_DEVICE_REMOVED:50', ...verbs)
  for (let i = 0; i < 2; i++) {
    await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInternalException')
    await refuses(t, room.sign(signing), 'KMSInternalException')
    await refuses(t, room.generateRandom({ NumberOfBytes: 16 }), 'KMSInternalException')
  }
  t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Enabled')
  well()
  await opens()
  t.truthy((await room.sign(signing)).Signature)
})

test.serial('a token whose PIN is locked is asked once, and the records are served without it', async (t) => {
  const { room, KeyId } = await opened(t)
  const lost = await failing(t, 'CKR_USER_NOT_LOGGED_IN:257', 'C_EncryptInit', 'C_DecryptInit')
  const locked = await failing(t, 'CKR_PIN_LOCKED:164', 'C_Login')
  for (let i = 0; i < 3; i++) await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInternalException')
  t.is(locked.calls.count, 1)
  await t.notThrowsAsync(room.createAlias({ AliasName: 'alias/still', TargetKeyId: KeyId }))
  lost.well()
  locked.well()
  // Who unlocked it starts the program anew: until then the PIN is not tried, lest it be locked again.
  await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInternalException')
  const again = await opened(t)
  await again.opens()
})
