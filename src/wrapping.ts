/** Which wrapping algorithms and keys AWS allows for the material of a key (facts: developer guide, *Wrapping key material*). */
import { isOffered, SPECS } from './algorithms.ts'
import type { AlgorithmSpec, KeySpec, WrappingKeySpec } from './model/kms.ts'

/** Whether material for keys of `spec` can be imported into `region` so. */
export function canWrap(spec: KeySpec, algorithm: AlgorithmSpec, wrapping: WrappingKeySpec, region: string): boolean {
  if (!SPECS[spec].importable || !isOffered(wrapping, region)) return false
  switch (algorithm) {
    case 'RSAES_OAEP_SHA_1':
    case 'RSAES_OAEP_SHA_256':
      // Only what is short enough, which an RSA key never is, and that of the longest curve not always.
      if (spec === 'ECC_NIST_P521' && wrapping === 'RSA_2048') return false
      return isRsa(wrapping) && !isRsa(spec) && spec !== 'SM2'
    case 'RSA_AES_KEY_WRAP_SHA_1':
    case 'RSA_AES_KEY_WRAP_SHA_256':
      return isRsa(wrapping) && SPECS[spec].family === 'asymmetric'
    case 'SM2PKE':
      return wrapping === 'SM2' && spec === 'SM2'
    case 'RSAES_PKCS1_V1_5':
      // Withdrawn on 10 October 2023, though the model still has it.
      return false
  }
}

function isRsa(spec: KeySpec): boolean {
  return spec.startsWith('RSA_')
}
