/** How S3 says no: its own words, and what becomes of the KMS's. */
import { fail, KmsError } from '../../errors.ts'

/** What happens elsewhere: the bucket is in a Region that is not the one that was asked. */
export class WrongRegion extends KmsError {
  /** Where the bucket is. */
  readonly region: string

  constructor(region: string) {
    super(
      'PermanentRedirect',
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
    )
    this.region = region
  }
}

/** Errors of the KMS that S3 hands on as its own, or as they are: clients try again after the last three. */
const OWN: Readonly<Record<string, string>> = {
  AccessDeniedException: 'AccessDenied',
  ThrottlingException: 'ThrottlingException',
  KMSInternalException: 'InternalError',
  DependencyTimeoutException: 'InternalError',
}

/** What the KMS was asked, with its refusals as S3 passes them on: `AccessDenied`, `KMS.DisabledException` … */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    throw new KmsError(OWN[error.code] ?? `KMS.${error.code}`, error.message, { cause: error })
  }
}

export function noSuchBucket(): never {
  fail('NoSuchBucket', 'The specified bucket does not exist')
}

export function noSuchKey(): never {
  fail('NoSuchKey', 'The specified key does not exist.')
}

export function malformedXml(): never {
  fail('MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema')
}

/** What is our own fault: callers learn no more, and `cause` is for those who look into it. */
export function internalError(cause: unknown): KmsError {
  return new KmsError('InternalError', 'We encountered an internal error. Please try again.', { cause })
}

export function notImplemented(header: string): never {
  fail('NotImplemented', `A header you provided implies functionality that is not implemented: ${header}`)
}
