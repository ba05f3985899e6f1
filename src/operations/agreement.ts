/** DeriveSharedSecret: what two key pairs have in common. */
import { after, offered } from '../backends/backend.ts'
import type { DeriveSharedSecretResponse } from '../model/kms.ts'
import { operation, usable } from '../operation.ts'
import { answerTo } from '../recipient.ts'

export const deriveSharedSecret = operation('DeriveSharedSecret', {
  on: { key: usable('KeyId', 'KEY_AGREEMENT', 'KeyAgreementAlgorithm') },
  run(call) {
    const { input, key, backend } = call
    const { KeyAgreementAlgorithm, PublicKey } = input
    const derived = after(offered(backend.agreement).derive(key.current!, PublicKey), (SharedSecret) => ({
      KeyId: key.arn,
      SharedSecret,
      KeyAgreementAlgorithm,
      KeyOrigin: key.origin,
    }))
    return answerTo<DeriveSharedSecretResponse>(call, 'SharedSecret', derived)
  },
})
