/** A database's life: it works while its key does, and its rows are nowhere to be read without it. */
import test from 'ava'
import { Client } from 'pg'
import { refuses } from '../../helpers/scene.ts'
import { ACCOUNT, filesWith, PASSWORD, sql, stage, wanted } from './scene.ts'

const NAME = { DBInstanceIdentifier: 'patients' }
const FILL = `
  CREATE TABLE patients (id int PRIMARY KEY, name text);
  INSERT INTO patients SELECT n, 'Lovelace-' || n FROM generate_series(1, 500) n`
const COUNT = 'SELECT count(*)::int AS n FROM patients'
const THERE = [{ n: 500 }]

/** The right to have databases, and to let RDS use keys for them; not to use any. */
const KEEPER = {
  name: 'keeper',
  policies: [
    {
      name: 'databases',
      document: {
        Statement: { Effect: 'Allow', Action: ['rds:*', 'kms:CreateGrant', 'kms:DescribeKey'], Resource: '*' },
      },
    },
  ],
}

test('it keeps its rows through stop, start and a new room, and loses its key for a while, and for good', async (t) => {
  const { data, open, pass } = await stage(t, { accounts: [{ id: ACCOUNT, users: [KEEPER] }] })
  let room = await open()
  const { KeyMetadata } = await room.createKey({})
  const KeyId = KeyMetadata!.Arn!
  const keeper = room.as({ arn: `arn:aws:iam::${ACCOUNT}:user/keeper` })

  const { DBInstance: made } = await keeper.rds.createDBInstance(
    wanted('Patients', { KmsKeyId: KeyId, DBName: 'clinic' }),
  )
  t.like(made, {
    ...{ DBInstanceIdentifier: 'patients', DBInstanceStatus: 'available', DBName: 'clinic', MasterUsername: 'doctor' },
    ...{ StorageEncrypted: true, KmsKeyId: KeyId, DBInstanceArn: `arn:aws:rds:us-east-1:${ACCOUNT}:db:patients` },
  })
  t.regex(made.DbiResourceId, /^db-[A-Z0-9]{26}$/)
  await sql(made, FILL)
  await t.throwsAsync(sql(made, COUNT, `${PASSWORD}!`), { message: /password authentication failed/ })
  await refuses(t, keeper.rds.createDBInstance(wanted('patients')), 'DBInstanceAlreadyExists')

  await t.throwsAsync(sql(made, 'SELECT nonsense'), { code: '42703' })
  await refuses(t, keeper.rds.startDBInstance(NAME), 'InvalidDBInstanceState')

  // Stopped: nobody is served, and nothing is to be read.
  t.is((await keeper.rds.stopDBInstance(NAME)).DBInstance.DBInstanceStatus, 'stopped')
  await t.throwsAsync(sql(made, COUNT), { code: 'ECONNREFUSED' })
  await refuses(t, keeper.rds.stopDBInstance(NAME), 'InvalidDBInstanceState')
  t.deepEqual(await filesWith(data, ['Lovelace', PASSWORD, 'patients_pkey']), [])
  t.deepEqual(await sql((await keeper.rds.startDBInstance(NAME)).DBInstance, COUNT), THERE)

  // A room that opens again starts what ran.
  await room.close()
  room = await open()
  const status = async () => (await room.rds.describeDBInstances(NAME)).DBInstances[0]!.DBInstanceStatus
  t.is(await status(), 'available')
  t.deepEqual(await sql((await room.rds.describeDBInstances(NAME)).DBInstances[0]!, COUNT), THERE)

  const current = async () => (await room.rds.describeDBInstances(NAME)).DBInstances[0]!

  // The key is disabled under it.
  const client = new Client({
    host: '127.0.0.1',
    port: (await current()).Endpoint!.Port,
    user: 'doctor',
    database: 'clinic',
    password: PASSWORD,
  })
  const cut = new Promise((resolve) => client.on('error', resolve))
  await client.connect()
  await room.disableKey({ KeyId })
  t.is(await status(), 'inaccessible-encryption-credentials-recoverable')
  await cut
  await refuses(t, room.rds.startDBInstance(NAME), 'KMSKeyNotAccessibleFault', /is disabled/)
  await refuses(t, room.rds.createDBSnapshot({ ...NAME, DBSnapshotIdentifier: 'late' }), 'InvalidDBInstanceState')
  pass(6.9)
  await room.enableKey({ KeyId })
  t.is(await status(), 'inaccessible-encryption-credentials-recoverable')
  t.deepEqual(await sql((await room.rds.startDBInstance(NAME)).DBInstance, COUNT), THERE)
  await room.rds.createDBSnapshot({ ...NAME, DBSnapshotIdentifier: 'kept' })

  // After seven days RDS gives it up, whatever becomes of the key. A sweep notices, too.
  await room.disableKey({ KeyId })
  await room.sweep()
  pass(7)
  await room.enableKey({ KeyId })
  t.is(await status(), 'inaccessible-encryption-credentials')
  await refuses(t, room.rds.startDBInstance(NAME), 'InvalidDBInstanceState')

  // But not the snapshots, until the key is gone.
  const again = { DBInstanceIdentifier: 'again', DBSnapshotIdentifier: 'kept' }
  const { DBInstance: restored } = await room.rds.restoreDBInstanceFromDBSnapshot(again)
  t.deepEqual(await sql(restored, COUNT), THERE)
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(7)
  await room.sweep()
  const [lost] = (await room.rds.describeDBInstances({ DBInstanceIdentifier: 'again' })).DBInstances
  t.is(lost!.DBInstanceStatus, 'inaccessible-encryption-credentials')
  await refuses(t, room.rds.startDBInstance({ DBInstanceIdentifier: 'again' }), 'InvalidDBInstanceState')
  const third = { DBInstanceIdentifier: 'third', DBSnapshotIdentifier: 'kept' }
  await refuses(t, room.rds.restoreDBInstanceFromDBSnapshot(third), 'KMSKeyNotAccessibleFault')

  const gone = { DBInstanceIdentifier: 'again', SkipFinalSnapshot: true }
  t.is((await room.rds.deleteDBInstance(gone)).DBInstance.DBInstanceStatus, 'deleting')
  await refuses(t, room.rds.describeDBInstances({ DBInstanceIdentifier: 'again' }), 'DBInstanceNotFound')
})
