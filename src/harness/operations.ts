/** What can be measured: a row per operation, with the kind of key it needs and what is made once so that it can be asked for. */
import { randomBytes } from 'node:crypto'
import { SPECS } from '../algorithms.ts'
import type { KeySpec, KeyUsageType, OperationName } from '../model/kms.ts'

/** Members as a door of the KMS has them: blobs are bytes in process, text over HTTP. */
export type Members = Readonly<Record<string, unknown>>

/** How set-up asks; throws what it is refused with. */
export type Ask = (operation: OperationName, input: Members) => Promise<Members>

/** A key the load uses. */
export interface LoadKey {
  readonly KeyId: string
  readonly spec: KeySpec
  readonly algorithm: string
}

/** What an input is made of. */
export interface Ground {
  readonly ask: Ask
  readonly key: LoadKey
  /** Bytes of plaintext, message or data, and the context. */
  readonly data: Uint8Array
  readonly context: Members
  /** What keys that the load makes are known by. */
  readonly mark: string
}

interface Row {
  /** What the key is for; absent where there is none. */
  readonly usage?: KeyUsageType
  /** The only specs it takes, of those with that usage. */
  readonly specs?: readonly KeySpec[]
  /** Keys with another usage will do as well. */
  readonly anyUsage?: true
  /** The most bytes of data it takes. */
  readonly most?: number
  /** Asked for again and again. */
  input(ground: Ground): Members | Promise<Members>
}

const SYMMETRIC = ['SYMMETRIC_DEFAULT'] as const
const ASYMMETRIC = (Object.keys(SPECS) as KeySpec[]).filter((spec) => SPECS[spec].family === 'asymmetric')

/** Only keys for data have a context, and asymmetric ones none. */
const encrypting = ({ key, context }: Ground): Members => ({
  KeyId: key.KeyId,
  ...(key.spec === 'SYMMETRIC_DEFAULT' ? contextOf(context) : { EncryptionAlgorithm: key.algorithm }),
})
const contextOf = (context: Members): Members =>
  Object.keys(context).length === 0 ? {} : { EncryptionContext: context }
const signing = ({ key, data }: Ground): Members => ({
  KeyId: key.KeyId,
  Message: data,
  SigningAlgorithm: key.algorithm,
  ...(key.algorithm === 'ED25519_PH_SHA_512' && { Message: data.subarray(0, 64), MessageType: 'DIGEST' }),
})
const macing = ({ key, data }: Ground): Members => ({ KeyId: key.KeyId, Message: data, MacAlgorithm: key.algorithm })
const dataKey = (ground: Ground): Members => ({ ...encrypting(ground), KeySpec: 'AES_256' })
const dataKeyPair = (ground: Ground): Members => ({ ...encrypting(ground), KeyPairSpec: 'ECC_NIST_P256' })
const ofKey = ({ key }: Ground): Members => ({ KeyId: key.KeyId })

/** The most that Encrypt takes, and Sign of a message, and so on. */
const MOST = 4096

