/** How EC2 says no: in words of its own, and in place of the KMS's. */
import { fail, KmsError } from '../../errors.ts'

/** What the KMS says, as EC2 hands it on: by AWS's word for a key in the wrong state, and words like it. */
const OWN: Readonly<Record<string, string>> = {
  AccessDeniedException: 'UnauthorizedOperation',
  NotFoundException: 'InvalidKMSKey.NotFound',
  InvalidArnException: 'InvalidKMSKey.Malformed',
  DisabledException: 'InvalidKMSKey.InvalidState',
  KMSInvalidStateException: 'InvalidKMSKey.InvalidState',
  KeyUnavailableException: 'InvalidKMSKey.InvalidState',
  InvalidKeyUsageException: 'InvalidKMSKey.InvalidUsage',
  ThrottlingException: 'RequestLimitExceeded',
  KMSInternalException: 'InternalError',
  DependencyTimeoutException: 'InternalError',
}

/** What keeps a volume from its key: it is not there to be used, or not by this caller. */
const REVOKED = new Set(['UnauthorizedOperation', 'InvalidKMSKey.NotFound', 'InvalidKMSKey.InvalidState'])

/** What the KMS was asked, its refusals in EC2's words. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    throw new KmsError(OWN[error.code] ?? error.code, error.message, { cause: error })
  }
}

/** The same while a volume is attached, where AWS has one word for every key that cannot be used; ours tell which it is. */
export async function askedToAttach<T>(volumeId: string, answer: Promise<T>): Promise<T> {
  try {
    return await asked(answer)
  } catch (error) {
    if (!(error instanceof KmsError) || !REVOKED.has(error.code)) throw error
    const message = `Volume ${volumeId} cannot be attached. The encrypted volume was unable to access the KMS key. Client.${error.code}: ${error.message}`
    throw new KmsError('CustomerKeyHasBeenRevoked', message, { cause: error })
  }
}

export function missing(parameter: string): never {
  fail('MissingParameter', `The request must contain the parameter ${parameter}`)
}

/** What a parameter says, which has to say something. */
export function given(value: string | undefined, parameter: string): string {
  return value === undefined || value === '' ? missing(parameter) : value
}

export function invalid(parameter: string, value: string | number, rule = ''): never {
  fail('InvalidParameterValue', `Value (${value}) for parameter ${parameter} is invalid.${rule && ` ${rule}`}`)
}

const IDS = { volume: /^vol-[0-9a-f]{8,17}$/, snapshot: /^snap-[0-9a-f]{8,17}$/, instance: /^i-[0-9a-f]{8,17}$/ }
const PREFIXES = { volume: 'vol', snapshot: 'snap', instance: 'i' }

/** The id that a parameter gives, which has to be there and to look like one. */
export function idOf(kind: keyof typeof IDS, id: string | undefined, parameter = `${kind}Id`): string {
  const named = given(id, parameter)
  if (!IDS[kind].test(named)) invalid(parameter, named, `Expected: '${PREFIXES[kind]}-...'.`)
  return named
}

export function noVolume(id: string): never {
  fail('InvalidVolume.NotFound', `The volume '${id}' does not exist.`)
}

export function noSnapshot(id: string): never {
  fail('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`)
}
