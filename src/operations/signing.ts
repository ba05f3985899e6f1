/** Sign, Verify: a message, or its digest, under the private half of a KMS key. */
import { SIGNING } from '../algorithms.ts'
import { after, offered } from '../backends/backend.ts'
import { fail } from '../errors.ts'
import type { MessageType, SigningAlgorithmSpec } from '../model/kms.ts'
import { usable } from '../locators.ts'
import { operation } from '../operation.ts'

const key = usable('KeyId', 'SIGN_VERIFY', 'SigningAlgorithm')

export const sign = operation('Sign', {
  on: { key },
  require: ({ input }) => requireMessage(input),
  run({ input, key, backend }) {
    const { Message, MessageType, SigningAlgorithm } = input
    const signature = offered(backend.signer).sign(key.current!, SigningAlgorithm, MessageType ?? 'RAW', Message)
    return after(signature, (Signature) => ({ KeyId: key.arn, Signature, SigningAlgorithm }))
  },
})

export const verify = operation('Verify', {
  on: { key },
  require: ({ input }) => requireMessage(input),
  run({ input, key, backend }) {
    const { Message, MessageType, Signature, SigningAlgorithm } = input
    const valid = offered(backend.signer).verify(
      key.current!,
      SigningAlgorithm,
      MessageType ?? 'RAW',
      Message,
      Signature,
    )
    return after(valid, (valid) => {
      if (!valid) fail('KMSInvalidSignatureException')
      return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm }
    })
  },
})

interface Signed {
  readonly Message: Uint8Array
  readonly MessageType?: MessageType | undefined
  readonly SigningAlgorithm: SigningAlgorithmSpec
}

/** A message in a form its algorithm takes; the words for a form it does not take are ours, AWS's are unconfirmed. */
function requireMessage({ Message, MessageType, SigningAlgorithm }: Signed): void {
  const type = MessageType ?? 'RAW'
  const { types, digest } = SIGNING[SigningAlgorithm]
  if (!types.includes(type)) {
    fail('ValidationException', `Algorithm ${SigningAlgorithm} is incompatible with message type ${type}.`)
  }
  if (type !== 'RAW' && Message.length !== digest) {
    fail('ValidationException', `Digest is invalid length for algorithm ${SigningAlgorithm}.`)
  }
}
