/** Everything the service knows about a key spec, in one row each: what it may be used for, and what the HSM calls it. */
import type { KeySpec, KeyUsageType } from './model/kms.ts'

/** What the HSM may do with a key, as the bits its tokens carry. */
const Use = { encrypt: 1, decrypt: 2, wrap: 4, unwrap: 8 } as const

export interface SpecRow {
  /** Usages AWS allows for the spec; the first is what a key gets that names none, where AWS lets it name none. */
  readonly usages: readonly KeyUsageType[]
  /** The HSM's name of the spec and the usage bits of its tokens; absent while the core cannot make such keys. */
  readonly hsm?: { readonly spec: string; readonly uses: number }
}

const symmetric: SpecRow = {
  usages: ['ENCRYPT_DECRYPT'],
  hsm: { spec: 'AES_256', uses: Use.encrypt | Use.decrypt },
}
const rsa: SpecRow = { usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY'] }
const nistCurve: SpecRow = { usages: ['SIGN_VERIFY', 'KEY_AGREEMENT'] }
const signing: SpecRow = { usages: ['SIGN_VERIFY'] }
const mac: SpecRow = { usages: ['GENERATE_VERIFY_MAC'] }
const kem: SpecRow = { usages: ['ENCAPSULATE_DECAPSULATE'] }

export const SPECS: Readonly<Record<KeySpec, SpecRow>> = {
  SYMMETRIC_DEFAULT: symmetric,
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: nistCurve,
  ECC_NIST_P384: nistCurve,
  ECC_NIST_P521: nistCurve,
  ECC_SECG_P256K1: signing,
  ECC_NIST_EDWARDS25519: signing,
  HMAC_224: mac,
  HMAC_256: mac,
  HMAC_384: mac,
  HMAC_512: mac,
  SM2: { usages: ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'KEY_AGREEMENT'] },
  ML_DSA_44: signing,
  ML_DSA_65: signing,
  ML_DSA_87: signing,
  ML_KEM_512: kem,
  ML_KEM_768: kem,
  ML_KEM_1024: kem,
}
