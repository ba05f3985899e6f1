/** What EC2's operations about volumes and snapshots are asked, and what they show: with AWS's member names. */

export interface Tag {
  readonly Key: string
  readonly Value?: string
}

export interface TagSpecification {
  readonly ResourceType?: string
  readonly Tags?: readonly Tag[]
}

interface Rehearsed {
  readonly DryRun?: boolean
}

interface Tagged {
  readonly TagSpecifications?: readonly TagSpecification[]
}

/** How what is made is to be encrypted. */
export interface EncryptionWanted {
  readonly Encrypted?: boolean
  readonly KmsKeyId?: string
}

export interface CreateVolumeRequest extends Rehearsed, Tagged, EncryptionWanted {
  readonly AvailabilityZone?: string
  /** In GiB; that of the snapshot if there is one. */
  readonly Size?: number
  readonly SnapshotId?: string
  readonly VolumeType?: string
  readonly Iops?: number
  readonly Throughput?: number
  /** Asked again with the same, it is the same volume. */
  readonly ClientToken?: string
}

export interface Filter {
  readonly Name?: string
  readonly Values?: readonly string[]
}

export interface Listing extends Rehearsed {
  readonly Filters?: readonly Filter[]
  readonly MaxResults?: number
  readonly NextToken?: string
}

export interface DescribeVolumesRequest extends Listing {
  readonly VolumeIds?: readonly string[]
}

export interface VolumeNamed extends Rehearsed {
  readonly VolumeId?: string
}

export interface AttachVolumeRequest extends VolumeNamed {
  readonly InstanceId?: string
  readonly Device?: string
}

export interface CreateSnapshotRequest extends VolumeNamed, Tagged {
  readonly Description?: string
}

export interface CopySnapshotRequest extends Rehearsed, Tagged, EncryptionWanted {
  readonly SourceRegion?: string
  readonly SourceSnapshotId?: string
  readonly Description?: string
}

export interface DescribeSnapshotsRequest extends Listing {
  readonly SnapshotIds?: readonly string[]
  /** Account ids, or `self`. */
  readonly OwnerIds?: readonly string[]
  readonly RestorableByUserIds?: readonly string[]
}

export interface SnapshotNamed extends Rehearsed {
  readonly SnapshotId?: string
}

interface Permission {
  readonly UserId?: string
  readonly Group?: string
}

export interface ModifySnapshotAttributeRequest extends SnapshotNamed {
  readonly Attribute?: string
  readonly OperationType?: string
  readonly UserIds?: readonly string[]
  readonly GroupNames?: readonly string[]
  readonly CreateVolumePermission?: { readonly Add?: readonly Permission[]; readonly Remove?: readonly Permission[] }
}

export interface DescribeSnapshotAttributeRequest extends SnapshotNamed {
  readonly Attribute?: string
}

export interface KeyNamed extends Rehearsed {
  readonly KmsKeyId?: string
}

export type Nothing = Rehearsed

export interface EncryptionByDefault {
  readonly EbsEncryptionByDefault: boolean
}

export interface DefaultKey {
  readonly KmsKeyId: string
}

/** A volume attached to an instance. */
export interface VolumeAttachment {
  readonly VolumeId: string
  readonly InstanceId: string
  readonly Device: string
  readonly State: 'attached' | 'detached'
  readonly AttachTime: Date
  readonly DeleteOnTermination: false
  /** Ours: where the volume is served. */
  readonly NbdUri?: string
}

export interface Volume {
  readonly VolumeId: string
  readonly Size: number
  readonly AvailabilityZone: string
  readonly State: 'available' | 'in-use'
  readonly VolumeType: string
  readonly Iops?: number
  readonly Throughput?: number
  readonly SnapshotId: string
  readonly CreateTime: Date
  readonly Encrypted: boolean
  readonly KmsKeyId?: string
  readonly MultiAttachEnabled: false
  readonly Attachments: readonly VolumeAttachment[]
  readonly Tags: readonly Tag[]
}

export interface Snapshot {
  readonly SnapshotId: string
  readonly VolumeId: string
  readonly VolumeSize: number
  readonly State: 'completed'
  readonly Progress: '100%'
  readonly StartTime: Date
  readonly OwnerId: string
  readonly Description: string
  readonly Encrypted: boolean
  readonly KmsKeyId?: string
  /** Equal for all that is encrypted under one data key. */
  readonly DataEncryptionKeyId?: string
  readonly Tags: readonly Tag[]
}
