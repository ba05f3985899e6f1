/** Which statements apply, why the others do not, and what the answer can depend on. */
import test from 'ava'
import type { Values } from '../../src/policy/context.ts'
import { parseDocument, parseIdentityPolicy, parseTrustPolicy } from '../../src/policy/document.ts'
import { applying, consulted, examine, type Applying } from '../../src/policy/evaluate.ts'
import {
  ACCOUNT,
  ALICE,
  alice,
  applies,
  documentOf,
  KEY,
  ROOT,
  service,
  session,
  wanted,
  type Elements,
  type Keys,
} from './asking.ts'

const action = test.macro<[string | string[], string, string]>({
  title: (_, actions: string | string[], yes: string, no: string) =>
    `${JSON.stringify(actions)} is ${yes}, and not ${no}; NotAction the other way round`,
  exec(t, Action: string | string[], yes: string, no: string) {
    const document = documentOf({ Action })
    const but = documentOf({ Action: undefined, NotAction: Action })
    t.true(applies(document, wanted({}, { action: yes })))
    t.false(applies(document, wanted({}, { action: no })))
    t.false(applies(but, wanted({}, { action: yes })))
    t.true(applies(but, wanted({}, { action: no })))
  },
})

test(action, 'kms:Decrypt', 'kms:Decrypt', 'kms:DecryptX')
test(action, 'KMS:DECRYPT', 'kms:Decrypt', 'sts:Decrypt')
test(action, 'kms:GenerateDataKey*', 'kms:GenerateDataKeyPair', 'kms:GenerateRandom')
test(action, 'kms:*', 'kms:Encrypt', 'iam:Encrypt')
test(action, 'kms:ReEncrypt????', 'kms:ReEncryptFrom', 'kms:ReEncryptTo')
test(action, ['kms:Sign', 'kms:V*'], 'kms:Verify', 'kms:Encrypt')
test(action, 'kms:*Key*', 'kms:DescribeKey', 'kms:Encrypt')
test(action, '*:Decrypt', 'kms:Decrypt', 'kms:Encrypt')
test(action, 'kms:Decrypt', 'kms:Decrypt', '\u212ams:Decrypt')
test(action, 'kms:Sign', 'kms:Sign', 'kms:\u017fign')

test('everything is every action', (t) => {
  t.true(applies(documentOf({ Action: '*' }), wanted()))
  t.false(applies(documentOf({ Action: undefined, NotAction: '*' }), wanted()))
})

test('a statement that lacks an element is about nothing', (t) => {
  for (const element of ['Principal', 'Action', 'Resource']) {
    t.false(applies(documentOf({ [element]: undefined }), wanted()), element)
    t.false(applies(documentOf({ [element]: undefined, Effect: 'Deny' }), wanted()), element)
  }
})

test('the statements that apply are told in order', (t) => {
  const document = parseDocument(
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        { Sid: 'first', Effect: 'Allow', Principal: { AWS: ROOT }, Action: 'kms:*', Resource: '*' },
        { Effect: 'Allow', Principal: { AWS: ALICE }, Action: 'kms:Encrypt', Resource: '*' },
        { Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: KEY },
      ],
    }),
  )
  t.deepEqual(applying(document, wanted()), [
    { index: 0, sid: 'first', effect: 'Allow', naming: 'account' },
    { index: 2, sid: undefined, effect: 'Deny', naming: 'everyone' },
  ])
  t.deepEqual(
    applying(document, wanted({}, { action: 'kms:Encrypt' })).map(({ naming }) => naming),
    ['account', 'user'],
  )
})

const UNNAMED = { Principal: undefined }

test('an identity policy is about whom it is attached to', (t) => {
  const document = documentOf({ ...UNNAMED, Action: 'kms:Decrypt', Resource: KEY }, '2012-10-17', parseIdentityPolicy)
  for (const asker of [alice, session, service]) {
    t.deepEqual(applying(document, wanted({}, { asker })), [
      { index: 0, sid: undefined, effect: 'Allow', naming: undefined },
    ])
  }
  t.false(applies(document, wanted({}, { resource: `${KEY}0` })))
})

test('a trust policy is about its role, for whom it names', (t) => {
  const statement = { Principal: { AWS: ALICE }, Action: 'sts:AssumeRole', Resource: undefined }
  const document = documentOf(statement, '2012-10-17', parseTrustPolicy)
  const request = wanted({}, { action: 'sts:AssumeRole', resource: 'arn:aws:iam::111122223333:role/any' })
  t.true(applies(document, request))
  t.false(applies(document, { ...request, asker: session }))
  t.false(applies(document, { ...request, action: 'sts:TagSession' }))
})

const because = test.macro<[string, Elements]>({
  title: (_, why: string) => `explained: ${why}`,
  exec(t, why: string, elements: Elements) {
    const document = documentOf(elements)
    const [examined] = examine(document, wanted({ 'kms:viaservice': 's3' }))
    t.is(examined!.because, why)
    t.is(examined!.applies, applies(document, wanted({ 'kms:viaservice': 's3' })))
  },
})

