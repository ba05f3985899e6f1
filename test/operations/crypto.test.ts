/** Encrypt, Decrypt, ReEncrypt and data keys under symmetric keys. */
import test from 'ava'
import { CIPHERTEXT_OVERHEAD } from '../../src/index.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const INCORRECT = 'The key ID in the request does not identify a CMK that can perform this operation.'
const UNKNOWN =
  'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.'
const secret = bytes('a patient record')

test('what Encrypt seals, Decrypt opens, under each form of the name and under none', async (t) => {
  const { room, id, arn } = await scene(t)
  await room.createAlias({ AliasName: 'alias/records', TargetKeyId: id })
  const names = [id, arn, 'alias/records', arn.replace(`key/${id}`, 'alias/records')]
  for (const KeyId of names) {
    const sealed = await room.encrypt({ KeyId, Plaintext: secret })
    t.is(sealed.KeyId, arn)
    t.is(sealed.EncryptionAlgorithm, 'SYMMETRIC_DEFAULT')
    for (const name of [...names, undefined]) {
      const opened = await room.decrypt({ KeyId: name, CiphertextBlob: sealed.CiphertextBlob })
      t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(secret))
      t.is(opened.KeyId, arn)
      t.regex(opened.KeyMaterialId!, /^[0-9a-f]{64}$/)
    }
  }
})

test('every length from 1 to 4,096 bytes comes back; 0 and 4,097 are refused', async (t) => {
  const { room, id } = await scene(t)
  for (const length of [1, 2, 15, 16, 17, 31, 32, 33, 1023, 1024, 4095, 4096]) {
    const Plaintext = new Uint8Array(length).fill(length)
    const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
    t.is(CiphertextBlob!.length, length + CIPHERTEXT_OVERHEAD)
    const opened = await room.decrypt({ CiphertextBlob })
    t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(Plaintext))
  }
  for (const length of [0, 4097]) {
    await refuses(t, room.encrypt({ KeyId: id, Plaintext: new Uint8Array(length) }), 'ValidationException')
  }
})

test('two encryptions of the same are never the same', async (t) => {
  const { room, id } = await scene(t)
  const blobs = new Set<string>()
  for (let i = 0; i < 1000; i++) {
    const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret })
    blobs.add(Buffer.from(CiphertextBlob!).toString('hex'))
  }
  t.is(blobs.size, 1000)
})

test('any other context does not open it, and says no more', async (t) => {
  const { room, id } = await scene(t)
  const EncryptionContext = { patient: '7', ward: 'b' }
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret, EncryptionContext })
  const others: (Record<string, string> | undefined)[] = [
    undefined,
    {},
    { patient: '7' },
    { patient: '7', ward: 'B' },
    { patien: 't7', ward: 'b' },
    { ...EncryptionContext, x: '' },
  ]
  for (const other of others) {
    await refuses(t, room.decrypt({ CiphertextBlob, EncryptionContext: other }), 'InvalidCiphertextException', '')
  }
  const opened = await room.decrypt({ CiphertextBlob, EncryptionContext: { ward: 'b', patient: '7' } })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(secret))
})

test('a flipped bit anywhere, a byte too few or too many: never a plaintext', async (t) => {
  const { room, id } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret })
  const blob = CiphertextBlob!
  for (let bit = 0; bit < blob.length * 8; bit++) {
    const bent = Uint8Array.from(blob)
    bent[bit >> 3]! ^= 1 << (bit & 7)
    // A bent key material id names another key, of which nobody can say whether there is one.
    const inId = bit >> 3 >= 4 && bit >> 3 < 36
    await refuses(
      t,
      room.decrypt({ CiphertextBlob: bent }),
      inId ? 'AccessDeniedException' : 'InvalidCiphertextException',
    )
    await refuses(
      t,
      room.decrypt({ KeyId: id, CiphertextBlob: bent }),
      inId ? 'IncorrectKeyException' : 'InvalidCiphertextException',
    )
  }
  for (let length = 1; length < blob.length; length++) {
    await refuses(t, room.decrypt({ CiphertextBlob: blob.subarray(0, length) }), 'InvalidCiphertextException')
  }
  const longer = Buffer.concat([blob, Buffer.from([0])])
  await refuses(t, room.decrypt({ CiphertextBlob: longer }), 'InvalidCiphertextException')
})

