/** Whether a policy surely lets somebody do something. */
import test from 'ava'
import { surelyAllows } from '../../src/policy/decide.ts'
import { parseDocument } from '../../src/policy/document.ts'

const ROOT = 'arn:aws:iam::111122223333:root'
const ALICE = 'arn:aws:iam::111122223333:user/alice'
const STRANGER = 'arn:aws:iam::444455556666:root'
const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'

const known = new Map<string, string | undefined>([
  ['kms:calleraccount', '111122223333'],
  ['kms:viaservice', undefined],
  ['aws:principalarn', ROOT],
])

type Elements = Record<string, unknown>
const statement = (Effect: string, elements: Elements) => ({
  Effect,
  Principal: { AWS: ROOT },
  Action: 'kms:*',
  Resource: '*',
  ...elements,
})
const allow = (elements: Elements = {}) => statement('Allow', elements)
const deny = (elements: Elements = {}) => statement('Deny', elements)
const where = (operator: string, key: string, value: unknown) => ({ Condition: { [operator]: { [key]: value } } })

const decides = test.macro<[boolean, string, ...object[]]>({
  title: (_, sure: boolean, why: string) => `${sure ? 'sure' : 'not sure'}: ${why}`,
  exec(t, sure: boolean, _why: string, ...statements: object[]) {
    const document = parseDocument(JSON.stringify({ Version: '2012-10-17', Statement: statements }))
    t.is(surelyAllows(document, { principal: ROOT, action: 'kms:PutKeyPolicy', resource: KEY, known }), sure)
  },
})

test(decides, true, 'the account is named', allow())
test(decides, true, 'the account is named by its id', allow({ Principal: { AWS: '111122223333' } }))
test(decides, true, 'everyone is named', allow({ Principal: '*' }))
test(decides, false, 'somebody else of the account is named', allow({ Principal: { AWS: ALICE } }))
test(decides, false, 'another account is named', allow({ Principal: { AWS: STRANGER } }))
test(decides, false, 'a service is named', allow({ Principal: { Service: 's3.amazonaws.com' } }))
test(
  decides,
  true,
  'all but another account are named',
  allow({ Principal: undefined, NotPrincipal: { AWS: STRANGER } }),
)
test(decides, false, 'all but the account are named', allow({ Principal: undefined, NotPrincipal: { AWS: ROOT } }))

test(decides, true, 'the action is named', allow({ Action: ['kms:Encrypt', 'kms:PutKeyPolicy'] }))
test(decides, true, 'the action is named in other letters', allow({ Action: 'KMS:putkeypolicy' }))
test(decides, true, 'the action fits a pattern', allow({ Action: 'kms:Put*' }))
test(decides, true, 'the action fits a pattern, letter by letter', allow({ Action: 'kms:PutKeyP?licy' }))
test(decides, false, 'other actions are named', allow({ Action: ['kms:Get*', 'kms:PutKeyPolic'] }))
test(decides, true, 'all actions but others are named', allow({ Action: undefined, NotAction: 'kms:Encrypt' }))
test(decides, false, 'all actions but this one are named', allow({ Action: undefined, NotAction: 'kms:Put*' }))
test(decides, false, 'no action is named', allow({ Action: undefined }))

test(decides, true, 'the resource is this key', allow({ Resource: KEY }))
test(decides, true, 'the resource fits a pattern', allow({ Resource: 'arn:aws:kms:*:*:key/*' }))
test(decides, false, 'the resource is another key', allow({ Resource: `${KEY}0` }))
test(decides, false, 'no resource is named', allow({ Resource: undefined }))

test(decides, false, 'a deny outranks an allow', allow(), deny({ Action: 'kms:PutKeyPolicy' }))
test(decides, true, 'a deny of something else', allow(), deny({ Action: 'kms:ScheduleKeyDeletion' }))
test(decides, true, 'a deny of somebody else', allow(), deny({ Principal: { AWS: ALICE } }))
test(
  decides,
  false,
  'a deny of all but somebody else',
  allow(),
  deny({ Principal: undefined, NotPrincipal: { AWS: ALICE } }),
)
test(decides, false, 'only denies', deny({ Action: 'kms:Encrypt' }))

