/** Which quota each request counts against: the groups there are, and what an operation draws on, as data. */
import type { Key } from '../keys.ts'
import type { DataKeyPairSpec, KeySpec, OperationName } from '../model/kms.ts'
import { SHAPES } from '../model/kms.ts'
import type { Call } from '../operation.ts'
import type { Prepared } from '../service.ts'

/** Operations that share a quota, and how many of them AWS takes in a second. */
const SHARED = { Symmetric: 10_000, RSA: 1000, ECC: 1000, 'ML-DSA': 1000, 'ML-KEM': 1000 }
type Shared = keyof typeof SHARED

/** A custom key store has a quota of its own, on which all draw who use its keys. */
export const CUSTOM_KEY_STORE = 1800

/** GenerateDataKeyPair and its twin without plaintext, by the key pair's spec. Those of ML-KEM are guessed, AWS tells none. */
const PAIRS: Readonly<Record<DataKeyPairSpec, number>> = {
  ECC_NIST_P256: 100,
  ECC_NIST_P384: 100,
  ECC_NIST_P521: 100,
  ECC_SECG_P256K1: 100,
  ECC_NIST_EDWARDS25519: 100,
  RSA_2048: 20,
  RSA_3072: 4,
  RSA_4096: 1,
  SM2: 25,
  ML_KEM_512: 100,
  ML_KEM_768: 100,
  ML_KEM_1024: 100,
}

/** Every other operation has its own. */
const SINGLE = {
  ...each(1, 'GetParametersForImport'),
  ...each(5, 'CancelKeyDeletion', 'CreateAlias', 'CreateKey', 'DisableKey', 'DisableKeyRotation', 'EnableKey'),
  ...each(5, 'GetKeyLastUsage', 'ReplicateKey', 'RotateKeyOnDemand', 'UntagResource', 'UpdateAlias'),
  ...each(5, 'UpdateKeyDescription', 'UpdatePrimaryRegion'),
  ...each(5, 'ConnectCustomKeyStore', 'CreateCustomKeyStore', 'DeleteCustomKeyStore', 'DescribeCustomKeyStores'),
  ...each(5, 'DisconnectCustomKeyStore', 'UpdateCustomKeyStore'),
  ...each(10, 'TagResource'),
  ...each(15, 'DeleteAlias', 'DeleteImportedKeyMaterial', 'EnableKeyRotation', 'ImportKeyMaterial', 'PutKeyPolicy'),
  ...each(15, 'ScheduleKeyDeletion'),
  ...each(50, 'CreateGrant', 'RetireGrant', 'RevokeGrant'),
  ...each(100, 'ListGrants', 'ListKeyPolicies', 'ListKeyRotations', 'ListRetirableGrants'),
  ...each(500, 'ListAliases', 'ListKeys'),
  ...each(1000, 'GetKeyPolicy', 'GetKeyRotationStatus'),
  ...each(2000, 'DescribeKey', 'GetPublicKey', 'ListResourceTags'),
}

function each<N extends OperationName>(perSecond: number, ...operations: N[]): Readonly<Record<N, number>> {
  return Object.fromEntries(operations.map((operation) => [operation, perSecond])) as Record<N, number>
}

/** The name of the quota on data key pairs of a spec. */
const pair = (spec: string): string => `GenerateDataKeyPair/${spec}`

/** Requests a second of each quota there is, where Regions and accounts do not differ. */
export const REQUESTS: Readonly<Record<string, number>> = {
  ...SHARED,
  ...Object.fromEntries(Object.entries(PAIRS).map(([spec, perSecond]) => [pair(spec), perSecond])),
  ...SINGLE,
}

/** Data key pairs that China has fewer of. */
export const PAIRS_IN_CHINA = { [pair('RSA_2048')]: 1, [pair('RSA_3072')]: 0.5, [pair('RSA_4096')]: 0.1 }

/** A quota by its number, so that a request needs no name: its place among these. */
export const GROUPS: readonly string[] = Object.keys(REQUESTS)

const numbered = (name: string): number => GROUPS.indexOf(name)

