/** How RDS says no: in words of its own, and in place of the KMS's. */
import { fail, KmsError } from '../../errors.ts'

/** What the KMS says that is not about the key, as RDS hands it on. */
const OWN: Readonly<Record<string, string>> = {
  ThrottlingException: 'Throttling',
  KMSInternalException: 'InternalFailure',
  DependencyTimeoutException: 'InternalFailure',
}

/** What the KMS was asked; whatever keeps RDS from the key has one name. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    throw new KmsError(OWN[error.code] ?? 'KMSKeyNotAccessibleFault', error.message, { cause: error })
  }
}

/** Whether an error says that the key is out of reach. */
export function isKeyProblem(error: unknown): boolean {
  return error instanceof KmsError && error.code === 'KMSKeyNotAccessibleFault'
}

export function combination(message: string): never {
  fail('InvalidParameterCombination', message)
}

export function invalid(message: string): never {
  fail('InvalidParameterValue', message)
}

export function invalidState(message: string): never {
  fail('InvalidDBInstanceState', message)
}

export function noInstance(name: string): never {
  fail('DBInstanceNotFound', `DBInstance ${name} not found.`)
}

export function noSnapshot(name: string): never {
  fail('DBSnapshotNotFound', `DBSnapshot ${name} not found.`)
}

const NAMES = { DBInstanceIdentifier: 63, DBSnapshotIdentifier: 255 }

/** An identifier that has to be there: in lower case, as RDS keeps them. */
export function nameIn(member: string, text: string | undefined): string {
  if (text === undefined || text === '') fail('MissingParameter', `The request must contain the parameter ${member}`)
  const most = member === 'DBInstanceIdentifier' ? NAMES.DBInstanceIdentifier : NAMES.DBSnapshotIdentifier
  if (text.length <= most && /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/i.test(text)) return text.toLowerCase()
  return invalid(
    `The parameter ${member} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII ` +
      'letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens.',
  )
}
