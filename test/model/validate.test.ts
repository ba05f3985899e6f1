/** Constraints of the model, refused in AWS's words. */
import test from 'ava'
import { OPERATIONS, type OperationName } from '../../src/model/kms.ts'
import { validator } from '../../src/model/validate.ts'
import { arbitrary, seeded } from './arbitrary.ts'
import { accepts, blob, KEY, refusal, tells } from './sentences.ts'

// Recorded of AWS KMS (facts: errors, marked S).
test('GenerateRandom of 0 bytes, letter for letter', (t) => {
  t.is(
    refusal('GenerateRandom', { NumberOfBytes: 0 }),
    "ValidationException: 1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1",
  )
})
test('GenerateRandom of 1025 bytes, letter for letter', (t) => {
  t.is(
    refusal('GenerateRandom', { NumberOfBytes: 1025 }),
    "ValidationException: 1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024",
  )
})
test('Encrypt of 4097 bytes, letter for letter: what is sensitive is not repeated', (t) => {
  t.is(
    refusal('Encrypt', { KeyId: KEY, Plaintext: blob(4097) }),
    "ValidationException: 1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
  )
})
test('GenerateMac with an unknown algorithm names the set; its order is not stable in AWS', (t) => {
  const said = refusal('GenerateMac', { KeyId: KEY, Message: blob(1), MacAlgorithm: 'MD5' })
  const [, before, list] = /^(.*enum value set: )\[(.*)\]$/.exec(said) ?? []
  t.is(
    before,
    "ValidationException: 1 validation error detected: Value 'MD5' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: ",
  )
  t.deepEqual(list?.split(', ').sort(), ['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512'])
})

// Lengths
test(accepts, 'Encrypt', 'a plaintext of one byte', { KeyId: KEY, Plaintext: blob(1) })
test(accepts, 'Encrypt', 'a plaintext of 4096 bytes', { KeyId: KEY, Plaintext: blob(4096) })
test(accepts, 'Encrypt', 'a Uint8Array that is no Buffer', { KeyId: KEY, Plaintext: new Uint8Array(3) })
test(accepts, 'DescribeKey', 'a key id of 2048 characters', { KeyId: 'k'.repeat(2048) })
test(
  tells,
  'DescribeKey',
  'a key id of 2049 characters, shown whole',
  { KeyId: 'k'.repeat(2049) },
  `Value '${'k'.repeat(2049)}' at 'keyId'`,
  'Member must have length less than or equal to 2048',
)
test(
  tells,
  'DescribeKey',
  'an empty key id',
  { KeyId: '' },
  "Value '' at 'keyId'",
  'Member must have length greater than or equal to 1',
)
test(
  tells,
  'TagResource',
  'a tag key of 65 astral characters: UTF-16 units are counted',
  { KeyId: KEY, Tags: [{ TagKey: '𝄞'.repeat(65), TagValue: '' }] },
  `Value '${'𝄞'.repeat(65)}' at 'tags.1.member.tagKey'`,
  'Member must have length less than or equal to 128',
)
test(
  tells,
  'Encrypt',
  'an empty plaintext',
  { KeyId: KEY, Plaintext: blob(0) },
  "Value at 'plaintext'",
  'Member must have length greater than or equal to 1',
)
test(
  tells,
  'Decrypt',
  'a ciphertext of 6145 bytes, shown as Java shows a buffer',
  { CiphertextBlob: blob(6145) },
  "Value 'java.nio.HeapByteBuffer[pos=0 lim=6145 cap=6145]' at 'ciphertextBlob'",
  'Member must have length less than or equal to 6144',
)
test(
  tells,
  'DescribeKey',
  'eleven grant tokens',
  { KeyId: KEY, GrantTokens: Array(11).fill('t') },
  `Value '[${Array(11).fill('t').join(', ')}]' at 'grantTokens'`,
  'Member must have length less than or equal to 10',
)

// Patterns
test(accepts, 'PutKeyPolicy', 'a policy in Latin-1', { KeyId: KEY, Policy: '{"é": 1}\n' })
test(accepts, 'ImportKeyMaterial', 'a description with a tab', {
  KeyId: KEY,
  ImportToken: blob(1),
  EncryptedKeyMaterial: blob(1),
  KeyMaterialDescription: 'a\tb',
})
test(
  tells,
  'ImportKeyMaterial',
  'a description with a no-break space, which is no ASCII space',
  { KeyId: KEY, ImportToken: blob(1), EncryptedKeyMaterial: blob(1), KeyMaterialDescription: 'a\u00a0b' },
  "Value 'a\u00a0b' at 'keyMaterialDescription'",
  'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_\\s.-]+$',
)
test(
  tells,
  'CreateAlias',
  'an alias with a star',
  { AliasName: 'alias/*', TargetKeyId: KEY },
  "Value 'alias/*' at 'aliasName'",
  'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$',
)
test(
  tells,
  'CreateAlias',
  'a line break after the alias',
  { AliasName: 'alias/a\n', TargetKeyId: KEY },
  "Value 'alias/a\n' at 'aliasName'",
  'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$',
)
test(
  tells,
  'GetKeyPolicy',
  'a policy name that only begins well: patterns hold for the whole value',
  { KeyId: KEY, PolicyName: 'default!' },
  "Value 'default!' at 'policyName'",
  'Member must satisfy regular expression pattern: [\\w]+',
)
test(
  tells,
  'CreateAlias',
  'an empty alias, twice over',
  { AliasName: '', TargetKeyId: KEY },
  "Value '' at 'aliasName'",
  'Member must have length greater than or equal to 1',
  'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$',
)