test('a ciphertext of another key, named: IncorrectKeyException', async (t) => {
  const { room, id } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  const { CiphertextBlob } = await room.encrypt({ KeyId: other, Plaintext: secret })
  await refuses(t, room.decrypt({ KeyId: id, CiphertextBlob }), 'IncorrectKeyException', INCORRECT)
  await refuses(
    t,
    room.reEncrypt({ SourceKeyId: id, DestinationKeyId: id, CiphertextBlob }),
    'IncorrectKeyException',
    INCORRECT,
  )
})

test("another account's, another Region's and nobody's ciphertext are one and the same to a stranger", async (t) => {
  const { room, id } = await scene(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret })
  const unknown = Uint8Array.from(CiphertextBlob!)
  unknown[10]! ^= 1
  await refuses(t, room.as({ account: '000000000002' }).decrypt({ CiphertextBlob }), 'AccessDeniedException', UNKNOWN)
  await refuses(t, room.as({ region: 'eu-west-3' }).decrypt({ CiphertextBlob }), 'AccessDeniedException', UNKNOWN)
  await refuses(t, room.decrypt({ CiphertextBlob: unknown }), 'AccessDeniedException', UNKNOWN)
})

test('ReEncrypt moves a ciphertext to another key and context', async (t) => {
  const { room, id, arn } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret, EncryptionContext: { a: '1' } })
  const moved = await room.reEncrypt({
    CiphertextBlob,
    SourceEncryptionContext: { a: '1' },
    DestinationKeyId: other.KeyId,
    DestinationEncryptionContext: { b: '2' },
  })
  t.is(moved.SourceKeyId, arn)
  t.is(moved.KeyId, other.Arn)
  t.not(moved.SourceKeyMaterialId, moved.DestinationKeyMaterialId)
  const opened = await room.decrypt({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { b: '2' } })
  t.is(opened.KeyId, other.Arn)
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(secret))
  const wrong = room.reEncrypt({ CiphertextBlob, DestinationKeyId: other.KeyId })
  await refuses(t, wrong, 'InvalidCiphertextException', '')
})

test('GenerateDataKey gives what its blob decrypts to, in the size asked for', async (t) => {
  const { room, id, arn } = await scene(t)
  const sizes = [
    [{ KeySpec: 'AES_256' }, 32],
    [{ KeySpec: 'AES_128' }, 16],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ] as const
  for (const [size, length] of sizes) {
    const made = await room.generateDataKey({ KeyId: id, ...size, EncryptionContext: { a: 'b' } })
    t.is(made.Plaintext!.length, length)
    t.is(made.KeyId, arn)
    const opened = await room.decrypt({ CiphertextBlob: made.CiphertextBlob, EncryptionContext: { a: 'b' } })
    t.deepEqual(opened.Plaintext, made.Plaintext)
    t.is(opened.KeyMaterialId, made.KeyMaterialId)
    const sealed = await room.generateDataKeyWithoutPlaintext({ KeyId: id, ...size })
    t.false('Plaintext' in sealed)
    t.is((await room.decrypt({ CiphertextBlob: sealed.CiphertextBlob })).Plaintext!.length, length)
  }
  const message = 'Please specify either number of bytes or key spec.'
  await refuses(t, room.generateDataKey({ KeyId: id }), 'ValidationException', message)
  const both = { KeyId: id, KeySpec: 'AES_256', NumberOfBytes: 32 } as const
  await refuses(t, room.generateDataKeyWithoutPlaintext(both), 'ValidationException', message)
})

test('GenerateRandom gives as many bytes as asked, never the same', async (t) => {
  const { room } = await scene(t)
  const { Plaintext: one } = await room.generateRandom({ NumberOfBytes: 1024 })
  const { Plaintext: two } = await room.generateRandom({ NumberOfBytes: 1024 })
  t.is(one!.length, 1024)
  t.notDeepEqual(one, two)
  await refuses(t, room.generateRandom(), 'ValidationException', 'NumberOfBytes is required.')
  await refuses(t, room.generateRandom({ NumberOfBytes: 1025 }), 'ValidationException')
})

test('an answer meant for an enclave never goes out in the clear', async (t) => {
  const { room, id } = await scene(t)
  const Recipient = { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: bytes('x') } as const
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret })
  for (const act of [
    room.decrypt({ CiphertextBlob, Recipient }),
    room.generateDataKey({ KeyId: id, KeySpec: 'AES_256', Recipient }),
    room.generateRandom({ NumberOfBytes: 8, Recipient }),
  ]) {
    await refuses(t, act, 'ValidationException', 'The attestation document is not valid.')
  }
})

