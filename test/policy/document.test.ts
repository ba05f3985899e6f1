/** Which texts are policies in IAM's language. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import { parseDocument, parseIdentityPolicy, parseTrustPolicy } from '../../src/policy/document.ts'

const ROOT = 'arn:aws:iam::111122223333:root'

/** A document of one statement, which allows everyone everything but for `elements`. */
const policy = (elements: object) =>
  JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*', ...elements } })

const without = (element: string) => policy({ [element]: undefined })

const statement = (elements: object) => parseDocument(policy(elements)).statements[0]!

test('a document says its version, id and statements', (t) => {
  const { version, id, statements } = parseDocument(
    JSON.stringify({ Version: '2012-10-17', Id: 'mine', Statement: [JSON.parse(policy({})).Statement] }),
  )
  t.is(version, '2012-10-17')
  t.is(id, 'mine')
  t.is(statements.length, 1)
  t.is(parseDocument(policy({})).version, '2008-10-17', 'the older version is the default')
})

test('a statement is read into values', (t) => {
  const Condition = {
    'ForAnyValue:StringLike': { 'aws:TagKeys': ['a*', 'b'] },
    NumericLessThanIfExists: { 'kms:RotationPeriodInDays': 100 },
    Bool: { 'aws:SecureTransport': true },
  }
  t.deepEqual(
    statement({ Sid: 'a sid', Principal: { AWS: ROOT }, NotAction: 'kms:Put*', Action: undefined, Condition }),
    {
      sid: 'a sid',
      effect: 'Allow',
      principal: { not: false, of: { AWS: [ROOT], Service: [], Federated: [] } },
      action: { not: true, of: ['kms:Put*'] },
      resource: { not: false, of: ['*'] },
      conditions: [
        {
          title: 'ForAnyValue:StringLike aws:TagKeys',
          operator: 'StringLike',
          set: 'ForAnyValue',
          ifExists: false,
          key: 'aws:tagkeys',
          values: ['a*', 'b'],
        },
        {
          title: 'NumericLessThanIfExists kms:RotationPeriodInDays',
          operator: 'NumericLessThan',
          set: undefined,
          ifExists: true,
          key: 'kms:rotationperiodindays',
          values: ['100'],
        },
        {
          title: 'Bool aws:SecureTransport',
          operator: 'Bool',
          set: undefined,
          ifExists: false,
          key: 'aws:securetransport',
          values: ['true'],
        },
      ],
    },
  )
})

const taken = test.macro<[string, string]>({
  title: (_, why: string) => `taken: ${why}`,
  exec: (t, _why: string, text: string) => void t.notThrows(() => parseDocument(text)),
})

const refused = test.macro<[string, string, string?]>({
  title: (_, why: string) => `refused: ${why}`,
  exec(t, _why: string, text: string, message = 'Syntax errors in policy.') {
    const error = t.throws(() => parseDocument(text), { instanceOf: KmsError })
    t.is(error.code, 'MalformedPolicyDocumentException')
    t.is(error.message, message)
  },
})

const PRINCIPALS = 'Policy contains a statement with one or more invalid principals.'

test(refused, 'what is no JSON', '{')
test(refused, 'a list', '[]')
test(refused, 'a document without statements', '{"Version":"2012-10-17"}')
test(refused, 'a document with an empty list of statements', '{"Statement":[]}')
test(refused, 'a statement that is no object', '{"Statement":["Allow"]}')
test(refused, 'a version nobody knows', '{"Version":"2020-01-01","Statement":{"Effect":"Allow"}}')
test(refused, 'an element of the document nobody knows', '{"Statements":[],"Statement":{"Effect":"Allow"}}')
test(refused, 'an element of the statement nobody knows', policy({ Actions: '*' }))
test(refused, 'an element in the wrong case', policy({ action: '*' }))
test(refused, 'no effect', without('Effect'))
test(refused, 'an effect nobody knows', policy({ Effect: 'allow' }))
test(refused, 'an id that is no text', '{"Id":1,"Statement":{"Effect":"Allow"}}')
test(taken, 'a sid with spaces', policy({ Sid: 'Allow access for Key Administrators' }))
test(refused, 'a sid that is no text', policy({ Sid: 7 }))

