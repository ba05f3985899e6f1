/** Act two: a volume, a bucket and a database, which encrypt by themselves; and that none of it is on disk in the clear. */
import { at, PATIENTS, type Stage } from './stage.ts'
import { attached, BUCKET, DATABASE, filesWith, INSTANCE, MASTER, query, SCAN } from './things.ts'

/** What was stored, and where. */
export interface Stored {
  readonly volume: string
  readonly database: string
}

export async function storage(stage: Stage): Promise<Stored> {
  const { tell, keys } = stage
  const application = at(stage, 'application')
  tell.act('A volume, a bucket and a database, filled with patients’ records')

  await tell.step('The bucket encrypts whatever comes under its key, unasked.', {
    call: `s3.createBucket('${BUCKET}'), s3.putBucketEncryption('aws:kms', alias/clinic-buckets)`,
    act: async () => {
      await application.s3.createBucket({ Bucket: BUCKET })
      await application.s3.putBucketEncryption({
        Bucket: BUCKET,
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: keys.buckets },
            },
          ],
        },
      })
    },
  })
  for (const { id, name, finding } of PATIENTS) {
    await tell.step(`The application stores the letter of patient ${id}.`, {
      call: `s3.putObject('${BUCKET}', 'letters/${id}')`,
      act: () => application.s3.putObject({ Bucket: BUCKET, Key: `letters/${id}`, Body: `${name}: ${finding}` }),
      shown: ({ ServerSideEncryption, SSEKMSKeyId }) => `${ServerSideEncryption} under ${SSEKMSKeyId}`,
      wrong: ({ SSEKMSKeyId }) => (SSEKMSKeyId === keys.buckets ? undefined : 'another key was used'),
    })
  }

  const volume = await tell.step('The volume gets a data key of its own, which nobody ever sees in the clear.', {
    call: `ebs.createVolume({ Size: 1, Encrypted: true, KmsKeyId: 'alias/clinic-volumes' })`,
    act: async () => {
      const { VolumeId } = await application.ebs.createVolume({
        ...{ Size: 1, AvailabilityZone: 'us-east-1a' },
        ...{ Encrypted: true, KmsKeyId: keys.volumes },
      })
      return VolumeId
    },
    shown: (id) => id,
  })
  await tell.step('Attached to an instance, it is a block device; images of patients are written to it.', {
    call: `ebs.attachVolume('${volume}', '${INSTANCE}'), NBD write`,
    act: () => attached(application, volume, (disk) => disk.write(0, SCAN)),
  })

  const database = await tell.step('The database keeps its pages under a data key, too.', {
    call: `rds.createDBInstance({ DBInstanceIdentifier: '${DATABASE}', StorageEncrypted: true, KmsKeyId })`,
    act: async () => {
      const { DBInstance } = await application.rds.createDBInstance({
        ...{
          DBInstanceIdentifier: DATABASE,
          Engine: 'postgres',
          DBInstanceClass: 'db.t4g.micro',
          AllocatedStorage: 20,
        },
        ...{ MasterUsername: MASTER.user, MasterUserPassword: MASTER.password },
        ...{ StorageEncrypted: true, KmsKeyId: keys.databases },
      })
      return DBInstance
    },
    shown: ({ DbiResourceId, DBInstanceStatus }) => `${DbiResourceId}, ${DBInstanceStatus}`,
    wrong: ({ KmsKeyId }) => (KmsKeyId === keys.databases ? undefined : 'another key was used'),
  })
  await tell.step('The application fills it.', {
    call: 'INSERT INTO patients …',
    act: async () => {
      await query(application, 'CREATE TABLE patients (id text PRIMARY KEY, name text, finding text)')
      for (const { id, name, finding } of PATIENTS)
        await query(application, `INSERT INTO patients VALUES ('${id}', '${name}', '${finding}')`)
      return query(application, 'SELECT count(*)::int AS many FROM patients')
    },
    shown: ([row]) => `${String(row?.many)} rows`,
    wrong: ([row]) => (row?.many === PATIENTS.length ? undefined : 'rows are missing'),
  })
  await tell.step('Of all these words, not one is on disk in the clear.', {
    call: 'every file of the room, searched',
    act: () =>
      filesWith(
        stage.folder,
        PATIENTS.flatMap(({ name, finding }) => [name, finding]),
      ),
    shown: ({ searched }) => `${searched} files`,
    wrong: ({ found }) => (found.length === 0 ? undefined : `found in ${found.join(', ')}`),
  })
  return { volume, database: database.DBInstanceIdentifier }
}
