/** A KMS key as a record, and the pure rules about it: its state at an instant, its materials, its related keys. */
import { Access } from './access.ts'
import { arnOf } from './arn.ts'
import { headerOf } from './ciphertext.ts'
import { DAY, NEVER, type Instant } from './clock.ts'
import type {
  KeyManagerType,
  KeyMaterialState,
  KeySpec,
  KeyState,
  KeyUsageType,
  OriginType,
  RotationType,
  Tag,
} from './model/kms.ts'

/** What is stored of a key. */
export interface KeyFields {
  readonly region: string
  readonly account: string
  /** The bare id, as `KeyMetadata.KeyId` gives it. */
  readonly id: string
  readonly spec: KeySpec
  readonly usage: KeyUsageType
  readonly origin: OriginType
  readonly manager: KeyManagerType
  readonly created: Instant
  readonly enabled: boolean
  /** When the key ceases to be; NEVER unless its deletion is scheduled and its window is running. */
  readonly deletion: Instant
  /** Days asked for when a primary key with replicas was scheduled for deletion; 0 otherwise. */
  readonly pendingWindow: number
  readonly description: string
  /** The `default` key policy as it was given; '' is the default one. */
  readonly policy: string
  readonly tags: readonly Tag[]
  /** SubjectPublicKeyInfo, DER; of asymmetric keys only. */
  readonly publicKey: Uint8Array | undefined
  /** Automatic rotation, while it is on. */
  readonly rotation: Rotation | undefined
  /** How often the key was rotated on demand in its life. */
  readonly onDemandRotations: number
  readonly multiRegion: MultiRegion | undefined
  /** A state the key is in for a while and leaves by itself. */
  readonly transition: Transition | undefined
  readonly customKeyStoreId: string | undefined
  readonly xksKeyId: string | undefined
  /** The id of the material that encrypts; '' before there is any. It stays when that material is deleted. */
  readonly currentId: string
  readonly materials: readonly Material[]
  /** The version of the stored row, for optimistic commits; 0 before the first. */
  readonly version: number
  /** Set anew whenever a call meets the key: its custom key store is not connected. Never stored. */
  readonly unavailable?: boolean
  /** The cluster behind its custom key store; as above. */
  readonly clusterId?: string
  readonly used?: LastUse
}

/** A key, with what follows from its fields. */
export interface Key extends KeyFields {
  readonly arn: string
  readonly used: LastUse
  /** Decisions about this version of the key. */
  readonly access: Access
  /** The material that encrypts, whether or not it is there. */
  readonly current: Material | undefined
  /** From `calmFrom` until `calmUntil` the key is Enabled, its materials are there, and no date of it passes. */
  readonly calmFrom: Instant
  readonly calmUntil: Instant
}

export interface Rotation {
  readonly periodInDays: number
  readonly next: Instant
}

export interface MultiRegion {
  /** The Region of the primary key. */
  readonly primary: string
  /** Every key of the related set, with the date it ceases to be: the same list in each of them. */
  readonly related: readonly { readonly region: string; readonly deletion: Instant }[]
}

export interface Transition {
  readonly state: 'Creating' | 'Updating'
  readonly until: Instant
}

/** One backing key of a KMS key: what AWS calls key material, sealed as the HSM hands it out. */
export interface Material {
  /** 64 lower-case hex digits: `KeyMaterialId`. */
  readonly id: string
  /** The opening bytes of every ciphertext made under it; see `ciphertext.ts`. */
  readonly header: Uint8Array
  /** Absent after the material was deleted or expired, until it is imported again. */
  readonly token: Uint8Array | undefined
  readonly state: KeyMaterialState
  readonly created: Instant
  /** When imported material ceases to be; NEVER for all other. */
  readonly expires: Instant
  /** When, and how, it became current, or will when the rotation under way is over; absent for the first, and for one that waits. */
  readonly rotated: { readonly at: Instant; readonly type: RotationType; readonly started?: Instant } | undefined
  readonly description: string
  /** The version of the stored row; 0 before the first. */
  readonly version: number
  /** Where the backend keeps the opened token, and 0 while it is not open: a pocket for the backend, not a fact. */
  readonly opened: { slot: number }
}

/** When a key was last used: a pocket that calls write into, handed on from version to version, and not a fact either. */
export interface LastUse {
  readonly arn: string
  operation: string
  at: Instant
  requestId: string | undefined
  /** The number of its event on record. */
  event: number | undefined
  /** Not yet written down. */
  pending: boolean
}

/** What a key starts out with, but for what only its maker knows. */
export const NEW_KEY = {
  manager: 'CUSTOMER',
  enabled: true,
  deletion: NEVER,
  pendingWindow: 0,
  description: '',
  policy: '',
  tags: [],
  publicKey: undefined,
  rotation: undefined,
  onDemandRotations: 0,
  multiRegion: undefined,
  transition: undefined,
  customKeyStoreId: undefined,
  xksKeyId: undefined,
  version: 0,
} as const satisfies Partial<KeyFields>

/** A material fresh from the HSM, current at once: what a key is made with. */
export function newMaterial(id: string, token: Uint8Array, now: Instant): Material {
  return {
    id,
    header: headerOf(id),
    token,
    state: 'CURRENT',
    created: now,
    expires: NEVER,
    rotated: undefined,
    description: '',
    version: 0,
    opened: { slot: 0 },
  }
}

