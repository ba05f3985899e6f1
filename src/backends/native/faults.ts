/** What the Rust HSM refuses, in AWS's words. */
import { KmsError } from '../../errors.ts'

interface HsmFault {
  readonly code?: string
}

export function attempt<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw translate(error)
  }
}

export async function attemptAsync<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw translate(error)
  }
}

/** The slot went to another key in the meantime. */
export function isStale(error: unknown): boolean {
  return (error as HsmFault).code === 'StaleSlot'
}

/** An argument was of a length that never works. */
export function isOfWrongLength(error: unknown): boolean {
  return (error as HsmFault).code === 'InvalidLength'
}

/** What the device says, as AWS says it. */
export function translate(error: unknown): Error {
  if (error instanceof KmsError) return error
  switch ((error as HsmFault).code) {
    case 'DecryptionFailed':
      return new KmsError('InvalidCiphertextException')
    case 'InvalidMaterial':
      return new KmsError('InvalidCiphertextException')
    case 'SpecMismatch':
      return new KmsError('ValidationException', 'The key material does not fit the key spec of the KMS key.')
    case 'ExpiredToken':
      return new KmsError('ExpiredImportTokenException')
    case 'InvalidAttestation':
      return new KmsError('ValidationException', 'The attestation document is not valid.')
    case 'InvalidPublicKey':
      return new KmsError('ValidationException')
    case 'RateLimited':
      return new KmsError(
        'ThrottlingException',
        'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
        { cause: error },
      )
    default:
      return new KmsError('KMSInternalException', 'the HSM refused', { cause: error })
  }
}
