/** Throttling in a room whose clock stands still: how much goes through, and whose quota it takes. */
import test from 'ava'
import type { Client, Strongroom } from '../../src/index.ts'
import type { QuotaSetting } from '../../src/quotas/quotas.ts'
import type { CloudTrailRecord } from '../../src/audit/cloudtrail.ts'
import { CIPHERTEXT_OVERHEAD } from '../../src/handle.ts'
import { refuses } from '../helpers/scene.ts'
import { accepted, ACCOUNT, OTHER, still } from './throttled.ts'

const Plaintext = Buffer.from('a secret')
const NOWHERE = '00000000-0000-0000-0000-000000000000'
const THROTTLED = 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.'

/** So few of each that there is more than enough to run out of them. */
const FEW: QuotaSetting = { quotas: { Symmetric: 3, RSA: 2, ECC: 2, 'ML-DSA': 2, 'ML-KEM': 2 } }

const takes = test.macro({
  title: (_, sentence: string) => sentence,
  /** `act` runs as often as it may in a room that has these quotas. */
  async exec(t, _sentence: string, quotas: QuotaSetting, times: number, prepare: (room: Strongroom) => unknown) {
    const { room } = await still(t, { quotas })
    const act = (await prepare(room)) as () => unknown
    t.is(await accepted(act), times)
  },
})

async function newKey(room: Client, input: Parameters<Client['createKey']>[0] = {}): Promise<string> {
  return (await room.createKey(input)).KeyMetadata!.Arn!
}
const signing = (spec: 'RSA_2048' | 'ECC_NIST_P256' | 'ML_DSA_44') => (room: Strongroom) =>
  newKey(room, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })

test(takes, 'five keys a second, and no sixth', 'aws', 5, (room) => () => room.createKey({}))
test(takes, 'one key pair of RSA_4096', 'aws', 1, async (room) => {
  const KeyId = await newKey(room)
  return () => room.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec: 'RSA_4096', DryRun: true })
})
test(takes, 'four key pairs of RSA_3072, with their plaintext or without', 'aws', 4, async (room) => {
  const input = { KeyId: await newKey(room), KeyPairSpec: 'RSA_3072', DryRun: true } as const
  const acts = [() => room.generateDataKeyPair(input), () => room.generateDataKeyPairWithoutPlaintext(input)]
  let count = 0
  return () => acts[count++ % 2]!()
})
test(takes, 'one set of parameters for import', 'aws', 1, async (room) => {
  const KeyId = await newKey(room, { Origin: 'EXTERNAL' })
  const how = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  return () => room.getParametersForImport({ KeyId, ...how })
})
test(takes, 'three of the symmetric quota, whatever they are for', FEW, 3, async (room) => {
  const KeyId = await newKey(room)
  const acts = [
    () => room.encrypt({ KeyId, Plaintext }),
    () => room.generateRandom({ NumberOfBytes: 8 }),
    () => room.generateDataKey({ KeyId, KeySpec: 'AES_256' }),
    () => room.encrypt({ KeyId, Plaintext }),
  ]
  return () => acts.shift()!()
})
test(takes, 'two signatures of RSA', FEW, 2, async (room) => {
  const KeyId = await signing('RSA_2048')(room)
  return () => room.sign({ KeyId, Message: Plaintext, SigningAlgorithm: 'RSASSA_PSS_SHA_256' })
})
test(takes, 'two signatures of ECC, and the symmetric quota is another', FEW, 2, async (room) => {
  const KeyId = await signing('ECC_NIST_P256')(room)
  await accepted(() => room.generateRandom({ NumberOfBytes: 8 }))
  return () => room.sign({ KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' })
})
test(takes, 'two signatures of ML-DSA', FEW, 2, async (room) => {
  const KeyId = await signing('ML_DSA_44')(room)
  return () => room.sign({ KeyId, Message: Plaintext, SigningAlgorithm: 'ML_DSA_SHAKE_256' })
})
test(takes, 'a dry run counts', FEW, 3, async (room) => {
  const KeyId = await newKey(room)
  return () => room.encrypt({ KeyId, Plaintext, DryRun: true })
})
test(takes, 'a call for a key there is not counts', FEW, 3, (room) => () => room.encrypt({ KeyId: NOWHERE, Plaintext }))
test(takes, "a call for another account's key there is not counts", FEW, 3, (room) => {
  const KeyId = `arn:aws:kms:us-east-1:${OTHER}:key/${NOWHERE}`
  return () => room.encrypt({ KeyId, Plaintext })
})
test(takes, 'a malformed call counts', FEW, 3, async (room) => {
  const KeyId = await newKey(room)
  return () => room.encrypt({ KeyId, Plaintext: new Uint8Array(0) })
})
test(takes, 'a call that is not allowed counts', FEW, 3, async (room) => {
  const KeyId = await newKey(room)
  const stranger = room.as({ account: OTHER })
  return () => stranger.encrypt({ KeyId, Plaintext })
})
test(takes, 'a call for a disabled key counts', FEW, 3, async (room) => {
  const KeyId = await newKey(room)
  await room.disableKey({ KeyId })
  return () => room.encrypt({ KeyId, Plaintext })
})
test(takes, 'ReEncrypt between keys of one group counts once', FEW, 2, async (room) => {
  const KeyId = await newKey(room)
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  return () => room.reEncrypt({ CiphertextBlob: CiphertextBlob!, DestinationKeyId: KeyId })
})
test(takes, 'a replica takes two of the new keys there may be in its Region', 'aws', 3, async (room) => {
  const KeyId = await newKey(room, { MultiRegion: true })
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  return () => room.as({ region: 'eu-west-1' }).createKey({})
})
test(takes, 'and so there are two replicas a second in one Region', 'aws', 2, async (room) => {
  const keys = await Promise.all([1, 2, 3].map(() => newKey(room, { MultiRegion: true })))
  return () => room.replicateKey({ KeyId: keys.shift()!, ReplicaRegion: 'eu-west-1' })
})
test(takes, 'UpdatePrimaryRegion counts in both Regions', 'aws', 4, async (room) => {
  const KeyId = await newKey(room, { MultiRegion: true })
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  await room.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
  return () => room.as({ region: 'eu-west-1' }).updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
})

test('ReEncrypt between groups counts in both, or in neither', async (t) => {
  const { room } = await still(t, { quotas: { quotas: { Symmetric: 10, RSA: 2 } } })
  const KeyId = await newKey(room)
  const DestinationKeyId = await newKey(room, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const algorithm = 'RSAES_OAEP_SHA_256' as const
  const both = { CiphertextBlob: CiphertextBlob!, DestinationKeyId, DestinationEncryptionAlgorithm: algorithm }
  t.is(await accepted(() => room.reEncrypt(both)), 2)
  t.is(await accepted(() => room.encrypt({ KeyId, Plaintext })), 7)
})

test('a batch takes as many as it has items, and is refused whole', async (t) => {
  const { room, pass } = await still(t, { quotas: { quotas: { Symmetric: 10 } } })
  const key = room.key(await newKey(room))
  const items = Array.from({ length: 6 }, () => Plaintext)
  t.is((await key.encryptMany(items)).length, 6)
  await refuses(
    t,
    Promise.resolve().then(() => key.encryptMany(items)),
    'ThrottlingException',
    THROTTLED,
  )
  const out = new Uint8Array(Plaintext.length + CIPHERTEXT_OVERHEAD)
  t.is(await accepted(() => key.encryptInto(Plaintext, out)), 4)
  pass(600)
  t.is((await key.encryptMany(items)).length, 6)
})

test('what was refused is there again as time goes by', async (t) => {
  const { room, pass } = await still(t, { quotas: 'aws' })
  t.is(await accepted(() => room.createKey({})), 5)
  pass(199)
  await refuses(t, room.createKey({}), 'ThrottlingException', THROTTLED)
  pass(1)
  t.is(await accepted(() => room.createKey({})), 1)
  pass(60_000)
  t.is(await accepted(() => room.createKey({})), 5)
})

const three = async (person: Client) => accepted(() => person.generateRandom({ NumberOfBytes: 8 }))

test('accounts and Regions are apart', async (t) => {
  const { room } = await still(t, { quotas: FEW })
  t.is(await three(room), 3)
  t.is(await three(room), 0)
  t.is(await three(room.as({ region: 'eu-west-1' })), 3)
  t.is(await three(room.as({ account: OTHER })), 3)
  t.is(await three(room.as({ account: OTHER, region: 'eu-west-1' })), 3)
  t.is(await three(room.as({ arn: `arn:aws:iam::${ACCOUNT}:root` })), 0)
})

test("who calls for another account's key draws on his own quota", async (t) => {
  const { room } = await still(t, { quotas: FEW })
  const statement = { Effect: 'Allow', Principal: { AWS: [ACCOUNT, OTHER] }, Action: 'kms:*', Resource: '*' }
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] })
  const KeyId = await newKey(room, { Policy })
  t.is(await accepted(() => room.as({ account: OTHER }).encrypt({ KeyId, Plaintext })), 3)
  t.is(await accepted(() => room.encrypt({ KeyId, Plaintext })), 3)
})

test('what a service asks for in the name of somebody draws on his quota, and so does what it asks for on his account', async (t) => {
  const { room } = await still(t, { quotas: FEW })
  t.is(await three(room.as({ via: 's3.amazonaws.com' })), 3)
  t.is(await three(room), 0)
  t.is(await three(room.as({ service: 's3.amazonaws.com', sourceAccount: OTHER, account: OTHER })), 3)
  t.is(await three(room.as({ account: OTHER })), 0)
})

test('in China there are fewer key pairs of RSA', async (t) => {
  const { room, pass } = await still(t, { quotas: 'aws', region: 'cn-north-1' })
  const input = { KeyId: await newKey(room), KeyPairSpec: 'RSA_4096', DryRun: true } as const
  t.is(await accepted(() => room.generateDataKeyPair(input)), 1)
  pass(9999)
  t.is(await accepted(() => room.generateDataKeyPair(input)), 0)
  pass(1)
  t.is(await accepted(() => room.generateDataKeyPair(input)), 1)
})

test('without quotas, nobody is throttled', async (t) => {
  const { room } = await still(t)
  t.is(await accepted(() => room.createKey({}), 50), 50)
})

test('a throttled call is on record', async (t) => {
  const { room } = await still(t, { quotas: FEW })
  t.is(await three(room), 3)
  const refused: CloudTrailRecord[] = []
  for await (const event of room.audit.events()) if (event.errorCode !== undefined) refused.push(event)
  t.is(refused.length, 1)
  t.like(refused[0], { eventName: 'GenerateRandom', errorCode: 'ThrottlingException', errorMessage: THROTTLED })
})
