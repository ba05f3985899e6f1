/** Values of the wrong type, and maps that are none. */
import test from 'ava'
import { runInNewContext } from 'node:vm'
import { accepts, blob, KEY, mistakes, tells } from './sentences.ts'

// Wrong types
test(mistakes, 'DescribeKey', 'a number for a string', { KeyId: 5 }, 'NUMBER_VALUE can not be converted to a String')
test(mistakes, 'DescribeKey', 'true for a string', { KeyId: true }, 'TRUE_VALUE can not be converted to a String')
test(mistakes, 'DescribeKey', 'a list for a string', { KeyId: [KEY] }, 'Start of list found where not expected')
test(
  mistakes,
  'DescribeKey',
  'an object for a string',
  { KeyId: {} },
  'Start of structure or map found where not expected.',
)
test(mistakes, 'DescribeKey', 'a list for an input', [], 'Start of list found where not expected')
test(mistakes, 'DescribeKey', 'a string for an input', KEY, 'Expected null')
test(mistakes, 'DescribeKey', 'bytes for an input', blob(3), 'Start of structure or map found where not expected.')
test(
  mistakes,
  'DescribeKey',
  'a lone surrogate, which has no UTF-8',
  { KeyId: '\ud800' },
  'STRING_VALUE can not be converted to a String',
)
for (const value of [1.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 10n]) {
  test(
    mistakes,
    'ListKeys',
    `${value} for an integer`,
    { Limit: value },
    'NUMBER_VALUE can not be converted to an Integer',
  )
}
test(mistakes, 'ListKeys', 'digits for an integer', { Limit: '5' }, 'STRING_VALUE can not be converted to an Integer')
test(
  mistakes,
  'Encrypt',
  'a string for a blob',
  { KeyId: KEY, Plaintext: 'AAAA' },
  'STRING_VALUE can not be converted to a Blob',
)
for (const view of [
  new Uint16Array(2),
  new DataView(new ArrayBuffer(2)),
  new ArrayBuffer(2),
  new Uint8ClampedArray(2),
]) {
  test(
    mistakes,
    'Encrypt',
    `${view.constructor.name} for a blob`,
    { KeyId: KEY, Plaintext: view },
    'Start of structure or map found where not expected.',
  )
}
test(
  mistakes,
  'Encrypt',
  'an object that only claims to be a Uint8Array',
  { KeyId: KEY, Plaintext: Object.create(Uint8Array.prototype) as unknown },
  'Start of structure or map found where not expected.',
)
test(accepts, 'Encrypt', 'a Uint8Array of another realm', {
  KeyId: KEY,
  Plaintext: runInNewContext('new Uint8Array(2)') as unknown,
})
test(
  mistakes,
  'ImportKeyMaterial',
  'a date that is none',
  { KeyId: KEY, ImportToken: blob(1), EncryptedKeyMaterial: blob(1), ValidTo: new Date(NaN) },
  'Start of structure or map found where not expected.',
)
test(
  mistakes,
  'ImportKeyMaterial',
  'a number for a date',
  { KeyId: KEY, ImportToken: blob(1), EncryptedKeyMaterial: blob(1), ValidTo: 1.7e9 },
  'NUMBER_VALUE can not be converted to a Timestamp',
)
test(mistakes, 'TagResource', 'a string for a list', { KeyId: KEY, Tags: 'a' }, 'Expected list or null')
test(
  mistakes,
  'DescribeKey',
  'what cannot even be shown among strings',
  { KeyId: KEY, GrantTokens: [Object.create(null)] },
  'Start of structure or map found where not expected.',
)
test(
  tells,
  'TagResource',
  'a bare object for a tag, where it lacks something',
  { KeyId: KEY, Tags: [Object.assign(Object.create(null), { TagKey: 'a' })] },
  "Value null at 'tags.1.member.tagValue'",
  'Member must not be null',
)
test(mistakes, 'TagResource', 'a string for a tag', { KeyId: KEY, Tags: ['a'] }, 'Expected null')

// Maps
const context = (EncryptionContext: unknown): unknown => ({ KeyId: KEY, Plaintext: blob(1), EncryptionContext })
test(accepts, 'Encrypt', 'an empty context', context({}))
test(accepts, 'Encrypt', 'a context without prototype', context(Object.assign(Object.create(null), { a: 'b' })))
test(accepts, 'Encrypt', 'a context with names that objects have', context({ constructor: 'a', toString: 'b' }))
test(mistakes, 'Encrypt', 'a Map', context(new Map([['a', 'b']])), 'a map must be a plain object')
test(mistakes, 'Encrypt', 'a Date', context(new Date(0)), 'a map must be a plain object')
test(mistakes, 'Encrypt', 'an inherited context', context(Object.create({ a: 'b' })), 'a map must be a plain object')
test(mistakes, 'Encrypt', 'a string for a map', context('a=b'), 'Expected null')
test(mistakes, 'Encrypt', 'a list for a map', context([]), 'Start of list found where not expected')
test(mistakes, 'Encrypt', 'a number in a map', context({ a: 1 }), 'NUMBER_VALUE can not be converted to a String')
test(
  mistakes,
  'Encrypt',
  'an own __proto__',
  context(JSON.parse('{"__proto__":"x"}')),
  'the key `__proto__` is not allowed',
)
test(
  mistakes,
  'Encrypt',
  'a lone surrogate in a context key',
  context({ 'a\udc00': 'b' }),
  'STRING_VALUE can not be converted to a String',
)
