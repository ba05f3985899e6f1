/**
 * What the trail tells of each operation, a row each: the members of the request and of the answer that go on record, and
 * which resources. What is in no row is never recorded, and what must not be is stopped once more by shown.ts.
 */
import { OPERATIONS, type Operation, type OperationName } from '../model/kms.ts'
import type { Json, JsonObject } from './cloudtrail.ts'
import type { ObservedCall, ObservedKey } from './observed.ts'
import { isMap, isScalar, membersOf } from './shown.ts'

type Request = Readonly<Record<string, unknown>>
/** What a parameter that was left out stands for. */
type Default = Json | ((call: ObservedCall, request: Request) => Json | undefined)

/** Which resources a record names: the keys and aliases found, the key made, none in particular; no such field. */
type Resources = 'found' | 'made' | 'none' | 'absent'

interface Wish {
  readonly readOnly: boolean
  /** Members of the request. */
  readonly request: readonly string[]
  readonly defaults?: Readonly<Record<string, Default>>
  /** Members of the answer; `KeyId` is the ARN of the key, whether or not it is one of them. */
  readonly response?: readonly string[]
  readonly resources?: Resources
  /** What else a success puts on record: the key material that did the work, of symmetric keys alone. */
  readonly materials?: (call: ObservedCall) => JsonObject
  /** What else is on record, however it ends. */
  readonly about?: (call: ObservedCall) => JsonObject
  /** It is done so often, and says so little each time, that its records share what they have in common. */
  readonly frequent?: boolean
}

export interface Row extends Wish {
  readonly name: OperationName
  readonly resources: Resources
  readonly defaults: Readonly<Record<string, Default>>
  readonly response: readonly string[]
  /** The shapes of the members of request and answer. */
  readonly requestShapes: Readonly<Record<string, string>>
  readonly responseShapes: Readonly<Record<string, string>>
  /** Members of the request that are text, numbers or flags; and maps. */
  readonly scalars: readonly string[]
  readonly maps: readonly string[]
}

const KEY = ['KeyId'] as const
const LIST = ['Limit', 'Marker'] as const
const ANSWERED = { response: KEY } as const
const NOTHING: JsonObject = {}
const SYMMETRIC = 'SYMMETRIC_DEFAULT'

const use = (request: readonly string[], defaults: Wish['defaults'] = {}): Wish => ({
  readOnly: true,
  frequent: true,
  request,
  defaults,
})
const encipher = (request: readonly string[], defaults?: Wish['defaults']): Wish => ({
  ...use(request, defaults),
  materials: ({ key, material }) =>
    key && hasMaterial(key) ? { keyMaterialId: material?.id ?? key.currentId } : NOTHING,
})
/** Material is told of symmetric keys, but for those in custom key stores. */
const hasMaterial = ({ spec, customKeyStoreId }: ObservedKey): boolean =>
  spec === SYMMETRIC && customKeyStoreId === undefined
const externalKeyIn = (input: unknown): JsonObject => {
  const { XksKeyId: xksKeyId } = input as { XksKeyId?: string }
  return xksKeyId === undefined ? NOTHING : { xksKeyId }
}
const read = (request: readonly string[], more: Partial<Wish> = {}): Wish => ({ readOnly: true, request, ...more })
const change = (request: readonly string[], more: Partial<Wish> = {}): Wish => ({ readOnly: false, request, ...more })

const XKS = [
  'XksProxyUriEndpoint',
  'XksProxyUriPath',
  'XksProxyVpcEndpointServiceName',
  'XksProxyVpcEndpointServiceOwner',
  'XksProxyConnectivity',
]
const specWanted: Default = (_, { KeySpec, CustomerMasterKeySpec }) =>
  (KeySpec ?? CustomerMasterKeySpec ?? SYMMETRIC) as Json

