/** IAM in front of identities: what is made is shown, listed, changed and removed; and in whose words it is refused. */
import test from 'ava'
import { ACCOUNT, ALLOW, document, scene, texts, TRUST } from './asking.ts'

const MEMBER = `arn:aws:iam::${ACCOUNT}`

for (const [title, rest] of [
  ['User', {}],
  ['Group', {}],
  ['Role', { AssumeRolePolicyDocument: TRUST }],
] as const) {
  const kind = title.toLowerCase()
  const named = (name: string) => ({ [`${title}Name`]: name })

  test(`a ${kind} is made, shown, listed and deleted`, async (t) => {
    const { ask, refusal } = await scene(t)
    const made = await ask(`Create${title}`, { ...named('one'), Path: '/team/', ...rest })
    t.true(
      made.startsWith(
        `<Create${title}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Create${title}Result>`,
      ),
    )
    t.true(
      made.endsWith(
        '<ResponseMetadata><RequestId>the-request</RequestId></ResponseMetadata></Create' + `${title}Response>`,
      ),
    )
    t.deepEqual(texts(made, 'Arn'), [`${MEMBER}:${kind}/team/one`])
    t.deepEqual(texts(made, 'CreateDate'), ['2026-03-01T12:00:00Z'])
    t.regex(texts(made, `${title}Id`)[0]!, /^A(IDA|ROA|GPA)[A-Z2-7]{17}$/)
    t.deepEqual(texts(await ask(`Get${title}`, named('one')), `${title}Id`), texts(made, `${title}Id`))
    await ask(`Create${title}`, { ...named('two'), ...rest })
    t.deepEqual(texts(await ask(`List${title}s`), `${title}Name`), ['one', 'two'])
    t.deepEqual(texts(await ask(`List${title}s`, { PathPrefix: '/team/' }), `${title}Name`), ['one'])
    t.is(
      await refusal(`Create${title}`, { ...named('one'), ...rest }),
      `EntityAlreadyExists: ${title} with name one already exists.`,
    )
    await ask(`Delete${title}`, named('one'))
    t.is(await refusal(`Get${title}`, named('one')), `NoSuchEntity: The ${kind} with name one cannot be found.`)
    await ask(`Create${title}`, { ...named('one'), ...rest })
    t.notDeepEqual(
      texts(await ask(`Get${title}`, named('one')), `${title}Id`),
      texts(made, `${title}Id`),
      'a namesake is another',
    )
  })

  test(`a ${kind} has policies of its own, and managed ones, and goes when they are gone`, async (t) => {
    const { ask, refusal } = await scene(t)
    await ask(`Create${title}`, { ...named('one'), ...rest })
    const text = document(ALLOW)
    await ask(`Put${title}Policy`, { ...named('one'), PolicyName: 'own', PolicyDocument: text })
    const shown = await ask(`Get${title}Policy`, { ...named('one'), PolicyName: 'own' })
    t.is(decodeURIComponent(texts(shown, 'PolicyDocument')[0]!), text)
    t.regex(await ask(`List${title}Policies`, named('one')), /<PolicyNames><member>own<\/member><\/PolicyNames>/)
    const PolicyArn = 'arn:aws:iam::aws:policy/ReadOnlyAccess'
    await ask(`Attach${title}Policy`, { ...named('one'), PolicyArn })
    t.deepEqual(texts(await ask(`ListAttached${title}Policies`, named('one')), 'PolicyArn'), [PolicyArn])
    t.regex(
      await refusal(`Delete${title}`, named('one')),
      /^DeleteConflict: Cannot delete entity, must delete policies first/,
    )
    await ask(`Delete${title}Policy`, { ...named('one'), PolicyName: 'own' })
    t.regex(
      await refusal(`Delete${title}`, named('one')),
      /^DeleteConflict: Cannot delete entity, must detach all policies first/,
    )
    await ask(`Detach${title}Policy`, { ...named('one'), PolicyArn })
    t.regex(await refusal(`Detach${title}Policy`, { ...named('one'), PolicyArn }), /^NoSuchEntity/)
    t.regex(await refusal(`Get${title}Policy`, { ...named('one'), PolicyName: 'own' }), /^NoSuchEntity/)
    await ask(`Delete${title}`, named('one'))
  })

  test(`what no ${kind} can have`, async (t) => {
    const { ask, refusal } = await scene(t)
    await ask(`Create${title}`, { ...named('one'), ...rest })
    const put = (PolicyDocument: string) =>
      refusal(`Put${title}Policy`, { ...named('one'), PolicyName: 'own', PolicyDocument })
    t.regex(await put('{'), /^MalformedPolicyDocument: /)
    t.regex(await put(document({ ...ALLOW, Principal: '*' })), /^MalformedPolicyDocument: /)
    t.regex(
      await put(document({ ...ALLOW, Resource: 'arn:'.padEnd(11_000, 'x') })),
      /^LimitExceeded: Maximum policy size of \d+ bytes exceeded/,
    )
    t.regex(
      await refusal(`Attach${title}Policy`, { ...named('one'), PolicyArn: `${MEMBER}:policy/none` }),
      /^NoSuchEntity/,
    )
    t.regex(
      await refusal(`Create${title}`, { ...named('not one'), ...rest }),
      /^ValidationError: 1 validation error detected: Value 'not one' at '\w+Name' failed to satisfy constraint: Member must satisfy regular expression pattern/,
    )
    t.regex(
      await refusal(`Create${title}`, rest),
      /Value null at '\w+Name' failed to satisfy constraint: Member must not be null/,
    )
  })
}

