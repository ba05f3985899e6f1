/**
 * What the KMS asks of whatever keeps its keys: capability objects, absent where a backend has none. Each takes and
 * returns opaque tokens; what it can answer on the spot it returns, and only what cannot be comes as a promise.
 */
import type { EncryptionContext } from '../ciphertext.ts'
import type { Instant } from '../clock.ts'
import { fail } from '../errors.ts'
import type { Key, Material } from '../keys.ts'
import type {
  AlgorithmSpec,
  EncryptionAlgorithmSpec,
  MacAlgorithmSpec,
  MessageType,
  SigningAlgorithmSpec,
  WrappingKeySpec,
} from '../model/kms.ts'

export type Eventually<T> = T | Promise<T>

/** The verbs that let a plaintext out. */
export interface Disclosing {
  /** `length` bytes of the device's random generator. */
  random(length: number): Eventually<Uint8Array>
  readonly cipher: Pick<Cipher, 'open' | 'dataKey'>
  readonly asymmetric?: Pick<AsymmetricCipher, 'decrypt'>
  readonly agreement?: Agreement
  readonly keyPairs?: KeyPairs
}

export interface Backend extends Disclosing {
  /** Makes a key inside, and hands out what stands for it. `spec` and `uses` are the HSM's own, from `algorithms.ts`. */
  create(spec: string, uses: number): Eventually<Made>
  readonly cipher: Cipher
  readonly asymmetric?: AsymmetricCipher
  readonly signer?: Signer
  readonly mac?: Mac
  readonly kem?: Kem
  readonly importer?: Importer
  readonly recipients?: Recipients
  /** Wipes what is open of one key material, which nobody is going to use any more. */
  release(material: Material): void
  /**
   * Destroys the key that `token` stands for, where the device keeps it itself; does nothing when there is none. Absent where
   * a token is all there is of a key.
   */
  erase?(token: Uint8Array): Eventually<void>
  /** Loses what is open in the device, as a device that was unplugged does; the next verb has to recover. For tests. */
  forget?(): void
  /** Wipes what is open. */
  close(): Eventually<void>
}

/** A backend that is still to be opened, by the room it is for. */
export interface BackendSource {
  /** What kind it is: `pkcs11`, say. */
  readonly name: string
  open(): Promise<OpenedBackend>
}

export interface OpenedBackend {
  readonly backend: Backend
  /** Who does what of a KMS when its keys are there. */
  readonly abilities: readonly Ability[]
  /** Which one of its kind it is, the same at each opening: a room finds its keys again in no other. */
  readonly identity: string
}

/** Something a KMS does, and who does it when its keys are in a device of somebody else's. */
export interface Ability {
  /** A key spec, an algorithm, or an operation of the KMS, as AWS or the HSM calls it. */
  readonly what: string
  /** The device itself, this process for it, or nobody. */
  readonly support: 'native' | 'emulated' | 'impossible'
  /** How it is emulated, or why it is not to be had. */
  readonly how?: string
}

