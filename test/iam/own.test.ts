/** What those who name nobody are told of themselves; and lists and ARNs that lead nowhere. */
import test from 'ava'
import { ACCOUNT, ALLOW, document, scene, texts, TRUST } from './asking.ts'

const MEMBER = `arn:aws:iam::${ACCOUNT}`
const all = [{ name: 'p', document: document({ Effect: 'Allow', Action: 'iam:*', Resource: '*' }) }]
const people = {
  users: [{ name: 'bob', policies: all }],
  roles: [{ name: 'app', trustPolicy: TRUST, policies: all }],
}

test('a user and the root are told of themselves, and a role’s session has to name a user', async (t) => {
  const { ask, refusal } = await scene(t, people)
  t.deepEqual(texts(await ask('GetUser', {}, `${MEMBER}:user/bob`), 'Arn'), [`${MEMBER}:user/bob`])
  t.deepEqual(texts(await ask('GetUser'), 'Arn'), [`${MEMBER}:root`])
  t.deepEqual(texts(await ask('GetUser', { UserName: 'bob' }), 'Arn'), [`${MEMBER}:user/bob`])
  const session = `arn:aws:sts::${ACCOUNT}:assumed-role/app/one`
  t.is(
    await refusal('GetUser', {}, session),
    'ValidationError: Must specify userName when calling with non-User credentials',
  )
  t.deepEqual(texts(await ask('GetUser', { UserName: 'bob' }, session), 'UserName'), ['bob'])
})

test('a managed policy is found under its own path, and under no other', async (t) => {
  const { ask, refusal } = await scene(t)
  await ask('CreatePolicy', { PolicyName: 'p', Path: '/team/', PolicyDocument: document(ALLOW) })
  t.deepEqual(texts(await ask('GetPolicy', { PolicyArn: `${MEMBER}:policy/team/p` }), 'PolicyName'), ['p'])
  const PolicyArn = `${MEMBER}:policy/other/p`
  t.is(await refusal('GetPolicy', { PolicyArn }), `NoSuchEntity: Policy ${PolicyArn} was not found.`)
})

for (const [count, answer] of [
  [50, 'nothing was refused'],
  [51, /^ValidationError: .*at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50$/],
  [
    20_000,
    /^ValidationError: .*at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50$/,
  ],
] as const) {
  test(`a request with ${count} tags`, async (t) => {
    const { refusal } = await scene(t, people)
    const tags = Array.from({ length: count }, (_, i) => [
      [`Tags.member.${i + 1}.Key`, `k${i}`],
      [`Tags.member.${i + 1}.Value`, ''],
    ]).flat() as [string, string][]
    const told = await refusal('TagUser', { UserName: 'bob', ...(Object.fromEntries(tags) as Record<string, string>) })
    if (typeof answer === 'string') t.is(told, answer)
    else t.regex(told, answer)
  })
}

test('whom a policy is attached to, by kind and path', async (t) => {
  const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
  const { ask } = await scene(t, people)
  await ask('AttachUserPolicy', { UserName: 'bob', PolicyArn })
  await ask('AttachRolePolicy', { RoleName: 'app', PolicyArn })
  const told = async (filter: Record<string, string>) => {
    const answer = await ask('ListEntitiesForPolicy', { PolicyArn, ...filter })
    return [...texts(answer, 'UserName'), ...texts(answer, 'RoleName')]
  }
  t.deepEqual(await told({}), ['bob', 'app'])
  t.deepEqual(await told({ EntityFilter: 'Role' }), ['app'])
  t.deepEqual(await told({ PathPrefix: '/team/' }), [])
})

test('AWS’s own policies are read like others, and changed by nobody', async (t) => {
  const { ask, refusal } = await scene(t)
  const PolicyArn = 'arn:aws:iam::aws:policy/AdministratorAccess'
  t.deepEqual(texts(await ask('GetPolicy', { PolicyArn }), 'DefaultVersionId'), ['v1'])
  t.deepEqual(texts(await ask('ListPolicyVersions', { PolicyArn }), 'VersionId'), ['v1'])
  t.is(texts(await ask('GetPolicyVersion', { PolicyArn, VersionId: 'v1' }), 'Document').length, 1)
  t.regex(await refusal('GetPolicyVersion', { PolicyArn, VersionId: 'v2' }), /^NoSuchEntity/)
  t.regex(await refusal('DeletePolicy', { PolicyArn }), /^NoSuchEntity/)
  await ask('CreatePolicy', { PolicyName: 'AdministratorAccess', PolicyDocument: document(ALLOW) })
  const own = `${MEMBER}:policy/AdministratorAccess`
  const listed = async (Scope: string) => texts(await ask('ListPolicies', { Scope }), 'Arn')
  t.deepEqual(await listed('Local'), [own])
  const ofAws = await listed('AWS')
  t.true(ofAws.includes(PolicyArn) && !ofAws.includes(own))
  t.deepEqual((await listed('All')).toSorted(), [own, ...ofAws].toSorted())
})

test('pages leave out neither tags nor versions, and tell of boundaries', async (t) => {
  const { ask } = await scene(t, people)
  const PolicyArn = `${MEMBER}:policy/p`
  const pages = async (action: string, parameters: Record<string, string>, name: string) => {
    const found: string[] = []
    for (let Marker: string | undefined = ''; Marker !== undefined;) {
      const page: string = await ask(action, { ...parameters, MaxItems: '1', ...(Marker !== '' && { Marker }) })
      found.push(...texts(page, name))
      Marker = texts(page, 'Marker')[0]
    }
    return found
  }
  await ask('TagUser', { UserName: 'bob', 'Tags.member.1.Key': 'b', 'Tags.member.1.Value': '1' })
  await ask('TagUser', { UserName: 'bob', 'Tags.member.1.Key': 'a', 'Tags.member.1.Value': '2' })
  t.deepEqual(await pages('ListUserTags', { UserName: 'bob' }, 'Key'), ['a', 'b'])
  const PolicyDocument = document(ALLOW)
  await ask('CreatePolicy', { PolicyName: 'p', PolicyDocument })
  for (let next = 2; next <= 10; next++) {
    await ask('CreatePolicyVersion', { PolicyArn, PolicyDocument, SetAsDefault: 'true' })
    if (next < 10) await ask('DeletePolicyVersion', { PolicyArn, VersionId: `v${next - 1}` })
  }
  t.deepEqual(await pages('ListPolicyVersions', { PolicyArn }, 'VersionId'), ['v9', 'v10'])
  const bounding = async () => texts(await ask('GetPolicy', { PolicyArn }), 'PermissionsBoundaryUsageCount')
  t.deepEqual(await bounding(), ['0'])
  await ask('PutUserPermissionsBoundary', { UserName: 'bob', PermissionsBoundary: PolicyArn })
  t.deepEqual(await bounding(), ['1'])
})

test('a tag’s key is the same in any case', async (t) => {
  const { ask } = await scene(t, people)
  const pairs = async () => {
    const answer = await ask('ListUserTags', { UserName: 'bob' })
    return [texts(answer, 'Key'), texts(answer, 'Value')]
  }
  await ask('TagUser', { UserName: 'bob', 'Tags.member.1.Key': 'Team', 'Tags.member.1.Value': 'red' })
  await ask('TagUser', { UserName: 'bob', 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'blue' })
  t.deepEqual(await pairs(), [['team'], ['blue']])
  await ask('UntagUser', { UserName: 'bob', 'TagKeys.member.1': 'TEAM' })
  t.deepEqual(await pairs(), [[], []])
})
