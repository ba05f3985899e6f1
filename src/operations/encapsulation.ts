/** Encapsulate, Decapsulate: a secret for the holder of an ML-KEM key, and its recovery. */
import { after, offered } from '../backends/backend.ts'
import { usable } from '../locators.ts'
import { operation } from '../operation.ts'

const key = usable('KeyId', 'ENCAPSULATE_DECAPSULATE', 'EncapsulationAlgorithm')

export const encapsulate = operation('Encapsulate', {
  on: { key },
  run({ input: { EncapsulationAlgorithm }, key, backend }) {
    return after(offered(backend.kem).encapsulate(key.current!), ({ secret, ciphertext }) => ({
      KeyId: key.arn,
      SharedSecret: secret,
      SharedSecretCiphertextBlob: ciphertext,
      EncapsulationAlgorithm,
    }))
  },
})

export const decapsulate = operation('Decapsulate', {
  on: { key },
  run({ input: { EncapsulationAlgorithm, SharedSecretCiphertextBlob }, key, backend }) {
    const secret = offered(backend.kem).decapsulate(key.current!, SharedSecretCiphertextBlob)
    return after(secret, (SharedSecret) => ({ KeyId: key.arn, SharedSecret, EncapsulationAlgorithm }))
  },
})
