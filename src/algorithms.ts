/** Everything the service knows about key specs and their algorithms, in one row each. */
import { partitionOf } from './arn.ts'
import type {
  EncapsulationAlgorithmSpec,
  EncryptionAlgorithmSpec,
  KeyAgreementAlgorithmSpec,
  KeySpec,
  KeyUsageType,
  MacAlgorithmSpec,
  MessageType,
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
  /** The HSM's name of the spec. */
  readonly hsm: string
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
const asymmetric = (hsm: string, algorithms: SpecRow['algorithms'], importable = true): SpecRow => ({
  family: 'asymmetric',
  algorithms,
  hsm,
  importable,
})
const mac = (hsm: string, algorithm: MacAlgorithmSpec): SpecRow => ({
  family: 'HMAC',
  algorithms: { GENERATE_VERIFY_MAC: [algorithm] },
  hsm,
  importable: true,
})
const mlDsa = (hsm: string) => asymmetric(hsm, { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] }, false)
const mlKem = (hsm: string) => asymmetric(hsm, { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] }, false)

export const SPECS: Readonly<Record<KeySpec, SpecRow>> = {
  SYMMETRIC_DEFAULT: {
    family: 'symmetric',
    algorithms: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
    hsm: 'AES_256',
    importable: true,
  },
  RSA_2048: asymmetric('RSA_2048', RSA),
  RSA_3072: asymmetric('RSA_3072', RSA),
  RSA_4096: asymmetric('RSA_4096', RSA),
  ECC_NIST_P256: asymmetric('ECC_P256', curve('ECDSA_SHA_256')),
  ECC_NIST_P384: asymmetric('ECC_P384', curve('ECDSA_SHA_384')),
  ECC_NIST_P521: asymmetric('ECC_P521', curve('ECDSA_SHA_512')),
  ECC_SECG_P256K1: asymmetric('ECC_K256', { SIGN_VERIFY: ['ECDSA_SHA_256'] }),
  ECC_NIST_EDWARDS25519: asymmetric('ED25519', { SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] }),
  HMAC_224: mac('HMAC_224', 'HMAC_SHA_224'),
  HMAC_256: mac('HMAC_256', 'HMAC_SHA_256'),
  HMAC_384: mac('HMAC_384', 'HMAC_SHA_384'),
  HMAC_512: mac('HMAC_512', 'HMAC_SHA_512'),
  SM2: {
    ...asymmetric('SM2', { ENCRYPT_DECRYPT: ['SM2PKE'], SIGN_VERIFY: ['SM2DSA'], KEY_AGREEMENT: ['ECDH'] }),
    partition: 'aws-cn',
  },
  ML_DSA_44: mlDsa('ML_DSA_44'),
  ML_DSA_65: mlDsa('ML_DSA_65'),
  ML_DSA_87: mlDsa('ML_DSA_87'),
  ML_KEM_512: mlKem('ML_KEM_512'),
  ML_KEM_768: mlKem('ML_KEM_768'),
  ML_KEM_1024: mlKem('ML_KEM_1024'),
}

/** Whether AWS lets keys of `spec` be made for `usage`. */
export function allowsUsage(spec: KeySpec, usage: KeyUsageType): boolean {
  return SPECS[spec].algorithms[usage] !== undefined
}

/** Whether `region` has keys of `spec`. */
export function isOffered(spec: KeySpec, region: string): boolean {
  return SPECS[spec].partition === undefined || SPECS[spec].partition === partitionOf(region)
}

/** Whether `algorithm` is one of those a key of `spec` and `usage` has. */
export function hasAlgorithm(spec: KeySpec, usage: KeyUsageType, algorithm: string): boolean {
  return (SPECS[spec].algorithms[usage] as readonly string[] | undefined)?.includes(algorithm) ?? false
}

/** In which forms a signing algorithm takes a message, and how long it is when hashed beforehand. */
export interface SigningRow {
  readonly types: readonly MessageType[]
  /** Bytes of a DIGEST, or of an EXTERNAL_MU. */
  readonly digest: number
}

const hashing = (digest: number, types: readonly MessageType[] = ['RAW', 'DIGEST']): SigningRow => ({ types, digest })

export const SIGNING: Readonly<Record<SigningAlgorithmSpec, SigningRow>> = {
  RSASSA_PKCS1_V1_5_SHA_256: hashing(32),
  RSASSA_PKCS1_V1_5_SHA_384: hashing(48),
  RSASSA_PKCS1_V1_5_SHA_512: hashing(64),
  RSASSA_PSS_SHA_256: hashing(32),
  RSASSA_PSS_SHA_384: hashing(48),
  RSASSA_PSS_SHA_512: hashing(64),
  ECDSA_SHA_256: hashing(32),
  ECDSA_SHA_384: hashing(48),
  ECDSA_SHA_512: hashing(64),
  SM2DSA: hashing(32),
  ED25519_SHA_512: hashing(64, ['RAW']),
  ED25519_PH_SHA_512: hashing(64, ['DIGEST']),
  ML_DSA_SHAKE_256: hashing(64, ['RAW', 'EXTERNAL_MU']),
}

/** The longest plaintext an algorithm takes under a key of `spec`: for OAEP, modulus less twice the hash less 2. */
export function maxPlaintext(spec: KeySpec, algorithm: EncryptionAlgorithmSpec): number {
  switch (algorithm) {
    case 'SYMMETRIC_DEFAULT':
      return 4096
    case 'SM2PKE':
      return 1024
    case 'RSAES_OAEP_SHA_1':
      return modulus(spec) - 2 * 20 - 2
    case 'RSAES_OAEP_SHA_256':
      return modulus(spec) - 2 * 32 - 2
  }
}

/** Bytes of an RSA modulus, as the name of the spec tells. */
function modulus(spec: KeySpec): number {
  return Number(spec.slice('RSA_'.length)) / 8
}
