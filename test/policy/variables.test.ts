/** Policy variables: what is filled in from the request, where, and what it means there. */
import test from 'ava'
import { templateOf } from '../../src/policy/variables.ts'
import { ACCOUNT, applies, documentOf, wanted, type Keys } from './asking.ts'

const TELLING: Keys = {
  'aws:username': 'alice',
  'aws:principaltag/team': 'a*',
  'aws:principaltag/two words': 'yes',
  'aws:tagkeys': ['a', 'b'],
  'kms:empty': '',
  'kms:colon': 'a:b',
}

const equal = test.macro<[string, string, string, string, string]>({
  title: (_, operator: string, value: string, yes: string, no: string, why: string) =>
    `${why}: ${operator} ${value} is met by ${yes}, and not by ${no}`,
  exec(t, operator: string, value: string, yes: string, no: string) {
    const document = documentOf({ Condition: { [operator]: { 'kms:Some': value } } })
    t.true(applies(document, wanted({ ...TELLING, 'kms:some': yes })))
    t.false(applies(document, wanted({ ...TELLING, 'kms:some': no })))
  },
})

test(equal, 'StringEquals', '${aws:username}', 'alice', '${aws:username}', 'a variable')
test(equal, 'StringEquals', 'x-${AWS:UserName}-y', 'x-alice-y', 'x--y', 'within a text')
test(equal, 'StringEquals', '${ aws:username }', 'alice', 'bob', 'with spaces')
test(equal, 'StringEquals', '${aws:PrincipalTag/two words}', 'yes', 'no', 'of two words')
test(equal, 'StringEquals', '${aws:username}/${aws:username}', 'alice/alice', 'alice/bob', 'twice')
test(equal, 'StringEquals', '${kms:empty}', '', 'x', 'one that is empty')
test(equal, 'StringNotEquals', '${aws:username}', 'bob', 'alice', 'negated')
test(equal, 'StringEqualsIgnoreCase', '${aws:username}', 'ALICE', 'BOB', 'in any case')
test(equal, 'StringLike', '${aws:username}*', 'alice-1', 'bob-1', 'before a star')
test(equal, 'StringLike', '${aws:PrincipalTag/team}', 'a*', 'ab', 'a star that is filled in is a star')
test(equal, 'StringLike', '${aws:PrincipalTag/team}*', 'a*b', 'ab', 'a star beside one that is filled in')
test(
  equal,
  'ArnLike',
  'arn:aws:iam::1:user/${aws:username}',
  'arn:aws:iam::1:user/alice',
  'arn:aws:iam::1:user/bob',
  'in an ARN',
)
test(
  equal,
  'ArnLike',
  'arn:aws:sns:x:1:${kms:colon}',
  'arn:aws:sns:x:1:a:b',
  'arn:aws:sns:x:1:a:c',
  'a colon at the end',
)
test(equal, 'ArnLike', 'arn:aws:sns:${kms:colon}:c', 'arn:aws:sns:a:b:c', 'arn:aws:sns:a:c:b', 'a colon that parts it')
test(equal, 'StringEquals', "${aws:nobody, 'none'}", 'none', '', 'a default')
test(equal, 'StringEquals', "${aws:username, 'none'}", 'alice', 'none', 'a default that is not needed')
test(equal, 'StringEquals', "${kms:empty, 'none'}", '', 'none', 'an empty value is one')
test(equal, 'StringLike', "${aws:nobody,'n*'}", 'n*', 'none', 'a star in a default is a star')
test(equal, 'StringLike', 'a${*}', 'a*', 'ab', 'an escaped star')
test(equal, 'StringLike', 'a${?}', 'a?', 'ab', 'an escaped question mark')
test(equal, 'StringEquals', '${$}{aws:username}', '${aws:username}', 'alice', 'an escaped dollar')
test(equal, 'StringLike', '*${*}?', 'ab*c', 'ab*', 'all three of them')
test(equal, 'StringEquals', 'a${*}', 'a*', 'a${*}', 'an escape where nothing needs one')
test(equal, 'StringEquals', 'a${b', 'a${b', 'a', 'what nothing closes')
test(equal, 'StringEquals', '$aws:username', '$aws:username', 'alice', 'what nothing opens')

const unmet = test.macro<[string, string, string[]]>({
  title: (_, operator: string, value: string) => `${operator} ${value} has no value, and is met by nothing`,
  exec(t, operator: string, value: string, tries: string[]) {
    const document = documentOf({ Condition: { [operator]: { 'kms:Some': value } } })
    const negated = documentOf({ Condition: { [operator.replace(/(?=Equals|Like)/, 'Not')]: { 'kms:Some': value } } })
    for (const some of tries) {
      t.false(applies(document, wanted({ ...TELLING, 'kms:some': some })), some)
      t.true(applies(negated, wanted({ ...TELLING, 'kms:some': some })), some)
    }
  },
})

