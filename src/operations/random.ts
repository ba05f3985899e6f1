/** GenerateRandom: bytes of the HSM's generator. */
import { after } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { operation } from '../operation.ts'

export const generateRandom = operation('GenerateRandom', {
  on: {},
  check({ NumberOfBytes, CustomKeyStoreId, Recipient }) {
    if ((NumberOfBytes ?? undefined) === undefined) fail('ValidationException', 'NumberOfBytes is required.')
    if (CustomKeyStoreId) fail('CustomKeyStoreNotFoundException')
    // An answer meant for an enclave must never go out in the clear instead.
    if (Recipient) fail('UnsupportedOperationException', 'Recipient is not supported yet.')
  },
  run: ({ input, backend }) => after(backend.random(input.NumberOfBytes!), (Plaintext) => ({ Plaintext })),
})
