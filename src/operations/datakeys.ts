/** Data keys and data key pairs, with their plaintext or without: for use outside, and the same sealed under a KMS key. */
import { isOffered, SPECS } from '../algorithms.ts'
import { after, offered, type Disclosing, type Eventually, type KeyPair } from '../backends/backend.ts'
import type { EncryptionContext } from '../ciphertext.ts'
import { fail } from '../errors.ts'
import { shownMaterialId, type Key } from '../keys.ts'
import type { DataKeyPairSpec, DataKeySpec } from '../model/kms.ts'
import { usable } from '../locators.ts'
import { operation, type Call, type Locator } from '../operation.ts'
import { disclosing } from '../recipient.ts'

interface DataKeySize {
  readonly KeySpec?: DataKeySpec | undefined
  readonly NumberOfBytes?: number | undefined
}

// The request names no algorithm, so that it is SYMMETRIC_DEFAULT, and keys that lack it are refused.
const key = usable('KeyId', 'ENCRYPT_DECRYPT')

export const generateDataKey = operation('GenerateDataKey', {
  on: { key },
  check: oneSize,
  run(call) {
    const { input, key, recipient } = call
    const made = disclosing(call.backendOf(key), recipient).cipher.dataKey(
      key.current!,
      sizeOf(input),
      input.EncryptionContext,
      true,
    )
    return after(made, ({ blob, plaintext }) =>
      recipient
        ? { CiphertextBlob: blob, KeyId: key.arn, CiphertextForRecipient: plaintext }
        : {
            CiphertextBlob: blob,
            Plaintext: plaintext,
            KeyId: key.arn,
            KeyMaterialId: shownMaterialId(key, key.current!),
          },
    )
  },
})

export const generateDataKeyWithoutPlaintext = operation('GenerateDataKeyWithoutPlaintext', {
  on: { key },
  check: oneSize,
  run(call) {
    const { input, key } = call
    const made = call.backendOf(key).cipher.dataKey(key.current!, sizeOf(input), input.EncryptionContext, false)
    return after(made, ({ blob }) => ({
      CiphertextBlob: blob,
      KeyId: key.arn,
      KeyMaterialId: shownMaterialId(key, key.current!),
    }))
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
    const { input, key, recipient } = call
    const { KeyPairSpec, EncryptionContext } = input
    const made = pairFrom(disclosing(call.backend, recipient), key, KeyPairSpec, EncryptionContext, true)
    return after(made, ({ publicKey, blob, plaintext }) => ({
      PrivateKeyCiphertextBlob: blob,
      ...(recipient ? { CiphertextForRecipient: plaintext } : { PrivateKeyPlaintext: plaintext }),
      PublicKey: publicKey,
      KeyId: key.arn,
      KeyPairSpec,
      KeyMaterialId: key.current!.id,
    }))
  },
})

export const generateDataKeyPairWithoutPlaintext = operation('GenerateDataKeyPairWithoutPlaintext', {
  on: { key: pairKey },
  require: requirePair,
  run({ input, key, backend }) {
    const { KeyPairSpec, EncryptionContext } = input
    return after(pairFrom(backend, key, KeyPairSpec, EncryptionContext, false), ({ publicKey, blob }) => ({
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

function pairFrom(
  from: Disclosing,
  key: Key,
  spec: DataKeyPairSpec,
  context: EncryptionContext | undefined,
  plaintext: boolean,
): Eventually<KeyPair> {
  return offered(from.keyPairs).generate(key.current!, SPECS[spec].hsm, context, plaintext)
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
