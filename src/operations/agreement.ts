/** DeriveSharedSecret: what two key pairs have in common. */
import { after, offered } from '../backends/backend.ts'
import { usable } from '../locators.ts'
import { operation } from '../operation.ts'
import { disclosing } from '../recipient.ts'

export const deriveSharedSecret = operation('DeriveSharedSecret', {
  on: { key: usable('KeyId', 'KEY_AGREEMENT', 'KeyAgreementAlgorithm') },
  run(call) {
    const { input, key, recipient, backend } = call
    const { KeyAgreementAlgorithm, PublicKey } = input
    const derived = offered(disclosing(backend, recipient).agreement).derive(key.current!, PublicKey)
    return after(derived, (secret) => ({
      KeyId: key.arn,
      ...(recipient ? { CiphertextForRecipient: secret } : { SharedSecret: secret }),
      KeyAgreementAlgorithm,
      KeyOrigin: key.origin,
    }))
  },
})