/** What keys of a spec count against, and what a request does that only names an algorithm. */
const BEGINNINGS: readonly (readonly [RegExp, Shared])[] = [
  [/^RSA/, 'RSA'],
  [/^(ECC_|ECD|ED25519|SM2)/, 'ECC'],
  [/^ML_DSA/, 'ML-DSA'],
  [/^ML_KEM/, 'ML-KEM'],
]

function sharedOf(specOrAlgorithm: string): number {
  return numbered(BEGINNINGS.find(([beginning]) => beginning.test(specOrAlgorithm))?.[1] ?? 'Symmetric')
}

const GROUP_OF_SPEC: ReadonlyMap<KeySpec, number> = new Map(SHAPES.KeySpec.enum.map((spec) => [spec, sharedOf(spec)]))

/** The group of cryptography under `key`. */
export function groupOf({ spec }: Key): number {
  return GROUP_OF_SPEC.get(spec)!
}

/** Requests drawn on a group in one go. */
export interface Draw {
  readonly group: number
  readonly count: number
  /** Where, if not in the Region of the call. */
  readonly region?: string
}

/** What requests for an operation draw on. */
export interface Plan {
  /** The group, when it is one whatever the request. */
  readonly group: number | undefined
  /** It is that of this key's spec, when there is one key. */
  readonly isByKey: boolean
  /** What a request draws in all; of one that was refused early there may be no keys. */
  draws(call: Call, count: number): readonly Draw[]
}

const PLANS = new Map<string, Plan>()

export function planOf(entry: Prepared): Plan {
  return PLANS.get(entry.name) ?? remembered(entry)
}

function remembered(entry: Prepared): Plan {
  const plan = plannedFor(entry)
  PLANS.set(entry.name, plan)
  return plan
}

function plannedFor({ name, tracked, locators }: Prepared): Plan {
  if (name.startsWith('GenerateDataKeyPair')) return { group: undefined, isByKey: false, draws: ofPair }
  if (tracked && locators.length > 0) {
    const keys = locators.map(([key, { about }]) => ({ key: key as KeyName, algorithm: about?.algorithm }))
    return { group: undefined, isByKey: keys.length === 1, draws: (call, count) => ofKeys(keys, call, count) }
  }
  const group = numbered(tracked || name === 'GenerateRandom' ? 'Symmetric' : name)
  const elsewhere = ELSEWHERE[name]
  const draws = (call: Call, count: number) => [{ group, count }, ...(elsewhere?.(call) ?? [])]
  return { group: elsewhere ? undefined : group, isByKey: false, draws }
}

type KeyName = 'key' | 'source' | 'destination'

/** What a request draws in another Region; nothing when it was refused before that Region was seen to be one. */
const ELSEWHERE: Readonly<Record<string, (call: Call) => readonly Draw[]>> = {
  ReplicateKey: (call) => inRegion('CreateKey', 2, 'ReplicaRegion', call),
  UpdatePrimaryRegion: (call) => inRegion('UpdatePrimaryRegion', 1, 'PrimaryRegion', call),
}

function inRegion(name: string, count: number, field: string, { key, input }: Call): readonly Draw[] {
  if ((key as Key | undefined) === undefined) return []
  return [{ group: numbered(name), count, region: (input as Record<string, string>)[field]! }]
}

function ofPair({ input }: Call, count: number): readonly Draw[] {
  const group = numbered(pair(String((input as { KeyPairSpec?: unknown }).KeyPairSpec)))
  return group < 0 ? [] : [{ group, count }]
}

/** Two keys of one group are one request of it. */
function ofKeys(
  keys: readonly { readonly key: KeyName; readonly algorithm: string | undefined }[],
  call: Call,
  count: number,
): readonly Draw[] {
  const groups = keys.map(({ key, algorithm = '' }) => {
    const found = call[key] as Key | undefined
    if (found) return groupOf(found)
    // A key that is not there has no spec; what was to be done with it has an algorithm.
    return sharedOf(String((call.input as Record<string, unknown>)[algorithm]))
  })
  return [...new Set(groups)].map((group) => ({ group, count }))
}
