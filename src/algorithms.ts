/** Everything the service knows about a key spec, in one row each: what it may be used for, with which algorithms, and where. */
import type {
  EncapsulationAlgorithmSpec,
  EncryptionAlgorithmSpec,
  KeyAgreementAlgorithmSpec,
  KeySpec,
  KeyUsageType,
  MacAlgorithmSpec,
  SigningAlgorithmSpec,
} from './model/kms.ts'

export interface Algorithms {
  readonly ENCRYPT_DECRYPT: EncryptionAlgorithmSpec
  readonly SIGN_VERIFY: SigningAlgorithmSpec
  readonly GENERATE_VERIFY_MAC: MacAlgorithmSpec
  readonly KEY_AGREEMENT: KeyAgreementAlgorithmSpec
  readonly ENCAPSULATE_DECAPSULATE: EncapsulationAlgorithmSpec
}

export interface SpecRow {
  /** What AWS calls the type of a key; an alias moves only between keys of one type. */
  readonly family: 'symmetric' | 'HMAC' | 'asymmetric'
  /** The algorithms of each usage AWS allows for the spec. */
  readonly algorithms: { readonly [U in KeyUsageType]?: readonly Algorithms[U][] }
  /** The HSM's name of the spec; absent while the core cannot make such keys. */
  readonly hsm?: string
  /** Whether its material can be imported. */
  readonly importable: boolean
  /** Regions of one partition alone have it. */
  readonly partition?: 'aws-cn'
}

/** What the HSM may do with a key of a usage, as the bits its tokens carry. */
export const USES: Readonly<Record<KeyUsageType, number>> = {
  ENCRYPT_DECRYPT: 1 | 2,
  SIGN_VERIFY: 16 | 32,
  GENERATE_VERIFY_MAC: 64,
  KEY_AGREEMENT: 128,
  ENCAPSULATE_DECAPSULATE: 256 | 512,
}

const RSA: SpecRow['algorithms'] = {
  ENCRYPT_DECRYPT: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  SIGN_VERIFY: [
    'RSASSA_PKCS1_V1_5_SHA_256',
    'RSASSA_PKCS1_V1_5_SHA_384',
    'RSASSA_PKCS1_V1_5_SHA_512',
    'RSASSA_PSS_SHA_256',
    'RSASSA_PSS_SHA_384',
    'RSASSA_PSS_SHA_512',
  ],
}
const curve = (signing: SigningAlgorithmSpec): SpecRow['algorithms'] => ({
  SIGN_VERIFY: [signing],
  KEY_AGREEMENT: ['ECDH'],
})
const asymmetric = (algorithms: SpecRow['algorithms'], importable = true): SpecRow => ({
  family: 'asymmetric',
  algorithms,
  importable,
})
const mac = (algorithm: MacAlgorithmSpec): SpecRow => ({
  family: 'HMAC',
  algorithms: { GENERATE_VERIFY_MAC: [algorithm] },
  importable: true,
})
const mlDsa = asymmetric({ SIGN_VERIFY: ['ML_DSA_SHAKE_256'] }, false)
const mlKem = asymmetric({ ENCAPSULATE_DECAPSULATE: ['ML_KEM'] }, false)

export const SPECS: Readonly<Record<KeySpec, SpecRow>> = {
  SYMMETRIC_DEFAULT: {
    family: 'symmetric',
    algorithms: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    hsm: 'AES_256',
    importable: true,
  },
  RSA_2048: asymmetric(RSA),
  RSA_3072: asymmetric(RSA),
  RSA_4096: asymmetric(RSA),
  ECC_NIST_P256: asymmetric(curve('ECDSA_SHA_256')),
  ECC_NIST_P384: asymmetric(curve('ECDSA_SHA_384')),
  ECC_NIST_P521: asymmetric(curve('ECDSA_SHA_512')),
  ECC_SECG_P256K1: asymmetric({ SIGN_VERIFY: ['ECDSA_SHA_256'] }),
  ECC_NIST_EDWARDS25519: asymmetric({ SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] }),
  HMAC_224: mac('HMAC_SHA_224'),
  HMAC_256: mac('HMAC_SHA_256'),
  HMAC_384: mac('HMAC_SHA_384'),
  HMAC_512: mac('HMAC_SHA_512'),
  SM2: {
    ...asymmetric({ ENCRYPT_DECRYPT: ['SM2PKE'], SIGN_VERIFY: ['SM2DSA'], KEY_AGREEMENT: ['ECDH'] }),
    partition: 'aws-cn',
  },
  ML_DSA_44: mlDsa,
  ML_DSA_65: mlDsa,
  ML_DSA_87: mlDsa,
  ML_KEM_512: mlKem,
  ML_KEM_768: mlKem,
  ML_KEM_1024: mlKem,
}

/** Whether AWS lets keys of `spec` be made for `usage`. */
export function allowsUsage(spec: KeySpec, usage: KeyUsageType): boolean {
  return SPECS[spec].algorithms[usage] !== undefined
}
