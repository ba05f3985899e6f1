/** Which key policies are taken. */
import test from 'ava'
import { recordsOf } from '../helpers/inside.ts'
import { refuses, scene } from '../helpers/scene.ts'

const ROOT = 'arn:aws:iam::000000000000:root'
const ADMIN = 'arn:aws:iam::000000000000:role/Admin'

const policy = (...statements: object[]) => JSON.stringify({ Version: '2012-10-17', Statement: statements })
const allow = (AWS: string | undefined, elements: object = {}) => ({
  Effect: 'Allow',
  Principal: AWS === undefined ? undefined : { AWS },
  Action: 'kms:*',
  Resource: '*',
  ...elements,
})
const deny = (elements: object) => ({ ...allow('*', elements), Effect: 'Deny' })

const LOCKOUT = 'The new key policy will not allow you to update the key policy in the future.'
const PRINCIPALS = 'Policy contains a statement with one or more invalid principals.'

test('a policy is kept as it was written, with its spaces', async (t) => {
  const { room, id } = await scene(t)
  const Policy = `\n\t${policy(allow(ROOT))} `
  await room.putKeyPolicy({ KeyId: id, Policy })
  t.is((await room.getKeyPolicy({ KeyId: id })).Policy, Policy)
  const made = await room.createKey({ Policy })
  t.is((await room.getKeyPolicy({ KeyId: made.KeyMetadata!.KeyId })).Policy, Policy)
})

/** Policies that would leave the account's root no way back, or would leave one. */
const LOCKED_OUT: [why: string, locked: boolean, Policy: string][] = [
  ['only a role is allowed', true, policy(allow(ADMIN))],
  ['another account is allowed', true, policy(allow('444455556666'))],
  ['the account may do other things', true, policy(allow(ROOT, { Action: ['kms:Get*', 'kms:Encrypt'] }))],
  [
    'the account may use another key',
    true,
    policy(allow(ROOT, { Resource: 'arn:aws:kms:us-east-1:000000000000:key/x' })),
  ],
  ['everyone is denied', true, policy(allow(ROOT), deny({ Action: 'kms:Put*' }))],
  ['only a service may call', true, policy(allow('*', { Condition: { StringEquals: { 'kms:ViaService': 's3' } } }))],
  ['it may from somewhere', true, policy(allow(ROOT, { Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }))],
  ['the account is allowed', false, policy(allow('000000000000'))],
  [
    'everyone of the account is',
    false,
    policy(allow('*', { Condition: { StringEquals: { 'kms:CallerAccount': '000000000000' } } })),
  ],
  [
    'calls without TLS are denied',
    false,
    policy(allow(ROOT), deny({ Condition: { Bool: { 'aws:SecureTransport': false } } })),
  ],
]

for (const [why, locked, Policy] of LOCKED_OUT) {
  test(`${locked ? 'a lockout' : 'no lockout'}: ${why}`, async (t) => {
    const { room, id } = await scene(t)
    if (locked) {
      await refuses(t, room.putKeyPolicy({ KeyId: id, Policy }), 'MalformedPolicyDocumentException', LOCKOUT)
      await refuses(t, room.createKey({ Policy }), 'MalformedPolicyDocumentException', LOCKOUT)
      t.regex((await room.getKeyPolicy({ KeyId: id })).Policy!, /key-default-1/)
      await room.putKeyPolicy({ KeyId: id, Policy, BypassPolicyLockoutSafetyCheck: true })
      await room.createKey({ Policy, BypassPolicyLockoutSafetyCheck: true })
    } else {
      await room.putKeyPolicy({ KeyId: id, Policy })
      await room.createKey({ Policy })
    }
    // Whoever is locked out may not even look.
    t.is((await recordsOf(room).key('us-east-1', '000000000000', id))!.policy, Policy)
  })
}

const longest = (length: number) => policy(allow(ROOT)).padEnd(length)

