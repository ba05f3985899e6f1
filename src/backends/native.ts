/** The Rust HSM as a backend. Keys are used in slots; a slot the device has given away since is loaded again. */
import type { Hsm, Verbs } from '../../bindings/node/index.js'
import { BODY_OVERHEAD, HEADER, MAX_AAD, writeAad, type EncryptionContext } from '../ciphertext.ts'
import { KmsError } from '../errors.ts'
import type { Material } from '../keys.ts'
import type { Backend, Cipher, DataKey } from './backend.ts'

export function nativeBackend(hsm: Hsm): Backend {
  const verbs = hsm.verbs()
  return {
    create: (spec, uses) => attempt(() => hsm.generate(spec, uses)),
    random: (length) =>
      attempt(() => {
        const bytes = Buffer.allocUnsafeSlow(length)
        verbs.random(bytes, 0, length)
        return bytes
      }),
    cipher: new NativeCipher(hsm, verbs),
    close: () => hsm.close(),
  }
}

class NativeCipher implements Cipher {
  private readonly hsm: Hsm
  private readonly verbs: Verbs
  /** Where the core reads associated data from; written anew before each call, and never handed out. */
  private readonly scratch: Uint8Array
  // Two slabs, lest the buffer behind a ciphertext that is passed on hold somebody's plaintext.
  private readonly blobs = new Slab()
  private readonly plaintexts = new Slab()

  constructor(hsm: Hsm, verbs: Verbs) {
    this.hsm = hsm
    this.verbs = verbs
    this.scratch = verbs.scratch
  }

  seal(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined): Uint8Array {
    const blob = this.blobs.take(HEADER + BODY_OVERHEAD + plaintext.length)
    this.sealInto(material, plaintext, context, blob)
    return blob
  }

  sealInto(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined, out: Uint8Array): number {
    const aad = writeAad(material.header, context, this.scratch, 0)
    try {
      return this.verbs.encrypt(material.opened.slot || this.load(material), plaintext, 0, aad, HEADER, out, 0)
    } catch (error) {
      this.reload(error, material)
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
      return this.verbs.decrypt(material.opened.slot || this.load(material), blob, HEADER, 0, aad, out, 0)
    } catch (error) {
      this.reload(error, material)
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
    this.inSlot(material, (slot) => this.verbs.encryptMany(slot, packed, lengths, 0, aad, HEADER, out, 0))
    let at = 0
    return plaintexts.map(({ length }) => out.subarray(at, (at += HEADER + BODY_OVERHEAD + length)))
  }

  dataKey(material: Material, length: number, context: EncryptionContext | undefined, plaintext: boolean): DataKey {
    const blob = this.blobs.take(HEADER + BODY_OVERHEAD + length)
    const bytes = plaintext ? this.plaintexts.take(length) : undefined
    const aad = writeAad(material.header, context, this.scratch, 0)
    this.inSlot(material, (slot) => this.verbs.dataKey(slot, length, bytes, 0, 0, aad, HEADER, blob, 0))
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
    this.inSlot(source, (one) =>
      this.inSlot(destination, (two) =>
        this.verbs.reencrypt(one, blob, HEADER, 0, from, two, MAX_AAD, to, HEADER, out, 0),
      ),
    )
    return out
  }

  /** Does `verb` with the slot of `material`, once more with a fresh one should the device have given it away. */
  private inSlot<T>(material: Material, verb: (slot: number) => T): T {
    try {
      return verb(material.opened.slot || this.load(material))
    } catch (error) {
      this.reload(error, material)
      return attempt(() => verb(material.opened.slot))
    }
  }

  private load(material: Material): number {
    return (material.opened.slot = this.hsm.load(material.token!))
  }

  /** Loads a stale slot's token again; throws any other error, in AWS's words. */
  private reload(error: unknown, material: Material): void {
    if ((error as HsmFault).code !== 'StaleSlot') throw translate(error)
    attempt(() => this.load(material))
  }
}

/** Small results are cut from shared slabs, as Node cuts its small Buffers: an allocation each would cost more than the cipher. */
class Slab {
  private slab = Buffer.alloc(0)
  private used = 0

  take(length: number): Buffer {
    const from = this.used
    const to = from + length
    if (to <= this.slab.length) {
      this.used = to
      return this.slab.subarray(from, to)
    }
    this.slab = Buffer.allocUnsafeSlow(SLAB)
    this.used = length
    return this.slab.subarray(0, length)
  }
}

/** Holds the largest message there is many times over. */
const SLAB = 65_536

interface HsmFault {
  readonly code?: string
}

function attempt<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw translate(error)
  }
}

/** What the device says, as AWS says it. */
function translate(error: unknown): Error {
  if (error instanceof KmsError) return error
  switch ((error as HsmFault).code) {
    case 'DecryptionFailed':
      return new KmsError('InvalidCiphertextException')
    case 'RateLimited':
      return new KmsError(
        'ThrottlingException',
        'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
        { cause: error },
      )
    default:
      return new KmsError('KMSInternalException', 'the HSM refused', { cause: error })
  }
}
