/** Custom key stores of AWS CloudHSM, whose clusters are tokens of SoftHSM2: connected, used, lost and found again. */
import { execFileSync } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import type { ClustersConfig, StrongroomOptions } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'
import { certificate } from '../http/certificate.ts'
import { cluster, connected, folder, make, only, PASSWORD, settled, TrustAnchorCertificate } from '../helpers/stores.ts'

const { cluster: token, other } = softTokens('cluster', 'other')
const { module } = token
const pin = PASSWORD

// Passwords of kmsuser have seven characters at the least.
for (const { tokenLabel, pin: before } of [token, other]) {
  const login = ['--module', module, '--token-label', tokenLabel, '--login', '--pin', before]
  execFileSync('pkcs11-tool', [...login, '--change-pin', '--new-pin', pin], { stdio: 'pipe' })
}

const CLUSTERS: ClustersConfig = {
  'cluster-aaaaaaaaaaa': { module, tokenLabel: 'cluster', trustAnchor: TrustAnchorCertificate },
  'cluster-backupbacku': { module, tokenLabel: 'cluster', trustAnchor: TrustAnchorCertificate },
  'cluster-bbbbbbbbbbb': { module, tokenLabel: 'other' },
  'cluster-absentabsen': { module, tokenLabel: 'absent' },
  'cluster-brokenbroke': { module: '/nowhere/module.so', tokenLabel: 'none' },
  'cluster-simulatedsi': 'simulated',
}

const ONE = { CloudHsmClusterId: 'cluster-aaaaaaaaaaa', KeyStorePassword: pin }
const OTHER = { CloudHsmClusterId: 'cluster-bbbbbbbbbbb', KeyStorePassword: pin }

const room = async (t: ExecutionContext, options: StrongroomOptions = {}) =>
  (await scene(t, { clusters: CLUSTERS, ...options })).room

const Plaintext = bytes('attack at dawn')
const EncryptionContext = { to: 'bob' }

/** What is in a token, by its labels. */
function objects(tokenLabel: string): number {
  const args = ['--module', module, '--token-label', tokenLabel, '--login', '--pin', pin, '--list-objects']
  return execFileSync('pkcs11-tool', args, { stdio: 'pipe' }).toString().split('Secret Key Object').length - 1
}

// One token is logged in to by a process, and not by a session: what tries PINs goes one after the other.

for (const [why, id, code] of [
  ['that nobody knows', 'cluster-nobodynobod', 'CloudHsmClusterNotFoundException'],
  ['whose token is not there', 'cluster-absentabsen', 'CloudHsmClusterNotActiveException'],
  ['whose module is not there', 'cluster-brokenbroke', 'CloudHsmClusterInvalidConfigurationException'],
] as const) {
  test.serial(`no store is made of a cluster ${why}`, async (t) => {
    await refuses(t, make(await room(t), cluster('a', { CloudHsmClusterId: id })), code)
  })
}

test.serial('a store names the trust anchor of its cluster', async (t) => {
  const there = await room(t)
  const stranger = cluster('a', { ...ONE, TrustAnchorCertificate: certificate().cert })
  await refuses(t, make(there, stranger), 'IncorrectTrustAnchorException')
  const same = TrustAnchorCertificate.replaceAll('\n', '\r\n')
  await t.notThrowsAsync(make(there, cluster('a', { ...ONE, TrustAnchorCertificate: same })))
})

test.serial('two ids of one token are one cluster: one store has it, and may call it by either', async (t) => {
  const there = await room(t)
  const CustomKeyStoreId = await make(there, cluster('a', ONE))
  const twin = { ...ONE, CloudHsmClusterId: 'cluster-backupbacku' }
  await refuses(t, make(there, cluster('b', twin)), 'CloudHsmClusterInUseException')
  const update = (CloudHsmClusterId: string) => there.updateCustomKeyStore({ CustomKeyStoreId, CloudHsmClusterId })
  await refuses(t, update(OTHER.CloudHsmClusterId), 'CloudHsmClusterNotRelatedException')
  await update(twin.CloudHsmClusterId)
  t.is((await only(there, CustomKeyStoreId)).CloudHsmClusterId, twin.CloudHsmClusterId)
})

