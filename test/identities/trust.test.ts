/** Who may start a session of a role. */
import test from 'ava'
import type { AssumeRoleRequest } from '../../src/identities/sessions.ts'
import type { OrganizationConfig } from '../../src/identity.ts'
import { asks, caller, DEVICE, stage } from './asking.ts'
import { book, HERE, refuses, roleArn, THERE, trusts, user } from './people.ts'

/** Who asks for the role `app` that trusts as it is said; everything else of the request. */
type Try = Partial<AssumeRoleRequest> & { readonly as: string }

const allows = test.macro({
  title: (why = '') => `assumed: ${why}`,
  async exec(t, trust: object, { as, ...request }: Try, organization?: OrganizationConfig) {
    const { identities } = await book(t, stage(trust), organization)
    const asked: Partial<AssumeRoleRequest> = { caller: caller(identities, as), roleArn: roleArn('app'), ...request }
    const made = await asks(identities, asked)
    t.is(made.caller.arn, `arn:aws:sts::${HERE}:assumed-role/app/${asked.roleSessionName ?? 'one'}`)
  },
})
const denies = test.macro({
  title: (why = '') => `denied: ${why}`,
  async exec(t, trust: object, { as, ...request }: Try, action = 'sts:AssumeRole', organization?: OrganizationConfig) {
    const { identities } = await book(t, stage(trust), organization)
    const asked = { caller: caller(identities, as), roleArn: roleArn('app'), ...request }
    const message = `User: ${asked.caller.arn} is not authorized to perform: ${action} on resource: ${asked.roleArn}`
    await refuses(t, asks(identities, asked), 'AccessDenied', message)
  },
})

test('the account is trusted, and she may', allows, trusts(HERE), { as: user('alice') })
test('the account is trusted, and he may not', denies, trusts(HERE), { as: user('bob') })
test('he is trusted himself', allows, trusts(user('bob')), { as: user('bob') })
test('somebody else is trusted', denies, trusts(user('bob')), { as: user('alice') })
test('trusted himself, but his own policy denies', denies, trusts(user('denied')), { as: user('denied') })
test('another account is trusted, and she may', allows, trusts(THERE), { as: user('alice', THERE) })
test('another account is trusted, and he may not', denies, trusts(THERE), { as: user('bob', THERE) })
test('he of another account is trusted, and may not', denies, trusts(user('bob', THERE)), { as: user('bob', THERE) })
test('she may, and her account is not trusted', denies, trusts(HERE), { as: user('alice', THERE) })
test('everyone is trusted', allows, trusts('*'), { as: user('bob') })
test('a role is trusted, and a session of it asks', allows, trusts(roleArn('mid')), { as: roleArn('mid') })
test('a role is trusted, and a session of another asks', denies, trusts(roleArn('mid')), { as: user('alice') })
test('there is no such role', denies, trusts(HERE), { as: user('alice'), roleArn: roleArn('none') })
test('the role has another path', denies, trusts(HERE), { as: user('alice'), roleArn: roleArn('x/app') })
test(
  'a deny in the trust policy',
  denies,
  { Statement: [...trusts(HERE).Statement, { Effect: 'Deny', Principal: '*', Action: 'sts:*' }] },
  { as: user('alice') },
)
test(
  'a deny in the trust policy, for another account',
  denies,
  { Statement: [...trusts(THERE).Statement, { Effect: 'Deny', Principal: '*', Action: 'sts:*' }] },
  { as: user('alice', THERE) },
)

const EXTERNAL = trusts(HERE, { StringEquals: { 'sts:ExternalId': 'x1' } })
test('with the external id it takes', allows, EXTERNAL, { as: user('alice'), externalId: 'x1' })
test('with another external id', denies, EXTERNAL, { as: user('alice'), externalId: 'X1' })
test('without the external id it takes', denies, EXTERNAL, { as: user('alice') })

const MFA = trusts(HERE, { Bool: { 'aws:MultiFactorAuthPresent': 'true' } })
test('with a device', allows, MFA, { as: user('alice'), ...DEVICE })
test('without the device it takes', denies, MFA, { as: user('alice') })

const NAMED = trusts(HERE, { StringLike: { 'sts:RoleSessionName': '${aws:username}' } })
test('a session that bears the name of the user', allows, NAMED, { as: user('alice'), roleSessionName: 'alice' })
test('a session that bears another name', denies, NAMED, { as: user('alice') })

const TAGGING = trusts(HERE, { StringEquals: { 'aws:RequestTag/dept': 'a' } }, ['sts:AssumeRole', 'sts:TagSession'])
const dept = (Value: string) => ({ tags: [{ Key: 'dept', Value }] })
test('with a tag it may not set', denies, TAGGING, { as: user('alice'), ...dept('b') })
test(
  'with tags that no policy lets her set',
  denies,
  trusts(HERE),
  { as: user('alice'), ...dept('a') },
  'sts:TagSession',
)
test('with tags that the trust policy lets him set', allows, trusts(user('bob'), {}, 'sts:*'), {
  as: user('bob'),
  ...dept('a'),
})
test(
  'with a source identity that the trust policy does not let him set',
  denies,
  trusts(user('bob')),
  { as: user('bob'), sourceIdentity: 'bob' },
  'sts:SetSourceIdentity',
)

const ORGANIZATION = (document: object): OrganizationConfig => ({
  ...{ id: 'o-exampleorgid', managementAccount: '000000000000' },
  root: { accounts: [{ id: HERE, resourceControlPolicies: [{ name: 'no strangers', document }] }] },
})
const NO_STRANGERS = ORGANIZATION({
  Statement: {
    ...{ Effect: 'Deny', Principal: '*', Action: 'sts:*', Resource: '*' },
    Condition: { StringNotEquals: { 'aws:PrincipalAccount': HERE } },
  },
})
test('the organization keeps strangers out, and she is none', allows, trusts(HERE), { as: user('alice') }, NO_STRANGERS)
test(
  'the organization keeps strangers out',
  denies,
  trusts(THERE),
  { as: user('alice', THERE) },
  'sts:AssumeRole',
  NO_STRANGERS,
)

test('roles are not for root users', async (t) => {
  const { identities } = await book(t, stage(trusts('*')))
  const asked = asks(identities, { caller: identities.root(HERE), roleArn: roleArn('app') })
  await refuses(t, asked, 'AccessDenied', 'Roles may not be assumed by root accounts.')
})