/** What no key policy may be, whether or not the check of the way back is asked for. */
const REFUSED: [why: string, Policy: string, code?: string, message?: string][] = [
  ['is longer than 32 KiB', longest(32_769), 'LimitExceededException'],
  ['is longer in bytes than in characters', longest(32_768).replace(/ $/, 'é'), 'LimitExceededException'],
  ['holds a character beyond U+00FF', policy(allow(ROOT, { Sid: '€' })), 'ValidationException'],
  ['holds a control character', `${policy(allow(ROOT))}\u0001`, 'ValidationException'],
  ['has a statement without principals', policy(allow(ROOT), allow(undefined)), undefined, PRINCIPALS],
  ['names a group', policy(allow('arn:aws:iam::000000000000:group/g')), undefined, PRINCIPALS],
  [
    'asks for all values of an encryption context',
    policy(allow(ROOT, { Condition: { 'ForAllValues:StringEquals': { 'kms:EncryptionContext:a': 'b' } } })),
    undefined,
    'OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified encryption context or with an unspecified encryption context. To fix, remove ForAllValues.',
  ],
  [
    'asks for all values of a tag',
    policy(allow(ROOT, { Condition: { 'ForAllValues:StringLikeIfExists': { 'aws:RequestTag/a': 'b' } } })),
    undefined,
    'OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified tag or with an unspecified tag. To fix, remove ForAllValues.',
  ],
]

for (const [why, Policy, code = 'MalformedPolicyDocumentException', message] of REFUSED) {
  test(`a policy that ${why} is refused`, async (t) => {
    const { room, id } = await scene(t)
    const BypassPolicyLockoutSafetyCheck = true
    await refuses(t, room.putKeyPolicy({ KeyId: id, Policy, BypassPolicyLockoutSafetyCheck }), code, message)
    await refuses(t, room.createKey({ Policy, BypassPolicyLockoutSafetyCheck }), code, message)
  })
}

test('a policy of exactly 32 KiB is taken, and one that asks for all of many-valued keys', async (t) => {
  const { room, id } = await scene(t)
  await room.putKeyPolicy({ KeyId: id, Policy: longest(32_768) })
  const Condition = { 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['a', 'b'] } }
  await room.putKeyPolicy({ KeyId: id, Policy: policy(allow(ROOT), allow(ADMIN, { Condition })) })
  t.pass()
})

test('there is one policy, by one name', async (t) => {
  const { room, id } = await scene(t)
  const Policy = policy(allow(ROOT))
  await room.putKeyPolicy({ KeyId: id, PolicyName: 'default', Policy })
  await refuses(t, room.putKeyPolicy({ KeyId: id, PolicyName: 'AWS_RAM', Policy }), 'ValidationException')
  await refuses(t, room.getKeyPolicy({ KeyId: id, PolicyName: 'AWS_RAM' }), 'NotFoundException')
})

test('whom a policy names has to be there, where it is known who is', async (t) => {
  const users = [{ name: 'alice', path: '/team/' }]
  const roles = [{ name: 'app', trustPolicy: policy({ Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' }) }]
  const { room, id } = await scene(t, { accounts: [{ id: '000000000000', users, roles }] })
  const naming = (who: string) => policy(allow(ROOT), allow(who))
  const member = 'arn:aws:iam::000000000000'
  const session = 'arn:aws:sts::000000000000:assumed-role'
  for (const who of [
    `${member}:user/team/alice`,
    `${member}:role/app`,
    `${session}/app/one`,
    'arn:aws:iam::111122223333:user/eve',
  ]) {
    await t.notThrowsAsync(room.putKeyPolicy({ KeyId: id, Policy: naming(who) }), who)
    await t.notThrowsAsync(room.createKey({ Policy: naming(who) }), who)
  }
  for (const who of [
    `${member}:user/alice`,
    `${member}:user/team/bob`,
    `${member}:role/alice`,
    `${session}/none/one`,
  ]) {
    await refuses(
      t,
      room.putKeyPolicy({ KeyId: id, Policy: naming(who) }),
      'MalformedPolicyDocumentException',
      PRINCIPALS,
    )
    await refuses(t, room.createKey({ Policy: naming(who) }), 'MalformedPolicyDocumentException', PRINCIPALS)
  }
})
