/** Texts that are made to mislead or to wear down: look-alikes, line breaks and escapes, policies as bombs, tokens tampered with. */
import test from 'ava'
import { textOf } from '../../src/audit/record.ts'
import { lineOf } from '../../src/cli/line.ts'
import { applying } from '../../src/policy/evaluate.ts'
import { parseDocument } from '../../src/policy/document.ts'
import { KmsError, type CloudTrailRecord } from '../../src/index.ts'
import { allow, arn, delegating, document, HOME, inline, stage, to, when } from '../authorize/stage.ts'
import { bytes, refuses } from '../helpers/scene.ts'

const Plaintext = bytes('hello')
const DENIED = 'AccessDeniedException'

// Look-alikes ---------------------------------------------------------------------------------------

/** Cyrillic а, full-width a, a with a combining mark, soft hyphen, zero-width space, a trailing blank, another case. */
const LIKE_ALICE = ['\u0430lice', '\uFF41lice', 'a\u0301lice', 'al\u00ADice', 'alice\u200B', 'alice ', 'Alice']

for (const name of LIKE_ALICE) {
  test(`a policy for ${JSON.stringify(name)} is none for alice`, async (t) => {
    const { room, as, key } = await stage(t, { accounts: [{ id: HOME, users: [{ name: 'alice' }] }] })
    const KeyId = await key(delegating)
    const Policy = document(delegating, allow('kms:Encrypt', to(arn.user(name))))
    // Whether such a name is one at all is for the policy's own rules; alice it is not.
    await room.putKeyPolicy({ KeyId, Policy }).catch((error: unknown) => {
      t.regex((error as KmsError).code, /^(MalformedPolicyDocument|Validation)Exception$/)
    })
    await refuses(t, as(arn.user('alice')).encrypt({ KeyId, Plaintext }), DENIED)
    await room.putKeyPolicy({ KeyId, Policy: document(delegating, allow('kms:Encrypt', to(arn.user('alice')))) })
    await t.notThrowsAsync(as(arn.user('alice')).encrypt({ KeyId, Plaintext }))
  })
}

const ACTIONS: [action: string, matches: boolean][] = [
  ['kms:Encrypt', true],
  ['KMS:ENCRYPT', true],
  ['kms:\u0415ncrypt', false],
  ['\u212Ams:Encrypt', false],
  ['kms:Encrypt\u200B', false],
  ['kms:Encr\u0131pt', false],
]

for (const [action, matches] of ACTIONS) {
  test(`${JSON.stringify(action)} is ${matches ? '' : 'not '}kms:Encrypt`, async (t) => {
    const { as, key } = await stage(t, { accounts: [{ id: HOME, users: [{ name: 'alice' }] }] })
    const KeyId = await key(delegating, allow(['kms:DescribeKey', action], to(arn.user('alice')))).catch(
      () => undefined,
    )
    if (KeyId === undefined) return t.false(matches)
    const asked = as(arn.user('alice')).encrypt({ KeyId, Plaintext })
    return matches ? t.notThrowsAsync(asked) : refuses(t, asked, DENIED)
  })
}

test('a tag that looks alike is another', async (t) => {
  const policy = inline(allow('kms:Encrypt', when('StringEquals', 'aws:ResourceTag/team', 'blue')))
  const { room, as, key } = await stage(t, { accounts: [{ id: HOME, users: [{ name: 'alice', ...policy }] }] })
  const KeyId = await key(delegating)
  const asked = () => as(arn.user('alice')).encrypt({ KeyId, Plaintext })
  const tag = (TagKey: string, TagValue: string) => room.tagResource({ KeyId, Tags: [{ TagKey, TagValue }] })
  for (const value of ['bl\u03C5e', 'Blue', 'blue ', '*', '${aws:ResourceTag/team}']) {
    await tag('team', value).catch(() => undefined)
    await refuses(t, asked(), DENIED)
  }
  await tag('te\u0430m', 'blue').catch(() => undefined)
  await refuses(t, asked(), DENIED)
  await tag('team', 'blue')
  await t.notThrowsAsync(asked())
})

test('values of requests are values, not patterns or variables', async (t) => {
  const { as, key } = await stage(t, { accounts: [{ id: HOME, users: [{ name: 'alice' }] }] })
  const KeyId = await key(
    delegating,
    allow('kms:Encrypt', {
      ...to(arn.user('alice')),
      ...when('StringLike', 'kms:EncryptionContext:user', '${aws:username}'),
    }),
  )
  const asked = (user: string) => as(arn.user('alice')).encrypt({ KeyId, Plaintext, EncryptionContext: { user } })
  await t.notThrowsAsync(asked('alice'))
  for (const user of ['*', 'alic?', '${aws:username}', '', 'alice\u0000', 'bob']) await refuses(t, asked(user), DENIED)
})

// The record ----------------------------------------------------------------------------------------

