/** RDS as strangers use it: the AWS CLI, boto3, psql and pg as they are published; and what is left when the power fails. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { DBInstance } from '../../../src/services/rds/shapes.ts'
import { clientEnvironment, program } from '../../clients/environment.ts'
import { serve, type Served } from '../../helpers/served.ts'
import { filesWith, PASSWORD, sql } from './scene.ts'

const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))
const BOTO3 = `
import boto3, json
rds = boto3.client('rds')
instance = rds.describe_db_instances(DBInstanceIdentifier='patients')['DBInstances'][0]
pages = rds.get_paginator('describe_db_snapshots').paginate(DBInstanceIdentifier='patients')
try:
    rds.start_db_instance(DBInstanceIdentifier='patients')
except rds.exceptions.InvalidDBInstanceStateFault as refusal:
    refused = refusal.response['Error']['Code']
try:
    rds.describe_db_instances(DBInstanceIdentifier='nobody')
except rds.exceptions.DBInstanceNotFoundFault as refusal:
    missing = refusal.response['Error']['Code']
print(json.dumps({
    'status': instance['DBInstanceStatus'],
    'port': instance['Endpoint']['Port'],
    'encrypted': instance['StorageEncrypted'],
    'year': instance['InstanceCreateTime'].year >= 2026,
    'snapshots': [s['DBSnapshotIdentifier'] for page in pages for s in page['DBSnapshots']],
    'refused': refused,
    'missing': missing,
}))
`

/** What a program prints, given what it reads; it has to end well. */
type Teller = (
  command: string,
  args: readonly string[],
  input?: string,
  more?: Record<string, string>,
) => Promise<string>

function teller(t: ExecutionContext, server: Served): Teller {
  const env = { ...clientEnvironment(server.url, server.data), AWS_ENDPOINT_URL: server.url, PGPASSWORD: PASSWORD }
  return async (command, args, input = '', more = {}) => {
    const child = spawn(command, args, { env: { ...env, ...more } })
    child.stdin.end(input)
    const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    t.is(code, 0, `${command} ${args.join(' ')}\n${error}`)
    return out
  }
}

test('a database from the AWS CLI, filled by psql, looked at by boto3, survives kill -9', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-rds-'))
  t.teardown(() => rm(data, { recursive: true, force: true }))
  const first = await serve([], { data })
  t.teardown(() => first.stop())
  const tell = teller(t, first)
  const aws = async (...args: string[]) =>
    JSON.parse(await tell(program('aws'), ['rds', ...args, '--output', 'json'])) as { DBInstance: DBInstance }

  const { DBInstance: made } = await aws(
    ...['create-db-instance', '--db-instance-identifier', 'patients', '--engine', 'postgres'],
    ...['--db-instance-class', 'db.t4g.micro', '--allocated-storage', '20', '--storage-encrypted'],
    ...['--master-username', 'doctor', '--master-user-password', PASSWORD],
  )
  t.like(made, { DBInstanceStatus: 'available', StorageEncrypted: true, Endpoint: { Address: '127.0.0.1' } })
  await tell(program('aws'), ['rds', 'wait', 'db-instance-available', '--db-instance-identifier', 'patients'])

  const where = [
    '--host',
    '127.0.0.1',
    '--port',
    String(made.Endpoint!.Port),
    '--username',
    'doctor',
    '--dbname',
    'postgres',
  ]
  const script = 'CREATE TABLE patients (id int, name text);\nCOPY patients FROM STDIN;\n1\tLovelace\n2\tHopper\n\\.\n'
  await tell('psql', ['--set', 'ON_ERROR_STOP=1', ...where], script)
  await aws('create-db-snapshot', '--db-instance-identifier', 'patients', '--db-snapshot-identifier', 'one')
  t.deepEqual(JSON.parse(await tell(program('python'), ['-c', BOTO3])), {
    ...{ status: 'available', port: made.Endpoint!.Port, encrypted: true, year: true, snapshots: ['one'] },
    ...{ refused: 'InvalidDBInstanceState', missing: 'DBInstanceNotFound' },
  })
  const count = await tell(process.execPath, [CLI, 'db', 'connect', 'patients'], 'SELECT count(*) FROM patients;\n')
  t.regex(count, /^ +2$/m)
  const statements = "SELECT id, name FROM patients; SELECT NULL AS nothing; SELECT 'ö' AS letter"
  const bare = await tell(process.execPath, [CLI, 'db', 'connect', 'patients'], statements, { PATH: '/nowhere' })
  t.is(bare, 'id\tname\n1\tLovelace\n2\tHopper\nnothing\n\\N\nletter\nö\n')

  // In the midst of work: what was answered is there, and what was not committed is not.
  await sql(made, "INSERT INTO patients VALUES (3, 'Curie')")
  const open = spawn('psql', where, { env: { ...process.env, PGPASSWORD: PASSWORD } })
  open.stdin.write("BEGIN; INSERT INTO patients VALUES (4, 'Nobody'); SELECT 'written';\n")
  for await (const said of open.stdout) if (String(said).includes('written')) break
  await first.kill()
  open.kill()
  t.deepEqual(await filesWith(data, ['Lovelace', 'Hopper', 'Curie', 'Nobody', PASSWORD]), [])

  const second = await serve([], { data })
  t.teardown(() => second.stop())
  const retell = teller(t, second)
  const list = JSON.parse(await retell(process.execPath, [CLI, 'db', 'list'])) as DBInstance[]
  t.is(list[0]!.DBInstanceStatus, 'available')
  const rows = await retell(
    process.execPath,
    [CLI, 'db', 'connect', 'patients'],
    'SELECT name FROM patients ORDER BY id;\n',
  )
  t.deepEqual(rows.match(/Lovelace|Hopper|Curie|Nobody/g), ['Lovelace', 'Hopper', 'Curie'])
  const restored = await retell(process.execPath, [CLI, 'db', 'restore', 'again', '--from', 'one'])
  t.is((JSON.parse(restored) as DBInstance).DBInstanceStatus, 'available')
  await retell(process.execPath, [CLI, 'db', 'stop', 'patients'])
  await retell(program('aws'), [
    'rds',
    'delete-db-instance',
    '--db-instance-identifier',
    'patients',
    '--skip-final-snapshot',
  ])
})
