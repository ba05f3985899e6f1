/** Conditions: what each operator is met by, and the nearest that does not meet it. */
import test from 'ava'
import type { Values } from '../../src/policy/context.ts'
import { applies, documentOf, wanted } from './asking.ts'

const meets = (operator: string, values: unknown, told: Values) =>
  applies(documentOf({ Condition: { [operator]: { 'kms:Some': values } } }), wanted({ 'kms:some': told }))

const told = (values: Values) => JSON.stringify(values) ?? 'nothing'

const met = test.macro<[string, unknown, Values, Values]>({
  title: (_, operator: string, values: unknown, yes: Values, no: Values) =>
    `${operator} ${JSON.stringify(values)} is met by ${told(yes)}, and not by ${told(no)}`,
  exec(t, operator: string, values: unknown, yes: Values, no: Values) {
    t.true(meets(operator, values, yes))
    t.false(meets(operator, values, no))
  },
})

// Texts
test(met, 'StringEquals', 'a', 'a', 'A')
test(met, 'StringEquals', ['a', 'b'], 'b', 'c')
test(met, 'StringEquals', 'a*', 'a*', 'ab')
test(met, 'StringEquals', '\u00e9', '\u00e9', 'e\u0301')
test(met, 'StringEquals', 'a', 'a', 'а')
test(met, 'StringEquals', '', '', undefined)
test(met, 'StringEquals', 'a', ['b', 'a'], ['b'])
test(met, 'StringEquals', 'a', ['a'], [])
test(met, 'StringEquals', 111122223333, '111122223333', '0')
test(met, 'StringNotEquals', 'a', 'A', 'a')
test(met, 'StringNotEquals', ['a', 'b'], 'c', 'b')
test(met, 'StringNotEquals', 'a', undefined, 'a')
test(met, 'StringNotEquals', 'a', ['b', 'c'], ['b', 'a'])
test(met, 'StringEqualsIgnoreCase', 'aB', 'Ab', 'abc')
test(met, 'StringEqualsIgnoreCase', 'k', 'K', '\u212a')
test(met, 'StringNotEqualsIgnoreCase', 'k', '\u212a', 'K')
test(met, 'StringLike', 'a*d', 'abcd', 'abcde')
test(met, 'StringLike', ['x', 'a?c'], 'abc', 'ac')
test(met, 'StringLike', 'a*', 'ab', 'Ab')
test(met, 'StringLike', '*', '', undefined)
test(met, 'StringLike', '*constructor*', 'a constructor', 'a')
test(met, 'StringNotLike', 'a*', 'ba', 'ab')
test(met, 'StringNotLike', ['a*', 'b*'], 'c', 'bc')

// Numbers
test(met, 'NumericEquals', '10', '10.0', '11')
test(met, 'NumericEquals', 7, '7', '7 ')
test(met, 'NumericEquals', ['7', '8'], '8', '9')
test(met, 'NumericEquals', '-1', '-1.00', '1')
test(met, 'NumericEquals', '16', '16', '0x10')
test(met, 'NumericNotEquals', '10', '11', '10.0')
test(met, 'NumericNotEquals', '10', 'ten', '10')
test(met, 'NumericLessThan', '10', '9.99', '10')
test(met, 'NumericLessThan', '10', '9', 'nine')
test(met, 'NumericLessThanEquals', '10', '10', '10.01')
test(met, 'NumericGreaterThan', '10', '10.01', '10')
test(met, 'NumericGreaterThan', '10', '1000', '9')
test(met, 'NumericGreaterThanEquals', '10', '10', '9.99')
test(met, 'NumericGreaterThanEquals', '0', '0', '')