/** The key of these fields. */
export function keyOf(fields: KeyFields): Key {
  const { region, account, id, currentId, materials } = fields
  const arn = arnOf(region, account, `key/${id}`)
  const current = materials.find((material) => material.id === currentId)
  // A replica made from the fields of its primary key is used by itself.
  const used =
    fields.used?.arn === arn
      ? fields.used
      : { arn, operation: '', at: 0, requestId: undefined, event: undefined, pending: false }
  const key = { ...fields, arn, current, used, access: new Access(), calmFrom: NEVER, calmUntil: 0 }
  if (!key.enabled || !isWhole(key, 0) || key.pendingWindow > 0 || key.customKeyStoreId !== undefined) return key
  key.calmFrom = key.transition?.state === 'Creating' ? key.transition.until : 0
  key.calmUntil = Math.min(
    key.deletion === NEVER ? NEVER : 0,
    key.rotation?.next ?? NEVER,
    ...materials.map(({ expires }) => expires),
    ...materials.map(finishOf),
  )
  return key
}

/** `key` with some of its fields changed. */
export function withFields(key: Key, fields: Partial<KeyFields>): Key {
  return keyOf({ ...key, ...fields })
}

/**
 * The state AWS would report at `now`. Nothing is scheduled; a deadline is a date we compare with. Whether the custom key
 * store of a key is connected is for the caller to know.
 */
export function stateOf(key: Key, now: Instant): KeyState {
  if (key.pendingWindow > 0 && now < lastReplicaDeletion(key)) return 'PendingReplicaDeletion'
  if (key.deletion !== NEVER || key.pendingWindow > 0) return 'PendingDeletion'
  if (key.transition && now < key.transition.until) return key.transition.state
  if (key.unavailable) return 'Unavailable'
  // What was not imported can only have been destroyed: the store is an old copy, from before the key was deleted.
  if (!isWhole(key, now)) return key.origin === 'EXTERNAL' ? 'PendingImport' : 'Unavailable'
  return key.enabled ? 'Enabled' : 'Disabled'
}

/**
 * The next date on which something is to be done about a key though nobody asks for it: its erasure, a rotation, the
 * expiry of a material. NEVER when there is none. A replica's rotations are its primary key's business.
 */
export function dueOf(key: KeyFields): Instant {
  const rotates = key.enabled && key.deletion === NEVER && key.pendingWindow === 0
  return Math.min(
    key.deletion,
    rotates && (!key.multiRegion || isPrimary(key)) ? (key.rotation?.next ?? NEVER) : NEVER,
    ...key.materials.map(({ token, expires }) => (token === undefined ? NEVER : expires)),
    ...key.materials.map(finishOf),
  )
}

/** When the rotation on demand that is under way will make `material` current; NEVER when none is. */
function finishOf({ state, rotated }: Material): Instant {
  return state === 'PENDING_ROTATION' && rotated ? rotated.at : NEVER
}

/** The states of a key that is not to be deleted. */
export const KEPT: readonly KeyState[] = ['Creating', 'Enabled', 'Disabled', 'PendingImport', 'Unavailable', 'Updating']

/** Past its deletion date a key is gone, whether or not its rows have been swept yet. */
export function isGone(key: Pick<Key, 'deletion'>, now: Instant): boolean {
  return key.deletion <= now
}

/** When a key scheduled at `now` will be deleted. */
export function deletionDate(now: Instant, days: number): Instant {
  return now + days * DAY
}

/** Materials that encrypt, or ever did; those still waiting for their rotation are not among them. */
export function associatedMaterials(key: KeyFields): readonly Material[] {
  return key.materials.filter(({ state }) => state === 'CURRENT' || state === 'NON_CURRENT')
}

/** Whether a material is there to be used at `now`. */
export function isPresent(material: Material, now: Instant): boolean {
  return material.token !== undefined && material.expires > now
}

/** The id of a material where AWS tells it: of symmetric keys, but for those in custom key stores. */
export function shownMaterialId(key: KeyFields, material: Material): string | undefined {
  return key.spec === 'SYMMETRIC_DEFAULT' && key.customKeyStoreId === undefined ? material.id : undefined
}

/** Whether every material is there that must be; those of a custom key store are for it to know. */
function isWhole(key: KeyFields & { readonly current: Material | undefined }, now: Instant): boolean {
  if (key.customKeyStoreId !== undefined) return true
  return key.current !== undefined && associatedMaterials(key).every((material) => isPresent(material, now))
}

export function isPrimary(key: KeyFields): boolean {
  return key.multiRegion?.primary === key.region
}

/** Regions of the related keys, but for this one, that are there at `now`. */
export function relatedRegions(key: KeyFields, now: Instant): string[] {
  const related = key.multiRegion?.related ?? []
  return related.filter(({ region, deletion }) => region !== key.region && deletion > now).map(({ region }) => region)
}

/** When the last replica of a primary key ceases to be: NEVER while one is not even scheduled; 0 without replicas. */
function lastReplicaDeletion(key: KeyFields): Instant {
  const replicas = key.multiRegion?.related.filter(({ region }) => region !== key.region) ?? []
  return Math.max(0, ...replicas.map(({ deletion }) => deletion))
}
