/** Snapshots: restored, copied under another key, in another Region and another account; and the trail of it all. */
import test from 'ava'
import { refuses } from '../../helpers/scene.ts'
import { ACCOUNT, sql, stage, wanted } from './scene.ts'

const PARTNER = '000000000002'
const ROWS = [{ name: 'Ada' }]
const SELECT = 'SELECT name FROM patients'

test('a copy under a key of its own outlives the key it was made under', async (t) => {
  const { open } = await stage(t, { accounts: [{ id: ACCOUNT }, { id: PARTNER }] })
  const room = await open()
  const partner = room.as({ account: PARTNER })
  const abroad = room.as({ region: 'eu-north-1' })
  const sharing = (account: string) =>
    JSON.stringify({
      Statement: [ACCOUNT, account].map((id) => ({
        Effect: 'Allow',
        Principal: { AWS: id },
        Action: 'kms:*',
        Resource: '*',
      })),
    })
  const KeyId = (await room.createKey({ Policy: sharing(PARTNER) })).KeyMetadata!.Arn!
  const theirs = (await partner.createKey({})).KeyMetadata!.Arn!
  const foreign = (await abroad.createKey({})).KeyMetadata!.Arn!

  const { DBInstance } = await room.rds.createDBInstance(wanted('patients', { KmsKeyId: KeyId }))
  const id = DBInstance.DbiResourceId
  await sql(DBInstance, "CREATE TABLE patients (name text); INSERT INTO patients VALUES ('Ada')")
  const named = { DBInstanceIdentifier: 'patients', DBSnapshotIdentifier: 'one' }
  const { DBSnapshot: one } = await room.rds.createDBSnapshot(named)
  t.like(one, { DBSnapshotIdentifier: 'one', Status: 'available', Encrypted: true, KmsKeyId: KeyId, DbiResourceId: id })
  await refuses(t, room.rds.createDBSnapshot(named), 'DBSnapshotAlreadyExists')

  // Elsewhere it takes a key of there.
  const copy = { SourceDBSnapshotIdentifier: one.DBSnapshotArn, TargetDBSnapshotIdentifier: 'two' }
  await refuses(t, abroad.rds.copyDBSnapshot(copy), 'InvalidParameterCombination')
  const there = { ...copy, SourceDBSnapshotIdentifier: 'one', KmsKeyId: foreign }
  await refuses(t, abroad.rds.copyDBSnapshot(there), 'DBSnapshotNotFound')
  const { DBSnapshot: two } = await abroad.rds.copyDBSnapshot({ ...there, SourceRegion: 'us-east-1' })
  t.like(two, { KmsKeyId: foreign, SourceRegion: 'us-east-1', SourceDBSnapshotIdentifier: one.DBSnapshotArn })

  // Another account sees what is shared with it, and nothing else.
  await refuses(t, partner.rds.copyDBSnapshot({ ...copy, KmsKeyId: theirs }), 'DBSnapshotNotFound')
  const share = { DBSnapshotIdentifier: 'one', AttributeName: 'restore', ValuesToAdd: [PARTNER] }
  const { DBSnapshotAttributesResult } = await room.rds.modifyDBSnapshotAttribute(share)
  t.deepEqual(DBSnapshotAttributesResult.DBSnapshotAttributes, [
    { AttributeName: 'restore', AttributeValues: [PARTNER] },
  ])
  const [shared] = (await partner.rds.describeDBSnapshots({ SnapshotType: 'shared' })).DBSnapshots
  t.is(shared!.DBSnapshotArn, one.DBSnapshotArn)
  const direct = { DBInstanceIdentifier: 'mine', DBSnapshotIdentifier: one.DBSnapshotArn }
  await refuses(t, partner.rds.restoreDBInstanceFromDBSnapshot(direct), 'InvalidDBSnapshotState')
  await partner.rds.copyDBSnapshot({ ...copy, KmsKeyId: theirs })

  // Without its key the first is worth nothing; the copies are.
  await room.rds.deleteDBInstance({ DBInstanceIdentifier: 'patients', SkipFinalSnapshot: true })
  await room.disableKey({ KeyId })
  const back = { DBInstanceIdentifier: 'back', DBSnapshotIdentifier: 'one' }
  await refuses(t, room.rds.restoreDBInstanceFromDBSnapshot(back), 'KMSKeyNotAccessibleFault')
  for (const somebody of [abroad, partner]) {
    const restored = await somebody.rds.restoreDBInstanceFromDBSnapshot({ ...back, DBSnapshotIdentifier: 'two' })
    t.not(restored.DBInstance.DbiResourceId, id)
    t.deepEqual(await sql(restored.DBInstance, SELECT), ROWS)
    await somebody.rds.deleteDBInstance({ DBInstanceIdentifier: 'back', SkipFinalSnapshot: true })
  }

  await room.rds.deleteDBSnapshot({ DBSnapshotIdentifier: 'one' })
  t.deepEqual((await room.rds.describeDBSnapshots({})).DBSnapshots, [])
  t.deepEqual((await partner.rds.describeDBSnapshots({ SnapshotType: 'shared' })).DBSnapshots, [])
})

test('under the AWS managed key: nothing to share, and a trail that says who used the key for what', async (t) => {
  const { open } = await stage(t)
  const room = await open()
  const { DBInstance } = await room.rds.createDBInstance(wanted('patients'))
  const named = { DBInstanceIdentifier: 'patients', DBSnapshotIdentifier: 'one' }
  const { DBSnapshot } = await room.rds.createDBSnapshot(named)
  // Whoever looks often is told what the KMS said a moment ago.
  for (let times = 0; times < 3; times++) await room.rds.describeDBInstances({})
  const { KeyMetadata } = await room.describeKey({ KeyId: 'alias/aws/rds' })
  t.is(DBSnapshot.KmsKeyId, KeyMetadata!.Arn!)
  const share = { DBSnapshotIdentifier: 'one', AttributeName: 'restore', ValuesToAdd: [PARTNER] }
  await refuses(t, room.rds.modifyDBSnapshotAttribute(share), 'InvalidParameterCombination', /default service key/)

  const told: unknown[] = []
  for await (const { eventName, userIdentity, requestParameters, sourceIPAddress } of room.audit.events()) {
    const { encryptionContext = {} } = requestParameters as { encryptionContext?: Record<string, string> }
    if (sourceIPAddress !== 'rds.amazonaws.com') continue
    told.push([
      eventName,
      userIdentity.arn,
      Object.keys(encryptionContext).toSorted(),
      encryptionContext['aws:rds:db-id'],
    ])
  }
  const root = `arn:aws:iam::${ACCOUNT}:root`
  const id = DBInstance.DbiResourceId
  const rds = `arn:aws:sts::${ACCOUNT}:assumed-role/aws:rds-infrastructure/${id}`
  t.deepEqual(told, [
    ['DescribeKey', root, [], undefined],
    ['CreateGrant', root, [], undefined],
    ['GenerateDataKeyWithoutPlaintext', rds, ['aws:ebs:id', 'aws:rds:db-id'], id],
    ['Decrypt', rds, ['aws:ebs:id', 'aws:rds:db-id'], id],
    ['DescribeKey', rds, [], undefined],
  ])
})