test(decides, true, 'a condition that is met', allow(where('StringEquals', 'kms:CallerAccount', '111122223333')))
test(decides, true, 'one of many values fits', allow(where('StringEquals', 'kms:CallerAccount', ['4', '111122223333'])))
test(decides, false, 'a condition that is not met', allow(where('StringEquals', 'kms:CallerAccount', '444455556666')))
test(decides, true, 'a pattern that fits', allow(where('StringLike', 'KMS:callerACCOUNT', '1111*')))
test(decides, true, 'a negation that is met', allow(where('StringNotEquals', 'kms:CallerAccount', '444455556666')))
test(decides, false, 'a negation that is not met', allow(where('StringNotLike', 'kms:CallerAccount', ['4*', '1*'])))
test(decides, true, 'an ARN that fits', allow(where('ArnLike', 'aws:PrincipalArn', 'arn:aws:iam::*:root')))
test(decides, false, 'a star over a colon of an ARN', allow(where('ArnLike', 'aws:PrincipalArn', 'arn:aws:*:root')))
test(decides, false, 'a call through a service', allow(where('StringEquals', 'kms:ViaService', 's3.amazonaws.com')))
test(
  decides,
  true,
  'through a service if any',
  allow(where('StringEqualsIfExists', 'kms:ViaService', 's3.amazonaws.com')),
)
test(decides, true, 'not through that service', allow(where('StringNotEquals', 'kms:ViaService', 's3.amazonaws.com')))
test(decides, true, 'through no service', allow(where('Null', 'kms:ViaService', 'true')))
test(decides, false, 'through some service', allow(where('Null', 'kms:ViaService', false)))
test(decides, true, 'any values at all', allow(where('ForAllValues:StringEquals', 'kms:ViaService', 'a')))
test(decides, false, 'some value of none', allow(where('ForAnyValue:StringNotEquals', 'kms:ViaService', 'a')))

const fence = where('Bool', 'aws:SecureTransport', 'false')
test(
  decides,
  false,
  'an allow under a condition nobody can decide',
  allow(where('IpAddress', 'aws:SourceIp', '10.0.0.0/8')),
)
test(decides, false, 'an allow under a variable', allow(where('StringEquals', 'aws:PrincipalArn', '${aws:username}')))
test(decides, true, 'a deny under a condition nobody can decide', allow(), deny(fence))
test(decides, false, 'a deny under a condition that is met', allow(), deny(where('Null', 'kms:ViaService', 'true')))

const ROLE = 'arn:aws:iam::111122223333:role/apps/admin'
const SESSION = 'arn:aws:sts::111122223333:assumed-role/admin/monday'

test('a session is sure to do what its role may', (t) => {
  const sure = (role: string | undefined, ...statements: object[]) =>
    surelyAllows(parseDocument(JSON.stringify({ Statement: statements })), {
      principal: SESSION,
      role,
      action: 'kms:PutKeyPolicy',
      resource: KEY,
      known,
    })
  const [byRole, bySession] = [{ Principal: { AWS: ROLE } }, { Principal: { AWS: SESSION } }]
  t.true(sure(ROLE, allow(byRole)))
  t.false(sure(undefined, allow(byRole)), 'whose role nobody knows')
  t.false(sure(ROLE.replace('apps/', ''), allow(byRole)), 'of another role')
  t.true(sure(ROLE, allow(bySession)))
  t.true(sure(ROLE, allow()), 'the account is named')
  t.false(sure(ROLE, allow(), deny(byRole)))
  t.true(sure(ROLE, allow(), deny({ Principal: { AWS: SESSION.replace('monday', 'tuesday') } })))
})

test('nobody is sure of anything under a name that is none', (t) => {
  const document = parseDocument(JSON.stringify({ Statement: [allow({ Principal: '*' })] }))
  const request = { action: 'kms:PutKeyPolicy', resource: KEY, known }
  t.true(surelyAllows(document, { ...request, principal: ALICE }))
  t.false(surelyAllows(document, { ...request, principal: ROLE }))
  t.false(surelyAllows(document, { ...request, principal: 'alice' }))
})

test(
  decides,
  true,
  'a variable that is known',
  allow(where('StringEquals', 'kms:CallerAccount', "${kms:ViaService, '111122223333'}")),
)
test(decides, false, 'a resource that hangs on what nobody knows', allow({ Resource: `${KEY}\${aws:userid, ''}` }))
