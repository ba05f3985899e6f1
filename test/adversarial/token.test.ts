/** Attacks on tokens, and on the custom key stores that are in them: PINs, and what becomes of a token that goes away. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { Library, type Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { TokenError } from '../../src/backends/pkcs11/faults.ts'
import { createAttester, pkcs11, type ClustersConfig, type StrongroomOptions } from '../../src/index.ts'
import { materialOf } from '../backends/contract/workbench.ts'
import { openEnvelope } from '../helpers/envelope.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { cluster, connected, make, only, PASSWORD, settled } from '../helpers/stores.ts'

const { cluster: token, other } = softTokens('cluster', 'other')
const { module } = token

const tool = (...args: string[]) => execFileSync('pkcs11-tool', ['--module', module, ...args], { stdio: 'pipe' })

for (const { tokenLabel, pin } of [token, other]) {
  tool('--token-label', tokenLabel, '--login', '--pin', pin, '--change-pin', '--new-pin', PASSWORD)
}
// A token without a user: it has a security officer alone.
tool('--slot-index', '2', '--init-token', '--label', 'nobody', '--so-pin', token.soPin)

const CLUSTERS: ClustersConfig = {
  'cluster-aaaaaaaaaaa': { module, tokenLabel: 'cluster' },
  'cluster-bbbbbbbbbbb': { module, tokenLabel: 'other' },
  'cluster-nobodynobod': { module, tokenLabel: 'nobody' },
}
const ONE = { CloudHsmClusterId: 'cluster-aaaaaaaaaaa' }
const Plaintext = bytes('attack at dawn')

const roomOf = async (t: ExecutionContext, options: StrongroomOptions = {}) =>
  (await scene(t, { clusters: CLUSTERS, ...options })).room

/** The module of this process, which verbs can be taken from. */
async function moduleOf(t: ExecutionContext): Promise<Cryptoki> {
  const library = await Library.open(module)
  t.teardown(() => library.close())
  return library.cryptoki
}

/** Has a verb answer `ckr` until it is given back. */
function strike(t: ExecutionContext, cryptoki: Cryptoki, verb: keyof Cryptoki, ckr: string): () => void {
  const rightly = cryptoki[verb]
  const struck = () => {
    throw new Error(`${ckr}:1`)
  }
  const giveBack = () => Object.assign(cryptoki, { [verb]: rightly })
  Object.assign(cryptoki, { [verb]: struck })
  t.teardown(giveBack)
  return giveBack
}

// A process is logged in to a token, and not a session: what tries PINs goes one after the other.

test.serial('whoever is logged in does not let in others who do not know the password', async (t) => {
  const [first, second] = [await roomOf(t), await roomOf(t)]
  const id = await connected(first, cluster('a', ONE))
  t.is((await only(first, id)).ConnectionState, 'CONNECTED')
  const stranger = await make(second, cluster('a', { ...ONE, KeyStorePassword: 'guessed1' }))
  await second.connectCustomKeyStore({ CustomKeyStoreId: stranger })
  t.deepEqual(await settled(second, stranger), ['FAILED', 'INVALID_CREDENTIALS'])
  await second.disconnectCustomKeyStore({ CustomKeyStoreId: stranger })
  await second.updateCustomKeyStore({ CustomKeyStoreId: stranger, KeyStorePassword: PASSWORD })
  await second.connectCustomKeyStore({ CustomKeyStoreId: stranger })
  t.deepEqual(await settled(second, stranger), ['CONNECTED', undefined])
})

test.serial('a room with a wrong PIN does not open because another is open', async (t) => {
  const right = await pkcs11({ ...token, pin: PASSWORD }).open()
  t.teardown(() => right.backend.close())
  const error = await t.throwsAsync(pkcs11({ ...token, pin: 'guessed1' }).open(), { instanceOf: TokenError })
  t.is(error.code, 'PinIncorrect')
  t.false(error.message.includes('guessed1') || error.message.includes(PASSWORD))
})

test.serial('who has let go of a token does not log in to it again, nor end it for others', async (t) => {
  const [first, second] = [
    await pkcs11({ ...token, pin: PASSWORD }).open(),
    await pkcs11({ ...token, pin: PASSWORD }).open(),
  ]
  const material = materialOf((await first.backend.create('AES_256', 3)).token)
  await first.backend.close()
  await first.backend.close()
  await t.throwsAsync(async () => first.backend.cipher.seal(material, Plaintext, undefined))
  t.true((await second.backend.cipher.seal(materialOf(material.token!), Plaintext, undefined)).length > 0)
  await second.backend.close()
  await t.throwsAsync(pkcs11({ ...token, pin: 'guessed1' }).open(), { instanceOf: TokenError })
})

