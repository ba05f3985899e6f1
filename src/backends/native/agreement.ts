/** Shared secrets of the Rust HSM, agreed or encapsulated: each in memory of its own, for it is nobody else's business. */
import { KmsError } from '../../errors.ts'
import type { Agreement, Kem } from '../backend.ts'
import { isOfWrongLength } from './faults.ts'
import { Slab } from './slab.ts'
import type { Slots } from './slots.ts'

export function nativeAgreement(slots: Slots): Agreement {
  const { verbs } = slots
  return {
    derive(material, publicKey) {
      const secret = Buffer.alloc(LONGEST_COORDINATE)
      return secret.subarray(
        0,
        slots.use(material, (slot) => verbs.agree(slot, publicKey, secret, 0)),
      )
    },
  }
}

export function nativeKem(slots: Slots): Kem {
  const { verbs } = slots
  const ciphertexts = new Slab()
  return {
    encapsulate(material) {
      const secret = Buffer.alloc(SECRET)
      const ciphertext = ciphertexts.take(LONGEST_CIPHERTEXT)
      const length = slots.use(material, (slot) => verbs.encapsulate(slot, secret, 0, ciphertext, 0))
      return { secret, ciphertext: ciphertext.subarray(0, length) }
    },
    decapsulate(material, ciphertext) {
      const secret = Buffer.alloc(SECRET)
      slots.use(material, (slot) => {
        try {
          return verbs.decapsulate(slot, ciphertext, secret, 0)
        } catch (error) {
          // Of another length, it is no ciphertext of this key's.
          throw isOfWrongLength(error) ? new KmsError('InvalidCiphertextException') : error
        }
      })
      return secret
    },
  }
}

/** That of P-521. */
const LONGEST_COORDINATE = 66

/** Of every ML-KEM. */
const SECRET = 32

/** That of ML-KEM-1024. */
const LONGEST_CIPHERTEXT = 1568
