/** Attested recipients: whom the room believes, and that nothing goes out but in an envelope for them. */
import test, { type ExecutionContext } from 'ava'
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { createAttester, Strongroom, type AttestationOptions, type StrongroomOptions } from '../src/index.ts'
import { openEnvelope } from './helpers/envelope.ts'
import { bytes, refuses, scene } from './helpers/scene.ts'

const attester = createAttester()
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const START = new Date('2026-01-01T00:00:00Z')
const Plaintext = bytes('for the enclave alone')
const INVALID = 'The attestation document is not valid.'

const documentFor = (options: Partial<AttestationOptions> = {}): Uint8Array =>
  attester.attestationFor({ publicKey, now: START, ...options })

const recipient = (AttestationDocument: Uint8Array) =>
  ({ KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument }) as const

const believing = (t: ExecutionContext, options: StrongroomOptions = {}) =>
  scene(t, { attestationRoots: [attester.root], ...options })

test('Decrypt answers a recipient with an envelope that openssl opens, and with no plaintext', async (t) => {
  const { room, id, arn } = await believing(t)
  const EncryptionContext = { table: 'orders' }
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext, EncryptionContext })
  const request = { CiphertextBlob, EncryptionContext, Recipient: recipient(documentFor()) }
  const answer = await room.decrypt(request)
  t.deepEqual(Object.keys(answer).toSorted(), ['CiphertextForRecipient', 'EncryptionAlgorithm', 'KeyId'])
  t.like(answer, { KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  t.deepEqual(openEnvelope(answer.CiphertextForRecipient!, privateKey), Buffer.from(Plaintext))
  await refuses(t, room.decrypt({ ...request, EncryptionContext: {} }), 'InvalidCiphertextException', '')
})

test('GenerateDataKey answers with the blob as ever, and its plaintext in an envelope', async (t) => {
  const { room, id, arn } = await believing(t)
  for (const [size, length] of [
    [{ KeySpec: 'AES_256' }, 32],
    [{ NumberOfBytes: 1024 }, 1024],
    [{ NumberOfBytes: 1 }, 1],
  ] as const) {
    const answer = await room.generateDataKey({ KeyId: id, ...size, Recipient: recipient(documentFor()) })
    t.deepEqual(Object.keys(answer).toSorted(), ['CiphertextBlob', 'CiphertextForRecipient', 'KeyId'])
    t.is(answer.KeyId, arn)
    const opened = openEnvelope(answer.CiphertextForRecipient!, privateKey)
    t.is(opened.length, length)
    const { Plaintext } = await room.decrypt({ CiphertextBlob: answer.CiphertextBlob })
    t.deepEqual(Buffer.from(Plaintext!), opened)
  }
})

test('GenerateRandom answers with bytes nobody else sees', async (t) => {
  const { room } = await believing(t)
  const answer = await room.generateRandom({ NumberOfBytes: 48, Recipient: recipient(documentFor()) })
  t.deepEqual(Object.keys(answer), ['CiphertextForRecipient'])
  t.is(openEnvelope(answer.CiphertextForRecipient!, privateKey).length, 48)
})

test('Decrypt answers so for an RSA key, too', async (t) => {
  const { room } = await believing(t)
  const { KeyId } = (await room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })).KeyMetadata!
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext, EncryptionAlgorithm })
  const request = { KeyId, CiphertextBlob, EncryptionAlgorithm, Recipient: recipient(documentFor()) } as const
  const answer = await room.decrypt(request)
  t.deepEqual(Object.keys(answer).toSorted(), ['CiphertextForRecipient', 'EncryptionAlgorithm', 'KeyId'])
  t.deepEqual(openEnvelope(answer.CiphertextForRecipient!, privateKey), Buffer.from(Plaintext))
  const changed = Uint8Array.from(CiphertextBlob!)
  changed[40]! ^= 1
  await refuses(t, room.decrypt({ ...request, CiphertextBlob: changed }), 'InvalidCiphertextException', '')
})

test('GenerateDataKeyPair keeps its private key to the blob and the envelope', async (t) => {
  const { room, id } = await believing(t)
  const EncryptionContext = { of: 'a pair' }
  for (const KeyPairSpec of ['ECC_NIST_P256', 'RSA_2048'] as const) {
    const request = { KeyId: id, KeyPairSpec, EncryptionContext, Recipient: recipient(documentFor()) }
    const { PrivateKeyCiphertextBlob, CiphertextForRecipient, ...rest } = await room.generateDataKeyPair(request)
    t.deepEqual(Object.keys(rest).toSorted(), ['KeyId', 'KeyMaterialId', 'KeyPairSpec', 'PublicKey'])
    const der = openEnvelope(CiphertextForRecipient!, privateKey)
    const made = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
    t.deepEqual(made.export({ type: 'spki', format: 'der' }), Buffer.from(rest.PublicKey!))
    const opened = await room.decrypt({ CiphertextBlob: PrivateKeyCiphertextBlob, EncryptionContext })
    t.deepEqual(Buffer.from(opened.Plaintext!), der)
  }
})