for (const [why, ckr, code] of [
  ['the password was tried too often', 'CKR_PIN_LOCKED', 'USER_LOCKED_OUT'],
  ['somebody else is logged in', 'CKR_USER_ANOTHER_ALREADY_LOGGED_IN', 'USER_LOGGED_IN'],
  ['the password has expired', 'CKR_PIN_EXPIRED', 'INVALID_CREDENTIALS'],
  ['the token was removed', 'CKR_DEVICE_REMOVED', 'NETWORK_ERRORS'],
  ['the token fails', 'CKR_GENERAL_ERROR', 'INTERNAL_ERROR'],
] as const) {
  test.serial(`${why}: the store is FAILED, ${code}, and connects once that is mended`, async (t) => {
    const room = await roomOf(t)
    const CustomKeyStoreId = await make(room, cluster('a', ONE))
    const giveBack = strike(t, await moduleOf(t), 'C_Login', ckr)
    await room.connectCustomKeyStore({ CustomKeyStoreId })
    t.deepEqual(await settled(room, CustomKeyStoreId), ['FAILED', code])
    giveBack()
    await room.disconnectCustomKeyStore({ CustomKeyStoreId })
    await room.connectCustomKeyStore({ CustomKeyStoreId })
    t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
  })
}

test.serial('a token without a user has no kmsuser', async (t) => {
  const room = await roomOf(t)
  const CustomKeyStoreId = await make(room, cluster('a', { CloudHsmClusterId: 'cluster-nobodynobod' }))
  await room.connectCustomKeyStore({ CustomKeyStoreId })
  t.deepEqual(await settled(room, CustomKeyStoreId), ['FAILED', 'USER_NOT_FOUND'])
})

for (const [what, ckr] of [
  ['is taken out', 'CKR_DEVICE_REMOVED'],
  ['is not there', 'CKR_TOKEN_NOT_PRESENT'],
] as const) {
  test.serial(
    `a token that ${what} while its store is connected: keys fail as AWS has it, and work again`,
    async (t) => {
      const room = await roomOf(t)
      const CustomKeyStoreId = await connected(room, cluster('a', ONE))
      const create = () => room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })
      const { KeyId } = (await create()).KeyMetadata!
      const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
      const cryptoki = await moduleOf(t)
      const verbs = ['C_EncryptInit', 'C_DecryptInit', 'C_GenerateKey', 'C_GenerateRandom', 'C_OpenSession'] as const
      const giveBack = verbs.map((verb) => strike(t, cryptoki, verb, ckr))
      const message = 'KMS cannot communicate with your CloudHSM cluster'
      for (let i = 0; i < 3; i++) {
        await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', message)
        await refuses(t, room.decrypt({ CiphertextBlob: CiphertextBlob! }), 'KMSInvalidStateException', message)
        await refuses(t, room.generateDataKey({ KeyId, KeySpec: 'AES_256' }), 'KMSInvalidStateException', message)
        await refuses(t, create(), 'CloudHsmClusterInvalidConfigurationException')
      }
      t.like(await only(room, CustomKeyStoreId), { ConnectionState: 'CONNECTED', ConnectionErrorCode: undefined })
      t.is((await room.describeKey({ KeyId })).KeyMetadata!.KeyState, 'Enabled')
      for (const again of giveBack) again()
      const opened = await room.decrypt({ CiphertextBlob: CiphertextBlob! })
      t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
    },
  )
}

