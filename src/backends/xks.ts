/**
 * Keys that are in two places: what a key of a backend sealed is encrypted once more by an external key, and neither opens it
 * alone. The body of a frame is that of the inner one's, encrypted, behind what the external key needs to decrypt it:
 *
 *   length of IV (1) | length of metadata (1) | IV | tag (16) | metadata | ciphertext
 */
import { HEADER, aadOf, type EncryptionContext } from '../ciphertext.ts'
import { fail } from '../errors.ts'
import type { Material } from '../keys.ts'
import { IV_LENGTHS, TAG_LENGTH, XKS_LIMITS, type Sealed } from '../xks/api.ts'
import { type Backend, type Cipher, type DataKey, type Eventually } from './backend.ts'

/** An external key. */
export interface External {
  /** Answers with as many bytes. */
  encrypt(plaintext: Uint8Array, aad: Uint8Array): Promise<Sealed>
  decrypt(sealed: Sealed, aad: Uint8Array): Promise<Uint8Array>
  /** What is thrown instead of an error, be it the external key's or one that its bytes gave rise to. */
  translate?(error: unknown): unknown
}

/** Symmetric keys of `inner` whose ciphertexts `external` covers; all else of `inner` is as it was. */
export function xksBackend(inner: Backend, external: External): Backend {
  const { cipher, recipients } = inner
  const layer = new Layer(external)
  return {
    create: (spec, uses) => inner.create(spec, uses),
    random: (length) => inner.random(length),
    cipher: new XksCipher(cipher, layer),
    recipients: recipients && {
      verify: (document, now) => recipients.verify(document, now),
      disclosingTo(recipient) {
        const disclosing = recipients.disclosingTo(recipient)
        return { random: (length) => disclosing.random(length), cipher: layer.around(disclosing.cipher) }
      },
    },
    release: (material) => inner.release(material),
    erase: inner.erase && ((token) => inner.erase!(token)),
    close: () => undefined,
  }
}

/** The outer layer of ciphertexts. */
class Layer {
  private readonly external: External

  constructor(external: External) {
    this.external = external
  }

  async wrap(inner: Eventually<Uint8Array>, material: Material, context: EncryptionContext | undefined) {
    return this.told(async () => {
      const frame = await inner
      const sealed = await this.external.encrypt(frame.subarray(HEADER), contextOf(material, context))
      return Buffer.concat([frame.subarray(0, HEADER), bodyOf(sealed)])
    })
  }

  /** The frame within `blob`; what `open` makes of it. */
  async open<T>(
    material: Material,
    blob: Uint8Array,
    context: EncryptionContext | undefined,
    open: (frame: Uint8Array) => Eventually<T>,
  ): Promise<T> {
    return this.told(async () => {
      const body = await this.external.decrypt(sealedIn(blob), contextOf(material, context))
      return open(Buffer.concat([material.header, body]))
    })
  }

  /** The verbs that let a plaintext out. */
  around({ open, dataKey }: Pick<Cipher, 'open' | 'dataKey'>): Pick<Cipher, 'open' | 'dataKey'> {
    return {
      open: (material, blob, context) => this.open(material, blob, context, (frame) => open(material, frame, context)),
      dataKey: async (material, length, context, plaintext): Promise<DataKey> => {
        const made = await dataKey(material, length, context, plaintext)
        return { ...made, blob: await this.wrap(made.blob, material, context) }
      },
    }
  }

  private async told<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (error) {
      throw this.external.translate?.(error) ?? error
    }
  }
}

class XksCipher implements Cipher {
  private readonly inner: Cipher
  private readonly layer: Layer
  readonly open: Cipher['open']
  readonly dataKey: Cipher['dataKey']

  constructor(inner: Cipher, layer: Layer) {
    this.inner = inner
    this.layer = layer
    const disclosing = layer.around({
      open: (...given) => inner.open(...given),
      dataKey: (...given) => inner.dataKey(...given),
    })
    this.open = disclosing.open
    this.dataKey = disclosing.dataKey
  }

  seal(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined): Promise<Uint8Array> {
    return this.layer.wrap(this.inner.seal(material, plaintext, context), material, context)
  }

  async sealInto(
    material: Material,
    plaintext: Uint8Array,
    context: EncryptionContext | undefined,
    out: Uint8Array,
  ): Promise<number> {
    return put(await this.seal(material, plaintext, context), out)
  }

  async openInto(
    material: Material,
    blob: Uint8Array,
    context: EncryptionContext | undefined,
    out: Uint8Array,
  ): Promise<number> {
    return put(await this.open(material, blob, context), out)
  }

  async sealMany(
    material: Material,
    plaintexts: readonly Uint8Array[],
    context: EncryptionContext | undefined,
  ): Promise<Uint8Array[]> {
    const sealed: Uint8Array[] = []
    for (const plaintext of plaintexts) sealed.push(await this.seal(material, plaintext, context))
    return sealed
  }

  /** Within one external key; the plaintext is wiped. */
  async reseal(
    source: Material,
    blob: Uint8Array,
    sourceContext: EncryptionContext | undefined,
    destination: Material,
    destinationContext: EncryptionContext | undefined,
  ): Promise<Uint8Array> {
    const inner = await this.layer.open(source, blob, sourceContext, (frame) =>
      this.inner.reseal(source, frame, sourceContext, destination, destinationContext),
    )
    return this.layer.wrap(inner, destination, destinationContext)
  }
}

/** What the external key authenticates along: the context alone, for it is in no header of ours. */
function contextOf({ header }: Material, context: EncryptionContext | undefined): Uint8Array {
  return aadOf(header, context).subarray(HEADER)
}

function bodyOf({ initializationVector: iv, authenticationTag: tag, ciphertextMetadata, ciphertext }: Sealed): Buffer {
  const metadata = ciphertextMetadata ?? new Uint8Array()
  return Buffer.concat([Uint8Array.of(iv.length, metadata.length), iv, tag, metadata, ciphertext])
}

/** What was sealed, if it can be: an external key is not asked about anything else. */
function sealedIn(blob: Uint8Array): Sealed {
  const [ivLength = 0, metadataLength = 0] = blob.subarray(HEADER)
  let at = HEADER + 2
  if (!IV_LENGTHS.some((each) => each === ivLength) || metadataLength > XKS_LIMITS.metadata)
    fail('InvalidCiphertextException')
  const next = (length: number) => blob.subarray(at, (at += length))
  const sealed = {
    initializationVector: next(ivLength),
    authenticationTag: next(TAG_LENGTH),
    ...(metadataLength > 0 ? { ciphertextMetadata: next(metadataLength) } : {}),
    ciphertext: blob.subarray(at),
  }
  return sealed.ciphertext.length > 0 ? sealed : fail('InvalidCiphertextException')
}

function put(bytes: Uint8Array, out: Uint8Array): number {
  if (out.length < bytes.length) {
    fail('ValidationException', `the buffer holds ${out.length} bytes, ${bytes.length} are needed`)
  }
  out.set(bytes)
  return bytes.length
}