/** A key fresh from the device. */
export interface Made {
  readonly token: Uint8Array
  /** SubjectPublicKeyInfo, DER; of asymmetric keys only. */
  readonly publicKey?: Uint8Array
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

/** Encryption under a public key: what comes out is the algorithm's own ciphertext, with no frame around it. */
export interface AsymmetricCipher {
  encrypt(material: Material, algorithm: AsymmetricAlgorithm, plaintext: Uint8Array): Eventually<Uint8Array>
  /** Throws InvalidCiphertextException, and says no more, for whatever is wrong. */
  decrypt(material: Material, algorithm: AsymmetricAlgorithm, ciphertext: Uint8Array): Eventually<Uint8Array>
}

export type AsymmetricAlgorithm = Exclude<EncryptionAlgorithmSpec, 'SYMMETRIC_DEFAULT'>

/** Signatures over `message`, which is in the form that `type` says and fits the algorithm. */
export interface Signer {
  sign(
    material: Material,
    algorithm: SigningAlgorithmSpec,
    type: MessageType,
    message: Uint8Array,
  ): Eventually<Uint8Array>
  verify(
    material: Material,
    algorithm: SigningAlgorithmSpec,
    type: MessageType,
    message: Uint8Array,
    signature: Uint8Array,
  ): Eventually<boolean>
}

/** Message authentication codes, as long as their hash. */
export interface Mac {
  generate(material: Material, algorithm: MacAlgorithmSpec, message: Uint8Array): Eventually<Uint8Array>
  verify(material: Material, algorithm: MacAlgorithmSpec, message: Uint8Array, mac: Uint8Array): Eventually<boolean>
}

/** Diffie-Hellman with a peer's public key (SubjectPublicKeyInfo, DER): the bare x-coordinate, padded on the left. */
export interface Agreement {
  /** Throws ValidationException without a message when `publicKey` is none of the key's own curve. */
  derive(material: Material, publicKey: Uint8Array): Eventually<Uint8Array>
}

/** Key encapsulation. */
export interface Kem {
  encapsulate(material: Material): Eventually<Encapsulated>
  /** A ciphertext of the right length always yields a secret, if a wrong one: ML-KEM rejects without saying so. */
  decapsulate(material: Material, ciphertext: Uint8Array): Eventually<Uint8Array>
}

export interface Encapsulated {
  readonly secret: Uint8Array
  readonly ciphertext: Uint8Array
}

/** Key pairs for use outside, the private key sealed like a data key. */
export interface KeyPairs {
  /** `spec` is the HSM's own. With `plaintext` false the private key is never let out. */
  generate(
    material: Material,
    spec: string,
    context: EncryptionContext | undefined,
    plaintext: boolean,
  ): Eventually<KeyPair>
}

export interface KeyPair {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** PrivateKeyInfo (PKCS#8), DER, in a frame. */
  readonly blob: Uint8Array
  /** The same in the clear. */
  readonly plaintext: Uint8Array | undefined
}

/** Keys from outside: each comes wrapped under a public key made for it, and is seen by the device alone. */
export interface Importer {
  /** Makes a wrapping key and the token that goes with it, for material of `key` alone and until `expiry`. */
  parameters(key: Key, spec: WrappingKeySpec, algorithm: AlgorithmSpec, expiry: Instant): Eventually<Parameters>
  /**
   * Takes in what was wrapped. Throws InvalidImportTokenException, ExpiredImportTokenException, or
   * InvalidCiphertextException for what cannot be unwrapped or is no material of the key's spec: in this order.
   */
  import(key: Key, token: Uint8Array, wrapped: Uint8Array, now: Instant): Eventually<Imported>
  /** Destroys the wrapping keys made for the key with this ARN, where the device keeps them itself. */
  withdraw?: (arn: string) => Eventually<void>
}

export interface Parameters {
  readonly token: Uint8Array
  /** What stands for the wrapping key, where the device keeps that itself. */
  readonly kept?: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
}

export interface Imported extends Made {
  /** The key material id, which follows from the key's id and the material, and is computed where both are known. */
  readonly id: string
}

/** Whom an answer is for, by an attestation document that was believed. */
export interface Recipient {
  /** The module that issued the document. */
  readonly moduleId: string
  readonly timestamp: Instant
  /** A Nitro enclave, or an instance with a NitroTPM. */
  readonly platform: 'enclave' | 'tpm'
  /** Platform configuration registers by their numbers: of the enclave, or of the TPM. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  /** Its RSA key: SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
}

/** Answers for attested recipients, who alone can read them. */
export interface Recipients {
  /** Throws ValidationException, and says no more, for a document that is malformed, stale, or leads to no root we know. */
  verify(document: Uint8Array, now: Instant): Eventually<Recipient>
  /** The same verbs, whose plaintexts leave the device in CMS envelopes for the recipient's key, and never otherwise. */
  disclosingTo(recipient: Recipient): Disclosing
}

/** A capability, of a backend that has it. */
export function offered<T>(capability: T | undefined): T {
  return capability ?? fail('UnsupportedOperationException', 'the backend of the key cannot do this')
}

/** What comes of `work`; should it fail, the key that was made for it is destroyed, where the device keeps it itself. */
export async function orUnmade<T>(
  work: () => Eventually<T>,
  made: Made | undefined,
  { erase }: Pick<Backend, 'erase'>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // Should the device fail as well, a key that nobody knows of is left in it, and it is `work` that is told of.
    if (made) await (async () => erase?.(made.token))().catch(() => undefined)
    throw error
  }
}

/** Goes on with a value that may still be on its way; costs nothing when it is there. */
export function after<T, U>(value: Eventually<T>, next: (value: T) => U): Eventually<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
