/** An import in one step, for tests that are about what comes of it. */
import type { Client, ImportKeyMaterialRequest } from '../../src/index.ts'
import { node } from './wrapping.ts'

export const FOREVER = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' } as const

/** What ImportKeyMaterial asks for, wrapped under a fresh RSA_2048 key. */
export async function parcel(room: Client, KeyId: string, material: Uint8Array) {
  const request = { KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const
  const { ImportToken, PublicKey } = await room.getParametersForImport(request)
  return {
    KeyId,
    ImportToken: ImportToken!,
    EncryptedKeyMaterial: node.oaep(PublicKey!, material, 'sha256'),
    ...FOREVER,
  }
}

/** Imports `material`, not to expire unless `more` says so; its id. */
export async function bring(
  room: Client,
  KeyId: string,
  material: Uint8Array,
  more: Partial<ImportKeyMaterialRequest> = FOREVER,
): Promise<string | undefined> {
  const { ImportToken, EncryptedKeyMaterial } = await parcel(room, KeyId, material)
  return (await room.importKeyMaterial({ KeyId, ImportToken, EncryptedKeyMaterial, ...more })).KeyMaterialId
}
