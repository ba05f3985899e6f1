/** How AWS describes a key: `KeyMetadata`, with the presence rules of DescribeKey. */
import { SPECS } from './algorithms.ts'
import { arnOf } from './arn.ts'
import { NEVER, type Instant } from './clock.ts'
import {
  associatedMaterials,
  isPresent,
  isPrimary,
  relatedRegions,
  shownMaterialId,
  stateOf,
  type Key,
} from './keys.ts'
import type { KeyMetadata, KeyState, MultiRegionConfiguration } from './model/kms.ts'

/** `state` is for those who know better than the record: a key whose custom key store is not connected. */
export function metadataOf(key: Key, now: Instant, state: KeyState = stateOf(key, now)): KeyMetadata {
  const expires = Math.min(NEVER, ...associatedMaterials(key).map((material) => material.expires))
  const imported = key.origin === 'EXTERNAL' && key.current !== undefined && isPresent(key.current, now)
  return {
    AWSAccountId: key.account,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: new Date(key.created),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: state,
    DeletionDate: state === 'PendingDeletion' ? new Date(key.deletion) : undefined,
    ValidTo: imported && expires !== NEVER ? new Date(expires) : undefined,
    Origin: key.origin,
    CustomKeyStoreId: key.customKeyStoreId,
    CloudHsmClusterId: key.clusterId,
    ExpirationModel: imported
      ? expires === NEVER
        ? 'KEY_MATERIAL_DOES_NOT_EXPIRE'
        : 'KEY_MATERIAL_EXPIRES'
      : undefined,
    KeyManager: key.manager,
    // The deprecated twin's enum lacks the newer specs; AWS's answer for those is unconfirmed, so it repeats the spec.
    CustomerMasterKeySpec: key.spec as KeyMetadata['CustomerMasterKeySpec'],
    KeySpec: key.spec,
    ...algorithmsOf(key),
    MultiRegion: key.multiRegion !== undefined,
    MultiRegionConfiguration: multiRegionOf(key, now),
    PendingDeletionWindowInDays: state === 'PendingReplicaDeletion' ? key.pendingWindow : undefined,
    XksKeyConfiguration: key.xksKeyId === undefined ? undefined : { Id: key.xksKeyId },
    CurrentKeyMaterialId: key.current && shownMaterialId(key, key.current),
  }
}

/** The one list of algorithms that fits the key's usage, under the name it has in KeyMetadata and GetPublicKey. */
export function algorithmsOf({ spec, usage }: Pick<Key, 'spec' | 'usage'>): Partial<KeyMetadata> {
  const algorithms = SPECS[spec].algorithms[usage] ?? []
  const member = {
    ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
    SIGN_VERIFY: 'SigningAlgorithms',
    GENERATE_VERIFY_MAC: 'MacAlgorithms',
    KEY_AGREEMENT: 'KeyAgreementAlgorithms',
    ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
  }[usage]
  return { [member]: [...algorithms] }
}

function multiRegionOf(key: Key, now: Instant): MultiRegionConfiguration | undefined {
  if (!key.multiRegion) return undefined
  const { primary } = key.multiRegion
  const place = (region: string) => ({ Arn: arnOf(region, key.account, `key/${key.id}`), Region: region })
  return {
    MultiRegionKeyType: isPrimary(key) ? 'PRIMARY' : 'REPLICA',
    PrimaryKey: place(primary),
    ReplicaKeys: [key.region, ...relatedRegions(key, now)]
      .filter((region) => region !== primary)
      .toSorted()
      .map(place),
  }
}
