/** What is asked of each service, step by step, so that its calls to the KMS can be printed. */
import type { AccountConfig, Strongroom } from '../src/index.ts'

const ID = '111122223333'
const ROLE = `arn:aws:iam::${ID}:role/application`
const INSTANCE = 'i-0c1141c000000001'

/** Does one thing after the other, and says after each what it was. */
export type Scene = (room: Strongroom) => AsyncIterable<string>

export const ACCOUNT: AccountConfig = {
  id: ID,
  roles: [
    {
      name: 'application',
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${ID}:root` }, Action: 'sts:AssumeRole' }],
      },
      policies: [
        {
          name: 'work',
          document: {
            Version: '2012-10-17',
            Statement: [{ Effect: 'Allow', Action: ['s3:*', 'ec2:*', 'rds:*', 'kms:*'], Resource: '*' }],
          },
        },
      ],
    },
  ],
}

export const SCENES: Readonly<Record<string, Scene>> = { s3, ebs, rds }

async function keyIn(room: Strongroom, region: string): Promise<string> {
  const { KeyMetadata } = await room.as({ arn: ROLE, region }).createKey({ Description: 'for the services' })
  return KeyMetadata!.Arn!
}

async function* s3(room: Strongroom): AsyncIterable<string> {
  const { s3 } = room.as({ arn: ROLE })
  const Bucket = 'records'
  const SSEKMSKeyId = await keyIn(room, room.region)
  await s3.createBucket({ Bucket })
  yield 'CreateBucket'
  await s3.putObject({ Bucket, Key: 'plain.txt', Body: 'text' })
  yield 'PutObject, SSE-S3'
  const own = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId }
  await s3.putObject({ Bucket, Key: 'letter.txt', Body: 'text', ...own })
  yield 'PutObject under a customer key'
  await read(s3, Bucket, 'letter.txt')
  yield 'GetObject'
  await s3.headObject({ Bucket, Key: 'letter.txt' })
  yield 'HeadObject'
  await s3.copyObject({ Bucket, Key: 'copy.txt', CopySource: `${Bucket}/letter.txt`, ...own })
  yield 'CopyObject'
  await s3.putObject({ Bucket, Key: 'managed.txt', Body: 'text', ServerSideEncryption: 'aws:kms' })
  yield 'PutObject under the AWS managed key'
  const { UploadId } = await s3.createMultipartUpload({ Bucket, Key: 'large.bin', ...own })
  yield 'CreateMultipartUpload'
  const { ETag } = await s3.uploadPart({ Bucket, Key: 'large.bin', UploadId, PartNumber: 1, Body: 'text' })
  yield 'UploadPart'
  const Parts = [{ PartNumber: 1, ETag }]
  await s3.completeMultipartUpload({ Bucket, Key: 'large.bin', UploadId, MultipartUpload: { Parts } })
  yield 'CompleteMultipartUpload'
  for (const Key of ['one.txt', 'two.txt', 'three.txt']) {
    await s3.putObject({ Bucket, Key, Body: 'text', ...own, BucketKeyEnabled: true })
  }
  yield 'three PutObject with a Bucket Key'
  for (const Key of ['one.txt', 'two.txt', 'three.txt']) await read(s3, Bucket, Key)
  yield 'three GetObject with a Bucket Key'
}

/** Reads an object to its end; how many bytes it has. */
async function read(s3: Strongroom['s3'], Bucket: string, Key: string): Promise<number> {
  const { Body } = await s3.getObject({ Bucket, Key })
  let length = 0
  for await (const part of Body) length += part.length
  return length
}

async function* ebs(room: Strongroom): AsyncIterable<string> {
  const { ebs } = room.as({ arn: ROLE })
  const elsewhere = room.as({ arn: ROLE, region: 'eu-west-1' }).ebs
  const [KmsKeyId, other, abroad] = [
    await keyIn(room, room.region),
    await keyIn(room, room.region),
    await keyIn(room, 'eu-west-1'),
  ]
  const AvailabilityZone = 'us-east-1a'
  const { VolumeId } = await ebs.createVolume({ Size: 1, AvailabilityZone, Encrypted: true, KmsKeyId })
  yield 'CreateVolume'
  await ebs.attachVolume({ VolumeId, InstanceId: INSTANCE, Device: '/dev/sdf' })
  yield 'AttachVolume'
  const { SnapshotId } = await ebs.createSnapshot({ VolumeId })
  yield 'CreateSnapshot'
  await ebs.detachVolume({ VolumeId })
  yield 'DetachVolume'
  await ebs.createVolume({ SnapshotId, AvailabilityZone })
  yield 'CreateVolume from the snapshot'
  await ebs.copySnapshot({ SourceRegion: room.region, SourceSnapshotId: SnapshotId, KmsKeyId: other, Encrypted: true })
  yield 'CopySnapshot under another key'
  await elsewhere.copySnapshot({
    SourceRegion: room.region,
    SourceSnapshotId: SnapshotId,
    KmsKeyId: abroad,
    Encrypted: true,
  })
  yield 'CopySnapshot to another Region'
  await ebs.createVolume({ Size: 1, AvailabilityZone, Encrypted: true })
  yield 'CreateVolume under the AWS managed key'
}

async function* rds(room: Strongroom): AsyncIterable<string> {
  const { rds } = room.as({ arn: ROLE })
  const [KmsKeyId, other] = [await keyIn(room, room.region), await keyIn(room, room.region)]
  const DBInstanceIdentifier = 'patients'
  await rds.createDBInstance({
    ...{ DBInstanceIdentifier, Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 },
    ...{ MasterUsername: 'clinic', MasterUserPassword: 'only-for-the-page', StorageEncrypted: true, KmsKeyId },
  })
  yield 'CreateDBInstance'
  await rds.stopDBInstance({ DBInstanceIdentifier })
  yield 'StopDBInstance'
  await rds.startDBInstance({ DBInstanceIdentifier })
  yield 'StartDBInstance'
  const DBSnapshotIdentifier = 'nightly'
  await rds.createDBSnapshot({ DBInstanceIdentifier, DBSnapshotIdentifier })
  yield 'CreateDBSnapshot'
  await rds.copyDBSnapshot({
    SourceDBSnapshotIdentifier: DBSnapshotIdentifier,
    TargetDBSnapshotIdentifier: 'rekeyed',
    KmsKeyId: other,
  })
  yield 'CopyDBSnapshot under another key'
  await rds.restoreDBInstanceFromDBSnapshot({ DBSnapshotIdentifier, DBInstanceIdentifier: 'restored' })
  yield 'RestoreDBInstanceFromDBSnapshot'
  await rds.deleteDBInstance({ DBInstanceIdentifier: 'restored', SkipFinalSnapshot: true })
  yield 'DeleteDBInstance'
}
