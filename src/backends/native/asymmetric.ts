/** RSA-OAEP and SM2 encryption in the Rust HSM; what takes the private key is done on its pool. */
import type { AsymmetricAlgorithm, AsymmetricCipher } from '../backend.ts'
import type { Slots } from './slots.ts'

export function nativeAsymmetric(slots: Slots): AsymmetricCipher {
  const { hsm } = slots
  return {
    encrypt: (material, algorithm, plaintext) =>
      slots.use(material, (slot) => hsm.encryptAsymmetric(slot, SCHEMES[algorithm], plaintext)),
    decrypt: (material, algorithm, ciphertext) =>
      slots.useAsync(material, (slot) => hsm.decryptAsymmetric(slot, SCHEMES[algorithm], ciphertext)),
  }
}

/** What the device calls a scheme. */
export const SCHEMES: Readonly<Record<AsymmetricAlgorithm, number>> = {
  RSAES_OAEP_SHA_1: 1,
  RSAES_OAEP_SHA_256: 2,
  SM2PKE: 3,
}