// Dates
test(met, 'DateEquals', '2026-01-01T00:00:00Z', '1767225600', '1767225601')
test(met, 'DateEquals', '2026-01-01', '2026-01-01T00:00Z', '2026-01-01T00:01Z')
test(met, 'DateEquals', '2026-01', '2026-01-01', '2026-01-02')
test(met, 'DateEquals', '2026-01-01T00:00:00Z', '2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00+02:00')
test(met, 'DateEquals', '2025-12-31T22:30:00-01:30', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.5Z')
test(met, 'DateEquals', '2024-03-01', '2024-03-01', '2024-02-30')
test(met, 'DateNotEquals', '2026-01-01', '2026-01-02', '2026-01-01')
test(met, 'DateNotEquals', '2026-01-01', '2026-13-01', '2026-01-01')
test(met, 'DateLessThan', '2026-01-01', '2025-12-31T23:59:59Z', '2026-01-01')
test(met, 'DateLessThan', '2026-01-01', '1', 'yesterday')
test(met, 'DateLessThanEquals', '2026-01-01', '2026-01-01', '2026-01-01T00:00:01Z')
test(met, 'DateGreaterThan', '2026-01-01', '2026-01-01T00:00:01Z', '2026-01-01')
test(met, 'DateGreaterThanEquals', '2026-01-01', '2026-01-01', '2025-12-31T24:00:00Z')
test(met, 'DateGreaterThan', 1767225600, '2026-01-02', '2025-01-02')

// Truths and bytes
test(met, 'Bool', 'true', 'true', 'false')
test(met, 'Bool', true, 'True', 'yes')
test(met, 'Bool', false, 'false', undefined)
test(met, 'Bool', ['true', 'yes'], 'true', 'yes')
test(met, 'BinaryEquals', 'QUJD', 'QUJD', 'QUJE')
test(met, 'BinaryEquals', 'QQ==', 'QR==', 'Qg==')
test(met, 'BinaryEquals', 'QUI=', 'QUJ=', 'QUI')
test(met, 'BinaryEquals', '', '', 'QUJD==')
test(met, 'BinaryEquals', ['AAAA', 'QUJD'], 'AAAA', 'aaaa')

// Addresses
test(met, 'IpAddress', '10.0.0.0/8', '10.255.255.255', '11.0.0.0')
test(met, 'IpAddress', '10.1.2.3/16', '10.1.255.1', '10.2.2.3')
test(met, 'IpAddress', '10.1.2.3', '10.1.2.3', '10.1.2.4')
test(met, 'IpAddress', '0.0.0.0/0', '255.0.0.1', '2001:db8::1')
test(met, 'IpAddress', '2001:db8::/32', '2001:DB8:ffff::1', '2001:db9::1')
test(met, 'IpAddress', '2001:db8::1', '2001:db8:0:0:0:0:0:1', '2001:db8::2')
test(met, 'IpAddress', '::/0', '2001:db8::1', '10.0.0.1')
test(met, 'IpAddress', ['10.0.0.0/8', '192.168.0.0/16'], '192.168.1.1', '172.16.0.1')
test(met, 'IpAddress', '10.0.0.0/8', '10.0.0.1', '10.0.0.01')
test(met, 'IpAddress', '10.0.0.0/8', '::ffff:10.0.0.1', '::ffff:11.0.0.1')
test(met, 'NotIpAddress', '10.0.0.0/8', '11.0.0.0', '10.0.0.1')
test(met, 'NotIpAddress', ['10.0.0.0/8', '11.0.0.0/8'], '12.0.0.1', '11.0.0.1')
test(met, 'NotIpAddress', '10.0.0.0/8', undefined, '10.0.0.1')

// ARNs
const USER = 'arn:aws:iam::111122223333:user/alice'
test(met, 'ArnEquals', USER, USER, 'arn:aws:iam::111122223333:user/bob')
test(met, 'ArnEquals', 'arn:aws:iam::*:user/*', USER, 'arn:aws:iam::111122223333:role/alice')
test(met, 'ArnLike', 'arn:aws:iam::111122223333:user/al?ce', USER, 'arn:aws:iam::111122223333:user/alce')
test(met, 'ArnLike', 'arn:*:*:*:*:*', USER, 'arn:aws:iam::111122223333')
test(met, 'ArnLike', 'arn:aws:s*:::b', 'arn:aws:s3:::b', 'arn:aws:s3:us-east-1::b')
test(met, 'ArnLike', 'arn:aws:sns:*:1:a*d', 'arn:aws:sns:x:1:a:b:c:d', 'arn:aws:sns:x:y:1:abcd')
test(met, 'ArnLike', 'arn:aws:sns:x:1:a:*', 'arn:aws:sns:x:1:a:b', 'arn:aws:sns:x:1:b:a')
test(met, 'ArnNotEquals', USER, 'arn:aws:iam::111122223333:user/Alice', USER)
test(met, 'ArnNotLike', 'arn:aws:iam::*:user/*', 'no ARN', USER)

// Presence
test(met, 'Null', 'true', undefined, '')
test(met, 'Null', false, 'something', undefined)
test(met, 'Null', true, [], ['a'])
test(met, 'StringEqualsIfExists', 'a', undefined, 'b')
test(met, 'StringEqualsIfExists', 'a', 'a', 'b')
test(met, 'NumericLessThanIfExists', 10, undefined, '10')
test(met, 'DateLessThanIfExists', '2026-01-01', undefined, '2026-01-01')
test(met, 'BoolIfExists', true, undefined, 'false')
test(met, 'BinaryEqualsIfExists', 'QUJD', undefined, 'QUJE')
test(met, 'IpAddressIfExists', '10.0.0.0/8', undefined, '11.0.0.1')
test(met, 'ArnLikeIfExists', USER, undefined, 'arn:aws:iam::111122223333:user/bob')
test(met, 'StringNotEqualsIfExists', 'a', undefined, 'a')

// Many values
test(met, 'ForAllValues:StringEquals', ['a', 'b'], ['b', 'a', 'a'], ['a', 'c'])
test(met, 'ForAllValues:StringEquals', 'a', undefined, 'b')
test(met, 'ForAllValues:StringEquals', 'a', [], ['b'])
test(met, 'ForAllValues:StringLike', 'a*', ['ab', 'ac'], ['ab', 'b'])
test(met, 'ForAllValues:StringNotEquals', ['a', 'b'], ['c', 'd'], ['c', 'a'])
test(met, 'ForAllValues:StringEqualsIfExists', 'a', undefined, ['b'])
test(met, 'ForAllValues:NumericLessThan', 10, ['1', '9'], ['1', '10'])
test(met, 'ForAnyValue:StringEquals', ['a', 'b'], ['c', 'b'], ['c'])
test(met, 'ForAnyValue:StringEquals', 'a', 'a', undefined)
test(met, 'ForAnyValue:StringLike', 'a*', ['b', 'ab'], [])
test(met, 'ForAnyValue:StringNotEquals', ['a', 'b'], ['a', 'c'], ['a', 'b'])
test(met, 'ForAnyValue:StringNotEquals', 'a', ['b'], undefined)
test(met, 'ForAnyValue:StringEqualsIfExists', 'a', undefined, ['b'])

// All of them
const where = (Condition: object, keys: Record<string, Values>) => applies(documentOf({ Condition }), wanted(keys))

test('every key of every operator must be met', (t) => {
  const conditions = {
    StringEquals: { 'kms:A': '1', 'kms:B': '2' },
    Bool: { 'kms:C': 'true' },
  }
  const all = { 'kms:a': '1', 'kms:b': '2', 'kms:c': 'true' }
  t.true(where(conditions, all))
  for (const key of Object.keys(all)) t.false(where(conditions, { ...all, [key]: 'other' }), key)
})

test('keys have no case in ASCII, and no other', (t) => {
  t.true(where({ StringEquals: { 'KMS:EncryptionContext:Dept': 'x' } }, { 'kms:encryptioncontext:dept': 'x' }))
  t.false(where({ StringEquals: { '\u212aMS:Some': 'x' } }, { 'kms:some': 'x' }))
  t.false(where({ StringEquals: { 'kms:\u017fome': 'x' } }, { 'kms:some': 'x' }))
})

test('what the policy has that cannot be read is met by nothing', (t) => {
  for (const [operator, value] of [
    ['NumericEquals', 'ten'],
    ['DateEquals', 'tomorrow'],
    ['Bool', 'yes'],
    ['BinaryEquals', 'A'],
    ['IpAddress', '10.0.0.0/33'],
    ['IpAddress', '2001:db8::/129'],
    ['IpAddress', '10.0.0.0/08'],
    ['IpAddress', 'fe80::1%eth0'],
    ['ArnEquals', 'root'],
  ] as const) {
    t.false(meets(operator, value, value), `${operator} ${value}`)
  }
})
