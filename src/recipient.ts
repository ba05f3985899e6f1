/** Answers for somebody else than the caller: the attested recipient that a request names, and what goes out for it. */
import { offered, type Backend, type Disclosing, type Eventually, type Recipient } from './backends/backend.ts'
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

/** Where an answer's plaintext comes from: the HSM, in the clear, or in an envelope when the request named a recipient. */
export function disclosing(backend: Backend, recipient: Recipient | undefined): Disclosing {
  return recipient ? offered(backend.recipients).disclosingTo(recipient) : backend
}
