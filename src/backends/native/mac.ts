/** Message authentication codes of the Rust HSM, on the spot. */
import type { MacAlgorithmSpec } from '../../model/kms.ts'
import type { Mac } from '../backend.ts'
import { Slab } from './slab.ts'
import type { Slots } from './slots.ts'

export function nativeMac(slots: Slots): Mac {
  const { verbs } = slots
  const macs = new Slab()
  return {
    generate(material, algorithm, message) {
      const out = macs.take(LENGTHS[algorithm])
      slots.use(material, (slot) => verbs.mac(slot, message, out, 0))
      return out
    },
    verify: (material, _algorithm, message, mac) =>
      slots.use(material, (slot) => verbs.macVerify(slot, message, mac)) === 1,
  }
}

/** Bytes of a MAC: its hash's. */
const LENGTHS: Readonly<Record<MacAlgorithmSpec, number>> = {
  HMAC_SHA_224: 28,
  HMAC_SHA_256: 32,
  HMAC_SHA_384: 48,
  HMAC_SHA_512: 64,
}
