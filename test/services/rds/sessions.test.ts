/** Many clients of one database, and what comes between: COPY in disguise, too many of them, a Region that is cut off. */
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { refuses } from '../../helpers/scene.ts'
import { clientOf, PASSWORD, sql, stage, wanted } from './scene.ts'

const NAME = { DBInstanceIdentifier: 'patients' }
/** All of them would have the engine wait for rows that nobody sends. */
const DISGUISED = [
  'COPY patients FROM /* no rows follow */ STDIN; SELECT 1',
  'SELECT 1; COPY patients FROM STDIN',
  "SET standard_conforming_strings TO off; SELECT 'a\\'; COPY patients FROM STDIN; --'",
  'COPY/**/patients/**/FROM/**/STDIN; COPY patients FROM STDIN',
]

test('a database serves many, and does not end by what one of them says', async (t) => {
  const { open } = await stage(t)
  const room = await open()
  const { DBInstance } = await room.rds.createDBInstance(wanted('patients'))
  await sql(DBInstance, 'CREATE TABLE patients (id int)')
  const status = async () => (await room.rds.describeDBInstances(NAME)).DBInstances[0]!.DBInstanceStatus

  for (const statement of DISGUISED) {
    await t.throwsAsync(
      sql(DBInstance, statement),
      { message: /COPY FROM STDIN has to be a query of its own/ },
      statement,
    )
  }
  const client = await clientOf(t, DBInstance)
  const prepared = client.query({ name: 'rows', text: 'COPY patients FROM STDIN' })
  await t.throwsAsync(prepared, { message: /COPY FROM STDIN has to be a query of its own/ })
  t.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }])

  // A password that is changed is the next client's; whoever is in stays in.
  const change = { ...NAME, MasterUserPassword: 'another-password' }
  await client.query('BEGIN')
  const changing = room.rds.modifyDBInstance(change)
  t.is(await status(), 'available')
  await client.query('COMMIT')
  await changing
  await client.query('SELECT 1')
  await t.throwsAsync(sql(DBInstance, 'SELECT 1'), { code: '28P01' })
  t.deepEqual(await sql(DBInstance, 'SELECT 1 AS n', 'another-password'), [{ n: 1 }])
  await room.rds.modifyDBInstance({ ...NAME, MasterUserPassword: PASSWORD })
  await refuses(t, room.rds.modifyDBInstance({ ...NAME, MasterUserPassword: 'short' }), 'InvalidParameterValue')

  // One hundred, and no more.
  const others = await Promise.all(Array.from({ length: 99 }, () => clientOf(t, DBInstance)))
  await t.throwsAsync(sql(DBInstance, 'SELECT 1'), { code: '53300', message: /too many clients/ })
  await others[0]!.end()
  t.deepEqual(await sql(DBInstance, 'SELECT 1 AS n'), [{ n: 1 }])

  // Nobody reaches a Region that is cut off, and what was said there is not done.
  await room.regions.down('us-east-1')
  await t.throwsAsync(client.query('INSERT INTO patients VALUES (1)'), { message: /terminated/ })
  await t.throwsAsync(sql(DBInstance, 'SELECT 1'), { message: /terminated/ })
  await t.throwsAsync(room.rds.describeDBInstances(NAME), { code: 'ECONNREFUSED' })
  await room.regions.up('us-east-1')
  t.deepEqual(await sql(DBInstance, 'SELECT * FROM patients'), [])
  t.deepEqual((await others[1]!.query('SELECT 1 AS n')).rows, [{ n: 1 }])

  // An engine that ends by itself is started again by the next sweep.
  await t.throwsAsync(sql(DBInstance, `SELECT ${'NOT '.repeat(9000)} true`), { message: /terminated/ })
  while ((await status()) === 'available') await setImmediate()
  t.is(await status(), 'starting')
  await room.sweep()
  const [again] = (await room.rds.describeDBInstances(NAME)).DBInstances
  t.deepEqual(await sql(again!, 'SELECT * FROM patients'), [])
})