test.serial('a password that is changed behind a connected store is tried once, and locks nobody out', async (t) => {
  const room = await roomOf(t)
  const CustomKeyStoreId = await connected(room, cluster('a', ONE))
  const { KeyId } = (await room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!
  const cryptoki = await moduleOf(t)
  const tries = { count: 0 }
  const giveBack = strike(t, cryptoki, 'C_EncryptInit', 'CKR_USER_NOT_LOGGED_IN')
  const rightly = cryptoki.C_Login.bind(cryptoki)
  t.teardown(() => Object.assign(cryptoki, { C_Login: rightly }))
  Object.assign(cryptoki, {
    C_Login() {
      tries.count++
      throw new Error('CKR_PIN_INCORRECT:160')
    },
  })
  for (let i = 0; i < 5; i++) await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException')
  t.is(tries.count, 1)
  giveBack()
  Object.assign(cryptoki, { C_Login: rightly })
  await room.disconnectCustomKeyStore({ CustomKeyStoreId })
  await settled(room, CustomKeyStoreId)
  await room.connectCustomKeyStore({ CustomKeyStoreId })
  t.deepEqual(await settled(room, CustomKeyStoreId), ['CONNECTED', undefined])
  await t.notThrowsAsync(room.encrypt({ KeyId, Plaintext }))
})

test.serial('a ciphertext of one token’s key is nothing to another’s, though the bytes are all its own', async (t) => {
  const { room, id } = await scene(t, { clusters: CLUSTERS })
  const keys = [id]
  for (const [name, CloudHsmClusterId] of [
    ['a', 'cluster-aaaaaaaaaaa'],
    ['b', 'cluster-bbbbbbbbbbb'],
  ] as const) {
    const CustomKeyStoreId = await connected(room, cluster(name, { CloudHsmClusterId }))
    keys.push((await room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!.KeyId)
  }
  const blobs = []
  for (const KeyId of keys) blobs.push((await room.encrypt({ KeyId, Plaintext })).CiphertextBlob!)
  for (const [i, header] of blobs.entries()) {
    for (const [j, body] of blobs.entries()) {
      const CiphertextBlob = Buffer.concat([header.subarray(0, 36), body.subarray(36)])
      if (i === j) await t.notThrowsAsync(room.decrypt({ CiphertextBlob }))
      else await refuses(t, room.decrypt({ CiphertextBlob }), 'InvalidCiphertextException')
    }
  }
})

test.serial('what keys of a store open goes out to a recipient in an envelope, and in no other way', async (t) => {
  const attester = createAttester()
  const now = new Date('2026-01-01T00:00:00Z')
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const room = await roomOf(t, { attestationRoots: [attester.root] })
  const Recipient = {
    KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    AttestationDocument: attester.attestationFor({ publicKey, now }),
  } as const
  const CustomKeyStoreId = await connected(room, cluster('a', ONE))
  const { KeyId } = (await room.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const opened = await room.decrypt({ CiphertextBlob: CiphertextBlob!, Recipient })
  t.is(opened.Plaintext, undefined)
  t.deepEqual(openEnvelope(opened.CiphertextForRecipient!, privateKey), Buffer.from(Plaintext))
  const made = await room.generateDataKey({ KeyId, KeySpec: 'AES_256', Recipient })
  t.is(made.Plaintext, undefined)
  t.deepEqual(
    openEnvelope(made.CiphertextForRecipient!, privateKey),
    Buffer.from((await room.decrypt({ CiphertextBlob: made.CiphertextBlob! })).Plaintext!),
  )
  const random = await room.generateRandom({ NumberOfBytes: 16, CustomKeyStoreId, Recipient })
  t.is(random.Plaintext, undefined)
  t.is(openEnvelope(random.CiphertextForRecipient!, privateKey).length, 16)
})

/** Starts a token process whose module never comes back, and tells its number. */
const HANGING = `
  const { Supervisor } = await import(${JSON.stringify(new URL('../../src/backends/isolated/supervisor.ts', import.meta.url).href)})
  const hang = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
  const opener = 'data:text/javascript,' + encodeURIComponent('export const pkcs11 = () => ' + hang)
  const supervisor = new Supervisor(() => ({ opener, options: {} }), { deadline: 60_000, backOff: 5 })
  supervisor.open().catch(() => undefined)
  setTimeout(() => console.log(supervisor.pid), 1500)
`

test.serial('a module that hangs does not outlive the process it hangs for', async (t) => {
  const args = ['--import', 'ts-blank-space/register', '--input-type=module', '--eval', HANGING]
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => parent.kill('SIGKILL'))
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const child = Number(line.toString())
  t.true(isAlive(child))
  parent.kill('SIGKILL')
  for (let i = 0; i < 100 && isAlive(child); i++) await pause(100)
  t.false(isAlive(child))
})

/** Whether there is such a process, and it is not only waited for. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
  return /^[^Z\s]/.test(stdout.toString())
}