const MEASURABLE = {
  Encrypt: {
    usage: 'ENCRYPT_DECRYPT',
    most: MOST,
    input: (ground) => ({ ...encrypting(ground), Plaintext: ground.data }),
  },
  Decrypt: {
    usage: 'ENCRYPT_DECRYPT',
    most: MOST,
    input: async (ground) => ({ ...encrypting(ground), CiphertextBlob: await ciphertext(ground) }),
  },
  ReEncrypt: {
    usage: 'ENCRYPT_DECRYPT',
    specs: SYMMETRIC,
    most: MOST,
    input: async (ground) => {
      const { key, context } = ground
      const contexts = { SourceEncryptionContext: context, DestinationEncryptionContext: context }
      const named = { SourceKeyId: key.KeyId, DestinationKeyId: key.KeyId }
      return { CiphertextBlob: await ciphertext(ground), ...named, ...(Object.keys(context).length > 0 && contexts) }
    },
  },
  GenerateDataKey: { usage: 'ENCRYPT_DECRYPT', specs: SYMMETRIC, input: dataKey },
  GenerateDataKeyWithoutPlaintext: { usage: 'ENCRYPT_DECRYPT', specs: SYMMETRIC, input: dataKey },
  GenerateDataKeyPair: { usage: 'ENCRYPT_DECRYPT', specs: SYMMETRIC, input: dataKeyPair },
  GenerateDataKeyPairWithoutPlaintext: { usage: 'ENCRYPT_DECRYPT', specs: SYMMETRIC, input: dataKeyPair },
  GenerateRandom: { most: 1024, input: ({ data }) => ({ NumberOfBytes: data.length }) },
  Sign: { usage: 'SIGN_VERIFY', most: MOST, input: signing },
  Verify: {
    usage: 'SIGN_VERIFY',
    most: MOST,
    input: async (ground) => {
      const { Signature } = await ground.ask('Sign', signing(ground))
      return { ...signing(ground), Signature }
    },
  },
  GenerateMac: { usage: 'GENERATE_VERIFY_MAC', most: MOST, input: macing },
  VerifyMac: {
    usage: 'GENERATE_VERIFY_MAC',
    most: MOST,
    input: async (ground) => {
      const { Mac } = await ground.ask('GenerateMac', macing(ground))
      return { ...macing(ground), Mac }
    },
  },
  DeriveSharedSecret: {
    usage: 'KEY_AGREEMENT',
    input: async ({ ask, key }) => {
      // Any point of the curve will do for the other side: its own is at hand.
      const { PublicKey } = await ask('GetPublicKey', { KeyId: key.KeyId })
      return { KeyId: key.KeyId, KeyAgreementAlgorithm: key.algorithm, PublicKey }
    },
  },
  Encapsulate: {
    usage: 'ENCAPSULATE_DECAPSULATE',
    input: ({ key }) => ({ KeyId: key.KeyId, EncapsulationAlgorithm: key.algorithm }),
  },
  Decapsulate: {
    usage: 'ENCAPSULATE_DECAPSULATE',
    input: async ({ ask, key }) => {
      const named = { KeyId: key.KeyId, EncapsulationAlgorithm: key.algorithm }
      const { SharedSecretCiphertextBlob } = await ask('Encapsulate', named)
      return { ...named, SharedSecretCiphertextBlob }
    },
  },
  GetPublicKey: { usage: 'SIGN_VERIFY', anyUsage: true, specs: ASYMMETRIC, input: ofKey },
  DescribeKey: { usage: 'ENCRYPT_DECRYPT', anyUsage: true, input: ofKey },
  GetKeyPolicy: { usage: 'ENCRYPT_DECRYPT', anyUsage: true, input: ofKey },
  GetKeyRotationStatus: { usage: 'ENCRYPT_DECRYPT', specs: SYMMETRIC, input: ofKey },
  ListResourceTags: { usage: 'ENCRYPT_DECRYPT', anyUsage: true, input: ofKey },
  ListGrants: { usage: 'ENCRYPT_DECRYPT', anyUsage: true, input: ofKey },
  ListKeys: { input: () => ({ Limit: 100 }) },
  ListAliases: { input: () => ({ Limit: 100 }) },
  TagResource: {
    usage: 'ENCRYPT_DECRYPT',
    anyUsage: true,
    input: (ground) => ({ ...ofKey(ground), Tags: [{ TagKey: 'bench', TagValue: 'measured' }] }),
  },
  UpdateKeyDescription: {
    usage: 'ENCRYPT_DECRYPT',
    anyUsage: true,
    input: (ground) => ({ ...ofKey(ground), Description: ground.mark }),
  },
  CreateKey: { input: ({ mark, key }) => ({ Description: mark, KeySpec: key.spec, KeyUsage: usageOf(key.spec) }) },
} as const satisfies Partial<Record<OperationName, Row>>

