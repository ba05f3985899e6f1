/** Envelopes of the Rust HSM: what is meant for a recipient leaves it for that recipient's eyes alone. */
import { Hsm } from '../../../bindings/node/index.js'
import { HEADER, MAX_AAD, writeAad, type EncryptionContext } from '../../ciphertext.ts'
import type { Instant } from '../../clock.ts'
import type { Material } from '../../keys.ts'
import type { Roots } from '../../roots.ts'
import type { EnvelopedDataKey, Recipient, Recipients } from '../backend.ts'
import { attempt, translate } from './faults.ts'
import type { Slots } from './slots.ts'

/** Whose attestation is believed, and how many milliseconds a document stays fresh. */
export interface Trust {
  readonly roots: Roots
  readonly window: number
}

export class NativeRecipients implements Recipients {
  private readonly slots: Slots
  private readonly trust: Trust

  constructor(slots: Slots, trust: Trust) {
    this.slots = slots
    this.trust = trust
  }

  async verify(document: Uint8Array, now: Instant): Promise<Recipient> {
    const { roots, window } = this.trust
    try {
      const { registers, ...said } = await Hsm.verifyAttestation(document, { roots: roots.at(now), now, window })
      return { ...said, pcrs: new Map(registers.map(({ index, value }) => [index, value])) }
    } catch (error) {
      throw translate(error)
    }
  }

  seal({ publicKey }: Recipient, plaintext: Uint8Array): Uint8Array {
    return attempt(() => this.slots.hsm.envelope(publicKey, plaintext))
  }

  open(
    { publicKey }: Recipient,
    material: Material,
    blob: Uint8Array,
    context: EncryptionContext | undefined,
  ): Uint8Array {
    const aad = aadOf(material, context)
    const body = blob.subarray(HEADER)
    return this.slots.use(material, (slot) => this.slots.hsm.decryptFor(publicKey, slot, body, aad))
  }

  dataKey(
    { publicKey }: Recipient,
    material: Material,
    length: number,
    context: EncryptionContext | undefined,
  ): EnvelopedDataKey {
    const aad = aadOf(material, context)
    return this.slots.use(material, (slot) => this.slots.hsm.dataKeyFor(publicKey, slot, length, aad, HEADER))
  }

  random({ publicKey }: Recipient, length: number): Uint8Array {
    return attempt(() => this.slots.hsm.randomFor(publicKey, length))
  }
}

function aadOf(material: Material, context: EncryptionContext | undefined): Uint8Array {
  const out = new Uint8Array(MAX_AAD)
  return out.subarray(0, writeAad(material.header, context, out, 0))
}
