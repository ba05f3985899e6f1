/** What RDS does not do, and for whom: each is refused before anything is made. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { Strongroom } from '../../../src/index.ts'
import { refuses, scene } from '../../helpers/scene.ts'
import { ACCOUNT, stage, wanted } from './scene.ts'

const refused = test.macro({
  title: (_, why: string) => `refused: ${why}`,
  async exec(t, _why: string, code: string, more: object) {
    const { room } = await scene(t)
    await refuses(t, room.rds.createDBInstance(wanted('patients', more)), code)
  },
})

test(refused, 'another engine', 'InvalidParameterValue', { Engine: 'mysql' })
test(refused, 'storage that is not encrypted', 'InvalidParameterCombination', { StorageEncrypted: false })
test(refused, 'a short password', 'InvalidParameterValue', { MasterUserPassword: 'short' })
test(refused, 'no password', 'MissingParameter', { MasterUserPassword: undefined })
test(refused, 'a password with a quotation mark', 'InvalidParameterValue', { MasterUserPassword: 'long-enough"' })
test(refused, 'a reserved user', 'InvalidParameterValue', { MasterUsername: 'rdsadmin' })
test(refused, 'a user that is a statement', 'InvalidParameterValue', { MasterUsername: 'x"; DROP' })
test(refused, 'no identifier', 'MissingParameter', { DBInstanceIdentifier: undefined })
test(refused, 'an identifier with two hyphens', 'InvalidParameterValue', { DBInstanceIdentifier: 'a--b' })
test(refused, 'a port below those of users', 'InvalidParameterValue', { Port: 80 })
test(refused, 'a key there is not', 'KMSKeyNotAccessibleFault', { KmsKeyId: 'alias/nobody' })
test(refused, 'too little storage', 'InvalidParameterValue', { AllocatedStorage: 1 })

const USERS = [
  ['stranger', ['kms:*'], 'AccessDeniedException'],
  ['no grants', ['rds:*', 'kms:DescribeKey'], 'KMSKeyNotAccessibleFault'],
  ['no look', ['rds:*', 'kms:CreateGrant'], 'KMSKeyNotAccessibleFault'],
] as const

for (const [name, actions, code] of USERS) {
  test(`refused, and nothing is left: a user who may ${actions.join(' and ')}`, async (t) => {
    const user = name.replace(' ', '-')
    const document = { Statement: { Effect: 'Allow', Action: actions, Resource: '*' } }
    const accounts = [{ id: ACCOUNT, users: [{ name: user, policies: [{ name: 'own', document }] }] }]
    const { data, open } = await stage(t, { accounts })
    const room = await open()
    const KmsKeyId = (await room.createKey({})).KeyMetadata!.KeyId
    const { rds } = room.as({ arn: `arn:aws:iam::${ACCOUNT}:user/${user}` })
    await refuses(t, rds.createDBInstance(wanted('patients', { KmsKeyId })), code)
    t.deepEqual((await room.rds.describeDBInstances({})).DBInstances, [])
    t.deepEqual((await room.listGrants({ KeyId: KmsKeyId })).Grants, [])
    t.deepEqual(await readdir(join(data, 'rds')).catch(() => []), [])
  })
}

test('refused: what is not there, and a deletion that says nothing of a last snapshot', async (t) => {
  const room = await Strongroom.open()
  t.teardown(() => room.close())
  const nobody = { DBInstanceIdentifier: 'nobody' }
  await refuses(t, room.rds.describeDBInstances(nobody), 'DBInstanceNotFound', 'DBInstance nobody not found.')
  await refuses(t, room.rds.startDBInstance(nobody), 'DBInstanceNotFound')
  await refuses(t, room.rds.deleteDBInstance(nobody), 'DBInstanceNotFound')
  await refuses(t, room.rds.deleteDBSnapshot({ DBSnapshotIdentifier: 'none' }), 'DBSnapshotNotFound')
  await refuses(t, room.rds.describeDBInstances({ MaxRecords: 5 }), 'InvalidParameterValue')
})
