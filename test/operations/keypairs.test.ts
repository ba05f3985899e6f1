/** GenerateDataKeyPair, with and without plaintext: the pair loads elsewhere, and the blob holds its private half. */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'
import test from 'ava'
import type { DataKeyPairSpec } from '../../src/model/kms.ts'
import { keyring } from '../helpers/keyring.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const EncryptionContext = { purpose: 'test' }
const message = bytes('sealed with a loving kiss')

const CURVES: Partial<Record<DataKeyPairSpec, string>> = {
  ECC_NIST_P256: 'prime256v1',
  ECC_NIST_P384: 'secp384r1',
  ECC_NIST_P521: 'secp521r1',
  ECC_SECG_P256K1: 'secp256k1',
}
const LOADED: readonly DataKeyPairSpec[] = [
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'ECC_NIST_EDWARDS25519',
]

async function pair(KeyPairSpec: DataKeyPairSpec) {
  const { id: KeyId } = await key('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
  const client = KeyPairSpec === 'SM2' ? room.as({ region: 'cn-north-1' }) : room
  const home = KeyPairSpec === 'SM2' ? (await client.createKey()).KeyMetadata!.KeyId : KeyId
  const made = await client.generateDataKeyPair({ KeyId: home, KeyPairSpec, EncryptionContext })
  return { client, KeyId: home, ...made }
}

for (const KeyPairSpec of LOADED) {
  test(`a pair of ${KeyPairSpec} is one that node:crypto loads and uses`, async (t) => {
    const made = await pair(KeyPairSpec)
    const publicKey = createPublicKey({ key: Buffer.from(made.PublicKey!), format: 'der', type: 'spki' })
    const key = Buffer.from(made.PrivateKeyPlaintext!)
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    t.deepEqual(derived(privateKey), Buffer.from(made.PublicKey!))
    t.is(publicKey.asymmetricKeyDetails?.namedCurve, CURVES[KeyPairSpec])
    if (KeyPairSpec.startsWith('RSA_')) {
      t.deepEqual(publicKey.asymmetricKeyDetails, {
        modulusLength: Number(KeyPairSpec.slice(4)),
        publicExponent: 65537n,
      })
      const options = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
      const sealed = publicEncrypt({ key: publicKey, ...options }, message)
      t.deepEqual(privateDecrypt({ key: privateKey, ...options }, sealed), Buffer.from(message))
    } else if (KeyPairSpec !== 'ECC_NIST_EDWARDS25519') {
      const peer = generateKeyPairSync('ec', { namedCurve: CURVES[KeyPairSpec]! })
      t.deepEqual(
        diffieHellman({ privateKey, publicKey: peer.publicKey }),
        diffieHellman({ privateKey: peer.privateKey, publicKey }),
      )
    }
    const digest = KeyPairSpec === 'ECC_NIST_EDWARDS25519' ? null : 'sha256'
    t.true(verify(digest, message, publicKey, sign(digest, message, privateKey)))
  })
}

for (const KeyPairSpec of [...LOADED, 'SM2', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const) {
  test(`the blob of ${KeyPairSpec} decrypts to the private key, under its context alone`, async (t) => {
    const made = await pair(KeyPairSpec)
    const { client, KeyId, PrivateKeyCiphertextBlob: CiphertextBlob } = made
    t.is(made.KeyPairSpec, KeyPairSpec)
    const opened = await client.decrypt({ CiphertextBlob, EncryptionContext })
    t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(made.PrivateKeyPlaintext!))
    t.is(opened.KeyMaterialId, made.KeyMaterialId)
    await refuses(t, client.decrypt({ CiphertextBlob }), 'InvalidCiphertextException', '')
    const sealed = await client.generateDataKeyPairWithoutPlaintext({ KeyId, KeyPairSpec, EncryptionContext })
    t.false('PrivateKeyPlaintext' in sealed)
    t.is(sealed.KeyId, opened.KeyId)
    t.is(sealed.KeyPairSpec, KeyPairSpec)
    t.is(sealed.KeyMaterialId, made.KeyMaterialId)
    t.notDeepEqual(Buffer.from(sealed.PublicKey!), Buffer.from(made.PublicKey!))
    const { Plaintext } = await client.decrypt({
      CiphertextBlob: sealed.PrivateKeyCiphertextBlob,
      EncryptionContext,
    })
    if (KeyPairSpec.startsWith('ML_KEM') || KeyPairSpec === 'SM2') {
      t.is(Plaintext![0], 0x30)
    } else {
      const der = Buffer.from(Plaintext!)
      const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      t.deepEqual(derived(key), Buffer.from(sealed.PublicKey!))
    }
  })
}

test('a private key of ML-KEM is written as its seed', async (t) => {
  for (const spec of ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const) {
    // PrivateKeyInfo with [0] seed of 64 bytes: RFC 9935, 6.
    t.is((await pair(spec)).PrivateKeyPlaintext!.length, 86)
  }
})

test('SM2 pairs are made in China alone, and ML-DSA ones nowhere', async (t) => {
  const { id: KeyId } = await key('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
  const message = 'KeyPairSpec SM2 is not supported in us-east-1.'
  const about = { KeyId, KeyPairSpec: 'SM2' } as const
  await refuses(t, room.generateDataKeyPair(about), 'UnsupportedOperationException', message)
  await refuses(t, room.generateDataKeyPairWithoutPlaintext(about), 'UnsupportedOperationException', message)
  const unknown = room.generateDataKeyPair({ KeyId, KeyPairSpec: 'ML_DSA_44' as never })
  await refuses(t, unknown, 'ValidationException', /enum value set/)
})

test('data keys and pairs want a symmetric key, enabled', async (t) => {
  const { id: KeyId, arn } = await key('RSA_2048', 'ENCRYPT_DECRYPT')
  const KeyPairSpec = 'ECC_NIST_P256'
  const message = 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.'
  for (const made of [
    room.generateDataKey({ KeyId, NumberOfBytes: 8 }),
    room.generateDataKeyWithoutPlaintext({ KeyId, NumberOfBytes: 8 }),
    room.generateDataKeyPair({ KeyId, KeyPairSpec }),
    room.generateDataKeyPairWithoutPlaintext({ KeyId: arn, KeyPairSpec }),
  ]) {
    await refuses(t, made, 'InvalidKeyUsageException', message)
  }
  const { room: other, id } = await scene(t)
  const about = { KeyId: id, KeyPairSpec } as const
  await refuses(t, other.generateDataKeyPair({ ...about, DryRun: true }), 'DryRunOperationException')
  await refuses(t, other.generateDataKeyPairWithoutPlaintext({ ...about, DryRun: true }), 'DryRunOperationException')
  await other.disableKey({ KeyId: id })
  await refuses(t, other.generateDataKeyPair(about), 'DisabledException')
  await refuses(t, other.generateDataKeyPairWithoutPlaintext(about), 'DisabledException')
})

test('more keys at work than the device has slots: each pair is sealed under its own', async (t) => {
  const { room } = await scene(t, { slots: 2 })
  const keys = await Promise.all(Array.from({ length: 5 }, async () => (await room.createKey()).KeyMetadata!))
  const specs = ['ECC_NIST_P256', 'RSA_2048', 'ML_KEM_512'] as const
  const pairs = keys.flatMap((key) => specs.map((KeyPairSpec) => ({ key, KeyPairSpec })))
  const made = await Promise.all(
    pairs.map(({ key, KeyPairSpec }) => room.generateDataKeyPair({ KeyId: key.KeyId, KeyPairSpec })),
  )
  for (const [i, { PrivateKeyCiphertextBlob, PrivateKeyPlaintext }] of made.entries()) {
    const opened = await room.decrypt({ CiphertextBlob: PrivateKeyCiphertextBlob })
    t.is(opened.KeyId, pairs[i]!.key.Arn)
    t.deepEqual(Buffer.from(opened.Plaintext!), Buffer.from(PrivateKeyPlaintext!))
  }
})

/** The public half that a private key comes with. */
function derived(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
}