test.serial('a wrong password fails, and the right one after it does not', async (t) => {
  const there = await room(t)
  const CustomKeyStoreId = await make(there, cluster('a', { ...ONE, KeyStorePassword: 'wrong123' }))
  t.deepEqual(await there.connectCustomKeyStore({ CustomKeyStoreId }), {})
  t.deepEqual(await settled(there, CustomKeyStoreId), ['FAILED', 'INVALID_CREDENTIALS'])
  await refuses(t, there.connectCustomKeyStore({ CustomKeyStoreId }), 'CustomKeyStoreInvalidStateException')
  await there.disconnectCustomKeyStore({ CustomKeyStoreId })
  await there.updateCustomKeyStore({ CustomKeyStoreId, KeyStorePassword: pin })
  await there.connectCustomKeyStore({ CustomKeyStoreId })
  t.deepEqual(await settled(there, CustomKeyStoreId), ['CONNECTED', undefined])
})

test.serial('a key is made in the token, used there, and destroyed there when its days are over', async (t) => {
  const { room: there, id: native, pass } = await scene(t, { clusters: CLUSTERS })
  const CustomKeyStoreId = await connected(there, cluster('a', ONE))
  const before = objects('cluster')
  const created = await there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })
  t.like(created.KeyMetadata, {
    ...{ Origin: 'AWS_CLOUDHSM', CustomKeyStoreId, CloudHsmClusterId: ONE.CloudHsmClusterId, KeyState: 'Enabled' },
    CurrentKeyMaterialId: undefined,
  })
  const { KeyId } = created.KeyMetadata!
  t.is(objects('cluster'), before + 1)

  const { CiphertextBlob } = await there.encrypt({ KeyId, Plaintext, EncryptionContext })
  const opened = await there.decrypt({ CiphertextBlob: CiphertextBlob!, EncryptionContext })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  await refuses(t, there.decrypt({ CiphertextBlob: CiphertextBlob! }), 'InvalidCiphertextException')
  const out = await there.reEncrypt({
    CiphertextBlob: CiphertextBlob!,
    SourceEncryptionContext: EncryptionContext,
    DestinationKeyId: native,
  })
  const back = await there.reEncrypt({ CiphertextBlob: out.CiphertextBlob!, DestinationKeyId: KeyId })
  t.deepEqual(
    Buffer.from((await there.decrypt({ CiphertextBlob: back.CiphertextBlob! })).Plaintext!),
    Buffer.from(Plaintext),
  )
  const made = await there.generateDataKey({ KeyId, KeySpec: 'AES_256' })
  t.deepEqual((await there.decrypt({ CiphertextBlob: made.CiphertextBlob! })).Plaintext, made.Plaintext)
  t.is((await there.generateRandom({ NumberOfBytes: 24, CustomKeyStoreId })).Plaintext!.length, 24)
  const unsupported = 'UnsupportedOperationException'
  await refuses(t, there.enableKeyRotation({ KeyId }), unsupported)
  await refuses(t, there.generateDataKeyPair({ KeyId, KeyPairSpec: 'ECC_NIST_P256' }), unsupported)

  await there.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  await there.sweep()
  t.is(objects('cluster'), before)
  await refuses(t, there.describeKey({ KeyId }), 'NotFoundException')
})

test.serial(
  'a key that is deleted while its store is disconnected is destroyed once there is a way to it',
  async (t) => {
    const { room: there, pass } = await scene(t, { clusters: CLUSTERS })
    const CustomKeyStoreId = await connected(there, cluster('a', OTHER))
    const before = objects('other')
    const created = await there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })
    const { KeyId } = created.KeyMetadata!
    await there.disconnectCustomKeyStore({ CustomKeyStoreId })
    t.deepEqual(await settled(there, CustomKeyStoreId), ['DISCONNECTED', undefined])
    await refuses(t, there.encrypt({ KeyId, Plaintext }), 'KMSInvalidStateException', /is unavailable\.$/)
    await there.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
    pass(8)
    await there.sweep()
    t.is(objects('other'), before + 1)
    await there.connectCustomKeyStore({ CustomKeyStoreId })
    await settled(there, CustomKeyStoreId)
    await there.sweep()
    t.is(objects('other'), before)
  },
)