const WISHES: Readonly<Record<OperationName, Wish>> = {
  Encrypt: encipher(['KeyId', 'EncryptionContext', 'EncryptionAlgorithm'], { EncryptionAlgorithm: SYMMETRIC }),
  Decrypt: encipher(['KeyId', 'EncryptionContext', 'EncryptionAlgorithm'], {
    KeyId: ({ key }) => key?.arn,
    EncryptionAlgorithm: SYMMETRIC,
  }),
  ReEncrypt: {
    ...use(
      [
        'SourceKeyId',
        'SourceEncryptionAlgorithm',
        'SourceEncryptionContext',
        'DestinationKeyId',
        'DestinationEncryptionAlgorithm',
        'DestinationEncryptionContext',
      ],
      { SourceEncryptionAlgorithm: SYMMETRIC, DestinationEncryptionAlgorithm: SYMMETRIC },
    ),
    materials: ({ source, destination, material }) => ({
      ...(source && hasMaterial(source) && material && { sourceKeyMaterialId: material.id }),
      ...(destination && hasMaterial(destination) && { destinationKeyMaterialId: destination.currentId }),
    }),
  },
  GenerateDataKey: encipher(['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext']),
  GenerateDataKeyWithoutPlaintext: encipher(['KeyId', 'KeySpec', 'NumberOfBytes', 'EncryptionContext']),
  GenerateDataKeyPair: encipher(['KeyId', 'KeyPairSpec', 'EncryptionContext']),
  GenerateDataKeyPairWithoutPlaintext: encipher(['KeyId', 'KeyPairSpec', 'EncryptionContext']),
  GenerateMac: use(['KeyId', 'MacAlgorithm']),
  VerifyMac: use(['KeyId', 'MacAlgorithm']),
  Sign: use(['KeyId', 'MessageType', 'SigningAlgorithm'], { MessageType: 'RAW' }),
  Verify: use(['KeyId', 'MessageType', 'SigningAlgorithm'], { MessageType: 'RAW' }),
  DeriveSharedSecret: use(['KeyId', 'KeyAgreementAlgorithm']),
  Encapsulate: use(['KeyId', 'EncapsulationAlgorithm']),
  Decapsulate: use(['KeyId', 'EncapsulationAlgorithm']),
  GenerateRandom: { ...use(['CustomKeyStoreId']), resources: 'none' },
  GetPublicKey: use(KEY),
  DescribeKey: use(KEY),

  CreateKey: change(
    [
      'Policy',
      'Description',
      'Origin',
      'BypassPolicyLockoutSafetyCheck',
      'CustomerMasterKeySpec',
      'KeySpec',
      'KeyUsage',
      'MultiRegion',
      'Tags',
      'CustomKeyStoreId',
      'XksKeyId',
    ],
    {
      defaults: {
        Description: '',
        Origin: 'AWS_KMS',
        BypassPolicyLockoutSafetyCheck: false,
        CustomerMasterKeySpec: specWanted,
        KeySpec: specWanted,
        KeyUsage: 'ENCRYPT_DECRYPT',
        MultiRegion: false,
        Tags: [],
      },
      response: ['KeyMetadata'],
      resources: 'made',
      about: ({ keyStore, input }) => (keyStore ? { customKeyStoreId: keyStore.id, ...externalKeyIn(input) } : NOTHING),
      materials: ({ keyStore, material }) =>
        keyStore?.cluster && material ? { backingKey: JSON.stringify({ backingKeyId: material.id }) } : NOTHING,
    },
  ),
  UpdateKeyDescription: change(['KeyId', 'Description']),
  TagResource: change(['KeyId', 'Tags']),
  UntagResource: change(['KeyId', 'TagKeys']),
  EnableKey: change(KEY, ANSWERED),
  DisableKey: change(KEY, ANSWERED),
  ScheduleKeyDeletion: change(['KeyId', 'PendingWindowInDays'], {
    defaults: { PendingWindowInDays: 30 },
    response: ['KeyId', 'KeyState', 'DeletionDate', 'PendingWindowInDays'],
  }),
  CancelKeyDeletion: change(KEY, ANSWERED),
  GetKeyLastUsage: read(KEY),
  ListKeys: read([...LIST, 'ResourceOwners'], { resources: 'none' }),
  ListResourceTags: read(['KeyId', ...LIST]),

  CreateAlias: change(['AliasName', 'TargetKeyId']),
  UpdateAlias: change(['AliasName', 'TargetKeyId']),
  DeleteAlias: change(['AliasName']),
  ListAliases: read(['KeyId', ...LIST], { resources: 'none' }),

  CreateGrant: change(
    [
      'KeyId',
      'GranteePrincipal',
      'GranteeServicePrincipal',
      'RetiringPrincipal',
      'RetiringServicePrincipal',
      'Operations',
      'Constraints',
      'Name',
    ],
    { response: ['GrantId', 'KeyId'] },
  ),
  ListGrants: read(['KeyId', 'GrantId', 'GranteePrincipal', 'GranteeServicePrincipal', ...LIST]),
  ListRetirableGrants: read(['RetiringPrincipal', 'RetiringServicePrincipal', ...LIST], { resources: 'none' }),
  RetireGrant: change([], { about: ({ grant }) => (grant ? { grantId: grant.id } : NOTHING), ...ANSWERED }),
  RevokeGrant: change(['KeyId', 'GrantId'], ANSWERED),

  PutKeyPolicy: change(['KeyId', 'PolicyName', 'Policy', 'BypassPolicyLockoutSafetyCheck'], {
    defaults: { PolicyName: 'default', BypassPolicyLockoutSafetyCheck: false },
    ...ANSWERED,
  }),
  GetKeyPolicy: read(['KeyId', 'PolicyName'], { defaults: { PolicyName: 'default' } }),
  ListKeyPolicies: read(['KeyId', ...LIST]),

  EnableKeyRotation: change(['KeyId', 'RotationPeriodInDays'], {
    defaults: { RotationPeriodInDays: 365 },
    ...ANSWERED,
  }),
  DisableKeyRotation: change(KEY, ANSWERED),
  RotateKeyOnDemand: change(KEY, ANSWERED),
  GetKeyRotationStatus: read(KEY),
  ListKeyRotations: read(['KeyId', 'IncludeKeyMaterial', ...LIST]),

  GetParametersForImport: read(['KeyId', 'WrappingAlgorithm', 'WrappingKeySpec']),
  ImportKeyMaterial: change(
    ['KeyId', 'ValidTo', 'ExpirationModel', 'ImportType', 'KeyMaterialDescription', 'KeyMaterialId'],
    { defaults: { ExpirationModel: 'KEY_MATERIAL_EXPIRES' }, response: ['KeyId', 'KeyMaterialId'] },
  ),
  DeleteImportedKeyMaterial: change(['KeyId', 'KeyMaterialId'], { response: ['KeyId', 'KeyMaterialId'] }),

  ReplicateKey: change(['KeyId', 'ReplicaRegion', 'BypassPolicyLockoutSafetyCheck', 'Description', 'Policy', 'Tags'], {
    defaults: { BypassPolicyLockoutSafetyCheck: false, Description: '' },
    response: ['ReplicaKeyMetadata', 'ReplicaPolicy'],
  }),
  UpdatePrimaryRegion: change(['KeyId', 'PrimaryRegion']),

  CreateCustomKeyStore: change(['CustomKeyStoreName', 'CustomKeyStoreType', 'CloudHsmClusterId', ...XKS], {
    response: ['CustomKeyStoreId'],
    resources: 'absent',
  }),
  UpdateCustomKeyStore: change(['CustomKeyStoreId', 'NewCustomKeyStoreName', 'CloudHsmClusterId', ...XKS], {
    resources: 'absent',
  }),
  ConnectCustomKeyStore: change(['CustomKeyStoreId'], { resources: 'absent' }),
  DisconnectCustomKeyStore: change(['CustomKeyStoreId'], { resources: 'absent' }),
  DeleteCustomKeyStore: change(['CustomKeyStoreId'], { resources: 'absent' }),
  DescribeCustomKeyStores: read(['CustomKeyStoreId', 'CustomKeyStoreName', ...LIST], { resources: 'absent' }),
}

/** What the trail tells of each operation. */
export const ROWS: ReadonlyMap<string, Row> = new Map(
  Object.entries(WISHES).map(([name, wish]) => [name, rowOf(name as OperationName, wish)]),
)

function rowOf(name: OperationName, wish: Wish): Row {
  const { input, output }: Operation = OPERATIONS[name]
  const requestShapes = membersOf(input)
  // A dry run is told of wherever there is one; but RetireGrant's parameters never are.
  const request = 'DryRun' in requestShapes && wish.request.length > 0 ? [...wish.request, 'DryRun'] : wish.request
  return {
    ...wish,
    name,
    request,
    defaults: wish.defaults ?? {},
    response: wish.response ?? [],
    resources: wish.resources ?? 'found',
    requestShapes,
    responseShapes: membersOf(output),
    scalars: request.filter((member) => isScalar(requestShapes[member]!)),
    maps: request.filter((member) => isMap(requestShapes[member]!)),
  }
}