test('pages follow one another', async (t) => {
  const users = Array.from({ length: 7 }, (_, i) => ({ name: `user-${i}` }))
  const { ask } = await scene(t, { users })
  const seen: string[] = []
  let marker: string | undefined
  do {
    const page: string = await ask('ListUsers', { MaxItems: '3', ...(marker !== undefined && { Marker: marker }) })
    seen.push(...texts(page, 'UserName'))
    t.is(texts(page, 'IsTruncated')[0], String(seen.length < 7))
    ;[marker] = texts(page, 'Marker')
  } while (marker !== undefined)
  t.deepEqual(
    seen,
    users.map(({ name }) => name),
  )
})

test('a user has two access keys, which can be switched off', async (t) => {
  const { room, ask, refusal } = await scene(t, { users: [{ name: 'bob' }] })
  const made = await ask('CreateAccessKey', { UserName: 'bob' })
  const [AccessKeyId = ''] = texts(made, 'AccessKeyId')
  t.is(room.identities.find(AccessKeyId)?.secret, texts(made, 'SecretAccessKey')[0])
  await ask('CreateAccessKey', { UserName: 'bob' })
  t.regex(
    await refusal('CreateAccessKey', { UserName: 'bob' }),
    /^LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2/,
  )
  t.notRegex(await ask('ListAccessKeys', { UserName: 'bob' }), /Secret/)
  await ask('UpdateAccessKey', { UserName: 'bob', AccessKeyId, Status: 'Inactive' })
  t.is(room.identities.find(AccessKeyId), undefined)
  await ask('UpdateAccessKey', { UserName: 'bob', AccessKeyId, Status: 'Active' })
  t.not(room.identities.find(AccessKeyId), undefined)
  t.regex(
    await refusal('DeleteUser', { UserName: 'bob' }),
    /^DeleteConflict: Cannot delete entity, must delete access keys first/,
  )
  await ask('DeleteAccessKey', { UserName: 'bob', AccessKeyId })
  t.regex(await refusal('DeleteAccessKey', { UserName: 'bob', AccessKeyId }), /^NoSuchEntity/)
})

test('groups have members, whoever they are called', async (t) => {
  const { room, ask, refusal } = await scene(t, {
    users: [{ name: 'bob' }],
    groups: [{ name: 'devs', policies: [{ name: 'p', document: document(ALLOW) }] }],
  })
  await ask('AddUserToGroup', { GroupName: 'devs', UserName: 'bob' })
  t.is(room.identities.principal(`${MEMBER}:user/bob`).policies.identity.length, 1)
  await ask('UpdateUser', { UserName: 'bob', NewUserName: 'robert' })
  await ask('UpdateGroup', { GroupName: 'devs', NewGroupName: 'developers' })
  t.deepEqual(texts(await ask('GetGroup', { GroupName: 'developers' }), 'UserName'), ['robert'])
  t.deepEqual(texts(await ask('ListGroupsForUser', { UserName: 'robert' }), 'GroupName'), ['developers'])
  t.regex(await refusal('DeleteUser', { UserName: 'robert' }), /must remove users from group first/)
  await ask('RemoveUserFromGroup', { GroupName: 'developers', UserName: 'robert' })
  t.is(room.identities.principal(`${MEMBER}:user/robert`).policies.identity.length, 0)
  t.regex(
    await refusal('AddUserToGroup', { GroupName: 'none', UserName: 'robert' }),
    /^NoSuchEntity: The group with name none/,
  )
})

