/** Errors that the model lists for an operation and that no request can bring about here, with the reason. */
import { OPERATIONS, type ErrorName, type OperationName } from '../../src/model/kms.ts'

interface Row {
  readonly error: ErrorName
  /** Absent: every operation that lists the error. */
  readonly operations?: readonly OperationName[]
  readonly why: string
}

const STORES = ['CreateCustomKeyStore', 'UpdateCustomKeyStore'] as const
const TOKEN =
  'wants a token that is there and then is not: test/keystores/cloudhsm.test.ts, and the state of the store tells'
const SERVICES = 'a VPC endpoint service is a name here, and nothing behind it can be wrong'
const EVERY_STATE = 'works in every state of the key (facts: key states)'

const ROWS: readonly Row[] = [
  { error: 'KMSInternalException', why: 'a fault of our own: no request is meant to find one' },
  { error: 'DependencyTimeoutException', why: 'nothing is waited for yet; comes with HSMs over a network' },
  { error: 'KeyUnavailableException', why: 'the HSM in this process is always there; comes with HSMs over a network' },

  { error: 'CloudHsmClusterNotActiveException', why: TOKEN },
  {
    error: 'CloudHsmClusterInvalidConfigurationException',
    operations: ['ConnectCustomKeyStore', 'CreateKey', 'UpdateCustomKeyStore'],
    why: TOKEN,
  },
  { error: 'XksProxyVpcEndpointServiceInvalidConfigurationException', operations: STORES, why: SERVICES },

  {
    error: 'KMSInvalidStateException',
    operations: [
      'DeleteAlias',
      'GetKeyPolicy',
      'GetKeyRotationStatus',
      'ListGrants',
      'ListKeyPolicies',
      'ListKeyRotations',
      'PutKeyPolicy',
      'RetireGrant',
      'RevokeGrant',
    ],
    why: EVERY_STATE,
  },
  { error: 'DisabledException', operations: ['GetPublicKey'], why: 'AWS shows the public half of a disabled key, too' },
  {
    error: 'InvalidKeyUsageException',
    operations: ['GetPublicKey'],
    why: 'a public half is of use with every usage; keys without one are refused as unsupported',
  },
  {
    error: 'UnsupportedOperationException',
    operations: ['PutKeyPolicy'],
    why: 'every key has a policy that can be put',
  },
  { error: 'InvalidArnException', operations: ['CreateKey'], why: 'no member of the request is an ARN' },
  {
    error: 'NotFoundException',
    operations: ['ListRetirableGrants'],
    why: 'whether there is such a principal cannot be seen; an unknown one has no grants',
  },
  {
    error: 'InvalidAliasNameException',
    operations: ['CreateAlias'],
    why: 'AWS itself answers ValidationException (recorded)',
  },
  {
    error: 'LimitExceededException',
    operations: ['CreateGrant'],
    why: 'a key has 50,000 grants before it has too many',
  },
  { error: 'LimitExceededException', operations: ['EnableKey'], why: 'there is no quota of enabled keys' },
  {
    error: 'LimitExceededException',
    operations: ['TagResource'],
    why: 'AWS itself answers TagException for too many tags (recorded)',
  },
]

/** The cells of the matrix that these rows leave out, with the row each comes from. */
export function excused(): Map<string, string> {
  return new Map(
    ROWS.flatMap(({ error, operations, why }) =>
      (operations ?? (Object.keys(OPERATIONS) as OperationName[]))
        .filter((name) => operations !== undefined || (OPERATIONS[name].errors as readonly string[]).includes(error))
        .map((name) => [`${name}: ${error}`, why] as const),
    ),
  )
}
