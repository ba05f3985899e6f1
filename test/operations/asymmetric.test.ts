/** Encrypt, Decrypt and ReEncrypt under RSA and SM2 keys, with ciphertext made here and outside. */
import { constants, publicEncrypt } from 'node:crypto'
import test from 'ava'
import { maxPlaintext, SPECS } from '../../src/algorithms.ts'
import type { EncryptionAlgorithmSpec, KeySpec } from '../../src/model/kms.ts'
import { keyring, type Held } from '../helpers/keyring.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const INCORRECT = 'The key ID in the request does not identify a CMK that can perform this operation.'
const EncryptionContext = { a: 'b' }
const secret = bytes('a patient record')
const held = (spec: KeySpec): Promise<Held> => key(spec, 'ENCRYPT_DECRYPT')
const equal = (one: Uint8Array | undefined, two: Uint8Array) => Buffer.compare(one!, two) === 0

const PAIRS = (Object.keys(SPECS) as KeySpec[])
  .filter((spec) => SPECS[spec].family === 'asymmetric')
  .flatMap((spec) => (SPECS[spec].algorithms.ENCRYPT_DECRYPT ?? []).map((algorithm) => [spec, algorithm] as const))

/** Facts: quotas, RSA OAEP plaintext maxima. */
const MOST: Partial<Record<KeySpec, Partial<Record<EncryptionAlgorithmSpec, number>>>> = {
  RSA_2048: { RSAES_OAEP_SHA_1: 214, RSAES_OAEP_SHA_256: 190 },
  RSA_3072: { RSAES_OAEP_SHA_1: 342, RSAES_OAEP_SHA_256: 318 },
  RSA_4096: { RSAES_OAEP_SHA_1: 470, RSAES_OAEP_SHA_256: 446 },
  SM2: { SM2PKE: 1024 },
}

for (const [spec, EncryptionAlgorithm] of PAIRS) {
  test(`${spec} decrypts what it encrypted by ${EncryptionAlgorithm}, to the last byte it takes`, async (t) => {
    const { id: KeyId, arn, room } = await held(spec)
    const most = MOST[spec]![EncryptionAlgorithm]!
    t.is(maxPlaintext(spec, EncryptionAlgorithm), most)
    for (const length of [1, 32, most]) {
      const Plaintext = new Uint8Array(length).fill(length)
      const sealed = await room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext })
      const { CiphertextBlob, ...rest } = sealed
      t.deepEqual(rest, { KeyId: arn, EncryptionAlgorithm })
      if (spec !== 'SM2') t.is(CiphertextBlob!.length, Number(spec.slice(4)) / 8)
      const opened = await room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
      t.true(equal(opened.Plaintext, Plaintext))
      t.is(opened.KeyId, arn)
      t.is(opened.EncryptionAlgorithm, EncryptionAlgorithm)
      t.is(opened.KeyMaterialId, undefined)
    }
    const message = `Algorithm ${EncryptionAlgorithm} and key spec ${spec} cannot encrypt data larger than ${most} bytes.`
    const long = { KeyId, EncryptionAlgorithm, Plaintext: new Uint8Array(most + 1) }
    await refuses(t, room.encrypt(long), 'ValidationException', message)
    await refuses(t, room.encrypt({ ...long, DryRun: true }), 'ValidationException', message)
  })

  test(`${spec} by ${EncryptionAlgorithm}: whatever is wrong with a ciphertext is not said`, async (t) => {
    const { id: KeyId, room } = await held(spec)
    const { CiphertextBlob } = await room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext: secret })
    const blob = CiphertextBlob!
    const bent = (at: number) => Uint8Array.from(blob, (byte, i) => (i === at ? byte ^ 1 : byte))
    for (const CiphertextBlob of [
      bent(0),
      bent(blob.length - 1),
      blob.subarray(1),
      blob.subarray(0, -1),
      Buffer.concat([blob, Buffer.of(0)]),
      Buffer.alloc(blob.length),
      Buffer.alloc(blob.length, 255),
      Buffer.of(1),
      new Uint8Array(6144),
    ]) {
      const opened = room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
      await refuses(t, opened, 'InvalidCiphertextException', '')
    }
  })
}