test('DeriveSharedSecret agrees with the peer, and tells the recipient alone', async (t) => {
  const { room } = await believing(t)
  const KeyAgreementAlgorithm = 'ECDH'
  const { KeyId, Arn } = (await room.createKey({ KeySpec: 'ECC_NIST_P521', KeyUsage: 'KEY_AGREEMENT' })).KeyMetadata!
  const peer = generateKeyPairSync('ec', { namedCurve: 'P-521' })
  const PublicKey = peer.publicKey.export({ type: 'spki', format: 'der' })
  const request = { KeyId, KeyAgreementAlgorithm, PublicKey, Recipient: recipient(documentFor()) } as const
  const { CiphertextForRecipient, ...rest } = await room.deriveSharedSecret(request)
  t.deepEqual(rest, { KeyId: Arn, KeyAgreementAlgorithm, KeyOrigin: 'AWS_KMS' })
  const own = Buffer.from((await room.getPublicKey({ KeyId })).PublicKey!)
  const publicKey = createPublicKey({ key: own, format: 'der', type: 'spki' })
  const secret = diffieHellman({ privateKey: peer.privateKey, publicKey })
  t.deepEqual(openEnvelope(CiphertextForRecipient!, privateKey), secret)
  await refuses(t, room.deriveSharedSecret({ ...request, PublicKey: bytes('no key') }), 'ValidationException', '')
})

test('a dry run has the document verified, and answers nothing', async (t) => {
  const { room, id } = await believing(t)
  const request = { KeyId: id, KeySpec: 'AES_256', DryRun: true } as const
  const good = { ...request, Recipient: recipient(documentFor()) }
  await refuses(t, room.generateDataKey(good), 'DryRunOperationException')
  await refuses(
    t,
    room.generateDataKey({ ...request, Recipient: recipient(bytes('x')) }),
    'ValidationException',
    INVALID,
  )
})

test('the envelope is one of AWS’s kind: CMS for one holder of an RSA key, who is named by its identifier', async (t) => {
  const { room } = await believing(t)
  const { CiphertextForRecipient } = await room.generateRandom({
    NumberOfBytes: 16,
    Recipient: recipient(documentFor()),
  })
  const der = Buffer.from(CiphertextForRecipient!)
  const oids = {
    envelopedData: '06092a864886f70d010703',
    rsaesOaep: '06092a864886f70d010107',
    mgf1: '06092a864886f70d010108',
    sha256: '0609608648016503040201',
    data: '06092a864886f70d010701',
    aes256Cbc: '060960864801650304012a0410',
  }
  for (const [name, hex] of Object.entries(oids)) t.true(der.includes(Buffer.from(hex, 'hex')), name)
  const again = await room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(documentFor()) })
  t.notDeepEqual(Buffer.from(again.CiphertextForRecipient!), der)
})

test('RSA keys of any size from 2,048 bits on receive, and no other', async (t) => {
  const { room } = await believing(t)
  const receive = (key: AttestationOptions['publicKey']) =>
    room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(documentFor({ publicKey: key })) })
  for (const modulusLength of [3072, 4096]) {
    const pair = generateKeyPairSync('rsa', { modulusLength })
    const { CiphertextForRecipient } = await receive(pair.publicKey)
    t.is(openEnvelope(CiphertextForRecipient!, pair.privateKey).length, 16)
  }
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  for (const key of [curve, short, bytes('no key'), new Uint8Array(), new Uint8Array(1025)]) {
    await refuses(t, receive(key), 'ValidationException', INVALID)
  }
})

test('a document is believed only down to a root that was given, which is valid itself', async (t) => {
  const Recipient = recipient(documentFor())
  const stranger = createAttester()
  for (const attestationRoots of [undefined, [], [stranger.root]]) {
    const { room } = await scene(t, { attestationRoots })
    await refuses(t, room.generateRandom({ NumberOfBytes: 16, Recipient }), 'ValidationException', INVALID)
  }
  const { room } = await scene(t, { attestationRoots: [stranger.root, attester.root] })
  await t.notThrowsAsync(room.generateRandom({ NumberOfBytes: 16, Recipient }))
  // The same key, kept, makes the same attester.
  const key = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const kept = await scene(t, { attestationRoots: [createAttester(key).root] })
  const AttestationDocument = createAttester(key).attestationFor({ publicKey, now: START })
  await t.notThrowsAsync(kept.room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(AttestationDocument) }))
  const late = await scene(t, { attestationRoots: [attester.root], now: () => new Date('2050-01-01') })
  const then = recipient(documentFor({ now: new Date('2048-12-31T23:59:00Z') }))
  await refuses(t, late.room.generateRandom({ NumberOfBytes: 16, Recipient: then }), 'ValidationException', INVALID)
  await t.throwsAsync(Strongroom.open({ attestationRoots: ['nonsense'] }), { instanceOf: TypeError })
})

