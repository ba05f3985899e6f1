/** DeriveSharedSecret: what two key pairs have in common. */
import { after, offered } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import { operation, usable } from '../operation.ts'

export const deriveSharedSecret = operation('DeriveSharedSecret', {
  on: { key: usable('KeyId', 'KEY_AGREEMENT', 'KeyAgreementAlgorithm') },
  check({ Recipient }) {
    // An answer meant for an enclave must never go out in the clear instead.
    if (Recipient) fail('UnsupportedOperationException', 'Recipient is not supported yet.')
  },
  run({ input: { KeyAgreementAlgorithm, PublicKey }, key, backend }) {
    return after(offered(backend.agreement).derive(key.current!, PublicKey), (SharedSecret) => ({
      KeyId: key.arn,
      SharedSecret,
      KeyAgreementAlgorithm,
      KeyOrigin: key.origin,
    }))
  },
})
