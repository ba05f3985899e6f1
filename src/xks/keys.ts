/**
 * The keys of a proxy: each an AES key of a backend, kept in a data folder by its external key id. A room would do, but for its
 * 4,096 bytes of plaintext, fewer than a proxy has to take; so this is a backend and a store, without the KMS between them.
 *
 * A backend's frame is `header | nonce (16) | IV (12) | ciphertext | tag (16)`. IV and tag are those of the API; the nonce, which
 * the IV alone would be too short without, goes along as metadata of the ciphertext, behind a byte that counts such layouts.
 */
import { hash } from 'node:crypto'
import { SPECS, USES } from '../algorithms.ts'
import type { Backend, BackendSource, OpenedBackend } from '../backends/backend.ts'
import { settleIn } from '../backends/guest.ts'
import { nativeBackend } from '../backends/native.ts'
import { HEADER, type EncryptionContext } from '../ciphertext.ts'
import { systemEntropy } from '../entropy.ts'
import { newMaterial, type Material } from '../keys.ts'
import { Roots } from '../roots.ts'
import { INTERNAL_KEYS } from '../store/internal.ts'
import { openSqlite } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { makeFolder, openVault, storePath } from '../vault.ts'
import { proxyAad, TAG_LENGTH, XksError, type Sealed } from './api.ts'

export interface KeysOptions {
  /** The folder that keeps them, made if need be. */
  readonly data: string
  readonly rootSecret?: Uint8Array | undefined
  /** Where the keys themselves are; default: in the Rust HSM, whose keys are in the folder. */
  readonly backend?: BackendSource | undefined
}

/** How ciphertexts are laid out, as their metadata begins. */
const LAYOUT = 1
const NONCE = 16
const IV = 12
/** The key that health is checked with, which no external key id can name. */
const HEALTH = ':health'
const PROBE = Uint8Array.of(1, 2, 3, 4)

export class ExternalKeys {
  readonly identity: string
  readonly #store: Store
  /** Keeps the store, whoever keeps the keys. */
  readonly #native: Backend
  readonly #backend: Backend
  readonly #materials = new Map<string, Material>()

  static async open({ data, rootSecret, backend: source }: KeysOptions): Promise<ExternalKeys> {
    const guest = await source?.open()
    try {
      await makeFolder(data)
      const hsm = await openVault(data, rootSecret, {})
      try {
        const store = await openSqlite(storePath(data), hsm, {})
        try {
          await settleIn(store, guest)
          const trust = { roots: new Roots([]), window: 0 }
          const native = nativeBackend(hsm, trust)
          const keys = new ExternalKeys(store, native, guest)
          await keys.create(HEALTH)
          return keys
        } catch (error) {
          await store.close()
          throw error
        }
      } catch (error) {
        hsm.close()
        throw error
      }
    } catch (error) {
      await guest?.backend.close()
      throw error
    }
  }

  private constructor(store: Store, native: Backend, guest: OpenedBackend | undefined) {
    this.#store = store
    this.#native = native
    this.#backend = guest?.backend ?? native
    this.identity = guest?.identity ?? 'strongroom'
  }

  /** Whether there is such a key; from then on it can be used. */
  async find(id: string): Promise<boolean> {
    if (this.#materials.has(id)) return true
    const row = await this.#store.get('internal_keys', [nameOf(id)])
    if (!row) return false
    const column = INTERNAL_KEYS.reader(row)
    this.#materials.set(id, newMaterial(column('material'), column('token'), 0))
    return true
  }

  /** Makes a key, unless it is there; whether it was made. */
  async create(id: string): Promise<boolean> {
    if (await this.find(id)) return false
    const { token } = await this.#backend.create(SPECS.SYMMETRIC_DEFAULT.hsm, USES.ENCRYPT_DECRYPT)
    const [name, material] = [nameOf(id), systemEntropy.hex(32)]
    const values = INTERNAL_KEYS.row({ name, material, token })
    await this.#store.commit([{ table: 'internal_keys', key: [name], values, expect: 0 }])
    this.#materials.set(id, newMaterial(material, token, 0))
    return true
  }

  async seal(id: string, plaintext: Uint8Array, additional: Uint8Array | undefined): Promise<Sealed> {
    const blob = await this.#backend.cipher.seal(this.#materials.get(id)!, plaintext, contextOf(additional))
    const [iv, data, tag] = [HEADER + NONCE, HEADER + NONCE + IV, blob.length - TAG_LENGTH]
    return {
      ciphertext: blob.subarray(data, tag),
      ciphertextMetadata: Buffer.concat([Uint8Array.of(LAYOUT), blob.subarray(HEADER, iv)]),
      initializationVector: blob.subarray(iv, data),
      authenticationTag: blob.subarray(tag),
    }
  }

  /** Throws InvalidCiphertextException for what was not sealed so under this key. */
  async open(id: string, sealed: Sealed, additional: Uint8Array | undefined): Promise<Uint8Array> {
    const { ciphertext, ciphertextMetadata: metadata, initializationVector: iv, authenticationTag: tag } = sealed
    if (metadata?.length !== 1 + NONCE || metadata[0] !== LAYOUT || iv.length !== IV) {
      throw new XksError('InvalidCiphertextException')
    }
    const material = this.#materials.get(id)!
    const blob = Buffer.concat([material.header, metadata.subarray(1), iv, ciphertext, tag])
    return this.#backend.cipher.open(material, blob, contextOf(additional))
  }

  /** Whether the backend encrypts and decrypts, found out by doing so. */
  async works(): Promise<boolean> {
    try {
      const plaintext = await this.open(HEALTH, await this.seal(HEALTH, PROBE, undefined), undefined)
      return Buffer.compare(plaintext, PROBE) === 0
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    await this.#store.close()
    await this.#backend.close()
    if (this.#native !== this.#backend) await this.#native.close()
  }
}

const nameOf = (id: string): string => `xks ${id}`

/**
 * What a backend authenticates is a context of text, half as long as what it has to stand for here: so it is the digest of what
 * the API composes. The nonce is not in it, and need not be: with another one, nothing opens.
 */
function contextOf(additional: Uint8Array | undefined): EncryptionContext {
  return { xks: hash('sha256', proxyAad(additional, Uint8Array.of(LAYOUT))) }
}
