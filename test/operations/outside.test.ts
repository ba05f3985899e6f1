/** One private key in two places, here by import and with node:crypto: what either makes, the other takes. */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  sign,
  type KeyObject,
} from 'node:crypto'
import test from 'ava'
import { SIGNING, SPECS } from '../../src/algorithms.ts'
import { Strongroom } from '../../src/index.ts'
import type { KeySpec, KeyUsageType, SigningAlgorithmSpec } from '../../src/model/kms.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { node } from '../helpers/wrapping.ts'

const room = await Strongroom.open({ memory: true })
test.after.always(() => room.close())

const Message = bytes('signed elsewhere')

const PAIRS: Partial<Record<KeySpec, () => KeyObject>> = {
  RSA_2048: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  RSA_3072: () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
  RSA_4096: () => generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey,
  ECC_NIST_P256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ECC_NIST_P384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  ECC_NIST_P521: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  ECC_SECG_P256K1: () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
  ECC_NIST_EDWARDS25519: () => generateKeyPairSync('ed25519').privateKey,
}

const made = new Map<KeySpec, KeyObject>()

/** The private key of a spec, and the id of the KMS key it was imported into. */
async function shared(KeySpec: KeySpec, KeyUsage: KeyUsageType): Promise<{ KeyId: string; privateKey: KeyObject }> {
  const privateKey = made.get(KeySpec) ?? PAIRS[KeySpec]!()
  made.set(KeySpec, privateKey)
  const { KeyMetadata } = await room.createKey({ Origin: 'EXTERNAL', KeySpec, KeyUsage })
  const { KeyId } = KeyMetadata!
  const wrapping = { WrappingAlgorithm: 'RSA_AES_KEY_WRAP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await room.getParametersForImport({ KeyId, ...wrapping })
  await room.importKeyMaterial({
    KeyId,
    ImportToken: ImportToken!,
    EncryptedKeyMaterial: node.keyWrap(PublicKey!, privateKey.export({ format: 'der', type: 'pkcs8' }), 'sha256'),
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
  })
  return { KeyId, privateKey }
}

/** How node:crypto signs by an algorithm of AWS's; a salt of another length on request. */
function signed(algorithm: SigningAlgorithmSpec, key: KeyObject, saltLength = SIGNING[algorithm].digest): Buffer {
  const digest = algorithm === 'ED25519_SHA_512' ? null : `sha${algorithm.slice(-3)}`
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }
  return sign(digest, Message, { key, ...(algorithm.startsWith('RSASSA_PSS') ? pss : {}) })
}

for (const spec of Object.keys(PAIRS) as KeySpec[]) {
  test(`what node:crypto signs with a key of ${spec} verifies here`, async (t) => {
    const { KeyId, privateKey } = await shared(spec, 'SIGN_VERIFY')
    for (const SigningAlgorithm of SPECS[spec].algorithms.SIGN_VERIFY!) {
      if (SigningAlgorithm === 'ED25519_PH_SHA_512') continue // which node:crypto does not have
      const Signature = signed(SigningAlgorithm, privateKey)
      const about = { KeyId, SigningAlgorithm, Signature }
      t.true((await room.verify({ ...about, Message })).SignatureValid)
      await refuses(t, room.verify({ ...about, Message: bytes('else') }), 'KMSInvalidSignatureException', '')
      if (SigningAlgorithm === 'ED25519_SHA_512') continue
      const digest = createHash(`sha${SigningAlgorithm.slice(-3)}`)
        .update(Message)
        .digest()
      t.true((await room.verify({ ...about, Message: digest, MessageType: 'DIGEST' })).SignatureValid)
      // A digest is taken as it is: as a message it would be hashed again.
      await refuses(t, room.verify({ ...about, Message: digest }), 'KMSInvalidSignatureException', '')
    }
  })
}

test('a salt of another length than the digest’s is refused', async (t) => {
  const { KeyId, privateKey } = await shared('RSA_2048', 'SIGN_VERIFY')
  for (const SigningAlgorithm of ['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512'] as const) {
    for (const length of [0, 20, SIGNING[SigningAlgorithm].digest - 1, SIGNING[SigningAlgorithm].digest + 1]) {
      const Signature = signed(SigningAlgorithm, privateKey, length)
      const verified = room.verify({ KeyId, SigningAlgorithm, Message, Signature })
      await refuses(t, verified, 'KMSInvalidSignatureException', '')
    }
  }
})

test('PKCS#1 v1.5 and Ed25519 signatures are node:crypto’s, byte for byte', async (t) => {
  for (const [spec, SigningAlgorithm] of [
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256'],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_384'],
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_512'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512'],
  ] as const) {
    const { KeyId, privateKey } = await shared(spec, 'SIGN_VERIFY')
    const { Signature } = await room.sign({ KeyId, SigningAlgorithm, Message })
    t.deepEqual(Buffer.from(Signature!), signed(SigningAlgorithm, privateKey))
  }
})

test('node:crypto decrypts what was encrypted here', async (t) => {
  for (const spec of ['RSA_2048', 'RSA_3072', 'RSA_4096'] as const) {
    const { KeyId, privateKey } = await shared(spec, 'ENCRYPT_DECRYPT')
    for (const [EncryptionAlgorithm, oaepHash] of [
      ['RSAES_OAEP_SHA_1', 'sha1'],
      ['RSAES_OAEP_SHA_256', 'sha256'],
    ] as const) {
      const { CiphertextBlob } = await room.encrypt({ KeyId, EncryptionAlgorithm, Plaintext: Message })
      const options = { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }
      t.deepEqual(privateDecrypt(options, CiphertextBlob!), Buffer.from(Message))
    }
  }
})

test('an imported key agrees with a peer on what node:crypto does', async (t) => {
  for (const spec of ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'] as const) {
    const { KeyId, privateKey } = await shared(spec, 'KEY_AGREEMENT')
    const publicKey = createPublicKey(PAIRS[spec]!().export({ format: 'pem', type: 'pkcs8' }))
    const PublicKey = publicKey.export({ format: 'der', type: 'spki' })
    const derived = await room.deriveSharedSecret({ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey })
    t.is(derived.KeyOrigin, 'EXTERNAL')
    t.deepEqual(Buffer.from(derived.SharedSecret!), diffieHellman({ privateKey, publicKey }))
  }
})

test('a pair made here for use outside comes back as a KMS key', async (t) => {
  const { KeyMetadata } = await room.createKey()
  const KeyPairSpec = 'ECC_NIST_P256'
  const pair = await room.generateDataKeyPair({ KeyId: KeyMetadata!.KeyId, KeyPairSpec })
  const key = Buffer.from(pair.PrivateKeyPlaintext!)
  made.set(KeyPairSpec, createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  const { KeyId } = await shared(KeyPairSpec, 'SIGN_VERIFY')
  t.deepEqual((await room.getPublicKey({ KeyId })).PublicKey, Uint8Array.from(pair.PublicKey!))
})
