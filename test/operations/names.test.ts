/** Aliases, tags and stored policies. */
import test from 'ava'
import { refuses, scene } from '../helpers/scene.ts'

const alias = (n: number | string) => `alias/${n}`

test('an alias stands for its key, moves to another, and goes', async (t) => {
  const { room, id } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  const AliasName = alias('orders')
  const target = async () => (await room.describeKey({ KeyId: AliasName })).KeyMetadata!.KeyId
  await room.createAlias({ AliasName, TargetKeyId: id })
  t.is(await target(), id)
  await room.updateAlias({ AliasName, TargetKeyId: other })
  t.is(await target(), other)
  await room.deleteAlias({ AliasName })
  await refuses(t, target(), 'NotFoundException')
  await refuses(t, room.deleteAlias({ AliasName }), 'NotFoundException')
  await refuses(t, room.updateAlias({ AliasName, TargetKeyId: id }), 'NotFoundException')
})

test('ListAliases tells name, ARN, target and dates, of all or of one key, page by page', async (t) => {
  const { room, id, pass } = await scene(t)
  const other = (await room.createKey()).KeyMetadata!.KeyId
  for (let i = 0; i < 12; i++) await room.createAlias({ AliasName: alias(i), TargetKeyId: i % 2 ? id : other })
  pass(1)
  await room.updateAlias({ AliasName: alias(0), TargetKeyId: id })
  const all: string[] = []
  let Marker: string | undefined
  do {
    const page = await room.listAliases({ Limit: 5, Marker })
    all.push(...page.Aliases!.map(({ AliasName }) => AliasName!))
    Marker = page.NextMarker
  } while (Marker)
  const own = all.filter((name) => !name.startsWith('alias/aws/'))
  t.deepEqual(own, Array.from({ length: 12 }, (_, i) => alias(i)).toSorted())
  t.deepEqual(all, all.toSorted(), 'the names of AWS services stand among them')
  const { Aliases } = await room.listAliases({ KeyId: id })
  t.is(Aliases!.length, 7)
  t.deepEqual(
    Aliases!.find(({ AliasName }) => AliasName === alias(0)),
    {
      AliasName: alias(0),
      AliasArn: 'arn:aws:kms:us-east-1:000000000000:alias/0',
      TargetKeyId: id,
      CreationDate: new Date('2026-01-01T00:00:00Z'),
      LastUpdatedDate: new Date('2026-01-02T00:00:00Z'),
    },
  )
})

test('CreateAlias refuses what AWS refuses', async (t) => {
  const { room, id, arn } = await scene(t)
  const make = (AliasName: string, TargetKeyId = id) => room.createAlias({ AliasName, TargetKeyId })
  await make(alias('taken'))
  const taken = 'An alias with the name arn:aws:kms:us-east-1:000000000000:alias/taken already exists'
  await refuses(t, make(alias('taken')), 'AlreadyExistsException', taken)
  await refuses(t, make('orders'), 'ValidationException', /^Alias must start with the prefix "alias\/"\./)
  await refuses(t, make('alias/aws/s3'), 'NotAuthorizedException', '')
  await refuses(t, make(alias('b'), alias('taken')), 'ValidationException', 'Aliases must refer to keys. Not aliases')
  await refuses(t, make(alias('sp ace')), 'ValidationException', /regular expression pattern/)
  await refuses(t, make(alias('b'), '00000000-0000-4000-8000-000000000000'), 'NotFoundException')
  await t.notThrowsAsync(make(alias('by-arn'), arn))
})

test('fifty aliases a key and no more, however many are asked for at once', async (t) => {
  const { room, id } = await scene(t)
  const asked = Array.from({ length: 60 }, (_, i) => room.createAlias({ AliasName: alias(i), TargetKeyId: id }))
  const outcomes = await Promise.allSettled(asked)
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
  t.is(refused.length, 10)
  for (const { reason } of refused) t.is((reason as { code: string }).code, 'LimitExceededException')
})

