/** AES keys of the Rust HSM: the hot path, on the spot and into pooled buffers. */
import type { Verbs } from '../../../bindings/node/index.js'
import { BODY_OVERHEAD, HEADER, MAX_AAD, writeAad, type EncryptionContext } from '../../ciphertext.ts'
import type { Material } from '../../keys.ts'
import type { Cipher, DataKey } from '../backend.ts'
import { attempt } from './faults.ts'
import { Slab } from './slab.ts'
import type { Slots } from './slots.ts'

export class NativeCipher implements Cipher {
  private readonly slots: Slots
  private readonly verbs: Verbs
  /** Where the core reads associated data from; written anew before each call, and never handed out. */
  private readonly scratch: Uint8Array
  // Two slabs, lest the buffer behind a ciphertext that is passed on hold somebody's plaintext.
  private readonly blobs = new Slab()
  private readonly plaintexts = new Slab()

  constructor(slots: Slots) {
    this.slots = slots
    this.verbs = slots.verbs
    this.scratch = slots.verbs.scratch
  }

  seal(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
    const blob = this.blobs.take(HEADER + BODY_OVERHEAD + plaintext.length)
    this.sealInto(material, plaintext, context, blob)
    return blob
  }

  sealInto(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined, out: Uint8Array): number {
    const aad = writeAad(material.header, context, this.scratch, 0)
    try {
      return this.verbs.encrypt(material.opened.slot || this.slots.load(material), plaintext, 0, aad, HEADER, out, 0)
    } catch (error) {
      this.slots.reload(error, material)
      return attempt(() => this.verbs.encrypt(material.opened.slot, plaintext, 0, aad, HEADER, out, 0))
    }
  }

  open(material: Material, blob: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
    const plaintext = this.plaintexts.take(blob.length - HEADER - BODY_OVERHEAD)
    this.openInto(material, blob, context, plaintext)
    return plaintext
  }

  openInto(material: Material, blob: Uint8Array, context: EncryptionContext | undefined, out: Uint8Array): number {
    const aad = writeAad(material.header, context, this.scratch, 0)
    try {
      return this.verbs.decrypt(material.opened.slot || this.slots.load(material), blob, HEADER, 0, aad, out, 0)
    } catch (error) {
      this.slots.reload(error, material)
      return attempt(() => this.verbs.decrypt(material.opened.slot, blob, HEADER, 0, aad, out, 0))
    }
  }

  sealMany(
    material: Material,
    plaintexts: readonly Uint8Array[],
    context: EncryptionContext | undefined,
  ): Uint8Array[] {
    const lengths = Uint32Array.from(plaintexts, (plaintext) => plaintext.length)
    const packed = Buffer.concat(plaintexts)
    const out = Buffer.allocUnsafeSlow(packed.length + plaintexts.length * (HEADER + BODY_OVERHEAD))
    const aad = writeAad(material.header, context, this.scratch, 0)
    this.slots.use(material, (slot) => this.verbs.encryptMany(slot, packed, lengths, 0, aad, HEADER, out, 0))
    let at = 0
    return plaintexts.map(({ length }) => out.subarray(at, (at += HEADER + BODY_OVERHEAD + length)))
  }

  dataKey(material: Material, length: number, context: EncryptionContext | undefined, plaintext: boolean): DataKey {
    const blob = this.blobs.take(HEADER + BODY_OVERHEAD + length)
    const bytes = plaintext ? this.plaintexts.take(length) : undefined
    const aad = writeAad(material.header, context, this.scratch, 0)
    this.slots.use(material, (slot) => this.verbs.dataKey(slot, length, bytes, 0, 0, aad, HEADER, blob, 0))
    return { blob, plaintext: bytes }
  }

  reseal(
    source: Material,
    blob: Uint8Array,
    sourceContext: EncryptionContext | undefined,
    destination: Material,
    destinationContext: EncryptionContext | undefined,
  ): Uint8Array {
    const out = this.blobs.take(blob.length)
    const from = writeAad(source.header, sourceContext, this.scratch, 0)
    const to = writeAad(destination.header, destinationContext, this.scratch, MAX_AAD)
    this.slots.use(source, (one) =>
      this.slots.use(destination, (two) =>
        this.verbs.reencrypt(one, blob, HEADER, 0, from, two, MAX_AAD, to, HEADER, out, 0),
      ),
    )
    return out
  }
}
