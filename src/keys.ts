/** A KMS key as a record, and the pure rules about it: its state at an instant, and how AWS describes it. */
import { DAY, NEVER, type Instant } from './clock.ts'
import type { KeyMetadata, KeySpec, KeyState, KeyUsageType, OriginType, Tag } from './model/kms.ts'

export interface Key {
  readonly arn: string
  readonly region: string
  readonly account: string
  /** The bare id, as `KeyMetadata.KeyId` gives it. */
  readonly id: string
  readonly spec: KeySpec
  readonly usage: KeyUsageType
  readonly origin: OriginType
  readonly created: Instant
  readonly enabled: boolean
  /** When the key ceases to be; NEVER unless its deletion is scheduled. */
  readonly deletion: Instant
  readonly description: string
  /** The `default` key policy, as it was given. */
  readonly policy: string
  readonly tags: readonly Tag[]
  /** The material that encrypts; every one in `materials` decrypts. */
  readonly current: Material
  readonly materials: readonly Material[]
  /** The version of the stored row, for optimistic commits; 0 before the first. */
  readonly version: number
}

/** One backing key of a KMS key: what AWS calls key material, sealed as the HSM hands it out. */
export interface Material {
  /** 64 lower-case hex digits: `KeyMaterialId`. */
  readonly id: string
  /** The opening bytes of every ciphertext made under it; see `ciphertext.ts`. */
  readonly header: Uint8Array
  readonly token: Uint8Array
  readonly created: Instant
  /** Where the backend keeps the opened token, and 0 while it is not open: a pocket for the backend, not a fact. */
  readonly opened: { slot: number }
}

/** The state AWS would report at `now`. Nothing is scheduled; a deadline is a date we compare with. */
export function stateOf(key: Key): KeyState {
  if (key.deletion !== NEVER) return 'PendingDeletion'
  return key.enabled ? 'Enabled' : 'Disabled'
}

/** Past its deletion date a key is gone, whether or not its rows have been swept yet. */
export function isGone(key: Pick<Key, 'deletion'>, now: Instant): boolean {
  return key.deletion <= now
}

/** When a key scheduled at `now` will be deleted. */
export function deletionDate(now: Instant, days: number): Instant {
  return now + days * DAY
}

/** `KeyMetadata`, with the presence rules of DescribeKey. */
export function metadataOf(key: Key): KeyMetadata {
  const state = stateOf(key)
  return {
    AWSAccountId: key.account,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: new Date(key.created),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: state,
    DeletionDate: key.deletion === NEVER ? undefined : new Date(key.deletion),
    Origin: key.origin,
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec as KeyMetadata['CustomerMasterKeySpec'],
    KeySpec: key.spec,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    MultiRegion: false,
    CurrentKeyMaterialId: key.current.id,
  }
}
