/** Answers for somebody else than the caller: the attested recipient that a request names, and what goes out for it. */
import { carry, offered, type Backend, type Eventually, type Recipient, type Recipients } from './backends/backend.ts'
import type { Instant } from './clock.ts'
import { fail } from './errors.ts'
import type { RecipientInfo } from './model/kms.ts'

/** The recipient that `info` proves. Throws ValidationException when it does not. */
export function attested(
  { KeyEncryptionAlgorithm, AttestationDocument }: RecipientInfo,
  { backend, now }: { readonly backend: Backend; readonly now: Instant },
): Eventually<Recipient> {
  if (!KeyEncryptionAlgorithm || !AttestationDocument) {
    fail('ValidationException', 'Recipient needs both a KeyEncryptionAlgorithm and an AttestationDocument.')
  }
  return offered(backend.recipients).verify(AttestationDocument, now)
}

/**
 * An answer as it goes out: when the request named a recipient, what `member` holds is in an envelope for it instead, and
 * wiped. For plaintexts that the HSM lets out; those that need not leave it go the way of `Recipients`.
 */
export function answerTo<A extends { CiphertextForRecipient?: Uint8Array | undefined }>(
  { backend, recipient }: { readonly backend: Backend; readonly recipient: Recipient | undefined },
  member: keyof A,
  answer: Eventually<A>,
): Eventually<A> {
  return recipient ? enclose(offered(backend.recipients), recipient, member, answer) : answer
}

async function enclose<A>(
  recipients: Recipients,
  recipient: Recipient,
  member: keyof A,
  answer: Eventually<A>,
): Promise<A> {
  const clear = await answer
  const plaintext = clear[member] as Uint8Array
  const CiphertextForRecipient = await carry(plaintext, (bytes) => recipients.seal(recipient, bytes))
  return { ...clear, [member]: undefined, CiphertextForRecipient }
}
