/** What RDS's operations are asked, and what they show: with AWS's member names. */
import type { Tag } from './records.ts'

export interface CreateDBInstanceRequest {
  readonly DBInstanceIdentifier?: string
  /** `postgres`. */
  readonly Engine?: string
  readonly DBInstanceClass?: string
  /** In GiB. Said and shown; the disk is the limit. */
  readonly AllocatedStorage?: number
  readonly MasterUsername?: string
  readonly MasterUserPassword?: string
  /** The one database there is. Default: `postgres`. */
  readonly DBName?: string
  /** Of the loopback. Default: a free one, which stays as long as nobody else takes it. */
  readonly Port?: number
  /** Default, unlike AWS's: true, and there is nothing else. */
  readonly StorageEncrypted?: boolean
  /** Default: the AWS managed key. */
  readonly KmsKeyId?: string
  readonly DeletionProtection?: boolean
  readonly Tags?: readonly Tag[]
}

/** Whatever is said is done at once, whether `ApplyImmediately` is or not. */
export interface ModifyDBInstanceRequest extends InstanceRequest {
  readonly DBInstanceClass?: string
  /** In GiB; it only grows, and by a tenth at least. */
  readonly AllocatedStorage?: number
  readonly MasterUserPassword?: string
  readonly DeletionProtection?: boolean
  readonly ApplyImmediately?: boolean
}

export interface InstanceRequest {
  readonly DBInstanceIdentifier?: string
}

export interface DescribeDBInstancesRequest extends InstanceRequest, Paging {
  /** By `db-instance-id`, `dbi-resource-id` or `engine`. */
  readonly Filters?: readonly Filter[]
}

export interface Filter {
  readonly Name?: string
  readonly Values?: readonly string[]
}

export interface StopDBInstanceRequest extends InstanceRequest {
  /** A snapshot to be made first. */
  readonly DBSnapshotIdentifier?: string
}

export interface DeleteDBInstanceRequest extends InstanceRequest {
  readonly SkipFinalSnapshot?: boolean
  readonly FinalDBSnapshotIdentifier?: string
}

export interface SnapshotRequest {
  readonly DBSnapshotIdentifier?: string
}

export interface CreateDBSnapshotRequest extends SnapshotRequest, InstanceRequest {
  readonly Tags?: readonly Tag[]
}

export interface DescribeDBSnapshotsRequest extends SnapshotRequest, InstanceRequest, Paging {
  /** `manual`, or `shared`. */
  readonly SnapshotType?: string
  readonly IncludeShared?: boolean
}

export interface CopyDBSnapshotRequest {
  /** An identifier, or an ARN, of another Region's or another account's snapshot. */
  readonly SourceDBSnapshotIdentifier?: string
  readonly TargetDBSnapshotIdentifier?: string
  /** Default, in one Region and account: the snapshot's. */
  readonly KmsKeyId?: string
  readonly SourceRegion?: string
  readonly Tags?: readonly Tag[]
}

export interface RestoreDBInstanceFromDBSnapshotRequest extends InstanceRequest, SnapshotRequest {
  readonly DBInstanceClass?: string
  readonly Port?: number
  readonly DeletionProtection?: boolean
  readonly Tags?: readonly Tag[]
}

export interface ListTagsRequest {
  /** The ARN of an instance or a snapshot. */
  readonly ResourceName?: string
}

export interface AddTagsRequest extends ListTagsRequest {
  readonly Tags?: readonly Partial<Tag>[]
}

export interface RemoveTagsRequest extends ListTagsRequest {
  readonly TagKeys?: readonly string[]
}

export interface ModifyDBSnapshotAttributeRequest extends SnapshotRequest {
  /** `restore` */
  readonly AttributeName?: string
  /** Accounts. */
  readonly ValuesToAdd?: readonly string[]
  readonly ValuesToRemove?: readonly string[]
}

interface Paging {
  /** 20 to 100. Default 100. */
  readonly MaxRecords?: number
  readonly Marker?: string
}

export interface DBInstance {
  readonly DBInstanceIdentifier: string
  readonly DBInstanceClass: string
  readonly Engine: string
  readonly EngineVersion: string
  readonly DBInstanceStatus: string
  readonly MasterUsername: string
  readonly DBName: string
  readonly Endpoint?: { readonly Address: string; readonly Port: number }
  readonly AllocatedStorage: number
  readonly InstanceCreateTime: Date
  readonly BackupRetentionPeriod: number
  readonly MultiAZ: boolean
  readonly PubliclyAccessible: boolean
  readonly StorageType: string
  readonly StorageEncrypted: boolean
  readonly KmsKeyId: string
  readonly DbiResourceId: string
  readonly DeletionProtection: boolean
  readonly DBInstanceArn: string
  readonly TagList: readonly Tag[]
}

export interface DBSnapshot {
  readonly DBSnapshotIdentifier: string
  readonly DBInstanceIdentifier: string
  readonly SnapshotCreateTime: Date
  readonly Engine: string
  readonly EngineVersion: string
  readonly AllocatedStorage: number
  readonly Status: string
  readonly Port: number
  readonly InstanceCreateTime: Date
  readonly MasterUsername: string
  readonly SnapshotType: string
  readonly PercentProgress: number
  readonly SourceRegion?: string
  readonly SourceDBSnapshotIdentifier?: string
  readonly StorageType: string
  readonly Encrypted: boolean
  readonly KmsKeyId: string
  readonly DBSnapshotArn: string
  readonly DbiResourceId: string
  readonly TagList: readonly Tag[]
}

export interface DBSnapshotAttributesResult {
  readonly DBSnapshotIdentifier: string
  readonly DBSnapshotAttributes: readonly {
    readonly AttributeName: string
    readonly AttributeValues: readonly string[]
  }[]
}

export interface TagListMessage {
  readonly TagList: readonly Tag[]
}

export interface OneInstance {
  readonly DBInstance: DBInstance
}

export interface OneSnapshot {
  readonly DBSnapshot: DBSnapshot
}

export interface ManyInstances {
  readonly DBInstances: readonly DBInstance[]
  readonly Marker?: string
}

export interface ManySnapshots {
  readonly DBSnapshots: readonly DBSnapshot[]
  readonly Marker?: string
}

export interface Attributes {
  readonly DBSnapshotAttributesResult: DBSnapshotAttributesResult
}
