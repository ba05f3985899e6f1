/** Signatures of the Rust HSM: ECDSA and EdDSA on the spot, RSA and ML-DSA, which take it long, on its pool. */
import type { Material } from '../../keys.ts'
import type { MessageType, SigningAlgorithmSpec } from '../../model/kms.ts'
import type { Signer } from '../backend.ts'
import { Slab } from './slab.ts'
import type { Slots } from './slots.ts'

export function nativeSigner(slots: Slots): Signer {
  const { hsm, verbs } = slots
  const signatures = new Slab()

  function signOnTheSpot(material: Material, scheme: number, form: number, message: Uint8Array): Uint8Array {
    const out = signatures.take(LONGEST)
    const length = slots.use(material, (slot) => verbs.sign(slot, scheme, form, message, out, 0))
    return out.subarray(0, length)
  }

  return {
    sign(material, algorithm, type, message) {
      const { scheme, slow } = SCHEMES[algorithm]
      const form = FORMS[type]
      return slow
        ? slots.useAsync(material, (slot) => hsm.signAsync(slot, scheme, form, message))
        : signOnTheSpot(material, scheme, form, message)
    },
    verify(material, algorithm, type, message, signature) {
      const { scheme } = SCHEMES[algorithm]
      return slots.use(material, (slot) => verbs.verify(slot, scheme, FORMS[type], message, signature)) === 1
    },
  }
}

/** The longest signature made on the spot: ECDSA of P-521, in DER. */
const LONGEST = 139

/** What the device calls a scheme, and whether signing by it goes to the pool. */
const SCHEMES: Readonly<Record<SigningAlgorithmSpec, { readonly scheme: number; readonly slow: boolean }>> = {
  RSASSA_PKCS1_V1_5_SHA_256: { scheme: 1, slow: true },
  RSASSA_PKCS1_V1_5_SHA_384: { scheme: 2, slow: true },
  RSASSA_PKCS1_V1_5_SHA_512: { scheme: 3, slow: true },
  RSASSA_PSS_SHA_256: { scheme: 4, slow: true },
  RSASSA_PSS_SHA_384: { scheme: 5, slow: true },
  RSASSA_PSS_SHA_512: { scheme: 6, slow: true },
  ECDSA_SHA_256: { scheme: 7, slow: false },
  ECDSA_SHA_384: { scheme: 7, slow: false },
  ECDSA_SHA_512: { scheme: 7, slow: false },
  ED25519_SHA_512: { scheme: 8, slow: false },
  ED25519_PH_SHA_512: { scheme: 9, slow: false },
  ML_DSA_SHAKE_256: { scheme: 10, slow: true },
  SM2DSA: { scheme: 11, slow: false },
}

const FORMS: Readonly<Record<MessageType, number>> = {
  RAW: 0,
  DIGEST: 1,
  EXTERNAL_MU: 2,
}