test(unmet, 'StringEquals', '${aws:nobody}', ['', 'undefined', '${aws:nobody}'])
test(unmet, 'StringEquals', '${aws:TagKeys}', ['a', 'b', 'a,b'])
test(unmet, 'StringLike', '*${aws:nobody}*', ['', 'x'])
test(unmet, 'StringEquals', '${}', ['', '${}'])
test(unmet, 'StringEquals', '${aws:nobody, none}', ['none', ''])
test(unmet, 'StringEquals', '${constructor}', ['', 'constructor'])
test(unmet, 'NumericEquals', '${kms:some}', ['1'])
test(unmet, 'ArnLike', '${aws:nobody}', ['arn:aws:iam::1:root'])

test('where one value has none, another may still fit', (t) => {
  const document = documentOf({ Condition: { StringEquals: { 'kms:Some': ['${aws:nobody}', 'x'] } } })
  t.true(applies(document, wanted({ 'kms:some': 'x' })))
  t.false(applies(document, wanted({ 'kms:some': 'y' })))
})

test('the older version has no variables', (t) => {
  const document = documentOf({ Condition: { StringEquals: { 'kms:Some': '${aws:username}' } } }, '2008-10-17')
  t.true(applies(document, wanted({ ...TELLING, 'kms:some': '${aws:username}' })))
  t.false(applies(document, wanted({ ...TELLING, 'kms:some': 'alice' })))
})

const resource = test.macro<[string, string, string, string]>({
  title: (_, pattern: string, yes: string, no: string, why: string) => `${why}: ${pattern} is ${yes}, and not ${no}`,
  exec(t, pattern: string, yes: string, no: string) {
    const document = documentOf({ Resource: pattern })
    const but = documentOf({ Resource: undefined, NotResource: pattern })
    t.true(applies(document, wanted(TELLING, { resource: yes })))
    t.false(applies(document, wanted(TELLING, { resource: no })))
    t.false(applies(but, wanted(TELLING, { resource: yes })))
    t.true(applies(but, wanted(TELLING, { resource: no })))
  },
})

const KMS = `arn:aws:kms:us-east-1:${ACCOUNT}`
test(resource, `${KMS}:key/*`, `${KMS}:key/1`, `${KMS}:alias/1`, 'a pattern')
test(resource, 'arn:aws:kms:*:*:key/1', `${KMS}:key/1`, `${KMS}:key/12`, 'stars for components')
test(resource, `${KMS}:key/?`, `${KMS}:key/1`, `${KMS}:key/12`, 'one character')
test(resource, `${KMS}:*`, `${KMS}:key/1`, '*', 'no resource in particular')
test(resource, `${KMS}:alias/\${aws:username}`, `${KMS}:alias/alice`, `${KMS}:alias/bob`, 'a variable')
test(resource, `${KMS}:alias/\${aws:PrincipalTag/team}`, `${KMS}:alias/a*`, `${KMS}:alias/ab`, 'a star filled in')
test(resource, `${KMS}:alias/\${aws:username}/*`, `${KMS}:alias/alice/x`, `${KMS}:alias/bob/x`, 'a star beside')
test(resource, `${KMS}:alias/\${*}`, `${KMS}:alias/*`, `${KMS}:alias/a`, 'an escaped star')
test(resource, `${KMS}:alias/\${aws:nobody, 'x'}`, `${KMS}:alias/x`, `${KMS}:alias/`, 'a default')
test(
  resource,
  `arn:aws:kms:us-east-1:\${aws:username}:x`,
  'arn:aws:kms:us-east-1:${aws:username}:x',
  'arn:aws:kms:us-east-1:alice:x',
  'no variable before the fifth colon',
)

test('a resource without a value is none', (t) => {
  const document = documentOf({ Resource: `${KMS}:alias/\${aws:nobody}` })
  t.false(applies(document, wanted(TELLING, { resource: `${KMS}:alias/` })))
  t.false(applies(document, wanted(TELLING, { resource: `${KMS}:alias/\${aws:nobody}` })))
})

test('reading many openings takes one look', (t) => {
  t.is(templateOf('${'.repeat(16_384), { variables: true }).length, 1)
  t.is(templateOf(`${'${'.repeat(16_383)}}`, { variables: true }).length, 3)
  t.is(templateOf('${*}'.repeat(8192), { variables: true, wildcards: true }).length, 16_385)
})
