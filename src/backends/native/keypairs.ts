/** Key pairs made in the Rust HSM, on its pool: the private key is sealed there, before it could leave. */
import { aadOf, HEADER } from '../../ciphertext.ts'
import type { KeyPair, KeyPairs } from '../backend.ts'
import type { Slots } from './slots.ts'

export function nativeKeyPairs(slots: Slots): KeyPairs {
  return {
    async generate(material, spec, context, plaintext): Promise<KeyPair> {
      const aad = aadOf(material.header, context)
      const made = await slots.useAsync(material, (slot) => slots.hsm.dataKeyPair(slot, spec, aad, HEADER, plaintext))
      return { publicKey: made.publicKey, blob: made.blob, plaintext: made.plaintext }
    },
  }
}