test(because, 'all of it is met', {})
test(because, 'principal', { Principal: { AWS: ROOT.replace(ACCOUNT, '444455556666') }, Action: 'kms:Sign' })
test(because, 'action', { Action: 'kms:Sign', Resource: `${KEY}0` })
test(because, 'resource', { Resource: `${KEY}0`, Condition: { Null: { 'kms:ViaService': 'true' } } })
test(because, 'condition StringEqualsIfExists kms:ViaService', {
  Condition: { Null: { 'kms:ViaService': 'false' }, StringEqualsIfExists: { 'kms:ViaService': 'ec2' } },
})
test(because, 'condition ForAnyValue:StringLike aws:TagKeys', {
  Condition: { 'ForAnyValue:StringLike': { 'aws:TagKeys': '*' } },
})

const asks = test.macro<[string[], string, Elements]>({
  title: (_, keys: string[], why: string) => `asks for ${keys.join(', ') || 'nothing'}: ${why}`,
  exec: (t, keys: string[], _why: string, elements: Elements) =>
    t.deepEqual([...consulted(documentOf(elements), wanted())].sort(), keys),
})

const VIA = { Condition: { StringEquals: { 'kms:ViaService': '${aws:username}' } } }
test(asks, [], 'no conditions', {})
test(asks, ['aws:username', 'kms:viaservice'], 'a condition with a variable', VIA)
test(asks, [], 'about another action', { ...VIA, Action: 'kms:Sign' })
test(asks, [], 'about another resource', { ...VIA, Resource: `${KEY}0` })
test(asks, [], 'about somebody else', { ...VIA, Principal: { Service: 's3.amazonaws.com' } })
test(asks, ['aws:userid'], 'a resource with a variable', { Resource: `${KEY}\${aws:userid}` })
test(asks, ['kms:some'], 'where variables are none', { Condition: { NumericEquals: { 'kms:Some': '${aws:userid}' } } })

// Random documents --------------------------------------------------------------------------------

/** Numbers below `n`, the same in every run (mulberry32). */
function dice(seed: number): (n: number) => number {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n
  }
}

const KEYS = ['kms:a', 'kms:b', 'kms:c', 'aws:username', 'aws:userid']
const VALUES = ['x', 'y', '1', '10.0.0.1', 'true', 'arn:aws:iam::1:root', '*', '2026-01-01']
const PATTERNS = [...VALUES, '${aws:username}', "${aws:userid, 'x'}", '?', '${kms:c}*', '${*}', '10.0.0.0/8']
const OPERATORS = [
  'StringEquals',
  'StringNotEquals',
  'StringLike',
  'StringNotLike',
  'NumericLessThan',
  'DateGreaterThan',
  'Bool',
  'IpAddress',
  'ArnLike',
  'ForAllValues:StringLike',
  'ForAnyValue:StringEquals',
  'StringEqualsIfExists',
  'Null',
]

const indexes = (statements: readonly Applying[]) => statements.map(({ index }) => index)

test('what was not asked for changes nothing', (t) => {
  const below = dice(5)
  const one = <T>(of: readonly T[]): T => of[below(of.length)]!
  const some = <T>(of: readonly T[], most: number): T[] => Array.from({ length: 1 + below(most) }, () => one(of))
  const value = (): Values => one([undefined, one(VALUES), some(VALUES, 3)])
  const told = (): Keys => Object.fromEntries(KEYS.map((key) => [key, value()]))
  const statement = () => ({
    Effect: one(['Allow', 'Deny']),
    Principal: one(['*', { AWS: ALICE }, { AWS: ROOT }, { Service: 's3.amazonaws.com' }]),
    [one(['Action', 'NotAction'])]: one(['*', 'kms:Decrypt', 'kms:D*', 'kms:Sign']),
    [one(['Resource', 'NotResource'])]: one(['*', KEY, `${KEY}\${aws:username}`, `${KEY}x`]),
    Condition: { [one(OPERATORS)]: { [one(KEYS)]: some(PATTERNS, 2) } },
  })
  let changes = 0
  for (let round = 0; round < 4000; round++) {
    const document = parseDocument(
      JSON.stringify({ Version: one(['2008-10-17', '2012-10-17']), Statement: [statement(), statement()] }),
    )
    const asker = one([alice, session, service])
    const [keys, changed] = [told(), told()]
    const request = wanted(keys, { asker, resource: one([KEY, `${KEY}x`]) })
    const asked = consulted(document, request)
    const read = new Set<string>()
    const before = applying(document, { ...request, context: (key) => (read.add(key), keys[key]) })
    t.true(
      [...read].every((key) => asked.has(key)),
      'nothing else was read',
    )
    const after = applying(document, { ...request, context: (key) => (asked.has(key) ? keys[key] : changed[key]) })
    t.deepEqual(after, before)
    const explained = examine(document, request).filter((statement) => statement.applies)
    t.deepEqual(indexes(explained), indexes(before))
    if (applying(document, { ...request, context: (key) => changed[key] }).length !== before.length) changes++
  }
  t.true(changes > 50, 'what was asked for does change something')
})