test('a dry run says that it would have gone well, and otherwise why not', async (t) => {
  const { room, id } = await scene(t)
  const WELL = 'The request would have succeeded, but the DryRun option is set.'
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext: secret })
  const DryRun = true
  await refuses(t, room.encrypt({ KeyId: id, Plaintext: secret, DryRun }), 'DryRunOperationException', WELL)
  await refuses(t, room.decrypt({ CiphertextBlob, DryRun }), 'DryRunOperationException', WELL)
  await refuses(t, room.generateDataKey({ KeyId: id, NumberOfBytes: 8, DryRun }), 'DryRunOperationException', WELL)
  await refuses(t, room.reEncrypt({ CiphertextBlob, DestinationKeyId: id, DryRun }), 'DryRunOperationException', WELL)
  const blind = { KeyId: id, DryRun, DryRunModifiers: ['IGNORE_CIPHERTEXT'] } as const
  await refuses(
    t,
    room.decrypt({ ...blind, DryRunModifiers: [...blind.DryRunModifiers] }),
    'DryRunOperationException',
    WELL,
  )
  await refuses(t, room.decrypt({ CiphertextBlob: bytes('nonsense'), DryRun }), 'InvalidCiphertextException')
  await room.disableKey({ KeyId: id })
  await refuses(t, room.encrypt({ KeyId: id, Plaintext: secret, DryRun }), 'DisabledException')
})

test('an algorithm that is not the key’s is refused', async (t) => {
  const { room, id } = await scene(t)
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  await refuses(
    t,
    room.encrypt({ KeyId: id, Plaintext: secret, EncryptionAlgorithm }),
    'InvalidKeyUsageException',
    'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.',
  )
})

test('a handle encrypts and decrypts into the caller’s buffers, and many at once', async (t) => {
  const { room, id } = await scene(t)
  const key = room.key(id)
  const out = new Uint8Array(200)
  const length = await key.encryptInto(secret, out, { a: 'b' })
  t.is(length, secret.length + CIPHERTEXT_OVERHEAD)
  const blob = out.slice(0, length)
  const opened = await room.decrypt({ CiphertextBlob: blob, EncryptionContext: { a: 'b' } })
  t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(secret))
  t.is(await key.decryptInto(blob, out, { a: 'b' }), secret.length)
  t.deepEqual(Buffer.from(out.subarray(0, secret.length)), Buffer.from(secret))
  await refuses(t, (async () => key.encryptInto(secret, new Uint8Array(10)))(), 'ValidationException')
  await refuses(t, (async () => key.decryptInto(blob, out, { a: 'c' }))(), 'InvalidCiphertextException')

  const plaintexts = Array.from({ length: 100 }, (_, i) => new Uint8Array(i + 1).fill(i))
  const blobs = await key.encryptMany(plaintexts, { a: 'b' })
  for (const [i, CiphertextBlob] of blobs.entries()) {
    const { Plaintext } = await room.decrypt({ CiphertextBlob, EncryptionContext: { a: 'b' } })
    t.deepEqual(Buffer.from(Plaintext!), Buffer.from(plaintexts[i]!))
  }
  await refuses(t, (async () => key.encryptMany([secret, new Uint8Array(0)]))(), 'ValidationException')
  await room.disableKey({ KeyId: id })
  await refuses(t, (async () => key.encryptInto(secret, out))(), 'DisabledException')
})

test('over the device’s rate a request is throttled, and does no work', async (t) => {
  const { room, id } = await scene(t, { deviceRate: 1, deviceBurst: 5 })
  for (let i = 0; i < 5; i++) await room.encrypt({ KeyId: id, Plaintext: secret })
  const message = 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.'
  await refuses(t, room.encrypt({ KeyId: id, Plaintext: secret }), 'ThrottlingException', message)
})

test('more keys than the device has slots: all of them work', async (t) => {
  const { room } = await scene(t, { slots: 4 })
  const made = await Promise.all(Array.from({ length: 20 }, () => room.createKey()))
  const keys = made.map(({ KeyMetadata }) => KeyMetadata!.KeyId)
  for (let round = 0; round < 3; round++) {
    for (const KeyId of keys) {
      const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext: secret })
      const DestinationKeyId = keys[0]!
      const moved = await room.reEncrypt({ CiphertextBlob, DestinationKeyId })
      const { Plaintext } = await room.decrypt({ CiphertextBlob: moved.CiphertextBlob })
      t.deepEqual(Buffer.from(Plaintext!), Buffer.from(secret))
    }
  }
})
