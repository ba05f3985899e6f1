/** Encrypt, Decrypt, ReEncrypt: a few bytes under a KMS key. */
import { after } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import type { Key } from '../keys.ts'
import { ciphertextKey, operation, usable } from '../operation.ts'

export const encrypt = operation('Encrypt', {
  on: { key: usable('KeyId', 'ENCRYPT_DECRYPT') },
  run({ input, key, backend }) {
    requireSymmetric(key, input.EncryptionAlgorithm)
    return after(backend.cipher.seal(key.current!, input.Plaintext, input.EncryptionContext), (CiphertextBlob) => ({
      CiphertextBlob,
      KeyId: key.arn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' as const,
    }))
  },
})

export const decrypt = operation('Decrypt', {
  on: { key: ciphertextKey('KeyId') },
  check({ Recipient }) {
    // An answer meant for an enclave must never go out in the clear instead.
    if (Recipient) fail('UnsupportedOperationException', 'Recipient is not supported yet.')
  },
  run({ input, key, material, backend }) {
    requireSymmetric(key, input.EncryptionAlgorithm)
    return after(backend.cipher.open(material, input.CiphertextBlob!, input.EncryptionContext), (Plaintext) => ({
      KeyId: key.arn,
      Plaintext,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' as const,
      KeyMaterialId: material.id,
    }))
  },
})

export const reEncrypt = operation('ReEncrypt', {
  on: {
    source: ciphertextKey('SourceKeyId', 'kms:ReEncryptFrom'),
    destination: usable('DestinationKeyId', 'ENCRYPT_DECRYPT', 'kms:ReEncryptTo'),
  },
  run({ input, source, destination, material, backend }) {
    requireSymmetric(source, input.SourceEncryptionAlgorithm)
    requireSymmetric(destination, input.DestinationEncryptionAlgorithm)
    const { SourceEncryptionContext: from, DestinationEncryptionContext: to } = input
    const resealed = backend.cipher.reseal(material, input.CiphertextBlob!, from, destination.current!, to)
    return after(resealed, (CiphertextBlob) => ({
      CiphertextBlob,
      SourceKeyId: source.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT' as const,
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT' as const,
      SourceKeyMaterialId: material.id,
      DestinationKeyMaterialId: destination.current!.id,
    }))
  },
})

/** The algorithm a request names, or leaves to its default, must be the one the key has. */
function requireSymmetric(key: Key, algorithm: string | undefined): void {
  if (algorithm === undefined || algorithm === null || algorithm === 'SYMMETRIC_DEFAULT') return
  fail('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`)
}
