/** What `authorize` takes and gives: plain JSON in, a decision with its reasons out, and what is no question refused. */
import test from 'ava'
import { authorize, type AuthorizationRequest } from '../../src/authorization.ts'
import { KmsError } from '../../src/errors.ts'

const ALICE = 'arn:aws:iam::111122223333:user/alice'
const ROLE = 'arn:aws:iam::111122223333:role/team/app'
const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'

const allow = (more: object = {}) => ({ Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*', ...more })
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })
const asked: AuthorizationRequest = {
  principal: ALICE,
  action: 'kms:Decrypt',
  resource: KEY,
  identityPolicies: [policy(allow())],
}

test('a yes names what said so, statement by statement', (t) => {
  const { effect, because, statements, message } = authorize(asked)
  t.is(effect, 'Allow')
  t.is(message, undefined)
  t.deepEqual(because, ['Statement 1 of the key policy allows it.', 'Statement 1 of the identity policy 1 allows it.'])
  t.deepEqual(
    statements.map(({ policy, applies, because }) => [policy, applies, because]),
    [
      ['key policy', true, 'all of it is met'],
      ['identity policy 1', true, 'all of it is met'],
    ],
  )
})

test('a no has AWS’s words, and what was missing', (t) => {
  const { effect, explicit, because, message, statements } = authorize({ ...asked, action: 'kms:Encrypt' })
  t.is(effect, 'Deny')
  t.is(explicit, undefined)
  t.deepEqual(because, ['No identity policy allows it.'])
  t.is(
    message,
    `User: ${ALICE} is not authorized to perform: kms:Encrypt on resource: ${KEY} because no identity-based policy allows the kms:Encrypt action`,
  )
  t.is(statements[1]!.because, 'action')
})

test('policies are taken as text, too', (t) => {
  t.is(authorize({ ...asked, identityPolicies: [JSON.stringify(policy(allow()))] }).effect, 'Allow')
})

test('a role asks through a session of it', (t) => {
  const keyPolicy = policy(allow({ Principal: { AWS: ROLE } }))
  const request = { ...asked, principal: ROLE, identityPolicies: [], keyPolicy }
  t.is(authorize(request).effect, 'Allow')
  t.is(
    authorize({ ...request, principal: ROLE.replace('team/', '') }).effect,
    'Deny',
    'a role under another path is another',
  )
})

for (const [key, value, other] of [
  ['aws:PrincipalArn', ALICE, 'arn:aws:iam::111122223333:user/bob'],
  ['aws:PrincipalAccount', '111122223333', '444455556666'],
  ['aws:PrincipalType', 'User', 'AssumedRole'],
  ['aws:username', 'alice', 'bob'],
  ['kms:CallerAccount', '111122223333', '444455556666'],
  ['aws:ResourceAccount', '111122223333', '444455556666'],
  ['aws:RequestedRegion', 'eu-central-1', 'us-east-1'],
  ['aws:CurrentTime', '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:01.000Z'],
] as const) {
  test(`what a request always says of itself: ${key}`, (t) => {
    const under = (wanted: string) => policy(allow({ Condition: { StringEquals: { [key]: wanted } } }))
    const time = new Date('2026-03-01T12:00:00Z')
    t.is(authorize({ ...asked, time, identityPolicies: [under(value)] }).effect, 'Allow')
    t.is(authorize({ ...asked, time, identityPolicies: [under(other)] }).effect, 'Deny')
    t.is(
      authorize({ ...asked, time, identityPolicies: [under(other)], context: { [key.toUpperCase()]: other } }).effect,
      'Allow',
      'unless it is told otherwise',
    )
  })
}

for (const [why, request, code] of [
  ['a field that there is not', { ...asked, resources: KEY }, 'ValidationException'],
  ['an action of nobody', { ...asked, action: 'Decrypt' }, 'ValidationException'],
  ['a resource of another service', { ...asked, resource: 'arn:aws:s3:::bucket' }, 'ValidationException'],
  ['a principal that is none', { ...asked, principal: 'alice' }, 'ValidationException'],
  ['a policy that is no JSON', { ...asked, identityPolicies: ['{'] }, 'MalformedPolicyDocumentException'],
  [
    'an identity policy that names principals',
    { ...asked, identityPolicies: [policy(allow({ Principal: '*' }))] },
    'MalformedPolicyDocumentException',
  ],
  [
    'an operator nobody knows',
    { ...asked, keyPolicy: policy(allow({ Principal: '*', Condition: { StringIs: { a: 'b' } } })) },
    'MalformedPolicyDocumentException',
  ],
] as const) {
  test(`refused: ${why}`, (t) => {
    t.is(t.throws(() => authorize(request as AuthorizationRequest), { instanceOf: KmsError }).code, code)
  })
}