test('of many who want one alias, one gets it', async (t) => {
  const { room, id } = await scene(t)
  const asked = Array.from({ length: 20 }, () => room.createAlias({ AliasName: alias('one'), TargetKeyId: id }))
  const outcomes = await Promise.allSettled(asked)
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('tags are added, overwritten and taken away', async (t) => {
  const { room, id } = await scene(t)
  const tags = async () =>
    (await room.listResourceTags({ KeyId: id })).Tags!.map((tag) => `${tag.TagKey}=${tag.TagValue}`)
  await room.tagResource({
    KeyId: id,
    Tags: [
      { TagKey: 'a', TagValue: '1' },
      { TagKey: 'b', TagValue: '' },
    ],
  })
  await room.tagResource({ KeyId: id, Tags: [{ TagKey: 'a', TagValue: '2' }] })
  t.deepEqual(await tags(), ['a=2', 'b='])
  await room.untagResource({ KeyId: id, TagKeys: ['a', 'absent'] })
  t.deepEqual(await tags(), ['b='])
})

test('tags are paged by fifty', async (t) => {
  const { room, id } = await scene(t)
  const Tags = Array.from({ length: 50 }, (_, i) => ({ TagKey: `k${i}`, TagValue: 'v' }))
  await room.tagResource({ KeyId: id, Tags })
  t.false((await room.listResourceTags({ KeyId: id })).Truncated)
  const first = await room.listResourceTags({ KeyId: id, Limit: 30 })
  const rest = await room.listResourceTags({ KeyId: id, Limit: 30, Marker: first.NextMarker })
  t.deepEqual([...first.Tags!, ...rest.Tags!], Tags)
  await refuses(t, room.listResourceTags({ KeyId: id, Limit: 51 }), 'ValidationException', /less than or equal to 50/)
  await refuses(
    t,
    room.tagResource({ KeyId: id, Tags: [{ TagKey: 'more', TagValue: '' }] }),
    'TagException',
    'Too many tags',
  )
})

test('TagException says why', async (t) => {
  const { room, id } = await scene(t)
  const tag = (TagKey: string) => ({ TagKey, TagValue: 'v' })
  await refuses(t, room.tagResource({ KeyId: id, Tags: [tag('a'), tag('a')] }), 'TagException', 'Duplicate tag keys')
  await refuses(t, room.createKey({ Tags: [tag('AWS:x')] }), 'TagException', 'Tags beginning with aws: are reserved')
})

test('a key has the default policy until another is put', async (t) => {
  const { room, id } = await scene(t)
  const { Policy, PolicyName } = await room.getKeyPolicy({ KeyId: id })
  t.is(PolicyName, 'default')
  t.deepEqual(JSON.parse(Policy!), {
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::000000000000:root' },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  })
  const mine = JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' } })
  await room.putKeyPolicy({ KeyId: id, Policy: mine })
  t.is((await room.getKeyPolicy({ KeyId: id, PolicyName: 'default' })).Policy, mine)
  t.deepEqual(await room.listKeyPolicies({ KeyId: id }), { PolicyNames: ['default'], Truncated: false })
  await refuses(t, room.getKeyPolicy({ KeyId: id, PolicyName: 'other' }), 'NotFoundException')
})

for (const [why, Policy, code = 'MalformedPolicyDocumentException'] of [
  ['is no JSON', '{'],
  ['is no object', '[]'],
  ['has no statement', '{"Version":"2012-10-17","Statement":[]}'],
  ['has a version nobody knows', '{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Principal":"*"}]}'],
  ['has an effect nobody knows', '{"Statement":[{"Effect":"Maybe","Principal":"*"}]}'],
  ['names no principal', '{"Statement":[{"Effect":"Allow","Action":"kms:*"}]}'],
  ['is longer than 32 KiB', `{"Statement":[]}${' '.repeat(32_768)}`, 'LimitExceededException'],
] as const) {
  test(`a policy that ${why} is refused`, async (t) => {
    const { room, id } = await scene(t)
    await refuses(t, room.putKeyPolicy({ KeyId: id, Policy }), code)
    t.true((await room.getKeyPolicy({ KeyId: id })).Policy!.includes('key-default-1'))
  })
}

test('a key that waits for its material can be named, tagged and described', async (t) => {
  const { room } = await scene(t)
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await room.createAlias({ AliasName: alias('waiting'), TargetKeyId: KeyId })
  await room.updateAlias({ AliasName: alias('waiting'), TargetKeyId: KeyId })
  await room.tagResource({ KeyId, Tags: [{ TagKey: 'a', TagValue: '' }] })
  await room.untagResource({ KeyId, TagKeys: ['a'] })
  await room.updateKeyDescription({ KeyId, Description: 'waiting' })
  const { KeyState, Description } = (await room.describeKey({ KeyId: alias('waiting') })).KeyMetadata!
  t.deepEqual([KeyState, Description], ['PendingImport', 'waiting'])
})
