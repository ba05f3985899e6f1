/** Envelopes of the Rust HSM: what is meant for a recipient leaves it for that recipient's eyes alone. */
import { Hsm } from '../../../bindings/node/index.js'
import { aadOf, HEADER } from '../../ciphertext.ts'
import type { Roots } from '../../roots.ts'
import type { Disclosing, Recipients } from '../backend.ts'
import { SCHEMES } from './asymmetric.ts'
import { attempt, attemptAsync } from './faults.ts'
import type { Slots } from './slots.ts'

/** Whose attestation is believed, and how many milliseconds a document stays fresh. */
export interface Trust {
  readonly roots: Roots
  readonly window: number
}

export function nativeRecipients(slots: Slots, { roots, window }: Trust): Recipients {
  return {
    verify: (document, now) =>
      attemptAsync(async () => {
        const { registers, ...said } = await Hsm.verifyAttestation(document, { roots: roots.at(now), now, window })
        return { ...said, pcrs: new Map(registers.map(({ index, value }) => [index, value])) }
      }),
    disclosingTo: ({ publicKey }) => disclosing(slots, publicKey),
  }
}

function disclosing(slots: Slots, publicKey: Uint8Array): Disclosing {
  const { hsm } = slots
  return {
    random: (length) => attempt(() => hsm.randomFor(publicKey, length)),
    cipher: {
      open(material, blob, context) {
        const aad = aadOf(material.header, context)
        return slots.use(material, (slot) => hsm.decryptFor(publicKey, slot, blob.subarray(HEADER), aad))
      },
      dataKey(material, length, context) {
        const aad = aadOf(material.header, context)
        const made = slots.use(material, (slot) => hsm.dataKeyFor(publicKey, slot, length, aad, HEADER))
        return { blob: made.blob, plaintext: made.envelope }
      },
    },
    asymmetric: {
      decrypt: (material, algorithm, ciphertext) =>
        slots.useAsync(material, (slot) => hsm.decryptAsymmetricFor(publicKey, slot, SCHEMES[algorithm], ciphertext)),
    },
    agreement: {
      derive: (material, peer) => slots.use(material, (slot) => hsm.agreeFor(publicKey, slot, peer)),
    },
    keyPairs: {
      async generate(material, spec, context) {
        const aad = aadOf(material.header, context)
        const made = await slots.useAsync(material, (slot) => hsm.dataKeyPairFor(publicKey, slot, spec, aad, HEADER))
        return { publicKey: made.publicKey, blob: made.blob, plaintext: made.envelope }
      },
    },
  }
}
