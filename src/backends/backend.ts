/**
 * What the KMS asks of whatever keeps its keys: capability objects, absent where a backend has none. Each takes and
 * returns opaque tokens; what it can answer on the spot it returns, and only what cannot be comes as a promise.
 */
import type { EncryptionContext } from '../ciphertext.ts'
import type { Material } from '../keys.ts'

export type Eventually<T> = T | Promise<T>

export interface Backend {
  /** Makes a key inside, and hands out its token. `spec` and `uses` are the HSM's own, from `algorithms.ts`. */
  create(spec: string, uses: number): Eventually<Uint8Array>
  /** `length` bytes of the device's random generator. */
  random(length: number): Eventually<Uint8Array>
  readonly cipher: Cipher
  /** Wipes what is open. */
  close(): Eventually<void>
}

/** Authenticated encryption under a symmetric key. Blobs are whole frames, see `ciphertext.ts`. */
export interface Cipher {
  seal(material: Material, plaintext: Uint8Array, context: EncryptionContext | undefined): Eventually<Uint8Array>
  /** Throws InvalidCiphertextException, and says no more, when `blob` is not what `seal` gave under this context. */
  open(material: Material, blob: Uint8Array, context: EncryptionContext | undefined): Eventually<Uint8Array>
  /** Seals into `out`, which is long enough; the length written. */
  sealInto(
    material: Material,
    plaintext: Uint8Array,
    context: EncryptionContext | undefined,
    out: Uint8Array,
  ): Eventually<number>
  openInto(
    material: Material,
    blob: Uint8Array,
    context: EncryptionContext | undefined,
    out: Uint8Array,
  ): Eventually<number>
  /** Each plaintext in a frame of its own, under one context: all of them, or none. */
  sealMany(
    material: Material,
    plaintexts: readonly Uint8Array[],
    context: EncryptionContext | undefined,
  ): Eventually<Uint8Array[]>
  /** Random bytes and their frame; with `plaintext` false they are never let out. */
  dataKey(
    material: Material,
    length: number,
    context: EncryptionContext | undefined,
    plaintext: boolean,
  ): Eventually<DataKey>
  /** From one key to another, with no plaintext outside in between. */
  reseal(
    source: Material,
    blob: Uint8Array,
    sourceContext: EncryptionContext | undefined,
    destination: Material,
    destinationContext: EncryptionContext | undefined,
  ): Eventually<Uint8Array>
}

export interface DataKey {
  readonly blob: Uint8Array
  readonly plaintext: Uint8Array | undefined
}

/** Goes on with a value that may still be on its way; costs nothing when it is there. */
export function after<T, U>(value: Eventually<T>, next: (value: T) => U): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
