/** Act five: the Region is lost; what was replicated serves from another one, until the Region is back. */
import { HOME, REFUGE } from './cast.ts'
import { everythingReads } from './readers.ts'
import { at, elsewhere, PATIENTS, type Stage } from './stage.ts'
import type { Stored } from './storage.ts'
import { BUCKET, letter, query } from './things.ts'

const REFUGE_BUCKET = `${BUCKET}-${REFUGE}`
const REFUGE_DATABASE = 'patients-refuge'

export async function anotherRegion(stage: Stage, stored: Stored): Promise<void> {
  const { tell, keys, room } = stage
  const [here, there] = [at(stage, 'application'), at(stage, 'application', REFUGE)]
  const [patient] = PATIENTS as readonly [(typeof PATIENTS)[0]]
  const context = { patient: patient.id }

  tell.act('A second Region stands by')
  await tell.step('Letters are copied to a bucket there, under the replica of their key.', {
    call: `s3.getObject('letters/…') at ${HOME}, s3.putObject('${REFUGE_BUCKET}') at ${REFUGE}`,
    act: async () => {
      await there.s3.createBucket({
        Bucket: REFUGE_BUCKET,
        CreateBucketConfiguration: { LocationConstraint: REFUGE },
      })
      for (const { id } of PATIENTS)
        await there.s3.putObject({
          ...{ Bucket: REFUGE_BUCKET, Key: `letters/${id}`, Body: await letter(here, BUCKET, id) },
          ...{ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: elsewhere(keys.buckets, REFUGE) },
        })
    },
  })
  await tell.step('A snapshot of the database is copied there, and re-encrypted under the replica on its way.', {
    call: `rds.copyDBSnapshot({ SourceRegion: '${HOME}', KmsKeyId }) at ${REFUGE}`,
    act: async () => {
      await here.rds.createDBSnapshot({
        DBInstanceIdentifier: stored.database,
        DBSnapshotIdentifier: 'before-the-storm',
      })
      await there.rds.copyDBSnapshot({
        SourceDBSnapshotIdentifier: 'before-the-storm',
        TargetDBSnapshotIdentifier: 'before-the-storm',
        SourceRegion: HOME,
        KmsKeyId: elsewhere(keys.databases, REFUGE),
      })
    },
  })
  const { CiphertextBlob } = await here.encrypt({
    ...{ KeyId: keys.databases, Plaintext: Buffer.from(patient.finding), EncryptionContext: context },
  })

  tell.act(`${HOME} goes dark`)
  await tell.refusal('Nobody answers there.', {
    call: `regions.down('${HOME}'), then decrypt()`,
    code: 'ECONNREFUSED',
    act: async () => {
      await room.regions.down(HOME)
      await here.decrypt({ KeyId: keys.databases, CiphertextBlob: CiphertextBlob!, EncryptionContext: context })
    },
  })
  await tell.step(`What was encrypted in ${HOME} is decrypted in ${REFUGE}, by the replica.`, {
    call: `decrypt() at ${REFUGE}`,
    act: () =>
      there.decrypt({
        ...{ KeyId: elsewhere(keys.databases, REFUGE), CiphertextBlob: CiphertextBlob!, EncryptionContext: context },
      }),
    shown: ({ KeyId, Plaintext }) => `“${Buffer.from(Plaintext!).toString()}” by ${KeyId}`,
    wrong: ({ Plaintext }) => (Buffer.from(Plaintext!).toString() === patient.finding ? undefined : 'it differs'),
  })
  await tell.step('Letters are read there.', {
    call: `s3.getObject('${REFUGE_BUCKET}', 'letters/${patient.id}')`,
    act: () => letter(there, REFUGE_BUCKET, patient.id),
    shown: (text) => `“${text}”`,
    wrong: (text) => (text === `${patient.name}: ${patient.finding}` ? undefined : 'it is another letter'),
  })
  await tell.step('The database is restored there, and answers.', {
    call: `rds.restoreDBInstanceFromDBSnapshot('before-the-storm') at ${REFUGE}`,
    act: async () => {
      await there.rds.restoreDBInstanceFromDBSnapshot({
        DBSnapshotIdentifier: 'before-the-storm',
        DBInstanceIdentifier: REFUGE_DATABASE,
      })
      return query(there, 'SELECT count(*)::int AS many FROM patients', REFUGE_DATABASE)
    },
    shown: ([row]) => `${String(row?.many)} patients`,
    wrong: ([row]) => (row?.many === PATIENTS.length ? undefined : 'patients are missing'),
  })

  tell.act(`${HOME} is back`)
  await room.regions.up(HOME)
  await everythingReads(stage, stored, 'As before, the application')
  await tell.step(`${REFUGE} becomes the home of the database's key.`, {
    call: `updatePrimaryRegion({ PrimaryRegion: '${REFUGE}' })`,
    act: async () => {
      await at(stage, 'keeper').updatePrimaryRegion({ KeyId: keys.databases, PrimaryRegion: REFUGE })
      return at(stage, 'keeper', REFUGE).describeKey({ KeyId: elsewhere(keys.databases, REFUGE) })
    },
    shown: ({ KeyMetadata }) => `${KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType}`,
    wrong: ({ KeyMetadata }) =>
      KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType === 'PRIMARY' ? undefined : 'it is still a replica',
  })
}
