/** Temporary credentials: who gets them, for how long, and what they make of who uses them. */
import { inspect } from 'node:util'
import test from 'ava'
import type { Identities } from '../../src/identities/identities.ts'
import {
  getFederationToken,
  getSessionToken,
  type AssumeRoleRequest,
  type Issued,
  type SessionTag,
} from '../../src/identities/sessions.ts'
import { APP, asks, BOB, caller, DEVICE, stage } from './asking.ts'
import { allow, book, HERE, NOON, refuses, role, roleArn, trusts, user } from './people.ts'

// What comes of it --------------------------------------------------------------------------------

test('a session is of its role, and whoever has its credentials is the session', async (t) => {
  const { identities, reopen } = await book(t)
  const { accessKeyId, secret, token, expires } = await asks(identities)
  t.regex(accessKeyId, /^ASIA[A-Z2-7]{16}$/)
  t.is(secret.length, 40)
  t.true(token.length > 100)
  t.is(expires, NOON + 3_600_000)
  for (const known of [identities, await reopen()]) {
    const found = known.find(accessKeyId)!
    t.like(found, { secret, sessionToken: token, expires })
    t.like(found.caller, {
      type: 'AssumedRole',
      arn: `arn:aws:sts::${HERE}:assumed-role/app/one`,
      account: HERE,
      roleArn: APP,
      accessKeyId,
      tags: { team: 'blue', stage: 'prod' },
    })
    t.regex(found.caller.principalId, /^AROA[A-Z2-7]{17}:one$/)
    t.deepEqual(found.caller.session, {
      ...{ created: NOON, expires, mfa: false, sourceIdentity: undefined },
      issuer: {
        ...{ type: 'Role', arn: APP, account: HERE, userName: 'app' },
        principalId: found.caller.principalId.replace(':one', ''),
      },
    })
  }
})

test('a session that is over is known as such until it is swept', async (t) => {
  const { identities, reopen, pass } = await book(t)
  const { accessKeyId, expires } = await asks(identities)
  const longer = await getSessionToken(identities, { caller: caller(identities) })
  pass(3600)
  t.is(identities.find(accessKeyId)?.expires, expires)
  await identities.sweep(expires)
  for (const known of [identities, await reopen()]) {
    t.is(known.find(accessKeyId), undefined)
    t.not(known.find(longer.accessKeyId), undefined)
  }
})

test('a session ends with its role', async (t) => {
  const { identities } = await book(t)
  const { accessKeyId } = await asks(identities)
  await identities.change(() => ({ remove: [identities.entity('role', HERE, 'app')!] }))
  t.is(identities.find(accessKeyId), undefined)
})

const namesakes = test.macro({
  title: (why = '') => `a session is not handed on to a namesake: ${why}`,
  async exec(t, kind: 'role' | 'user', start: (identities: Identities) => Promise<Issued>) {
    const { identities } = await book(t)
    const { accessKeyId, caller: before } = await start(identities)
    const old = identities.entity(kind, HERE, kind === 'role' ? 'app' : 'alice')!
    await identities.change(() => ({ put: [{ ...old, path: '/' }] }))
    t.is(identities.find(accessKeyId)?.caller.principalId, before.principalId, 'whose path is another is the same')
    await identities.change(() => ({ remove: [old] }))
    await identities.change(() => ({ put: [{ ...old, id: 'AIDANAMESAKE' }] }))
    t.is(identities.find(accessKeyId), undefined)
  },
})
test("a role's", namesakes, 'role', (identities) => asks(identities))
test("a user's own", namesakes, 'user', (identities) => getSessionToken(identities, { caller: caller(identities) }))
test("a user's guest's", namesakes, 'user', (identities) =>
  getFederationToken(identities, { caller: caller(identities), name: 'guest' }),
)

