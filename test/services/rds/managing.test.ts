/** What is changed of an instance that is there, its tags and those of snapshots, and how instances are picked out. */
import test from 'ava'
import { inputOf } from '../../../src/services/rds/form.ts'
import { refuses } from '../../helpers/scene.ts'
import { stage, wanted } from './scene.ts'

const NAME = { DBInstanceIdentifier: 'patients' }

test('storage grows, protection holds, tags stay with what they are on', async (t) => {
  const { open } = await stage(t)
  const room = await open()
  const { rds } = room
  const made = await rds.createDBInstance(wanted('patients', { Tags: [{ Key: 'ward', Value: '7' }] }))
  const { DBInstanceArn, DbiResourceId, TagList } = made.DBInstance
  t.deepEqual(TagList, [{ Key: 'ward', Value: '7' }])

  const modify = (more: object) => rds.modifyDBInstance({ ...NAME, ...more })
  t.is((await modify({ AllocatedStorage: 21 })).DBInstance.AllocatedStorage, 22)
  t.is((await modify({ AllocatedStorage: 40 })).DBInstance.AllocatedStorage, 40)
  await refuses(t, modify({ AllocatedStorage: 39 }), 'InvalidParameterCombination', /cannot be less than .*40/)
  await refuses(t, modify({ AllocatedStorage: 65537 }), 'InvalidParameterValue')
  await refuses(t, rds.modifyDBInstance({ DBInstanceIdentifier: 'nobody' }), 'DBInstanceNotFound')

  const ResourceName = DBInstanceArn
  await rds.addTagsToResource({ ResourceName, Tags: [{ Key: 'ward', Value: '8' }, { Key: 'kept' }] })
  await rds.removeTagsFromResource({ ResourceName, TagKeys: ['kept', 'none'] })
  t.deepEqual((await rds.listTagsForResource({ ResourceName })).TagList, [{ Key: 'ward', Value: '8' }])
  const reserved = rds.addTagsToResource({ ResourceName, Tags: [{ Key: 'aws:x', Value: '' }] })
  await refuses(t, reserved, 'InvalidParameterValue')
  await refuses(t, rds.listTagsForResource({ ResourceName: 'patients' }), 'InvalidParameterValue')
  const abroad = ResourceName.replace('us-east-1', 'eu-north-1')
  await refuses(t, rds.listTagsForResource({ ResourceName: abroad }), 'InvalidParameterValue', /in this region/)
  await refuses(t, rds.listTagsForResource({ ResourceName: `${ResourceName}-2` }), 'DBInstanceNotFound')

  const found = async (Name: string, ...Values: string[]) =>
    (await rds.describeDBInstances({ Filters: [{ Name, Values }] })).DBInstances.length
  t.is(await found('db-instance-id', 'other', DBInstanceArn), 1)
  t.is(await found('db-instance-id', 'other'), 0)
  t.is(await found('dbi-resource-id', DbiResourceId), 1)
  t.is(await found('engine', 'mysql'), 0)
  await refuses(t, found('domain', 'any'), 'InvalidParameterValue', /Unrecognized filter name: domain/)

  // Of one that does not run, nothing but its protection is changed.
  await rds.stopDBInstance({ ...NAME, DBSnapshotIdentifier: 'last' })
  await refuses(t, modify({ AllocatedStorage: 60 }), 'InvalidDBInstanceState')
  await refuses(t, modify({ MasterUserPassword: 'another-password' }), 'InvalidDBInstanceState')
  t.true((await modify({ DeletionProtection: true })).DBInstance.DeletionProtection)
  const gone = { ...NAME, SkipFinalSnapshot: true }
  await refuses(t, rds.deleteDBInstance(gone), 'InvalidParameterCombination', /disable deletion protection/)
  await modify({ DeletionProtection: false })
  await rds.deleteDBInstance(gone)

  const [snapshot] = (await rds.describeDBSnapshots({})).DBSnapshots
  t.deepEqual(snapshot!.TagList, [])
  await rds.addTagsToResource({ ResourceName: snapshot!.DBSnapshotArn, Tags: [{ Key: 'last', Value: 'one' }] })
  t.deepEqual((await rds.describeDBSnapshots({})).DBSnapshots[0]!.TagList, [{ Key: 'last', Value: 'one' }])
})

const reads = test.macro({
  title: (_, what: string) => `a form: ${what}`,
  exec(t, _what: string, form: string, input: object) {
    t.deepEqual(inputOf(new Map(new URLSearchParams(form))) as object, input)
  },
})

test(reads, 'tags, in the order of their numbers', 'Tags.Tag.2.Key=b&Tags.Tag.1.Key=a&Tags.Tag.1.Value=1', {
  Tags: [{ Key: 'a', Value: '1' }, { Key: 'b' }],
})
test(reads, 'lists by whichever word', 'TagKeys.member.1=a&ValuesToAdd.AttributeValue.1=b', {
  TagKeys: ['a'],
  ValuesToAdd: ['b'],
})
test(reads, 'lists in lists', 'Filters.Filter.1.Name=engine&Filters.Filter.1.Values.Value.1=postgres', {
  Filters: [{ Name: 'engine', Values: ['postgres'] }],
})
test(reads, 'a list of nothing', 'Tags=', { Tags: [] })
test(reads, 'numbers and yes or no', 'Port=5432&DeletionProtection=false', { Port: 5432, DeletionProtection: false })
test(reads, 'what is no list has no parts', 'KmsKeyId.member.1=a&KmsKeyId.x=b', {})
test(reads, 'a list has no other parts', 'Tags.Tag.x.Key=a&Tags.Tag=b&Tags.Tag.0.Key=c', { Tags: [] })

test('a form changes nothing but what is made of it', (t) => {
  inputOf(new Map([['__proto__.x.1', 'spoilt']]))
  t.is(([] as unknown[])[0], undefined)
  t.false('0' in {})
})
