/** What the trail tells of cryptography, and of looking at keys, as AWS's guide shows it. */
import test from 'ava'
import { HERE, KEY, keyIn } from './scene.ts'
import { bytes, material, named, ofKey, tells } from './tells.ts'

const other = keyIn(HERE, 'k2')
const rsa = keyIn(HERE, 'k3', { spec: 'RSA_2048' })
const symmetric = { EncryptionContext: { dept: 'IT' } }
test(
  tells,
  'Encrypt',
  { KeyId: 'alias/orders', Plaintext: bytes('p'), GrantTokens: ['token'], ...symmetric },
  {
    requestParameters: {
      keyId: 'alias/orders',
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { dept: 'IT' },
    },
    additionalEventData: material,
    resources: named(KEY.arn),
    readOnly: true,
  },
)
test(
  'asymmetric keys have no key material id',
  tells,
  'Encrypt',
  { KeyId: 'k3', Plaintext: bytes('p'), EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
  {
    requestParameters: { keyId: 'k3', encryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
    resources: named(rsa.arn),
  },
  { found: { key: rsa } },
)
test(
  'the key is told though the request leaves it out, and the material that decrypted',
  tells,
  'Decrypt',
  { CiphertextBlob: bytes('c'), ...symmetric },
  {
    requestParameters: {
      keyId: KEY.arn,
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { dept: 'IT' },
    },
    additionalEventData: { keyMaterialId: 'older' },
    resources: named(KEY.arn),
    readOnly: true,
  },
  { found: { key: KEY, material: { id: 'older' } } },
)
test(
  tells,
  'ReEncrypt',
  {
    CiphertextBlob: bytes('c'),
    SourceEncryptionContext: { a: '1' },
    DestinationKeyId: 'k2',
    DestinationEncryptionContext: { b: '2' },
  },
  {
    requestParameters: {
      sourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      sourceEncryptionContext: { a: '1' },
      destinationKeyId: 'k2',
      destinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      destinationEncryptionContext: { b: '2' },
    },
    additionalEventData: { sourceKeyMaterialId: 'older', destinationKeyMaterialId: other.currentId },
    resources: named(KEY.arn, other.arn),
    readOnly: true,
  },
  { found: { source: KEY, destination: other, material: { id: 'older' } } },
)
test(
  'one context is not taken for the other',
  tells,
  'ReEncrypt',
  { CiphertextBlob: bytes('c'), SourceKeyId: 'k1', DestinationKeyId: 'k2', DestinationEncryptionContext: { b: '2' } },
  {
    requestParameters: {
      sourceKeyId: 'k1',
      sourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      destinationKeyId: 'k2',
      destinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      destinationEncryptionContext: { b: '2' },
    },
    additionalEventData: { sourceKeyMaterialId: 'older', destinationKeyMaterialId: other.currentId },
    resources: named(KEY.arn, other.arn),
  },
  { found: { source: KEY, destination: other, material: { id: 'older' } } },
)
const dataKey = { KeyId: 'k1', KeySpec: 'AES_256', ...symmetric }
const dataKeyTold = {
  requestParameters: { keyId: 'k1', keySpec: 'AES_256', encryptionContext: { dept: 'IT' } },
  additionalEventData: material,
  resources: named(KEY.arn),
}
test(tells, 'GenerateDataKey', dataKey, dataKeyTold, { output: { Plaintext: bytes('d'), CiphertextBlob: bytes('c') } })
test(tells, 'GenerateDataKeyWithoutPlaintext', dataKey, dataKeyTold)
test(
  'by a number of bytes',
  tells,
  'GenerateDataKey',
  { KeyId: 'k1', NumberOfBytes: 64, DryRun: false },
  { ...dataKeyTold, requestParameters: { keyId: 'k1', numberOfBytes: 64, dryRun: false } },
)
const pair = { KeyId: 'k1', KeyPairSpec: 'RSA_2048' }
const pairTold = {
  requestParameters: { keyId: 'k1', keyPairSpec: 'RSA_2048' },
  additionalEventData: material,
  resources: named(KEY.arn),
}
test(tells, 'GenerateDataKeyPair', pair, pairTold, { output: { PrivateKeyPlaintext: bytes('d') } })
test(tells, 'GenerateDataKeyPairWithoutPlaintext', pair, pairTold)
const mac = { requestParameters: { keyId: 'k1', macAlgorithm: 'HMAC_SHA_256' }, resources: named(KEY.arn) }
test(tells, 'GenerateMac', { KeyId: 'k1', MacAlgorithm: 'HMAC_SHA_256', Message: bytes('m') }, mac)
test(tells, 'VerifyMac', { KeyId: 'k1', MacAlgorithm: 'HMAC_SHA_256', Message: bytes('m'), Mac: bytes('t') }, mac)
const signing = { KeyId: 'k1', SigningAlgorithm: 'ECDSA_SHA_256', Message: bytes('m') }
const signed = {
  requestParameters: { keyId: 'k1', messageType: 'RAW', signingAlgorithm: 'ECDSA_SHA_256' },
  resources: named(KEY.arn),
}
test(tells, 'Sign', signing, signed, { output: { Signature: bytes('s') } })
test(tells, 'Verify', { ...signing, Signature: bytes('s') }, signed)
test(
  tells,
  'DeriveSharedSecret',
  { KeyId: 'k1', KeyAgreementAlgorithm: 'ECDH', PublicKey: bytes('p') },
  { requestParameters: { keyId: 'k1', keyAgreementAlgorithm: 'ECDH' }, resources: named(KEY.arn) },
)
const encapsulation = {
  requestParameters: { keyId: 'k1', encapsulationAlgorithm: 'ML_KEM' },
  resources: named(KEY.arn),
}
test(tells, 'Encapsulate', { KeyId: 'k1', EncapsulationAlgorithm: 'ML_KEM' }, encapsulation)
test(
  tells,
  'Decapsulate',
  { KeyId: 'k1', EncapsulationAlgorithm: 'ML_KEM', SharedSecretCiphertextBlob: bytes('c') },
  encapsulation,
)
test(tells, 'GenerateRandom', { NumberOfBytes: 32 }, { resources: [], readOnly: true }, { found: {} })
test(tells, 'GetPublicKey', { KeyId: 'k1' }, { ...ofKey, readOnly: true }, { output: { PublicKey: bytes('p') } })
test(tells, 'DescribeKey', { KeyId: 'k1' }, { ...ofKey, readOnly: true }, { output: { KeyMetadata: {} } })
