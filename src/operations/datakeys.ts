/** Data keys and data key pairs, with their plaintext or without: for use outside, and the same sealed under a KMS key. */
import { isOffered, SPECS } from '../algorithms.ts'
import { after, offered, type Eventually, type KeyPair } from '../backends/backend.ts'
import type { EncryptionContext } from '../ciphertext.ts'
import { fail } from '../errors.ts'
import type { Key } from '../keys.ts'
import type { DataKeyPairSpec, DataKeySpec, GenerateDataKeyPairResponse } from '../model/kms.ts'
import { operation, usable, type Call, type Locator } from '../operation.ts'
import { answerTo } from '../recipient.ts'

interface DataKeySize {
  readonly KeySpec?: DataKeySpec | undefined
  readonly NumberOfBytes?: number | undefined
}

// The request names no algorithm, so that it is SYMMETRIC_DEFAULT, and keys that lack it are refused.
const key = usable('KeyId', 'ENCRYPT_DECRYPT')

export const generateDataKey = operation('GenerateDataKey', {
  on: { key },
  check: oneSize,
  run({ input, key, backend, recipient }) {
    if (recipient) {
      const recipients = offered(backend.recipients)
      const sealed = recipients.dataKey(recipient, key.current!, sizeOf(input), input.EncryptionContext)
      return after(sealed, ({ blob, envelope }) => ({
        CiphertextBlob: blob,
        KeyId: key.arn,
        CiphertextForRecipient: envelope,
      }))
    }
    const made = backend.cipher.dataKey(key.current!, sizeOf(input), input.EncryptionContext, true)
    return after(made, ({ blob, plaintext }) => ({
      CiphertextBlob: blob,
      Plaintext: plaintext,
      KeyId: key.arn,
      KeyMaterialId: key.current!.id,
    }))
  },
})

export const generateDataKeyWithoutPlaintext = operation('GenerateDataKeyWithoutPlaintext', {
  on: { key },
  check: oneSize,
  run({ input, key, backend }) {
    const made = backend.cipher.dataKey(key.current!, sizeOf(input), input.EncryptionContext, false)
    return after(made, ({ blob }) => ({ CiphertextBlob: blob, KeyId: key.arn, KeyMaterialId: key.current!.id }))
  },
})

/** A key pair is made where the KMS key is, and custom key stores make none. */
const pairKey: Locator<Key> = {
  ...key,
  admit(found, call) {
    if (found.customKeyStoreId !== undefined) fail('UnsupportedOperationException')
    key.admit(found, call)
  },
}

export const generateDataKeyPair = operation('GenerateDataKeyPair', {
  on: { key: pairKey },
  require: requirePair,
  run(call) {
    const { input, key, backend } = call
    const { KeyPairSpec, EncryptionContext } = input
    const made = pairFor(backend, key, KeyPairSpec, EncryptionContext, true)
    const pair = after(made, ({ publicKey, blob, plaintext }) => ({
      PrivateKeyCiphertextBlob: blob,
      PrivateKeyPlaintext: plaintext,
      PublicKey: publicKey,
      KeyId: key.arn,
      KeyPairSpec,
      KeyMaterialId: key.current!.id,
    }))
    return answerTo<GenerateDataKeyPairResponse>(call, 'PrivateKeyPlaintext', pair)
  },
})

export const generateDataKeyPairWithoutPlaintext = operation('GenerateDataKeyPairWithoutPlaintext', {
  on: { key: pairKey },
  require: requirePair,
  run({ input, key, backend }) {
    const { KeyPairSpec, EncryptionContext } = input
    return after(pairFor(backend, key, KeyPairSpec, EncryptionContext, false), ({ publicKey, blob }) => ({
      PrivateKeyCiphertextBlob: blob,
      PublicKey: publicKey,
      KeyId: key.arn,
      KeyPairSpec,
      KeyMaterialId: key.current!.id,
    }))
  },
})

/** The words are ours; AWS has no SM2 outside China to say them. */
function requirePair({ input, scope }: Pick<Call<{ readonly KeyPairSpec: DataKeyPairSpec }>, 'input' | 'scope'>): void {
  if (isOffered(input.KeyPairSpec, scope.realm.region)) return
  fail('UnsupportedOperationException', `KeyPairSpec ${input.KeyPairSpec} is not supported in ${scope.realm.region}.`)
}

function pairFor(
  backend: Call['backend'],
  key: Key,
  spec: DataKeyPairSpec,
  context: EncryptionContext | undefined,
  plaintext: boolean,
): Eventually<KeyPair> {
  return offered(backend.keyPairs).generate(key.current!, SPECS[spec].hsm, context, plaintext)
}

/** Exactly one of `KeySpec` and `NumberOfBytes`. */
function oneSize({ KeySpec, NumberOfBytes }: DataKeySize): void {
  if (((KeySpec ?? undefined) === undefined) === ((NumberOfBytes ?? undefined) === undefined)) {
    fail('ValidationException', 'Please specify either number of bytes or key spec.')
  }
}

function sizeOf({ KeySpec, NumberOfBytes }: DataKeySize): number {
  return NumberOfBytes ?? (KeySpec === 'AES_128' ? 16 : 32)
}