test(refused, 'a key said twice', '{"Statement":{"Effect":"Deny","Effect":"Allow"}}')
test(refused, 'a key said twice, once escaped', '{"Statement":{"Effect":"Deny","Eff\\u0065ct":"Allow"}}')
test(
  refused,
  'a key said twice deep inside',
  '{"Statement":[{"Effect":"Allow","Condition":{"Bool":{"a":"1","a":"2"}}}]}',
)
test(taken, 'one key in two statements', '{"Statement":[{"Effect":"Allow"},{"Effect":"Allow"}]}')
test(taken, 'a value that reads like a key', policy({ Sid: '"Effect":' }))
test(refused, 'a key that would reach the prototype', '{"Statement":{"Effect":"Allow","__proto__":{}}}')

test(taken, 'no action, which makes the statement idle', without('Action'))
test(taken, 'no resource, which makes the statement idle', without('Resource'))
test(taken, 'an empty list of actions', policy({ Action: [] }))
test(taken, 'actions with wildcards', policy({ Action: ['kms:*', 'kms:Generate?ataKey*', '*'] }))
test(refused, 'an action without a service', policy({ Action: 'Encrypt' }))
test(refused, 'an action that is no text', policy({ Action: 1 }))
test(refused, 'an action beside its negation', policy({ NotAction: 'kms:*' }))
test(refused, 'a resource beside its negation', policy({ NotResource: '*' }))

test(taken, 'no principal, as in the policy of an identity', without('Principal'))
test(refused, 'a principal beside its negation', policy({ NotPrincipal: '*' }))
for (const [why, AWS] of [
  ['everyone', '*'],
  ['an account by its id', '111122223333'],
  ['an account by its root', ROOT],
  ['a user', 'arn:aws:iam::111122223333:user/alice'],
  ['a user on a path', 'arn:aws:iam::111122223333:user/a/b/alice'],
  ['a role', 'arn:aws:iam::111122223333:role/Admin'],
  ['a service-linked role', 'arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSRole'],
  ['a session of a role', 'arn:aws:sts::111122223333:assumed-role/Admin/alice@example.com'],
  ['a federated user', 'arn:aws:sts::111122223333:federated-user/bob'],
  ['a role of another partition', 'arn:aws-cn:iam::111122223333:role/Admin'],
] as const) {
  test(taken, `${why} as a principal`, policy({ Principal: { AWS } }))
}
for (const [why, AWS] of [
  ['a group', 'arn:aws:iam::111122223333:group/admins'],
  ['a wildcard in an ARN', 'arn:aws:iam::111122223333:role/*'],
  ['a wildcard for an account', 'arn:aws:iam::*:root'],
  ['a name', 'alice'],
  ['a unique id of somebody deleted', 'AIDAJQABLZS4A3QDU576Q'],
  ['an account id too short', '11112222333'],
  ['a key', 'arn:aws:kms:us-east-1:111122223333:key/x'],
  ['nobody', []],
] as const) {
  test(refused, `${why} as a principal`, policy({ Principal: { AWS } }), PRINCIPALS)
}
test(taken, 'a service', policy({ Principal: { Service: ['s3.amazonaws.com', 'logs.eu-west-1.amazonaws.com'] } }))
test(refused, 'any service', policy({ Principal: { Service: '*' } }), PRINCIPALS)
test(taken, 'a web identity', policy({ Principal: { Federated: 'cognito-identity.amazonaws.com' } }))
test(taken, 'a SAML provider', policy({ Principal: { Federated: 'arn:aws:iam::111122223333:saml-provider/corp' } }))
test(refused, 'a principal that is a bare account', policy({ Principal: ROOT }), PRINCIPALS)
test(
  refused,
  'a canonical user, whom only S3 knows',
  policy({ Principal: { CanonicalUser: 'a'.repeat(64) } }),
  PRINCIPALS,
)
test(refused, 'principals of no kind', policy({ Principal: {} }), PRINCIPALS)

const where = (Condition: unknown) => policy({ Condition })
test(taken, 'conditions of none', where({}))
test(taken, 'many values', where({ StringEquals: { 'kms:ViaService': ['a', 'b'] } }))
test(taken, 'whether a key is there', where({ Null: { 'kms:EncryptionContext:a': 'true' } }))
test(refused, 'a list of conditions', where([]))
test(refused, 'an operator nobody knows', where({ StringMatches: { a: 'b' } }))
test(refused, 'an operator in the wrong case', where({ stringequals: { a: 'b' } }))
test(refused, 'a set operator nobody knows', where({ 'ForSomeValues:StringEquals': { a: 'b' } }))
test(refused, 'whether a key is there, if it is there', where({ NullIfExists: { a: 'true' } }))
test(refused, 'an operator without keys', where({ StringEquals: 'b' }))
test(refused, 'a value that is an object', where({ StringEquals: { a: { b: 'c' } } }))
test(refused, 'a value of null', where({ StringEquals: { a: null } }))

