/** GenerateDataKey, with its plaintext or without: a key for use outside, and the same sealed under a KMS key. */
import { after } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import type { DataKeySpec } from '../model/kms.ts'
import { operation, usable } from '../operation.ts'

interface DataKeySize {
  readonly KeySpec?: DataKeySpec | undefined
  readonly NumberOfBytes?: number | undefined
}

const key = usable('KeyId', 'ENCRYPT_DECRYPT')

export const generateDataKey = operation('GenerateDataKey', {
  on: { key },
  check(input) {
    oneSize(input)
    // An answer meant for an enclave must never go out in the clear instead.
    if (input.Recipient) fail('UnsupportedOperationException', 'Recipient is not supported yet.')
  },
  run({ input, key, backend }) {
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

/** Exactly one of `KeySpec` and `NumberOfBytes`. */
function oneSize({ KeySpec, NumberOfBytes }: DataKeySize): void {
  if (((KeySpec ?? undefined) === undefined) === ((NumberOfBytes ?? undefined) === undefined)) {
    fail('ValidationException', 'Please specify either number of bytes or key spec.')
  }
}

function sizeOf({ KeySpec, NumberOfBytes }: DataKeySize): number {
  return NumberOfBytes ?? (KeySpec === 'AES_128' ? 16 : 32)
}
