/** Who there is: found by key and by name, as a snapshot with every policy that has a say, and the same after a restart. */
import test from 'ava'
import { awsManagedPolicy, AWS_MANAGED } from '../../src/identities/managed.ts'
import type { Caller, OrganizationConfig } from '../../src/identity.ts'
import { parseIdentityPolicy } from '../../src/policy/document.ts'
import { allow, book, HERE, refuses, role, roleArn, THERE, trusts, user } from './people.ts'

const names = ({ policies: { identity } }: Caller) => identity.map(({ name }) => name)

// By access key -----------------------------------------------------------------------------------

test('an access key stands for its user, one of the account for the root, and any other for nobody', async (t) => {
  const { identities } = await book(t)
  t.like(identities.find('AKIAALICE'), { secret: 'of alice', sessionToken: undefined })
  t.like(identities.find('AKIAALICE')?.caller, {
    ...{ type: 'User', arn: user('ops/alice'), account: HERE, accessKeyId: 'AKIAALICE', userName: 'alice' },
    ...{ tags: { team: 'red' }, session: undefined, organization: undefined },
  })
  t.regex(identities.find('AKIAALICE')!.caller.principalId, /^AIDA[A-Z2-7]{17}$/)
  t.like(identities.find('AKIAROOT')?.caller, { type: 'Root', arn: `arn:aws:iam::${HERE}:root`, principalId: HERE })
  for (const id of ['akiaalice', 'AKIA', '', 'constructor']) t.is(identities.find(id), undefined, id)
})

test('an access key that is not active stands for nobody', async (t) => {
  const { identities, reopen } = await book(t, [{ id: HERE, users: [{ name: 'alice' }] }])
  const key = { kind: 'accessKey', account: HERE, name: 'AKIANEW', user: 'alice', secret: 'new', active: true } as const
  await identities.change((created) => ({ put: [{ ...key, created }] }))
  t.is((await reopen()).find('AKIANEW')?.secret, 'new')
  await identities.change((created) => ({ put: [{ ...key, created, active: false }] }))
  for (const known of [identities, await reopen()]) t.is(known.find('AKIANEW'), undefined)
})

// By name -----------------------------------------------------------------------------------------

const named = test.macro({
  title: (why = '') => `found by name: ${why}`,
  async exec(t, arn: string, caller: Partial<Caller>) {
    t.like((await book(t)).identities.principal(arn), caller)
  },
})
test('a root', named, `arn:aws:iam::${HERE}:root`, { type: 'Root', account: HERE })
test('the root of an account nobody spoke of', named, `arn:aws:iam::${THERE}:root`, { type: 'Root', account: THERE })
test('a user, by a path', named, user('ops/alice'), { type: 'User', userName: 'alice' })
test('a session', named, `arn:aws:sts::${HERE}:assumed-role/app/two`, {
  ...{ type: 'AssumedRole', arn: `arn:aws:sts::${HERE}:assumed-role/app/two`, roleArn: roleArn('service/app') },
})
test('a role, in a session that is made up', named, roleArn('service/app'), {
  ...{ type: 'AssumedRole', arn: `arn:aws:sts::${HERE}:assumed-role/app/in-process` },
})

const unknown = test.macro({
  title: (why = '') => `not found by name: ${why}`,
  async exec(t, arn: string) {
    const { identities } = await book(t)
    await refuses(
      t,
      Promise.resolve().then(() => identities.principal(arn)),
      'NotFoundException',
    )
  },
})
test('a user there is not', unknown, user('eve'))
test('a user of another account', unknown, user('bob', THERE))
test('a session of no role', unknown, `arn:aws:sts::${HERE}:assumed-role/none/two`)
test('a group', unknown, `arn:aws:iam::${HERE}:group/readers`)
test('a user where a role is', unknown, user('app'))
test('no ARN', unknown, 'alice')

// With what policies ------------------------------------------------------------------------------

test('policies are those of the user, inline and attached, and of the groups', async (t) => {
  const { identities } = await book(t)
  t.deepEqual(names(identities.principal(user('ops/alice'))), [
    'inline policy assume of user/alice',
    'arn:aws:iam::aws:policy/ReadOnlyAccess',
  ])
  t.deepEqual(names(identities.principal(user('bob'))), [])
  t.deepEqual(names(identities.root(THERE)), ['root user'])
})

test('a boundary is a managed policy; one that is gone allows nothing', async (t) => {
  const boundary = (name: string) => ({ permissionsBoundary: `arn:aws:iam::${HERE}:policy/${name}` })
  const { identities } = await book(t, [
    {
      ...{ id: HERE, policies: [{ name: 'bound', document: allow('kms:*') }] },
      users: [{ name: 'a', ...boundary('bound') }, { name: 'b', ...boundary('none') }, { name: 'c' }],
    },
  ])
  const statements = (name: string) => identities.principal(user(name)).policies.boundary?.document.statements.length
  t.deepEqual(['a', 'b', 'c'].map(statements), [1, 0, undefined])
})

