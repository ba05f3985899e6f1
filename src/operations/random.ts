/** GenerateRandom: bytes of the HSM's generator. */
import { after, offered } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { operation } from '../operation.ts'

export const generateRandom = operation('GenerateRandom', {
  on: {},
  check({ NumberOfBytes, CustomKeyStoreId }) {
    if ((NumberOfBytes ?? undefined) === undefined) fail('ValidationException', 'NumberOfBytes is required.')
    if (CustomKeyStoreId) fail('CustomKeyStoreNotFoundException')
  },
  run({ input, backend, recipient }) {
    if (recipient) {
      const sealed = offered(backend.recipients).random(recipient, input.NumberOfBytes!)
      return after(sealed, (CiphertextForRecipient) => ({ CiphertextForRecipient }))
    }
    return after(backend.random(input.NumberOfBytes!), (Plaintext) => ({ Plaintext }))
  },
})
