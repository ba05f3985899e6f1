/** What the trail tells of the management of keys and of what is theirs, as AWS's guide shows it. */
import test from 'ava'
import { HERE, KEY, keyIn } from './scene.ts'
import { answered, bytes, named, ofKey, tells } from './tells.ts'

const ALIAS = `arn:aws:kms:us-east-1:${HERE}:alias/orders`
const other = keyIn(HERE, 'k2')
const alias = { arn: ALIAS, account: HERE, alias: { target: 'k1' } }
const DAY = new Date(Date.UTC(2025, 4, 21, 5, 47, 45))
const metadata = {
  AWSAccountId: HERE,
  KeyId: 'k1',
  Arn: KEY.arn,
  CreationDate: DAY,
  Enabled: true,
  Description: '',
  KeyUsage: 'ENCRYPT_DECRYPT',
  KeyState: 'Enabled',
  Origin: 'AWS_KMS',
  KeyManager: 'CUSTOMER',
  CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  KeySpec: 'SYMMETRIC_DEFAULT',
  EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  MultiRegion: false,
  CurrentKeyMaterialId: 'm1',
}
const metadataTold = {
  aWSAccountId: HERE,
  keyId: 'k1',
  arn: KEY.arn,
  creationDate: 'May 21, 2025, 5:47:45 AM',
  enabled: true,
  description: '',
  keyUsage: 'ENCRYPT_DECRYPT',
  keyState: 'Enabled',
  origin: 'AWS_KMS',
  keyManager: 'CUSTOMER',
  customerMasterKeySpec: 'SYMMETRIC_DEFAULT',
  keySpec: 'SYMMETRIC_DEFAULT',
  encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
  multiRegion: false,
  currentKeyMaterialId: 'm1',
}
test(
  'defaults are filled in',
  tells,
  'CreateKey',
  {},
  {
    requestParameters: {
      description: '',
      origin: 'AWS_KMS',
      bypassPolicyLockoutSafetyCheck: false,
      customerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      keySpec: 'SYMMETRIC_DEFAULT',
      keyUsage: 'ENCRYPT_DECRYPT',
      multiRegion: false,
      tags: [],
    },
    responseElements: { keyMetadata: metadataTold },
    resources: named(KEY.arn),
    readOnly: false,
  },
  { found: {}, output: { KeyMetadata: metadata } },
)
test(
  tells,
  'CreateKey',
  { Policy: '{}', KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Tags: [{ TagKey: 'a', TagValue: 'b' }] },
  {
    requestParameters: {
      policy: '{}',
      description: '',
      origin: 'AWS_KMS',
      bypassPolicyLockoutSafetyCheck: false,
      customerMasterKeySpec: 'RSA_2048',
      keySpec: 'RSA_2048',
      keyUsage: 'SIGN_VERIFY',
      multiRegion: false,
      tags: [{ tagKey: 'a', tagValue: 'b' }],
    },
    responseElements: { keyMetadata: metadataTold },
    resources: named(KEY.arn),
  },
  { found: {}, output: { KeyMetadata: metadata } },
)
test(
  tells,
  'UpdateKeyDescription',
  { KeyId: 'k1', Description: 'new' },
  { requestParameters: { keyId: 'k1', description: 'new' }, resources: named(KEY.arn) },
)
test(
  tells,
  'TagResource',
  { KeyId: 'k1', Tags: [{ TagKey: 'a', TagValue: 'b' }] },
  { requestParameters: { keyId: 'k1', tags: [{ tagKey: 'a', tagValue: 'b' }] }, resources: named(KEY.arn) },
)
test(
  tells,
  'UntagResource',
  { KeyId: 'k1', TagKeys: ['a'] },
  { requestParameters: { keyId: 'k1', tagKeys: ['a'] }, resources: named(KEY.arn) },
)
for (const name of ['EnableKey', 'DisableKey', 'CancelKeyDeletion', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const)
  test(tells, name, { KeyId: 'k1' }, { ...ofKey, ...answered, readOnly: false })
for (const name of ['GetKeyLastUsage', 'GetKeyRotationStatus'] as const)
  test(tells, name, { KeyId: 'k1' }, { ...ofKey, readOnly: true }, { output: { KeyId: KEY.arn } })
test(
  tells,
  'ScheduleKeyDeletion',
  { KeyId: 'k1' },
  {
    requestParameters: { keyId: 'k1', pendingWindowInDays: 30 },
    responseElements: {
      keyId: KEY.arn,
      keyState: 'PendingDeletion',
      deletionDate: 'May 21, 2025, 5:47:45 AM',
      pendingWindowInDays: 30,
    },
    resources: named(KEY.arn),
  },
  { output: { KeyId: KEY.arn, KeyState: 'PendingDeletion', DeletionDate: DAY, PendingWindowInDays: 30 } },
)
const paged = { Limit: 10, Marker: 'm' }
const pagedTold = { limit: 10, marker: 'm' }
test(tells, 'ListKeys', paged, { requestParameters: pagedTold, resources: [], readOnly: true }, { found: {} })
test(tells, 'ListAliases', {}, { resources: [], readOnly: true }, { found: {} })
for (const name of ['ListResourceTags', 'ListGrants', 'ListKeyPolicies', 'ListKeyRotations'] as const) {
  const expected = { requestParameters: { keyId: 'k1', ...pagedTold }, resources: named(KEY.arn), readOnly: true }
  test(tells, name, { KeyId: 'k1', ...paged }, expected)
}
const RETIRER = `arn:aws:iam::${HERE}:role/retirer`
test(
  tells,
  'ListRetirableGrants',
  { RetiringPrincipal: RETIRER },
  { requestParameters: { retiringPrincipal: RETIRER }, resources: [], readOnly: true },
  { found: {} },
)
for (const name of ['CreateAlias', 'UpdateAlias'] as const)
  test(
    tells,
    name,
    { AliasName: 'alias/orders', TargetKeyId: 'k1' },
    { requestParameters: { aliasName: 'alias/orders', targetKeyId: 'k1' }, resources: named(ALIAS, KEY.arn) },
    { found: { alias, key: KEY } },
  )
test(
  'with the key it was taken from',
  tells,
  'DeleteAlias',
  { AliasName: 'alias/orders' },
  { requestParameters: { aliasName: 'alias/orders' }, resources: named(ALIAS, KEY.arn) },
  { found: { alias } },
)
test(
  'the token is not told',
  tells,
  'CreateGrant',
  {
    KeyId: 'k1',
    GranteePrincipal: RETIRER,
    Operations: ['Encrypt'],
    Constraints: { EncryptionContextSubset: { dept: 'IT' } },
    Name: 'n',
  },
  {
    requestParameters: {
      keyId: 'k1',
      granteePrincipal: RETIRER,
      operations: ['Encrypt'],
      constraints: { encryptionContextSubset: { dept: 'IT' } },
      name: 'n',
    },
    responseElements: { grantId: 'g1', keyId: KEY.arn },
    resources: named(KEY.arn),
  },
  { output: { GrantId: 'g1', GrantToken: 'a token' } },
)
test(
  'nothing of the request',
  tells,
  'RetireGrant',
  { GrantToken: 'a token', DryRun: false },
  { ...answered, additionalEventData: { grantId: 'g1' }, resources: named(KEY.arn) },
  { found: { key: KEY, grant: { id: 'g1' } } },
)
test(
  tells,
  'RevokeGrant',
  { KeyId: 'k1', GrantId: 'g1' },
  { ...answered, requestParameters: { keyId: 'k1', grantId: 'g1' }, resources: named(KEY.arn) },
  { found: { key: KEY, grant: { id: 'g1' } } },
)
test(
  tells,
  'PutKeyPolicy',
  { KeyId: 'k1', Policy: '{}' },
  {
    ...answered,
    requestParameters: {
      keyId: 'k1',
      policyName: 'default',
      policy: '{}',
      bypassPolicyLockoutSafetyCheck: false,
    },
    resources: named(KEY.arn),
  },
)
test(
  tells,
  'GetKeyPolicy',
  { KeyId: 'k1' },
  { requestParameters: { keyId: 'k1', policyName: 'default' }, resources: named(KEY.arn), readOnly: true },
  { output: { Policy: '{}' } },
)
test(
  tells,
  'EnableKeyRotation',
  { KeyId: 'k1', RotationPeriodInDays: 180 },
  { ...answered, requestParameters: { keyId: 'k1', rotationPeriodInDays: 180 }, resources: named(KEY.arn) },
)
test(
  'a year is the default',
  tells,
  'EnableKeyRotation',
  { KeyId: 'k1' },
  { ...answered, requestParameters: { keyId: 'k1', rotationPeriodInDays: 365 }, resources: named(KEY.arn) },
)
test(
  'neither key nor token',
  tells,
  'GetParametersForImport',
  { KeyId: 'k1', WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_4096' },
  {
    requestParameters: { keyId: 'k1', wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_4096' },
    resources: named(KEY.arn),
    readOnly: true,
  },
  { output: { ImportToken: bytes('t'), PublicKey: bytes('p') } },
)
test(
  'dates in words',
  tells,
  'ImportKeyMaterial',
  {
    KeyId: 'k1',
    ImportToken: bytes('t'),
    EncryptedKeyMaterial: bytes('m'),
    ValidTo: DAY,
    ImportType: 'NEW_KEY_MATERIAL',
  },
  {
    requestParameters: {
      keyId: 'k1',
      validTo: 'May 21, 2025, 5:47:45 AM',
      expirationModel: 'KEY_MATERIAL_EXPIRES',
      importType: 'NEW_KEY_MATERIAL',
    },
    responseElements: { keyId: KEY.arn, keyMaterialId: 'm1' },
    resources: named(KEY.arn),
  },
  { output: { KeyId: KEY.arn, KeyMaterialId: 'm1' } },
)
test(
  tells,
  'DeleteImportedKeyMaterial',
  { KeyId: 'k1' },
  { ...ofKey, responseElements: { keyId: KEY.arn, keyMaterialId: 'm1' } },
  { output: { KeyId: KEY.arn, KeyMaterialId: 'm1' } },
)
test(
  tells,
  'ReplicateKey',
  { KeyId: 'k1', ReplicaRegion: 'eu-west-1' },
  {
    requestParameters: {
      keyId: 'k1',
      replicaRegion: 'eu-west-1',
      bypassPolicyLockoutSafetyCheck: false,
      description: '',
    },
    responseElements: { replicaKeyMetadata: metadataTold, replicaPolicy: '{}' },
    resources: named(KEY.arn),
  },
  { output: { ReplicaKeyMetadata: metadata, ReplicaPolicy: '{}', ReplicaTags: [] } },
)
test(
  'the key of the other Region is not among its resources',
  tells,
  'UpdatePrimaryRegion',
  { KeyId: 'k1', PrimaryRegion: 'eu-west-1' },
  { requestParameters: { keyId: 'k1', primaryRegion: 'eu-west-1' }, resources: named(KEY.arn) },
  { found: { key: KEY, destination: other } },
)
test(
  'neither password nor certificate',
  tells,
  'CreateCustomKeyStore',
  {
    CustomKeyStoreName: 's',
    CloudHsmClusterId: 'cluster-234567abcde',
    KeyStorePassword: 'password',
    TrustAnchorCertificate: 'cert',
  },
  {
    requestParameters: { customKeyStoreName: 's', clusterId: 'cluster-234567abcde' },
    responseElements: { customKeyStoreId: 'cks-1' },
  },
  { found: {}, output: { CustomKeyStoreId: 'cks-1' } },
)
test(
  'no credential',
  tells,
  'UpdateCustomKeyStore',
  {
    CustomKeyStoreId: 'cks-1',
    XksProxyUriPath: '/x/kms/xks/v1',
    XksProxyAuthenticationCredential: { AccessKeyId: 'a', RawSecretAccessKey: 's' },
  },
  { requestParameters: { customKeyStoreId: 'cks-1', xksProxyUriPath: '/x/kms/xks/v1' } },
  { found: {} },
)
for (const name of ['ConnectCustomKeyStore', 'DisconnectCustomKeyStore', 'DeleteCustomKeyStore'] as const)
  test(
    tells,
    name,
    { CustomKeyStoreId: 'c' },
    { requestParameters: { customKeyStoreId: 'c' }, readOnly: false },
    { found: {} },
  )
test(tells, 'DescribeCustomKeyStores', {}, { readOnly: true }, { found: {} })