test('session policies limit it, tags go over those of the role, and what they take up is told', async (t) => {
  const { identities } = await book(t, [
    {
      id: HERE,
      users: [BOB],
      roles: [role('app', trusts(user('bob'), {}, ['sts:AssumeRole', 'sts:TagSession']), { tags: { a: '1', b: '1' } })],
    },
  ])
  const made = await asks(identities, {
    ...{ caller: caller(identities, user('bob')), roleArn: roleArn('app'), tags: [{ Key: 'b', Value: '2' }] },
    ...{ policy: JSON.stringify(allow('kms:Decrypt')), policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] },
  })
  t.deepEqual(made.caller.tags, { a: '1', b: '2' })
  t.deepEqual(
    made.caller.policies.session?.map(({ kind, name }) => `${kind}: ${name}`),
    ['session: session policy', 'session: arn:aws:iam::aws:policy/ReadOnlyAccess'],
  )
  t.true(made.packedPolicySize! > 0 && made.packedPolicySize! < 100)
  const plain = await asks(identities, { caller: caller(identities, user('bob')), roleArn: roleArn('app') })
  t.is(plain.caller.policies.session, undefined)
  t.is(plain.packedPolicySize, undefined)
})

// From session to session -------------------------------------------------------------------------

test('transitive tags and the source identity are handed on, and nobody changes them', async (t) => {
  const open = trusts('*', {}, ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'])
  const { identities } = await book(t, [{ id: HERE, users: [BOB], roles: [role('first', open), role('second', open)] }])
  const first = await asks(identities, {
    ...{ caller: caller(identities, user('bob')), roleArn: roleArn('first'), sourceIdentity: 'bob' },
    tags: [
      { Key: 'kept', Value: '1' },
      { Key: 'left', Value: '2' },
    ],
    transitiveTagKeys: ['KEPT'],
  })
  const second = { caller: first.caller, roleArn: roleArn('second') }
  const made = await asks(identities, second)
  t.deepEqual(made.caller.tags, { kept: '1' })
  t.is(made.caller.session?.sourceIdentity, 'bob')
  await refuses(t, asks(identities, { ...second, tags: [{ Key: 'Kept', Value: '2' }] }), 'InvalidParameterValue')
  await refuses(t, asks(identities, { ...second, sourceIdentity: 'eve' }), 'AccessDenied')
  t.is((await asks(identities, { ...second, sourceIdentity: 'bob' })).caller.session?.sourceIdentity, 'bob')
})

// What a request may say --------------------------------------------------------------------------

const refused = test.macro({
  title: (why = '') => `refused: ${why}`,
  async exec(t, request: Partial<AssumeRoleRequest>, code: string, message?: string) {
    const open = trusts('*', {}, 'sts:*')
    const { identities } = await book(t, stage(open, { maxSessionDuration: 7200 }))
    await refuses(
      t,
      asks(identities, { caller: caller(identities, user('bob')), roleArn: roleArn('app'), ...request }),
      code,
      message,
    )
  },
})
const violation = (value: string | number, member: string, must: string) =>
  `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: Member must ${must}`

test(
  'for too short',
  refused,
  { durationSeconds: 899 },
  'ValidationError',
  violation(899, 'durationSeconds', 'have value greater than or equal to 900'),
)
test(
  'for longer than any role',
  refused,
  { durationSeconds: 43_201 },
  'ValidationError',
  violation(43_201, 'durationSeconds', 'have value less than or equal to 43200'),
)
test(
  'for longer than this role',
  refused,
  { durationSeconds: 7201 },
  'ValidationError',
  'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
)
test(
  'a name of one letter',
  refused,
  { roleSessionName: 'x' },
  'ValidationError',
  violation('x', 'roleSessionName', 'have length greater than or equal to 2'),
)
test(
  'a name of two words',
  refused,
  { roleSessionName: 'x y' },
  'ValidationError',
  violation('x y', 'roleSessionName', 'satisfy regular expression pattern: [\\w+=,.@-]*'),
)
test('a role by its name', refused, { roleArn: 'app' }, 'ValidationError', 'app is invalid')
test('a policy that is none', refused, { policy: '{}' }, 'MalformedPolicyDocument', 'Syntax errors in policy.')
test(
  'a policy that is too long',
  refused,
  { policy: JSON.stringify(allow('kms:*', `arn:aws:kms:*:*:${'k'.repeat(2000)}`)) },
  'PackedPolicyTooLarge',
)
test(
  'eleven managed policies',
  refused,
  { policyArns: Array<string>(11).fill('arn:aws:iam::aws:policy/ReadOnlyAccess') },
  'LimitExceeded',
)
test('a managed policy there is not', refused, { policyArns: [`arn:aws:iam::${HERE}:policy/none`] }, 'ValidationError')
test(
  'a tag twice',
  refused,
  {
    tags: [
      { Key: 'a', Value: '1' },
      { Key: 'A', Value: '2' },
    ],
  },
  'InvalidParameterValue',
  'Duplicate tag keys found. Please note that Tag keys are case insensitive.',
)
test(
  'a transitive tag that is none',
  refused,
  { transitiveTagKeys: ['a'] },
  'InvalidParameterValue',
  'The specified transitive tag key must be included in the requested tags.',
)
test(
  'a device without its code',
  refused,
  { serialNumber: 'arn:aws:iam::111122223333:mfa/bob' },
  'AccessDenied',
  'MultiFactorAuthentication failed with invalid MFA one time pass code.',
)

test('as long as the role lets it last, but an hour from session to session', async (t) => {
  const { identities } = await book(t, stage(trusts('*'), { maxSessionDuration: 7200 }))
  const longest = { roleArn: roleArn('app'), durationSeconds: 7200 }
  t.is((await asks(identities, { caller: caller(identities, user('bob')), ...longest })).expires, NOON + 7_200_000)
  const chained = asks(identities, { caller: caller(identities, roleArn('mid')), ...longest })
  await refuses(
    t,
    chained,
    'ValidationError',
    'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining',
  )
})

// One's own ---------------------------------------------------------------------------------------

test("a user's own session is the user, for twelve hours, with the device if one was brought", async (t) => {
  const { identities, reopen } = await book(t)
  const plain = await getSessionToken(identities, { caller: caller(identities) })
  const proven = await getSessionToken(identities, { caller: caller(identities), ...DEVICE, durationSeconds: 129_600 })
  for (const known of [identities, await reopen()]) {
    t.like(known.find(plain.accessKeyId)?.caller, { type: 'User', arn: user('ops/alice'), userName: 'alice' })
    t.deepEqual(known.find(plain.accessKeyId)?.caller.session, {
      ...{ created: NOON, expires: NOON + 43_200_000, mfa: false, sourceIdentity: undefined, issuer: undefined },
    })
    t.like(known.find(proven.accessKeyId)?.caller.session, { mfa: true, expires: NOON + 129_600_000 })
  }
})

test("the root's own session lasts an hour, however long it is asked for", async (t) => {
  const { identities } = await book(t)
  const made = await getSessionToken(identities, { caller: identities.root(HERE), durationSeconds: 7200 })
  t.like(made.caller, { type: 'Root', principalId: HERE })
  t.is(made.expires, NOON + 3_600_000)
})

test('no session starts another of its own', async (t) => {
  const { identities } = await book(t)
  for (const made of [await asks(identities), await getSessionToken(identities, { caller: caller(identities) })]) {
    await refuses(
      t,
      getSessionToken(identities, { caller: made.caller }),
      'AccessDenied',
      'Cannot call GetSessionToken with session credentials',
    )
    await refuses(
      t,
      getFederationToken(identities, { caller: made.caller, name: 'guest' }),
      'AccessDenied',
      'Cannot call GetFederationToken with session credentials',
    )
  }
})

test('a federated user is somebody else, with what the session policy leaves of the rights of the user', async (t) => {
  const { identities } = await book(t)
  const policy = JSON.stringify(allow('kms:Decrypt'))
  const tags = [{ Key: 'dept', Value: 'a' }]
  const made = await getFederationToken(identities, { caller: caller(identities), name: 'guest', policy, tags })
  t.like(made.caller, {
    ...{ type: 'FederatedUser', arn: `arn:aws:sts::${HERE}:federated-user/guest`, principalId: `${HERE}:guest` },
    tags: { dept: 'a' },
  })
  t.is(made.caller.policies.session?.length, 1)
  t.deepEqual(made.caller.policies.identity, caller(identities).policies.identity)
})

test('a federated user without a session policy may nothing by policy', async (t) => {
  const { identities } = await book(t)
  const made = await getFederationToken(identities, { caller: caller(identities), name: 'guest' })
  t.deepEqual(made.caller.policies.session, [])
})

const OWN = { type: 'User', arn: user('eve') }
const GUEST = `arn:aws:sts::${HERE}:federated-user/guest`

/** Eve, who may what these statements say, asks for a session of her own and for one of a guest's. */
const starts = test.macro({
  title: (why = '') => `for oneself and for a guest: ${why}`,
  async exec(t, Statement: object[], { own, guest }: { own: boolean; guest: boolean | string }, tags?: SessionTag[]) {
    const policies = Statement.length > 0 ? [{ name: 'own', document: { Version: '2012-10-17', Statement } }] : []
    const { identities } = await book(t, [{ id: HERE, users: [{ name: 'eve', policies }] }])
    const eve = caller(identities, user('eve'))
    const denial = (action: string, on: string) =>
      `User: ${eve.arn} is not authorized to perform: ${action} on resource: ${on}`
    const mine = getSessionToken(identities, { caller: eve })
    if (own) t.like((await mine).caller, OWN)
    else await refuses(t, mine, 'AccessDenied', denial('sts:GetSessionToken', '*'))
    const theirs = getFederationToken(identities, { caller: eve, name: 'guest', ...(tags && { tags }) })
    if (guest === true) t.is((await theirs).caller.arn, GUEST)
    else await refuses(t, theirs, 'AccessDenied', denial(guest || 'sts:GetFederationToken', GUEST))
  },
})
const may = (Action: string, Resource = '*', more: object = {}) => ({ Effect: 'Allow', Action, Resource, ...more })
const TAGGED = [{ Key: 'dept', Value: 'a' }]
const ofDept = (dept: string) => ({ Condition: { StringEquals: { 'aws:RequestTag/dept': dept } } })
test('she may nothing', starts, [], { own: true, guest: false })
test('she may federate', starts, [may('sts:GetFederationToken')], { own: true, guest: true })
test('she may federate this guest', starts, [may('sts:*', GUEST)], { own: true, guest: true })
test('she may federate another', starts, [may('sts:*', `${GUEST}s`)], { own: true, guest: false })
test('she is denied her own', starts, [may('*'), { ...may('sts:GetSessionToken'), Effect: 'Deny' }], {
  ...{ own: false, guest: true },
})
const tagging = (dept: string) => [may('sts:GetFederationToken'), may('sts:TagSession', '*', ofDept(dept))]
test('she may set this tag', starts, tagging('a'), { own: true, guest: true }, TAGGED)
test('she may set another tag', starts, tagging('b'), { own: true, guest: 'sts:TagSession' }, TAGGED)

test("the root's guest may what the session policy says, for an hour", async (t) => {
  const { identities, reopen } = await book(t)
  const policy = JSON.stringify(allow('kms:Decrypt'))
  const asked = { caller: identities.root(HERE), name: 'guest', policy, durationSeconds: 7200 }
  const { accessKeyId, expires } = await getFederationToken(identities, asked)
  t.is(expires, NOON + 3_600_000)
  const guest = (await reopen()).find(accessKeyId)!.caller
  t.like(guest, { type: 'FederatedUser', arn: GUEST, principalId: `${HERE}:guest` })
  t.deepEqual(
    [...guest.policies.identity, ...guest.policies.session!].map(({ name }) => name),
    ['root user', 'session policy'],
  )
})

test('no credentials are shown by printing what made them', async (t) => {
  const { identities } = await book(t)
  const { secret, token } = await asks(identities)
  for (const text of [inspect(identities, { depth: 9, showHidden: true }), JSON.stringify(identities)]) {
    for (const hidden of [secret, token, 'of alice', 'of the root']) t.false(text.includes(hidden))
  }
})

test('no code proves a device where that is not simulated', async (t) => {
  const { identities } = await book(t, undefined, undefined, false)
  const asked = getSessionToken(identities, { caller: caller(identities), ...DEVICE })
  const error = await t.throwsAsync(asked, { name: 'AccessDenied' })
  t.is(error.message, 'MultiFactorAuthentication failed with invalid MFA one time pass code.')
  t.false((await getSessionToken(identities, { caller: caller(identities) })).caller.session!.mfa)
})