// Required members and null
test(accepts, 'ListKeys', 'no input at all', undefined)
test(accepts, 'ListKeys', 'null for an input', null)
test(accepts, 'ListKeys', 'members that are null or undefined', { Limit: null, Marker: undefined })
test(accepts, 'ListKeys', 'members it does not know', { Colour: { of: ['money'] } })
test(tells, 'DescribeKey', 'a missing key id', {}, "Value null at 'keyId'", 'Member must not be null')
test(tells, 'DescribeKey', 'no input', undefined, "Value null at 'keyId'", 'Member must not be null')
test(tells, 'DescribeKey', 'a null key id', { KeyId: null }, "Value null at 'keyId'", 'Member must not be null')
test(
  tells,
  'TagResource',
  'the second tag having no value',
  { KeyId: KEY, Tags: [{ TagKey: 'a', TagValue: 'b' }, { TagKey: 'c' }] },
  "Value null at 'tags.2.member.tagValue'",
  'Member must not be null',
)
test(
  tells,
  'TagResource',
  'a null tag',
  { KeyId: KEY, Tags: [null] },
  "Value null at 'tags.1.member'",
  'Member must not be null',
)
test(
  tells,
  'Encrypt',
  'a null in the encryption context',
  { KeyId: KEY, Plaintext: blob(1), EncryptionContext: { tenant: null } },
  "Value null at 'encryptionContext.tenant.member'",
  'Member must not be null',
)
test(
  tells,
  'CreateGrant',
  'a null deep inside',
  { KeyId: KEY, GranteePrincipal: 'a', Operations: ['Encrypt'], Constraints: { EncryptionContextSubset: { a: null } } },
  "Value null at 'constraints.encryptionContextSubset.a.member'",
  'Member must not be null',
)

// Scalars in lists
test(
  tells,
  'UntagResource',
  'an empty tag key among others',
  { KeyId: KEY, TagKeys: ['a', ''] },
  "Value '[a, ]' at 'tagKeys'",
  'Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]',
)
test(
  tells,
  'UntagResource',
  'a null tag key',
  { KeyId: KEY, TagKeys: [null] },
  "Value '[]' at 'tagKeys'",
  'Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must not be null]',
)

test('all violations are told at once, in the order of the model', (t) => {
  t.is(
    refusal('Encrypt', { DryRun: true, EncryptionAlgorithm: 'ROT13', Plaintext: blob(0) }),
    'ValidationException: 3 validation errors detected: ' +
      "Value null at 'keyId' failed to satisfy constraint: Member must not be null; " +
      "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1; " +
      "Value 'ROT13' at 'encryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: " +
      '[SYMMETRIC_DEFAULT, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE]',
  )
})

test('ten violations are enough to tell', (t) => {
  const said = refusal('TagResource', { KeyId: KEY, Tags: Array(1000).fill({}) })
  t.true(said.startsWith('ValidationException: 10 validation errors detected: '))
  t.is(said.split('; ').length, 10)
})

test('a wrong type is told before any constraint', (t) => {
  t.is(
    refusal('Encrypt', { KeyId: '', Plaintext: blob(1), DryRun: 'yes' }),
    'SerializationException: STRING_VALUE can not be converted to a Boolean',
  )
})

test('secrets of an external key store are not repeated', (t) => {
  const said = refusal('CreateCustomKeyStore', {
    CustomKeyStoreName: 'store',
    XksProxyAuthenticationCredential: { AccessKeyId: 'short', RawSecretAccessKey: 'hunter2' },
    KeyStorePassword: 'pass',
  })
  t.notRegex(said, /short|hunter2|'pass'/)
  t.regex(said, /Value at 'xksProxyAuthenticationCredential\.rawSecretAccessKey'/)
})

test('an input that changes between two looks is refused', (t) => {
  let looks = 0
  const fickle = {
    get KeyId() {
      return looks++ === 0 ? '' : KEY
    },
  }
  t.is(refusal('DescribeKey', fickle), 'SerializationException: the input changed while it was read')
})

test('a validator is compiled once', (t) => {
  t.is(validator('Encrypt'), validator('Encrypt'))
})

for (const [name, { input }] of Object.entries(OPERATIONS) as [OperationName, { input: string }][]) {
  test(`${name} accepts what its shape admits, and no member of another type`, (t) => {
    const random = seeded(1)
    for (let i = 0; i < 50; i++) {
      const value = arbitrary(input, random) as Record<string, unknown>
      t.is(refusal(name, value), 'accepted')
      for (const member of Object.keys(value)) {
        t.regex(refusal(name, { ...value, [member]: Symbol('of no type') }), /^SerializationException: /)
      }
    }
  })
}
