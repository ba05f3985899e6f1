/** How an object is to be encrypted, as its request and its bucket say; and how it shows that it is. */
import { fail } from '../../errors.ts'
import { fromBase64 } from '../../model/json.ts'
import type { Bucket, Defaults, Encryption } from './records.ts'
import { malformedXml, notImplemented } from './refusals.ts'
import type {
  Algorithm,
  EncryptionConfiguration,
  EncryptionHeaders,
  EncryptionRule,
  EncryptionShown,
} from './shapes.ts'

/** What S3 does for a bucket that nobody told anything. */
export const DEFAULT_ENCRYPTION: Defaults = { algorithm: 'AES256', bucketKey: false }

const ALGORITHMS: readonly string[] = ['AES256', 'aws:kms', 'aws:kms:dsse'] satisfies Algorithm[]

export interface Choice extends Defaults {
  /** The pairs of the encryption context that the request brings. */
  readonly context: Readonly<Record<string, string>>
}

export function chosen(headers: EncryptionHeaders, { encryption }: Bucket): Choice {
  const { ServerSideEncryption, SSEKMSKeyId, SSECustomerAlgorithm } = headers
  if (SSECustomerAlgorithm !== undefined) notImplemented('x-amz-server-side-encryption-customer-algorithm')
  const context = contextIn(headers.SSEKMSEncryptionContext)
  const defaults = ServerSideEncryption === undefined ? encryption : undefined
  const algorithm = defaults?.algorithm ?? algorithmIn(ServerSideEncryption)
  if (SSEKMSKeyId !== undefined && (defaults || algorithm === 'AES256'))
    fail(
      'InvalidArgument',
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    )
  const bucketKey = algorithm === 'aws:kms' && (headers.BucketKeyEnabled ?? encryption.bucketKey)
  return { algorithm, keyId: SSEKMSKeyId ?? defaults?.keyId, bucketKey, context }
}

export function shownEncryption({ algorithm, kms }: Encryption): EncryptionShown {
  if (!kms) return { ServerSideEncryption: algorithm }
  const shown = { ServerSideEncryption: algorithm, SSEKMSKeyId: kms.keyArn }
  return kms.bucketKey ? { ...shown, BucketKeyEnabled: true } : shown
}

function algorithmIn(name: string | undefined): Algorithm {
  if (name === undefined || !ALGORITHMS.includes(name))
    fail(
      'InvalidEncryptionAlgorithmError',
      'The encryption request you specified is not valid. The valid value is AES256.',
    )
  return name as Algorithm
}

/** Who says `aws:s3:arn` says what S3 is to say. */
function contextIn(header: string | undefined): Readonly<Record<string, string>> {
  if (header === undefined) return {}
  const pairs = recordIn(fromBase64(header)?.toString())
  if (!pairs || !Object.values(pairs).every((value) => typeof value === 'string') || Object.hasOwn(pairs, 'aws:s3:arn'))
    fail(
      'InvalidArgument',
      "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map",
    )
  return pairs as Record<string, string>
}

function recordIn(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** The defaults that PutBucketEncryption asks for. */
export function defaultsIn({ ServerSideEncryptionConfiguration }: EncryptionConfiguration): Defaults {
  const [rule, ...others] = ServerSideEncryptionConfiguration?.Rules ?? []
  const wanted = rule?.ApplyServerSideEncryptionByDefault
  if (!rule || others.length > 0 || !wanted || !ALGORITHMS.includes(wanted.SSEAlgorithm)) malformedXml()
  const algorithm = wanted.SSEAlgorithm as Algorithm
  const { KMSMasterKeyID: keyId } = wanted
  if (keyId !== undefined && algorithm === 'AES256')
    fail(
      'InvalidArgument',
      'a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse',
    )
  return { algorithm, keyId, bucketKey: algorithm === 'aws:kms' && (rule.BucketKeyEnabled ?? false) }
}

export function shownDefaults({ algorithm, keyId, bucketKey }: Defaults): EncryptionConfiguration {
  const rule: EncryptionRule = {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: algorithm,
      ...(keyId !== undefined && { KMSMasterKeyID: keyId }),
    },
    BucketKeyEnabled: bucketKey,
  }
  return { ServerSideEncryptionConfiguration: { Rules: [rule] } }
}