test('a managed policy has versions, of which one counts', async (t) => {
  const { room, ask, refusal } = await scene(t, { users: [{ name: 'bob' }] })
  const made = await ask('CreatePolicy', { PolicyName: 'reads', PolicyDocument: document(ALLOW), Description: 'a & b' })
  const [PolicyArn = ''] = texts(made, 'Arn')
  t.is(PolicyArn, `${MEMBER}:policy/reads`)
  t.deepEqual(texts(made, 'Description'), ['a &#38; b'])
  await ask('AttachUserPolicy', { UserName: 'bob', PolicyArn })
  t.deepEqual(texts(await ask('GetPolicy', { PolicyArn }), 'AttachmentCount'), ['1'])
  t.deepEqual(texts(await ask('ListEntitiesForPolicy', { PolicyArn }), 'UserName'), ['bob'])
  const other = document({ ...ALLOW, Action: 'kms:Encrypt' })
  await ask('CreatePolicyVersion', { PolicyArn, PolicyDocument: other })
  const actions = () =>
    room.identities.principal(`${MEMBER}:user/bob`).policies.identity[0]!.document.statements[0]!.action!.of
  t.deepEqual(actions(), ['kms:Decrypt'])
  await ask('SetDefaultPolicyVersion', { PolicyArn, VersionId: 'v2' })
  t.deepEqual(actions(), ['kms:Encrypt'])
  t.regex(
    await refusal('DeletePolicyVersion', { PolicyArn, VersionId: 'v2' }),
    /^DeleteConflict: Cannot delete the default version/,
  )
  t.regex(await refusal('DeletePolicy', { PolicyArn }), /^DeleteConflict: Cannot delete a policy attached to entities/)
  await ask('DetachUserPolicy', { UserName: 'bob', PolicyArn })
  t.regex(await refusal('DeletePolicy', { PolicyArn }), /^DeleteConflict: This policy has more than one version/)
  await ask('DeletePolicyVersion', { PolicyArn, VersionId: 'v1' })
  await ask('DeletePolicy', { PolicyArn })
  t.regex(await refusal('GetPolicy', { PolicyArn }), /^NoSuchEntity/)
})

test('tags and boundaries are put and taken off', async (t) => {
  const { room, ask, refusal } = await scene(t, { roles: [{ name: 'app', trustPolicy: TRUST }] })
  const RoleName = 'app'
  const bob = () => room.identities.principal(`${MEMBER}:role/app`)
  await ask('TagRole', { RoleName, 'Tags.member.1.Key': 'team', 'Tags.member.1.Value': 'blue' })
  t.deepEqual(bob().tags, { team: 'blue' })
  t.deepEqual(texts(await ask('ListRoleTags', { RoleName }), 'Value'), ['blue'])
  const twice = {
    'Tags.member.1.Key': 'a',
    'Tags.member.1.Value': '1',
    'Tags.member.2.Key': 'A',
    'Tags.member.2.Value': '2',
  }
  t.regex(await refusal('TagRole', { RoleName, ...twice }), /^InvalidInput: Duplicate tag keys/)
  await ask('UntagRole', { RoleName, 'TagKeys.member.1': 'team' })
  t.deepEqual(bob().tags, {})
  await ask('PutRolePermissionsBoundary', { RoleName, PermissionsBoundary: 'arn:aws:iam::aws:policy/ReadOnlyAccess' })
  t.not(bob().policies.boundary, undefined)
  await ask('DeleteRolePermissionsBoundary', { RoleName })
  t.is(bob().policies.boundary, undefined)
  t.regex(await refusal('UpdateAssumeRolePolicy', { RoleName, PolicyDocument: '{}' }), /^MalformedPolicyDocument/)
  await ask('UpdateRole', { RoleName, MaxSessionDuration: '7200', Description: 'later' })
  t.deepEqual(texts(await ask('GetRole', { RoleName }), 'MaxSessionDuration'), ['7200'])
  t.regex(await refusal('UpdateRole', { RoleName, MaxSessionDuration: '60' }), /greater than or equal to 3600/)
})

test('who sets up callers needs leave', async (t) => {
  const reads = document({ ...ALLOW, Action: 'iam:GetUser', Resource: `${MEMBER}:user/\${aws:username}` })
  const { ask, refusal } = await scene(t, {
    users: [{ name: 'bob', policies: [{ name: 'p', document: reads }] }, { name: 'eve' }],
  })
  const bob = `${MEMBER}:user/bob`
  t.deepEqual(texts(await ask('GetUser', {}, bob), 'UserName'), ['bob'])
  t.is(
    await refusal('GetUser', { UserName: 'eve' }, bob),
    `AccessDenied: User: ${bob} is not authorized to perform: iam:GetUser on resource: ${MEMBER}:user/eve because no identity-based policy allows the iam:GetUser action`,
  )
  t.regex(await refusal('CreateUser', { UserName: 'new' }, bob), /^AccessDenied/)
})

test('what there is no such operation of', async (t) => {
  const { refusal } = await scene(t)
  t.is(
    await refusal('CreateSAMLProvider'),
    'InvalidAction: Could not find operation CreateSAMLProvider for version 2010-05-08',
  )
  t.regex(await refusal('constructor'), /^InvalidAction/)
})