for (const [spec, EncryptionAlgorithm] of PAIRS.filter(([spec]) => spec !== 'SM2')) {
  test(`${spec} decrypts by ${EncryptionAlgorithm} what node:crypto encrypted with the public key`, async (t) => {
    const { id: KeyId, publicKey } = await held(spec)
    const oaepHash = EncryptionAlgorithm === 'RSAES_OAEP_SHA_1' ? 'sha1' : 'sha256'
    const options = { key: publicKey(), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }
    const CiphertextBlob = publicEncrypt(options, secret)
    const { Plaintext } = await room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
    t.true(equal(Plaintext, secret))
    const other = oaepHash === 'sha1' ? 'RSAES_OAEP_SHA_256' : 'RSAES_OAEP_SHA_1'
    const wrong = room.decrypt({ KeyId, EncryptionAlgorithm: other, CiphertextBlob })
    await refuses(t, wrong, 'InvalidCiphertextException', '')
    const labelled = publicEncrypt({ ...options, oaepLabel: Buffer.from('label') }, secret)
    const opened = room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob: labelled })
    await refuses(t, opened, 'InvalidCiphertextException', '')
  })
}

test('a plaintext of nothing decrypts to nothing', async (t) => {
  const { id: KeyId, publicKey } = await held('RSA_2048')
  const options = { key: publicKey(), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const CiphertextBlob = publicEncrypt(options, Buffer.alloc(0))
  const { Plaintext } = await room.decrypt({ KeyId, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', CiphertextBlob })
  t.is(Plaintext!.length, 0)
})

test('an asymmetric key wants its algorithm said, and one it has', async (t) => {
  const { id: KeyId } = await held('RSA_2048')
  const CiphertextBlob = Buffer.alloc(256)
  for (const EncryptionAlgorithm of [undefined, 'SYMMETRIC_DEFAULT', 'SM2PKE'] as const) {
    const message = `Algorithm ${EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'} is incompatible with key spec RSA_2048.`
    const encrypted = room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext: secret })
    await refuses(t, encrypted, 'InvalidKeyUsageException', message)
    const decrypted = room.decrypt({ KeyId, EncryptionAlgorithm, CiphertextBlob })
    await refuses(t, decrypted, 'InvalidKeyUsageException', message)
  }
  const { id: symmetric } = await held('SYMMETRIC_DEFAULT')
  const decrypted = room.decrypt({ KeyId: symmetric, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256', CiphertextBlob })
  const message = 'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.'
  await refuses(t, decrypted, 'InvalidKeyUsageException', message)
})

test('an encryption context belongs to symmetric keys', async (t) => {
  const { id: KeyId } = await held('RSA_2048')
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const about = { KeyId, EncryptionAlgorithm, EncryptionContext } as const
  const message = 'EncryptionContext is not supported with key spec RSA_2048.'
  await refuses(t, room.encrypt({ ...about, Plaintext: secret }), 'ValidationException', message)
  await refuses(t, room.encrypt({ ...about, Plaintext: secret, DryRun: true }), 'ValidationException', message)
  await refuses(t, room.decrypt({ ...about, CiphertextBlob: Buffer.alloc(256) }), 'ValidationException', message)
  const { CiphertextBlob } = await room.encrypt({ ...about, EncryptionContext: {}, Plaintext: secret })
  t.true(equal((await room.decrypt({ ...about, EncryptionContext: {}, CiphertextBlob })).Plaintext, secret))
})

test('a ciphertext without a frame needs its key named, and that key to be one that decrypts', async (t) => {
  const { id: KeyId } = await held('RSA_2048')
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256'
  const { CiphertextBlob } = await room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext: secret })
  await refuses(t, room.decrypt({ EncryptionAlgorithm, CiphertextBlob }), 'InvalidCiphertextException', '')
  for (const [spec, usage] of [
    ['RSA_2048', 'SIGN_VERIFY'],
    ['ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['HMAC_256', 'GENERATE_VERIFY_MAC'],
  ] as const) {
    const { id } = await key(spec, usage)
    const decrypted = room.decrypt({ KeyId: id, EncryptionAlgorithm, CiphertextBlob })
    await refuses(t, decrypted, 'IncorrectKeyException', INCORRECT)
    const encrypted = room.encrypt({ KeyId: id, EncryptionAlgorithm, Plaintext: secret })
    await refuses(t, encrypted, 'InvalidKeyUsageException')
  }
  const { id: symmetric } = await held('SYMMETRIC_DEFAULT')
  await refuses(t, room.decrypt({ KeyId: symmetric, CiphertextBlob }), 'InvalidCiphertextException', '')
})

test('a dry run with an asymmetric key tells what it would have come to', async (t) => {
  const { id: KeyId } = await held('RSA_2048')
  const about = { KeyId, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1', DryRun: true } as const
  await refuses(t, room.encrypt({ ...about, Plaintext: secret }), 'DryRunOperationException')
  await refuses(t, room.decrypt({ ...about, CiphertextBlob: Buffer.alloc(256) }), 'DryRunOperationException')
  await refuses(t, room.decrypt({ ...about, DryRunModifiers: ['IGNORE_CIPHERTEXT'] }), 'DryRunOperationException')
  await refuses(t, room.decrypt(about), 'ValidationException', /Value null at 'ciphertextBlob'/)
})

const CROSSINGS: readonly [from: KeySpec, to: KeySpec][] = [
  ['SYMMETRIC_DEFAULT', 'RSA_2048'],
  ['RSA_2048', 'SYMMETRIC_DEFAULT'],
  ['RSA_2048', 'RSA_4096'],
  ['RSA_2048', 'RSA_2048'],
]

for (const [from, to] of CROSSINGS) {
  test(`ReEncrypt moves a ciphertext from ${from} to ${to}`, async (t) => {
    const [source, destination] = [await held(from), await held(to)]
    const algorithm = (spec: KeySpec) => SPECS[spec].algorithms.ENCRYPT_DECRYPT!.at(-1)!
    const context = (spec: KeySpec) => (spec === 'SYMMETRIC_DEFAULT' ? EncryptionContext : undefined)
    const { CiphertextBlob } = await room.encrypt({
      KeyId: source.id,
      EncryptionAlgorithm: algorithm(from),
      EncryptionContext: context(from),
      Plaintext: secret,
    })
    const moved = await room.reEncrypt({
      CiphertextBlob,
      SourceKeyId: source.id,
      SourceEncryptionAlgorithm: algorithm(from),
      SourceEncryptionContext: context(from),
      DestinationKeyId: destination.id,
      DestinationEncryptionAlgorithm: algorithm(to),
      DestinationEncryptionContext: context(to),
    })
    t.is(moved.SourceKeyId, source.arn)
    t.is(moved.KeyId, destination.arn)
    t.is(moved.SourceEncryptionAlgorithm, algorithm(from))
    t.is(moved.DestinationEncryptionAlgorithm, algorithm(to))
    t.is(moved.SourceKeyMaterialId !== undefined, from === 'SYMMETRIC_DEFAULT')
    t.is(moved.DestinationKeyMaterialId !== undefined, to === 'SYMMETRIC_DEFAULT')
    const opened = await room.decrypt({
      KeyId: destination.id,
      EncryptionAlgorithm: algorithm(to),
      EncryptionContext: context(to),
      CiphertextBlob: moved.CiphertextBlob,
    })
    t.true(equal(opened.Plaintext, secret))
  })
}

test('ReEncrypt refuses what does not fit the other key', async (t) => {
  const [symmetric, rsa] = [await held('SYMMETRIC_DEFAULT'), await held('RSA_2048')]
  const { CiphertextBlob } = await room.encrypt({ KeyId: symmetric.id, Plaintext: new Uint8Array(215) })
  const about = {
    CiphertextBlob,
    DestinationKeyId: rsa.id,
    DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_1',
  } as const
  const long = 'Algorithm RSAES_OAEP_SHA_1 and key spec RSA_2048 cannot encrypt data larger than 214 bytes.'
  await refuses(t, room.reEncrypt(about), 'ValidationException', long)
  const context = room.reEncrypt({ ...about, DestinationEncryptionContext: EncryptionContext })
  await refuses(t, context, 'ValidationException', 'EncryptionContext is not supported with key spec RSA_2048.')
  const plain = room.reEncrypt({ CiphertextBlob, DestinationKeyId: rsa.id })
  const message = 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.'
  await refuses(t, plain, 'InvalidKeyUsageException', message)
  const back = room.reEncrypt({
    CiphertextBlob: Buffer.alloc(256),
    SourceKeyId: rsa.id,
    SourceEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    DestinationKeyId: symmetric.id,
  })
  await refuses(t, back, 'InvalidCiphertextException', '')
})

test('a handle is for symmetric keys', async (t) => {
  const { id } = await held('RSA_2048')
  const handle = room.key(id)
  const message = 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.'
  const out = new Uint8Array(1000)
  await refuses(t, (async () => handle.encryptInto(secret, out))(), 'InvalidKeyUsageException', message)
  await refuses(t, (async () => handle.encryptMany([secret]))(), 'InvalidKeyUsageException', message)
  await refuses(t, (async () => handle.decryptInto(out, out))(), 'InvalidKeyUsageException', message)
})