test('an organization holds its members to what each level says, and the management account to nothing', async (t) => {
  const policy = (name: string) => [{ name, document: allow('*') }]
  const [INSIDE, OUTSIDE] = ['777788889999', '999999999999']
  const deny = { Statement: { Effect: 'Deny', Principal: '*', Action: 'kms:*', Resource: '*' } }
  const organization: OrganizationConfig = {
    ...{ id: 'o-exampleorgid', managementAccount: HERE },
    root: {
      ...{ id: 'r-root', accounts: [{ id: HERE }], resourceControlPolicies: [{ name: 'fence', document: deny }] },
      units: [
        {
          ...{ id: 'ou-prod', accounts: [{ id: THERE, serviceControlPolicies: policy('account') }] },
          ...{ serviceControlPolicies: policy('unit'), units: [{ id: 'ou-in', accounts: [{ id: INSIDE }] }] },
        },
      ],
    },
  }
  const { identities } = await book(t, [{ id: THERE, users: [{ name: 'eve' }] }], organization)
  const levels = (caller: Caller) => caller.policies.serviceControl.map((level) => level.map(({ name }) => name))
  const FULL = ['FullAWSAccess']
  t.deepEqual(levels(identities.principal(user('eve', THERE))), [FULL, ['unit'], ['account']])
  t.deepEqual(levels(identities.root(INSIDE)), [FULL, ['unit'], FULL, FULL])
  t.deepEqual(levels(identities.root(HERE)), [])
  t.deepEqual(identities.root(THERE).organization, {
    ...{ id: 'o-exampleorgid', paths: ['o-exampleorgid/r-root/ou-prod/'], managementAccount: HERE },
  })
  t.is(identities.root(OUTSIDE).organization, undefined)
  const fences = [THERE, INSIDE, HERE, OUTSIDE].map((account) => identities.resourceControl(account).length)
  t.deepEqual(fences, [1, 1, 0, 0])
})

// Changes -----------------------------------------------------------------------------------------

test('a caller stays the same until something changes, and is another one from then on', async (t) => {
  const { identities } = await book(t)
  const [before, { epoch }] = [identities.principal(user('bob')), identities]
  t.is(identities.principal(user('bob')), before)
  await identities.change(() => ({ put: [{ ...identities.entity('user', HERE, 'bob')!, groups: ['readers'] }] }))
  t.true(identities.epoch > epoch)
  t.deepEqual(names(before), [])
  t.deepEqual(names(identities.principal(user('bob'))), ['arn:aws:iam::aws:policy/ReadOnlyAccess'])
})

test('a policy that is none changes nothing', async (t) => {
  const { identities, reopen } = await book(t)
  const bob = identities.entity('user', HERE, 'bob')!
  const { epoch } = identities
  const error = await t.throwsAsync(identities.change(() => ({ put: [{ ...bob, policies: { x: '{}' } }] })))
  t.regex((error as { code?: string }).code ?? '', /^MalformedPolicyDocument/)
  t.is(identities.epoch, epoch)
  for (const known of [identities, await reopen()]) t.deepEqual(known.entity('user', HERE, 'bob')?.policies, {})
})

test('changes at the same time follow one another', async (t) => {
  const { identities } = await book(t)
  const join = (group: string) =>
    identities.change(() => {
      const bob = identities.entity('user', HERE, 'bob')!
      return { put: [{ ...bob, groups: [...bob.groups, group] }] }
    })
  await Promise.all(['a', 'b', 'c'].map(join))
  t.deepEqual(identities.entity('user', HERE, 'bob')?.groups, ['a', 'b', 'c'])
})

test('who was made at run time is there after a restart; who is configured is as configured, under the same id', async (t) => {
  const { identities, reopen } = await book(t)
  const { principalId } = identities.principal(user('bob'))
  await identities.declare([{ id: THERE, users: [{ name: 'eve', tags: { team: 'grey' } }] }])
  await identities.change(() => ({ put: [{ ...identities.entity('user', HERE, 'bob')!, groups: ['readers'] }] }))
  const again = await reopen()
  t.deepEqual(again.principal(user('eve', THERE)).tags, { team: 'grey' })
  t.deepEqual(names(again.principal(user('bob'))), [])
  t.is(again.principal(user('bob')).principalId, principalId)
})

test('an access key that is configured no longer is none', async (t) => {
  const { reopen } = await book(t)
  const again = await reopen([{ id: HERE, users: [{ name: 'bob' }] }])
  t.is(again.find('AKIABOB'), undefined)
  t.throws(() => again.principal(user('ops/alice')))
})

test('names of no other thing are taken for it', async (t) => {
  const { identities } = await book(t, [
    {
      id: HERE,
      users: [{ name: '__proto__', tags: { constructor: 'x' } }],
      roles: [role('constructor', trusts(HERE))],
    },
  ])
  t.is(identities.principal(user('__proto__')).userName, '__proto__')
  t.is(identities.principal(roleArn('constructor')).session?.issuer?.userName, 'constructor')
  for (const name of ['toString', 'valueOf']) t.is(identities.entity('user', HERE, name), undefined)
})

// AWS's own ---------------------------------------------------------------------------------------

test("AWS's managed policies can be read, and there are those that test suites attach", (t) => {
  for (const { document } of AWS_MANAGED) t.true(parseIdentityPolicy(document).statements.length > 0)
  const paths = ['AdministratorAccess', 'PowerUserAccess', 'ReadOnlyAccess', 'AWSKeyManagementServicePowerUser']
  const more = [
    'IAMFullAccess',
    'SecurityAudit',
    'job-function/ViewOnlyAccess',
    'service-role/AWSLambdaBasicExecutionRole',
  ]
  for (const path of [...paths, ...more]) t.not(awsManagedPolicy(`arn:aws:iam::aws:policy/${path}`), undefined, path)
  for (const path of ['ViewOnlyAccess', 'None', 'constructor'])
    t.is(awsManagedPolicy(`arn:aws:iam::aws:policy/${path}`), undefined)
})