export type Measurable = keyof typeof MEASURABLE

export const MEASURABLES = Object.keys(MEASURABLE) as Measurable[]

export const rowOf = (operation: Measurable): Row => MEASURABLE[operation]

/** What a key for `operation` is for; undefined where it takes none. */
export function usageFor(operation: Measurable, spec: KeySpec): KeyUsageType | undefined {
  const { usage, anyUsage } = rowOf(operation)
  const isOther = usage !== undefined && anyUsage && SPECS[spec].algorithms[usage] === undefined
  return isOther ? usageOf(spec) : usage
}

/** The spec that is meant when none is named: the first that the operation takes. */
export function defaultSpec(operation: Measurable): KeySpec {
  const { usage } = rowOf(operation)
  return usage === undefined ? 'SYMMETRIC_DEFAULT' : (DEFAULTS[usage] ?? 'SYMMETRIC_DEFAULT')
}

/** The algorithms to choose from; none where there is no key. */
export function algorithmsOf(operation: Measurable, spec: KeySpec): readonly string[] {
  const usage = usageFor(operation, spec)
  return usage === undefined ? [] : (SPECS[spec].algorithms[usage] ?? [])
}

/** Why `operation` cannot be measured with keys of `spec`, `algorithm` and data of `size`; undefined when it can. */
export function misfit(operation: Measurable, spec: KeySpec, algorithm?: string): string | undefined {
  const { usage, specs } = rowOf(operation)
  if (usage === undefined) return undefined
  const known = algorithmsOf(operation, spec)
  if (known.length === 0 || (specs && !specs.includes(spec))) {
    const fitting = specs ?? (Object.keys(SPECS) as KeySpec[]).filter((each) => SPECS[each].algorithms[usage])
    return `${operation} takes no key of ${spec}; there are ${fitting.join(', ')}`
  }
  if (algorithm === undefined || known.includes(algorithm)) return undefined
  return `${spec} has no algorithm \`${algorithm}\` for ${operation}; there are ${known.join(', ')}`
}

const DEFAULTS: Readonly<Partial<Record<KeyUsageType, KeySpec>>> = {
  SIGN_VERIFY: 'ECC_NIST_P256',
  GENERATE_VERIFY_MAC: 'HMAC_256',
  KEY_AGREEMENT: 'ECC_NIST_P256',
  ENCAPSULATE_DECAPSULATE: 'ML_KEM_768',
}

/** The first thing that keys of `spec` are for. */
function usageOf(spec: KeySpec): KeyUsageType {
  return Object.keys(SPECS[spec].algorithms)[0] as KeyUsageType
}

async function ciphertext(ground: Ground): Promise<unknown> {
  const { CiphertextBlob } = await ground.ask('Encrypt', { ...encrypting(ground), Plaintext: ground.data })
  return CiphertextBlob
}

/** Bytes for the load, and pairs for its contexts; `size` as far as the key takes it. */
export function dataOf(operation: Measurable, { spec, algorithm }: LoadKey, size: number): Uint8Array {
  const asymmetric = rowOf(operation).usage === 'ENCRYPT_DECRYPT' && spec !== 'SYMMETRIC_DEFAULT'
  const most = asymmetric ? mostAsymmetric(spec, algorithm) : (rowOf(operation).most ?? size)
  return randomBytes(Math.min(size, most))
}

/** RFC 8017, 7.1.1: the modulus less two hashes and two bytes; SM2's ciphertexts AWS limits to 1,024 bytes of plaintext. */
function mostAsymmetric(spec: KeySpec, algorithm: string): number {
  const modulus = Number(/^RSA_(\d+)$/.exec(spec)?.[1] ?? 0) / 8
  return modulus === 0 ? 1024 : modulus - 2 - 2 * (algorithm === 'RSAES_OAEP_SHA_1' ? 20 : 32)
}
