/** Records as RDS shows them. */
import { DAY, type Instant } from '../../clock.ts'
import { arnOf, type InstanceRecord, type SnapshotRecord } from './records.ts'
import type { DBInstance, DBSnapshot } from './shapes.ts'

/** Who is at work under the name; PGlite's, which goes with the package. */
export const ENGINE = { Engine: 'postgres', EngineVersion: '18.6' }
const STORAGE = { StorageType: 'gp3' }
const HOST = '127.0.0.1'
/** So long a key may be out of reach before an instance is given up (AWS, Amazon RDS user guide, AWS KMS key management). */
const GRACE = 7 * DAY

/** The status at `now`: nothing is scheduled, and an instance is given up when its time is over. */
export function statusOf({ state, since, isLost = false }: InstanceRecord, isRunning: boolean, now: Instant): string {
  if (state === 'available') return isRunning ? 'available' : 'starting'
  if (state === 'stopped') return 'stopped'
  return isLost || now >= since! + GRACE ? LOST : RECOVERABLE
}

const LOST = 'inaccessible-encryption-credentials'
export const RECOVERABLE = `${LOST}-recoverable`

export function shownInstance(place: string, name: string, record: InstanceRecord, status: string): DBInstance {
  return {
    DBInstanceIdentifier: name,
    DBInstanceClass: record.class,
    ...ENGINE,
    DBInstanceStatus: status,
    MasterUsername: record.master,
    DBName: record.database,
    Endpoint: { Address: HOST, Port: record.port },
    AllocatedStorage: record.size,
    InstanceCreateTime: new Date(record.created),
    BackupRetentionPeriod: 0,
    MultiAZ: false,
    PubliclyAccessible: false,
    ...STORAGE,
    StorageEncrypted: true,
    KmsKeyId: record.dataKey.keyArn,
    DbiResourceId: record.id,
    DeletionProtection: record.isProtected,
    DBInstanceArn: arnOf('db', place, name),
    TagList: record.tags ?? [],
  }
}

export function shownSnapshot(place: string, name: string, record: SnapshotRecord, isShared = false): DBSnapshot {
  const arn = arnOf('snapshot', place, name)
  return {
    DBSnapshotIdentifier: isShared ? arn : name,
    DBInstanceIdentifier: record.instance.name,
    SnapshotCreateTime: new Date(record.created),
    ...ENGINE,
    AllocatedStorage: record.size,
    Status: 'available',
    Port: record.port,
    InstanceCreateTime: new Date(record.instance.created),
    MasterUsername: record.master,
    SnapshotType: isShared ? 'shared' : 'manual',
    PercentProgress: 100,
    ...(record.source !== undefined && {
      SourceDBSnapshotIdentifier: record.source,
      SourceRegion: record.source.split(':')[3]!,
    }),
    ...STORAGE,
    Encrypted: true,
    KmsKeyId: record.dataKey.keyArn,
    DBSnapshotArn: arn,
    DbiResourceId: record.instance.id,
    TagList: isShared ? [] : (record.tags ?? []),
  }
}