test.serial('what was connected is connected again when the room is opened again', async (t) => {
  const data = folder(t)
  const first = await room(t, { data, memory: false })
  const CustomKeyStoreId = await connected(first, cluster('a', ONE))
  const created = await first.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })
  const { KeyId } = created.KeyMetadata!
  const { CiphertextBlob } = await first.encrypt({ KeyId, Plaintext })
  await first.close()
  const again = await room(t, { data, memory: false })
  t.is((await only(again, CustomKeyStoreId)).ConnectionState, 'CONNECTED')
  const opened = await again.decrypt({ CiphertextBlob: CiphertextBlob! })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  await again.close()
  const absent = { 'cluster-aaaaaaaaaaa': { module, tokenLabel: 'absent' } }
  const lost = await room(t, { data, memory: false, clusters: absent })
  t.like(await only(lost, CustomKeyStoreId), {
    ConnectionState: 'FAILED',
    ConnectionErrorCode: 'INSUFFICIENT_CLOUDHSM_HSMS',
  })
  await refuses(t, lost.decrypt({ CiphertextBlob: CiphertextBlob! }), 'KMSInvalidStateException', /is unavailable\.$/)
})

test.serial('two stores keep their keys apart, and neither takes the room’s own for its', async (t) => {
  const { room: there, id: native } = await scene(t, { clusters: CLUSTERS })
  const stores = [await connected(there, cluster('a', ONE)), await connected(there, cluster('b', OTHER))]
  const keys = [native]
  for (const CustomKeyStoreId of stores)
    keys.push((await there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!.KeyId)
  const blobs = await Promise.all(keys.map((KeyId) => there.encrypt({ KeyId, Plaintext })))
  // Each store forgets what it had open, and opens it again.
  for (const CustomKeyStoreId of stores) {
    await there.disconnectCustomKeyStore({ CustomKeyStoreId })
    await settled(there, CustomKeyStoreId)
    await there.connectCustomKeyStore({ CustomKeyStoreId })
    await settled(there, CustomKeyStoreId)
  }
  for (const { CiphertextBlob, KeyId } of blobs.toReversed()) {
    const opened = await there.decrypt({ CiphertextBlob: CiphertextBlob! })
    t.is(opened.KeyId, KeyId)
    t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  }
})

test.serial('a simulated cluster takes any password, and keeps its keys in the room', async (t) => {
  const there = await room(t)
  const CustomKeyStoreId = await connected(there, cluster('a', { CloudHsmClusterId: 'cluster-simulatedsi' }))
  const created = await there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })
  const { CiphertextBlob } = await there.encrypt({ KeyId: created.KeyMetadata!.KeyId, Plaintext })
  t.deepEqual(
    Buffer.from((await there.decrypt({ CiphertextBlob: CiphertextBlob! })).Plaintext!),
    Buffer.from(Plaintext),
  )
})

for (const [kind, made] of [
  ['of a cluster', ONE],
  ['that is simulated', { CloudHsmClusterId: 'cluster-simulatedsi' }],
] as const) {
  test.serial(`faults of a backend strike behind a store ${kind}, as long as there are any`, async (t) => {
    const there = await room(t)
    const CustomKeyStoreId = await connected(there, cluster('a', made))
    const { KeyId } = (await there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' })).KeyMetadata!
    const encrypt = () => there.encrypt({ KeyId, Plaintext })
    const { CiphertextBlob } = await encrypt()
    const fault = there.faults.add({ backend: 'hsm', error: 'KMSInternalException', times: 2 })
    await refuses(t, encrypt(), 'KMSInternalException')
    await refuses(t, there.createKey({ CustomKeyStoreId, Origin: 'AWS_CLOUDHSM' }), 'KMSInternalException')
    t.is(fault.hits, 2)
    await t.notThrowsAsync(encrypt())
    const forgetting = there.faults.add({ backend: 'hsm', forget: true, times: 1 })
    const { Plaintext: opened } = await there.decrypt({ CiphertextBlob: CiphertextBlob! })
    t.deepEqual(Buffer.from(opened!), Buffer.from(Plaintext))
    t.is(forgetting.hits, 1)
  })
}
