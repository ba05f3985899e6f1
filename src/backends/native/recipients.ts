/** Envelopes of the Rust HSM: what is meant for a recipient leaves it for that recipient's eyes alone. */
import { Hsm } from '../../../bindings/node/index.js'
import { aadOf, HEADER } from '../../ciphertext.ts'
import type { Roots } from '../../roots.ts'
import { after, type Disclosing, type Recipients } from '../backend.ts'
import { SCHEMES } from './asymmetric.ts'
import { attempt, attemptAsync } from './faults.ts'
import type { Slots } from './slots.ts'

/** Whose attestation is believed, and how many milliseconds a document stays fresh. */
export interface Trust {
  readonly roots: Roots
  readonly window: number
}

export function nativeRecipients(slots: Slots, trust: Trust): Recipients {
  return {
    verify: verifying(trust),
    disclosingTo: ({ publicKey }) => disclosing(slots, publicKey),
  }
}

/** The same for keys that are in another backend, whose plaintexts pass through this process into envelopes. */
export function recipientsOf(backend: Disclosing, hsm: Hsm, trust: Trust): Recipients {
  return {
    verify: verifying(trust),
    disclosingTo: ({ publicKey }) => enveloping(backend, (plaintext) => hsm.envelopeFor(publicKey, plaintext)),
  }
}

function verifying({ roots, window }: Trust): Recipients['verify'] {
  return (document, now) =>
    attemptAsync(async () => {
      const { registers, ...said } = await Hsm.verifyAttestation(document, { roots: roots.at(now), now, window })
      return { ...said, pcrs: new Map(registers.map(({ index, value }) => [index, value])) }
    })
}

function enveloping(backend: Disclosing, envelope: (plaintext: Uint8Array) => Uint8Array): Disclosing {
  const { cipher, asymmetric, agreement, keyPairs } = backend
  /** The plaintext is wiped, whatever becomes of it. */
  const close = (plaintext: Uint8Array): Uint8Array => {
    try {
      return attempt(() => envelope(plaintext))
    } finally {
      plaintext.fill(0)
    }
  }
  const closePart = <T extends { readonly plaintext: Uint8Array | undefined }>(made: T): T => ({
    ...made,
    plaintext: close(made.plaintext!),
  })
  return {
    random: (length) => after(backend.random(length), close),
    cipher: {
      open: (...given) => after(cipher.open(...given), close),
      dataKey: (material, length, context) => after(cipher.dataKey(material, length, context, true), closePart),
    },
    asymmetric: asymmetric && { decrypt: (...given) => after(asymmetric.decrypt(...given), close) },
    agreement: agreement && { derive: (...given) => after(agreement.derive(...given), close) },
    keyPairs: keyPairs && {
      generate: (material, spec, context) => after(keyPairs.generate(material, spec, context, true), closePart),
    },
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
