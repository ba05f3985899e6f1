/**
 * The state table of AWS's guide, page *Key states of AWS KMS keys*: what each operation answers to a key in each state.
 *
 * Columns: Enabled, Disabled, PendingDeletion, PendingReplicaDeletion, PendingImport, Unavailable, Creating, Updating.
 * `ok` works, a number is an error of `NOTES`, `-` a key that cannot be. Rows are of a kind of key; those of a symmetric
 * one are PendingImport with a key made for imported material, and Unavailable in a custom key store.
 */
import type { OperationName } from '../../src/model/kms.ts'

export const STATES = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Unavailable',
  'Creating',
  'Updating',
] as const

export type State = (typeof STATES)[number]

/** `role` tells apart what one operation does with two keys. */
export interface Row {
  readonly name: OperationName
  readonly role: string
  readonly kind: Kind
  readonly cells: Readonly<Record<State, string>>
}

export type Kind = 'symmetric' | 'imported' | 'hmac' | 'signing' | 'agreeing' | 'encapsulating'

/** What AWS says, by its notes; `$` is the ARN of the key. Of 4, 11, 14 and 15 the words are unconfirmed. */
export const NOTES: Readonly<Record<string, readonly [error: string, message: string]>> = {
  1: ['DisabledException', '$ is disabled.'],
  3: ['KMSInvalidStateException', '$ is pending deletion.'],
  4: ['KMSInvalidStateException', '$ is not pending deletion.'],
  5: ['KMSInvalidStateException', '$ is pending import.'],
  6: ['UnsupportedOperationException', '$ origin is EXTERNAL which is not valid for this operation.'],
  7: ['UnsupportedOperationException', ''],
  9: ['UnsupportedOperationException', '$ origin is AWS_KMS which is not valid for this operation.'],
  '9c': ['UnsupportedOperationException', '$ origin is AWS_CLOUDHSM which is not valid for this operation.'],
  11: ['KMSInvalidStateException', '$ is unavailable.'],
  14: ['KMSInvalidStateException', '$ is creating.'],
  15: ['KMSInvalidStateException', '$ is updating.'],
}

const TABLE = `
  CancelKeyDeletion                   symmetric      4   4   ok  ok  4   4   4   4
  CreateAlias                         symmetric      ok  ok  3   3   ok  ok  ok  ok
  CreateGrant                         symmetric      ok  1   3   3   5   ok  14  ok
  Decrypt                             symmetric      ok  1   3   3   5   11  14  ok
  Encrypt                             symmetric      ok  1   3   3   5   11  14  ok
  GenerateDataKey                     symmetric      ok  1   3   3   5   11  14  ok
  GenerateDataKeyWithoutPlaintext     symmetric      ok  1   3   3   5   11  14  ok
  ReEncrypt:source                    symmetric      ok  1   3   3   5   11  14  ok
  ReEncrypt:destination               symmetric      ok  1   3   3   5   11  14  ok
  GenerateDataKeyPair                 symmetric      ok  1   3   3   5   7   14  ok
  GenerateDataKeyPairWithoutPlaintext symmetric      ok  1   3   3   5   7   14  ok
  DeriveSharedSecret                  agreeing       ok  1   3   3   5   -   14  ok
  GenerateMac                         hmac           ok  1   3   3   5   -   14  ok
  VerifyMac                           hmac           ok  1   3   3   5   -   14  ok
  Sign                                signing        ok  1   3   3   5   -   14  ok
  Verify                              signing        ok  1   3   3   5   -   14  ok
  Encapsulate                         encapsulating  ok  1   3   3   -   -   14  ok
  Decapsulate                         encapsulating  ok  1   3   3   -   -   14  ok
  DeleteAlias                         symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  DescribeKey                         symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  GetKeyLastUsage                     symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  GetKeyPolicy                        symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  ListAliases                         symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  ListGrants                          symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  ListKeyPolicies                     symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  ListResourceTags                    symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  PutKeyPolicy                        symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  RetireGrant                         symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  RevokeGrant                         symmetric      ok  ok  ok  ok  ok  ok  ok  ok
  DeleteImportedKeyMaterial           imported       ok  ok  ok  ok  ok  -   14  15
  DeleteImportedKeyMaterial           symmetric      9   9   9   9   ok  9c  14  15
  DisableKey                          symmetric      ok  ok  3   3   5   ok  14  15
  EnableKey                           symmetric      ok  ok  3   3   5   ok  14  15
  EnableKeyRotation                   symmetric      ok  1   3   3   6   7   14  ok
  EnableKeyRotation                   imported       6   1   3   3   6   -   14  6
  EnableKeyRotation                   hmac           7   1   3   3   6   -   14  7
  DisableKeyRotation                  symmetric      ok  1   3   3   6   7   14  ok
  DisableKeyRotation                  imported       6   1   3   3   6   -   14  6
  DisableKeyRotation                  hmac           7   1   3   3   6   -   14  7
  GetKeyRotationStatus                symmetric      ok  ok  ok  ok  6   7   ok  ok
  GetKeyRotationStatus                hmac           ok  ok  ok  ok  6   -   ok  ok
  ListKeyRotations                    symmetric      ok  ok  ok  ok  ok  7   ok  ok
  ListKeyRotations                    hmac           7   7   7   7   7   -   7   7
  RotateKeyOnDemand                   symmetric      ok  1   3   3   5   7   14  ok
  RotateKeyOnDemand                   hmac           7   1   3   3   5   -   14  7
  GetParametersForImport              imported       ok  ok  3   3   ok  -   14  15
  GetParametersForImport              symmetric      9   9   9   9   ok  9c  14  15
  ImportKeyMaterial                   imported       ok  ok  3   3   ok  -   14  ok
  ImportKeyMaterial                   symmetric      9   9   9   9   ok  9c  14  9
  GetPublicKey                        signing        ok  ok  3   3   ok  -   14  ok
  ReplicateKey                        symmetric      ok  1   3   3   5   -   14  15
  UpdatePrimaryRegion                 symmetric      ok  1   -   3   5   -   14  ok
  ScheduleKeyDeletion                 symmetric      ok  ok  3   3   ok  ok  ok  15
  TagResource                         symmetric      ok  ok  3   3   ok  ok  ok  ok
  UntagResource                       symmetric      ok  ok  3   3   ok  ok  ok  ok
  UpdateKeyDescription                symmetric      ok  ok  3   3   ok  ok  ok  ok
  UpdateAlias:to                      symmetric      ok  ok  3   3   ok  ok  ok  ok
  UpdateAlias:from                    symmetric      ok  ok  ok  ok  ok  ok  ok  ok
`

export const ROWS: readonly Row[] = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [operation, kind, ...cells] = line.trim().split(/\s+/)
    const [name, role = ''] = operation!.split(':')
    const row = { name: name as OperationName, role, kind: kind as Kind }
    return { ...row, cells: Object.fromEntries(STATES.map((state, i) => [state, cells[i]!])) as Row['cells'] }
  })

/** Operations that touch no key of the customer's, which can therefore be in no state. */
export const STATELESS: readonly OperationName[] = [
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'CreateKey',
  'DeleteCustomKeyStore',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'GenerateRandom',
  'ListKeys',
  'ListRetirableGrants',
  'UpdateCustomKeyStore',
]