// Policies of identities and roles ----------------------------------------------------------------

type Parse = (text: string) => unknown

const kind = test.macro<[Parse, string, object, object, string]>({
  title: (_, parse: Parse, why: string) => `${parse.name}: ${why}`,
  exec(t, parse: Parse, _why: string, good: object, bad: object, message: string) {
    t.notThrows(() => parse(policy(good)))
    t.like(
      t.throws(() => parse(policy(bad)), { instanceOf: KmsError }),
      {
        code: 'MalformedPolicyDocumentException',
        message,
      },
    )
  },
})

const HELD = { Principal: undefined }
const held = (elements: object) => ({ ...HELD, ...elements })
const NOBODY = 'Policy document should not specify a principal.'
const NO_ACTION = 'Policy statement must contain actions.'
const NO_RESOURCE = 'Policy statement must contain resources.'
const NO_ARN = 'Resource must be in ARN format or "*".'

test(kind, parseIdentityPolicy, 'names nobody', HELD, {}, NOBODY)
test(kind, parseIdentityPolicy, 'excepts nobody', HELD, held({ NotPrincipal: '*' }), NOBODY)
test(kind, parseIdentityPolicy, 'has actions', held({ Action: 'kms:*' }), held({ Action: undefined }), NO_ACTION)
test(kind, parseIdentityPolicy, 'has some action', held({ Action: ['kms:*'] }), held({ Action: [] }), NO_ACTION)
test(
  kind,
  parseIdentityPolicy,
  'has resources',
  held({ Resource: undefined, NotResource: 'arn:aws:s3:::a' }),
  held({ Resource: undefined }),
  NO_RESOURCE,
)
test(kind, parseIdentityPolicy, 'has some resource', held({ Resource: ['*'] }), held({ Resource: [] }), NO_RESOURCE)
test(kind, parseIdentityPolicy, 'has ARNs', held({ Resource: 'arn:aws:kms:*' }), held({ Resource: 'kms:key' }), NO_ARN)
test(
  kind,
  parseIdentityPolicy,
  'has plain Sids',
  held({ Sid: 'Sid1' }),
  held({ Sid: 'a sid' }),
  'Statement IDs (SID) should be alpha numeric.',
)

test('parseIdentityPolicy: no two statements have one Sid', (t) => {
  const statement = (Sid?: string) => ({ Sid, Effect: 'Allow', Action: '*', Resource: '*' })
  const parse = (...Statement: object[]) => parseIdentityPolicy(JSON.stringify({ Version: '2012-10-17', Statement }))
  t.notThrows(() => parse(statement('a'), statement('b'), statement(), statement()))
  t.throws(() => parse(statement('a'), statement('a')), {
    message: 'Statement IDs (SID) in a single policy must be unique.',
  })
})

const trust = (elements: object = {}) => ({ Action: 'sts:AssumeRole', Resource: undefined, ...elements })
const STS_ALONE = 'AssumeRole policy may only specify STS AssumeRole actions.'

test(kind, parseTrustPolicy, 'names somebody', trust(), trust(HELD), 'Missing required field Principal')
test(kind, parseTrustPolicy, 'has no resource', trust(), trust({ Resource: '*' }), 'Has prohibited field Resource')
test(kind, parseTrustPolicy, 'has an action', trust(), trust({ Action: undefined }), 'Missing required field Action')
test(
  kind,
  parseTrustPolicy,
  'has actions of STS alone',
  trust({ Action: ['sts:AssumeRole', 'sts:TagSession'] }),
  trust({ Action: ['sts:AssumeRole', 'kms:Decrypt'] }),
  STS_ALONE,
)
test(kind, parseTrustPolicy, 'has not all actions', trust({ Action: 'sts:*' }), trust({ Action: '*' }), STS_ALONE)
test(
  kind,
  parseTrustPolicy,
  'names principals',
  trust({ Principal: { Service: 'ec2.amazonaws.com' } }),
  trust({ Principal: { AWS: 'alice' } }),
  PRINCIPALS,
)
