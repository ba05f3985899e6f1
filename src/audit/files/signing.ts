/** The key that signs digests: RSA, in the HSM like any other, and the KMS's own. Nobody outside can use it. */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import { SPECS, USES } from '../../algorithms.ts'
import { offered, type Backend } from '../../backends/backend.ts'
import type { Entropy } from '../../entropy.ts'
import { newMaterial, type Material } from '../../keys.ts'
import { noteOf, putNote } from '../../store/events.ts'
import { INTERNAL_KEYS } from '../../store/internal.ts'
import { isConflict, type Store } from '../../store/store.ts'

const NAME = 'digests'
const NOTE = 'digest public key'

export interface Keyring {
  readonly store: Store
  readonly backend: Pick<Backend, 'create' | 'signer'>
  readonly entropy: Entropy
}

export interface DigestKey {
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey: string
  readonly fingerprint: string
  /** SHA256withRSA, in hexadecimal digits. The same text has the same signature each time. */
  sign(text: string): Promise<string>
}

/** The room's key, made when it is first asked for. */
export async function digestKey({ store, backend, entropy }: Keyring): Promise<DigestKey> {
  const row = await store.get('internal_keys', [NAME])
  if (!row) return makeKey({ store, backend, entropy })
  const column = INTERNAL_KEYS.reader(row)
  const material: Material = newMaterial(column('material'), column('token'), 0)
  const publicKey = (await publicKeyOf(store))!
  return {
    publicKey,
    fingerprint: fingerprintOf(publicKey),
    async sign(text) {
      const signer = offered(backend.signer)
      const signature = await signer.sign(material, 'RSASSA_PKCS1_V1_5_SHA_256', 'RAW', Buffer.from(text))
      return Buffer.from(signature).toString('hex')
    },
  }
}

/** The public half, as the store vouches for it; undefined before the first shipment. */
export async function publicKeyOf(store: Store): Promise<string | undefined> {
  return (await noteOf(store, NOTE))?.value
}

export function isSignedBy(publicKey: KeyObject | string, text: string, signature: string): boolean {
  return verify('sha256', Buffer.from(text), publicKey, Buffer.from(signature, 'hex'))
}

/** SHA-256 of the SubjectPublicKeyInfo; CloudTrail does not say how it makes its own, and nobody computes them. */
export function fingerprintOf(publicKey: KeyObject | string): string {
  const key = typeof publicKey === 'string' ? createPublicKey(publicKey) : publicKey
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

async function makeKey(keyring: Keyring): Promise<DigestKey> {
  const { store, backend, entropy } = keyring
  const { token, publicKey } = await backend.create(SPECS.RSA_2048.hsm, USES.SIGN_VERIFY)
  const pem = createPublicKey({ key: Buffer.from(publicKey!), format: 'der', type: 'spki' }).export({
    type: 'spki',
    format: 'pem',
  })
  const values = INTERNAL_KEYS.row({ name: NAME, material: entropy.hex(32), token })
  try {
    await store.commit([{ table: 'internal_keys', key: [NAME], values, expect: 0 }, putNote(NOTE, pem as string)])
  } catch (error) {
    if (!isConflict(error)) throw error
  }
  return digestKey(keyring)
}
