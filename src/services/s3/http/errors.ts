/** What S3 refuses with: the statuses of its codes, and the document that tells of them. */
import type { KmsError } from '../../../errors.ts'
import { document } from './xml.ts'

/** Codes by status; those of no status are 400. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const CODES: Readonly<Record<number, readonly string[]>> = {
  301: ['PermanentRedirect'],
  304: ['NotModified'],
  403: [
    ...['AccessDenied', 'AccountProblem', 'InvalidAccessKeyId', 'InvalidObjectState'],
    ...['RequestTimeTooSkewed', 'SignatureDoesNotMatch', 'MethodNotAllowedByPolicy'],
  ],
  404: [
    ...['NoSuchBucket', 'NoSuchBucketPolicy', 'NoSuchKey', 'NoSuchUpload', 'NoSuchVersion', 'NotFound', 'NoSuchTagSet'],
    'ServerSideEncryptionConfigurationNotFoundError',
  ],
  405: ['MethodNotAllowed'],
  409: [
    ...['BucketAlreadyExists', 'BucketAlreadyOwnedByYou', 'BucketNotEmpty', 'ConditionalRequestConflict'],
    ...['InvalidBucketState', 'OperationAborted'],
  ],
  411: ['MissingContentLength'],
  412: ['PreconditionFailed'],
  416: ['InvalidRange'],
  500: ['InternalError'],
  501: ['NotImplemented'],
  503: ['ServiceUnavailable', 'SlowDown'],
}

const STATUSES: ReadonlyMap<string, number> = new Map(
  Object.entries(CODES).flatMap(([status, codes]) => codes.map((code): [string, number] => [code, Number(status)])),
)

/** What is called otherwise here than elsewhere. */
const NAMES: Readonly<Record<string, string>> = {
  AccessDeniedException: 'AccessDenied',
  KMSInternalException: 'InternalError',
  ServiceUnavailableException: 'ServiceUnavailable',
  MalformedPolicyDocumentException: 'MalformedPolicy',
}

export interface Refusal {
  readonly code: string
  readonly status: number
  /** The document's text. */
  readonly body: string
}

export function refusalOf(error: KmsError, told: { Resource: string; RequestId: string; HostId: string }): Refusal {
  const code = NAMES[error.code] ?? error.code
  const body = document('Error', { Code: code, Message: error.message || code, ...told }, '')
  return { code, status: STATUSES.get(code) ?? 400, body }
}
