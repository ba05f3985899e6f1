/**
 * Secrets that callers entrust to the KMS, and tokens it will know again: sealed under a key of the KMS's own, which is in
 * the HSM like any other. What is sealed for one purpose opens for no other.
 */
import type { Backend } from './backends/backend.ts'
import { isFramed, isUnder } from './ciphertext.ts'
import { SPECS, USES } from './algorithms.ts'
import type { Entropy } from './entropy.ts'
import { fail } from './errors.ts'
import { newMaterial, type Material } from './keys.ts'
import { INTERNAL_KEYS } from './store/internal.ts'
import { isConflict, type Row, type Store } from './store/store.ts'

const NAME = 'secrets'

export class Secrets {
  private readonly store: Store
  private readonly backend: Backend
  private readonly entropy: Entropy
  private material: Promise<Material> | undefined

  constructor(store: Store, backend: Backend, entropy: Entropy) {
    this.store = store
    this.backend = backend
    this.entropy = entropy
  }

  async seal(purpose: string, secret: Uint8Array): Promise<Uint8Array> {
    return this.backend.cipher.seal(await this.key(), secret, { purpose })
  }

  /** Throws InvalidCiphertextException, and says no more, for what was not sealed here for this purpose. */
  async open(purpose: string, sealed: Uint8Array): Promise<Uint8Array> {
    const material = await this.key()
    if (!isFramed(sealed) || !isUnder(sealed, material)) fail('InvalidCiphertextException')
    return this.backend.cipher.open(material, sealed, { purpose })
  }

  private key(): Promise<Material> {
    this.material ??= this.load().catch((error: unknown) => {
      this.material = undefined
      throw error
    })
    return this.material
  }

  /** The key, made when it is first asked for. */
  private async load(): Promise<Material> {
    const row = await this.store.get('internal_keys', [NAME])
    if (row) return materialFrom(row)
    const { token } = await this.backend.create(SPECS.SYMMETRIC_DEFAULT.hsm, USES.ENCRYPT_DECRYPT)
    const id = this.entropy.hex(32)
    const values = INTERNAL_KEYS.row({ name: NAME, material: id, token })
    try {
      await this.store.commit([{ table: 'internal_keys', key: [NAME], values, expect: 0 }])
      return newMaterial(id, token, 0)
    } catch (error) {
      if (isConflict(error)) return this.load()
      throw error
    }
  }
}

function materialFrom(row: Row): Material {
  const column = INTERNAL_KEYS.reader(row)
  return newMaterial(column('material'), column('token'), 0)
}