test('a document is fresh for five minutes, or as long as the room is told', async (t) => {
  const minutes = (n: number) => new Date(START.getTime() + n * 60_000)
  const ask = async (room: Strongroom, now: Date) =>
    room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(documentFor({ now })) })
  const { room } = await believing(t)
  for (const age of [0, -5]) await t.notThrowsAsync(ask(room, minutes(age)))
  // Ahead of time, it is not even certified yet.
  for (const age of [-5.01, -180, 5.01]) await refuses(t, ask(room, minutes(age)), 'ValidationException', INVALID)
  const patient = await believing(t, { attestationWindow: 3600 })
  await t.notThrowsAsync(ask(patient.room, minutes(-60)))
  // Its certificate is good for three hours, whatever the room is told.
  const careless = await believing(t, { attestationWindow: 86_400 })
  await t.notThrowsAsync(ask(careless.room, minutes(-180)))
  await refuses(t, ask(careless.room, minutes(-180.1)), 'ValidationException', INVALID)
})

test('both members of Recipient are needed', async (t) => {
  const { room } = await believing(t)
  const { KeyEncryptionAlgorithm, AttestationDocument } = recipient(documentFor())
  for (const Recipient of [{}, { KeyEncryptionAlgorithm }, { AttestationDocument }]) {
    await refuses(t, room.generateRandom({ NumberOfBytes: 16, Recipient }), 'ValidationException', /needs both/)
  }
})

test('no changed bit, no missing byte and no other byte makes a document that is believed', async (t) => {
  const { room } = await believing(t)
  const good = documentFor({ userData: bytes('signed along'), nonce: bytes('asked for') })
  const refused = async (AttestationDocument: Uint8Array, how: string) => {
    const error = await t.throwsAsync(
      room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(AttestationDocument) }),
    )
    t.is((error as unknown as { code: string }).code, 'ValidationException', how)
  }
  const random = seeded(20260101)
  // In front are the protected header and the unprotected one; the latter, like any, is not signed.
  for (let i = 0; i < 1500; i++) {
    const changed = Uint8Array.from(good)
    for (let n = 1 + random(3); n > 0; n--) changed[random(good.length)]! ^= 1 << random(8)
    if (!Buffer.from(changed).equals(good)) await refused(changed, `flips ${i}`)
  }
  for (let i = 0; i < 300; i++) await refused(good.slice(0, 1 + random(good.length - 1)), `cut ${i}`)
  for (let i = 0; i < 300; i++) {
    const at = random(good.length)
    const junk = Uint8Array.from({ length: 1 + random(9) }, () => random(256))
    await refused(Buffer.concat([good.subarray(0, at), junk, good.subarray(at)]), `more ${i}`)
  }
  for (let i = 0; i < 300; i++) {
    await refused(
      Uint8Array.from({ length: 1 + random(200) }, () => random(256)),
      `noise ${i}`,
    )
  }
  await t.notThrowsAsync(room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(good) }))
})

test('lengths and depths that a document only claims cost nothing', async (t) => {
  const { room } = await believing(t)
  const claims = [
    '9bffffffffffffffff',
    '5bffffffffffffffff',
    'bbffffffffffffffff',
    '81'.repeat(100_000),
    'd2'.repeat(50_000),
  ]
  for (const hex of claims) {
    const Recipient = recipient(Buffer.from(hex, 'hex'))
    await refuses(t, room.generateRandom({ NumberOfBytes: 16, Recipient }), 'ValidationException', INVALID)
  }
})

test('registers and what is said besides must be in bounds', async (t) => {
  const { room } = await believing(t)
  const ask = (options: Partial<AttestationOptions>) =>
    room.generateRandom({ NumberOfBytes: 16, Recipient: recipient(documentFor(options)) })
  const bounds: readonly Partial<AttestationOptions>[] = [
    { pcrs: { 31: new Uint8Array(64), 0: new Uint8Array(32) } },
    { platform: 'tpm' },
    { userData: new Uint8Array(1024), nonce: new Uint8Array(512) },
  ]
  for (const options of bounds) await t.notThrowsAsync(ask(options))
  const beyond: readonly Partial<AttestationOptions>[] = [
    { pcrs: { 32: new Uint8Array(48) } },
    { pcrs: { 0: new Uint8Array(47) } },
    { pcrs: { 0: new Uint8Array() } },
    { userData: new Uint8Array(1025) },
    { nonce: new Uint8Array(1025) },
    { moduleId: '' },
  ]
  for (const options of beyond) await refuses(t, ask(options), 'ValidationException', INVALID)
})

test('an attester’s root is a certificate that says what it is', (t) => {
  const root = new X509Certificate(attester.root)
  t.is(root.subject, 'CN=strongroom test attestation root')
  t.true(root.ca)
  t.true(root.verify(root.publicKey))
  t.is(root.publicKey.asymmetricKeyDetails?.namedCurve, 'secp384r1')
})

/** Small numbers that repeat: xorshift32. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