const NASTY = [
  'one\ntwo',
  'one\r\ntwo',
  '\u001B[2J\u001B[1;1H',
  '\u009B31m',
  'a\u2028b',
  'a\u202Eb',
  'a"b\\',
  'a\u0007b\u0000',
]

for (const nasty of NASTY) {
  test(`${JSON.stringify(nasty)} leaves the record in one line, and the terminal alone`, async (t) => {
    const { room, key } = await stage(t)
    const KeyId = await key(delegating)
    await room.updateKeyDescription({ KeyId, Description: nasty })
    await room.encrypt({ KeyId, Plaintext, EncryptionContext: { [nasty]: nasty } })
    await t.throwsAsync(room.describeKey({ KeyId: nasty }), { instanceOf: KmsError })
    const records: CloudTrailRecord[] = []
    for await (const record of room.audit.events()) records.push(record)
    t.true(records.length >= 4)
    const agents = records.map((record) => ({ ...record, userAgent: nasty, sourceIPAddress: nasty }))
    for (const record of [...records, ...agents]) {
      t.notRegex(lineOf(record), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      t.notRegex(textOf(record), /\p{Cc}/u)
      t.deepEqual(JSON.parse(textOf(record)), JSON.parse(JSON.stringify(record)))
    }
  })
}

// Bombs ---------------------------------------------------------------------------------------------

const asker = { type: 'User', arn: arn.user('alice'), account: HOME } as const
const resource = `arn:aws:kms:us-east-1:${HOME}:key/k`

/** How many times a condition key was read for a decision. */
function reads(text: string, value: string): { reads: number; applies: number } {
  let count = 0
  const context = () => {
    count++
    return value
  }
  const parsed = parseDocument(text)
  const wanted = { asker, action: 'kms:Encrypt', resource, context }
  return { applies: applying(parsed, wanted).length, reads: count }
}

test('stars upon stars are matched in a moment', (t) => {
  const stars = `${'*a'.repeat(7000)}b`
  const text = document(
    allow('kms:*', { ...to(arn.user('alice')), ...when('StringLike', 'kms:EncryptionContext:x', stars) }),
  )
  const before = performance.now()
  t.deepEqual(reads(text, 'a'.repeat(20_000)), { reads: 1, applies: 0 })
  t.deepEqual(reads(text, `${'a'.repeat(20_000)}b`), { reads: 1, applies: 1 })
  // Backtracking would take longer than the world will last.
  t.true(performance.now() - before < 5000)
})

test('a thousand statements are a thousand looks', (t) => {
  const many = Array.from({ length: 1000 }, (_, i) =>
    allow('kms:Encrypt', { ...to(arn.user('alice')), ...when('StringEquals', 'kms:EncryptionContext:x', String(i)) }),
  )
  t.deepEqual(reads(document(...many), '999'), { reads: 1000, applies: 1 })
})

const BOMBS: [name: string, text: string][] = [
  ['nested lists', `${'['.repeat(15_000)}${']'.repeat(15_000)}`],
  ['nested objects', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
  ['a statement of lists', `{"Version":"2012-10-17","Statement":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  [
    'a condition of objects',
    document({ ...delegating, Condition: JSON.parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`) as object }),
  ],
  ['a proto', `{"__proto__":{"Version":"2012-10-17"},"constructor":{}}`],
  ['32 KB and one', document({ ...delegating, Sid: 'x'.repeat(32_768) })],
]

for (const [name, Policy] of BOMBS) {
  test(`a policy of ${name} is refused, and the key goes on`, async (t) => {
    const { room, key } = await stage(t)
    const KeyId = await key(delegating)
    const error = await t.throwsAsync(room.putKeyPolicy({ KeyId, Policy }), { instanceOf: KmsError })
    t.regex(error.code, /^(MalformedPolicyDocument|LimitExceeded|Validation)Exception$/)
    await t.notThrowsAsync(room.encrypt({ KeyId, Plaintext }))
  })
}

// Tokens --------------------------------------------------------------------------------------------

test('a token that was changed is none, and one of another room neither', async (t) => {
  const { room, as, key } = await stage(t)
  const other = await stage(t)
  const KeyId = await key(delegating)
  const make = async (issuer: typeof room, id: string) =>
    (await issuer.createGrant({ KeyId: id, GranteePrincipal: arn.user('bob'), Operations: ['Encrypt'] })).GrantToken!
  const token = await make(room, KeyId)
  const asked = (GrantTokens: string[]) => as(arn.user('bob')).encrypt({ KeyId, Plaintext, GrantTokens })
  await t.notThrowsAsync(asked([token]))
  const flipped = (at: number) => token.slice(0, at) + (token[at] === '0' ? '1' : '0') + token.slice(at + 1)
  const altered = [0, 1, token.length >> 1, token.length - 1].map(flipped)
  const foreign = await make(other.room, await other.key(delegating))
  for (const wrong of [...altered, foreign, token.toUpperCase(), token.slice(2), `${token}00`, 'x', '\n']) {
    await refuses(t, asked([wrong]), 'InvalidGrantTokenException')
  }
})
