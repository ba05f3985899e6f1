/** awsJson: what is read, what is refused, and that nothing breaks the reader. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import { decode, encode, MAX_BODY } from '../../src/model/json.ts'
import { OPERATIONS, type Operation, type OperationName } from '../../src/model/kms.ts'
import { validator } from '../../src/model/validate.ts'
import { arbitrary, below, pick, seeded, unwire, wire, type Random } from './arbitrary.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What decode says to a body: the input, or `code: message`. Anything but a KmsError is a crash, and thrown. */
const read = (name: OperationName, body: string | Uint8Array): unknown => {
  try {
    return decode(name, typeof body === 'string' ? bytes(body) : body)
  } catch (error) {
    if (error instanceof KmsError) return `${error.code}: ${error.message}`
    throw error
  }
}

const judge = (name: OperationName, input: unknown): string => {
  try {
    validator(name)(input)
    return 'accepted'
  } catch (error) {
    return String(error)
  }
}

const reads = test.macro({
  title: (_, name: OperationName, why: string) => `${name} reads ${why}`,
  exec: (t, name: OperationName, _why: string, body: string, input: object) => t.deepEqual(read(name, body), input),
})

const refuses = test.macro({
  title: (_, name: OperationName, why: string) => `${name} refuses ${why}`,
  exec: (t, name: OperationName, _why: string, body: string | Uint8Array, message: string) =>
    t.is(read(name, body), `SerializationException: ${message}`),
})

// What is read
test(reads, 'ListKeys', 'an empty body', '', {})
test(reads, 'ListKeys', 'a blank body', ' \r\n\t', {})
test(reads, 'ListKeys', 'null', 'null', {})
test(reads, 'ListKeys', 'an empty object', ' { } ', {})
test(reads, 'ListKeys', 'white space anywhere', '\n{ "Limit" :\t5 ,"Marker":\r"a" } ', { Limit: 5, Marker: 'a' })
test(reads, 'ListKeys', 'null members as absent', '{"Limit":null,"Marker":null}', {})
test(reads, 'ListKeys', 'members it does not know, and forgets them', '{"A":[{"B":[1e9,true,"\\n",null]}],"Limit":1}', {
  Limit: 1,
})
test(reads, 'ListKeys', 'an integer written with a fraction of nothing', '{"Limit":1.0e1}', { Limit: 10 })
test(reads, 'ListKeys', 'negative integers, for validate to judge', '{"Limit":-5}', { Limit: -5 })
test(reads, 'ListKeys', 'the least and the greatest', '{"Limit":-2147483648,"Other":0}', { Limit: -2147483648 })
test(reads, 'Encrypt', 'a blob', '{"Plaintext":"AAEC/w=="}', { Plaintext: Buffer.from([0, 1, 2, 255]) })
test(reads, 'Encrypt', 'an empty blob', '{"Plaintext":""}', { Plaintext: Buffer.alloc(0) })
test(reads, 'Encrypt', 'a blob with escaped slashes', '{"Plaintext":"\\/\\/\\/\\u002f"}', {
  Plaintext: Buffer.from([255, 255, 255]),
})
test(reads, 'Encrypt', 'every escape', '{"KeyId":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud834\\udd1e"}', {
  KeyId: '"\\/\b\f\n\r\té𝄞',
})
test(reads, 'Encrypt', 'UTF-8', '{"EncryptionContext":{"größe":"𝄞€"}}', { EncryptionContext: { größe: '𝄞€' } })
test(reads, 'Encrypt', 'an escaped name', '{"\\u004beyId":"a"}', { KeyId: 'a' })
test(reads, 'Encrypt', 'names that objects have', '{"EncryptionContext":{"constructor":"a","toString":"b"}}', {
  EncryptionContext: { constructor: 'a', toString: 'b' },
})
test(
  reads,
  'Encrypt',
  'nulls in maps and lists, for validate to judge',
  '{"EncryptionContext":{"a":null},"GrantTokens":[null]}',
  {
    EncryptionContext: { a: null },
    GrantTokens: [null],
  },
)
test(reads, 'ImportKeyMaterial', 'epoch seconds', '{"ValidTo":1700000000.123}', { ValidTo: new Date(1700000000123) })
test(reads, 'ImportKeyMaterial', 'seconds with an exponent', '{"ValidTo":1.7E9}', { ValidTo: new Date(1.7e12) })
test(reads, 'ImportKeyMaterial', 'seconds before 1970', '{"ValidTo":-0.001}', { ValidTo: new Date(-1) })
test(reads, 'TagResource', 'structures in lists', '{"Tags":[{"TagKey":"a","TagValue":""},{}]}', {
  Tags: [{ TagKey: 'a', TagValue: '' }, {}],
})
test(reads, 'ListKeys', 'arrays nested 31 deep in an ignored member', `{"A":${'['.repeat(31)}${']'.repeat(31)}}`, {})

// What is no JSON
for (const [why, body, message] of [
  ['a truncated object', '{"Limit":5', 'unexpected character at offset 10'],
  ['an unterminated string', '{"Marker":"a', 'unterminated string at offset 12'],
  ['a lone bracket', '{', 'unexpected character at offset 1'],
  ['text after the value', '{} {}', 'unexpected text after the value at offset 3'],
  ['text after null', 'null,', 'unexpected text after the value at offset 4'],
  ['a comma at the end', '{"Limit":5,}', 'unexpected character at offset 11'],
  ['a comma at the start', '{,"Limit":5}', 'unexpected character at offset 1'],
  ['two commas', '{"A":[1,,2]}', 'unexpected character at offset 8'],
  ['a missing colon', '{"Limit" 5}', 'unexpected character at offset 9'],
  ['a missing comma', '{"Limit":5 "Marker":"a"}', 'unexpected character at offset 11'],
  ['a wrong bracket', '{"A":[1}}', 'unexpected character at offset 7'],
  ['a bare name', '{Limit:5}', 'unexpected character at offset 1'],
  ['single quotes', "{'Limit':5}", 'unexpected character at offset 1'],
  ['a comment', '{/* five */"Limit":5}', 'unexpected character at offset 1'],
  ['a misspelt literal', '{"Limit":nul}', 'unexpected character at offset 9'],
  ['a literal that goes on', '{"Limit":nulls}', 'unexpected character at offset 13'],
  ['a leading zero', '{"Limit":05}', 'unexpected character at offset 10'],
  ['a leading plus', '{"Limit":+5}', 'unexpected character at offset 9'],
  ['a bare minus', '{"Limit":-}', 'unexpected character at offset 9'],
  ['a bare fraction', '{"Limit":.5}', 'unexpected character at offset 9'],
  ['an unfinished fraction', '{"Limit":5.}', 'unexpected character at offset 10'],
  ['an unfinished exponent', '{"Limit":5e}', 'unexpected character at offset 10'],
  ['hexadecimal', '{"Limit":0x5}', 'unexpected character at offset 10'],
  ['NaN', '{"Limit":NaN}', 'unexpected character at offset 9'],
  ['a byte order mark', '\ufeff{}', 'unexpected character at offset 0'],
  ['a no-break space', '{\u00a0}', 'unexpected character at offset 1'],
  ['a line break in a string', '{"Marker":"a\nb"}', 'control character in a string at offset 12'],
  ['a NUL in a string', '{"Marker":"\u0000"}', 'control character in a string at offset 11'],
  ['a line break after an escape', '{"Marker":"\\n\n"}', 'control character in a string at offset 13'],
  ['an unknown escape', '{"Marker":"\\x41"}', 'unknown escape at offset 13'],
  ['three hexadecimal digits', '{"Marker":"\\u004"}', 'unknown escape at offset 12'],
  ['a sign among them', '{"Marker":"\\u-041"}', 'unknown escape at offset 12'],
  ['a lone high surrogate', '{"Marker":"\\ud834"}', 'lone surrogate at offset 18'],
  ['a lone low surrogate', '{"Marker":"\\udd1e"}', 'lone surrogate at offset 17'],
  ['a high surrogate before a letter', '{"Marker":"\\ud834\\u0041"}', 'lone surrogate at offset 23'],
] as const)
  test(refuses, 'ListKeys', why, body, message)

test(
  refuses,
  'ListKeys',
  'bytes that are no UTF-8',
  Buffer.from('{"Marker":"\xff"}', 'latin1'),
  'the body is not UTF-8',
)
test(
  refuses,
  'ListKeys',
  'a surrogate in UTF-8',
  Buffer.from('7b2241223a22eda08022 7d'.replace(' ', ''), 'hex'),
  'the body is not UTF-8',
)
test(refuses, 'ListKeys', 'an overlong slash', Buffer.from('{"A":"\xc0\xaf"}', 'latin1'), 'the body is not UTF-8')

// What JSON allows and we do not
test(refuses, 'ListKeys', 'a member twice', '{"Limit":1,"Limit":1}', 'duplicate key at offset 19')
test(refuses, 'ListKeys', 'a member twice, the first null', '{"Limit":null,"Limit":1}', 'duplicate key at offset 22')
test(refuses, 'ListKeys', 'a member twice, once escaped', '{"Limit":1,"\\u004cimit":1}', 'duplicate key at offset 24')
test(refuses, 'ListKeys', 'an unknown member twice', '{"A":1,"A":1}', 'duplicate key at offset 11')
test(
  refuses,
  'ListKeys',
  'a duplicate deep in an ignored member',
  '{"A":[{"B":1,"B":1}]}',
  'duplicate key at offset 17',
)
test(refuses, 'Encrypt', 'a context key twice', '{"EncryptionContext":{"a":"1","a":"1"}}', 'duplicate key at offset 34')
test(
  refuses,
  'TagResource',
  'a duplicate in a list',
  '{"Tags":[{"TagKey":"a","TagKey":"a"}]}',
  'duplicate key at offset 32',
)
for (const [where, body] of [
  ['at the top', '{"__proto__":{}}'],
  ['escaped', '{"__pro\\u0074o__":{}}'],
  ['in a map', '{"EncryptionContext":{"__proto__":"x"}}'],
  ['in a structure', '{"Recipient":{"__proto__":null}}'],
  ['in an ignored member', '{"A":[{"__proto__":1}]}'],
] as const)
  test(`__proto__ is refused ${where}`, (t) => {
    t.regex(String(read('Encrypt', body)), /^SerializationException: the key `__proto__` is not allowed at offset \d+$/)
    t.is(({} as { polluted?: unknown }).polluted, undefined)
  })
test(
  refuses,
  'ListKeys',
  'arrays nested 32 deep',
  `{"A":${'['.repeat(32)}${']'.repeat(32)}}`,
  'nested deeper than 32 at offset 36',
)
test(refuses, 'ListKeys', 'a body of brackets', '['.repeat(200_000), 'Start of list found where not expected')
test(
  refuses,
  'ListKeys',
  'brackets without end in an ignored member',
  `{"A":${'['.repeat(200_000)}`,
  'nested deeper than 32 at offset 36',
)

test('a body of the greatest length is read, one byte more is not', (t) => {
  t.deepEqual(read('ListKeys', `{}${' '.repeat(MAX_BODY - 2)}`), {})
  t.is(read('ListKeys', `{}${' '.repeat(MAX_BODY - 1)}`), 'RequestEntityTooLarge: the body is longer than 262144 bytes')
})

// Wrong types
test(refuses, 'ListKeys', 'a list for an input', '[]', 'Start of list found where not expected')
test(refuses, 'ListKeys', 'a string for an input', '"a"', 'Expected null')
test(refuses, 'ListKeys', 'a string for an integer', '{"Limit":"5"}', 'STRING_VALUE can not be converted to an Integer')
test(refuses, 'ListKeys', 'true for an integer', '{"Limit":true}', 'TRUE_VALUE can not be converted to an Integer')
test(refuses, 'ListKeys', 'a list for an integer', '{"Limit":[5]}', 'Start of list found where not expected')
for (const number of ['1.5', '2147483648', '-2147483649', '1e400', '-1e400', '1e-5', '9'.repeat(400)])
  test(
    refuses,
    'ListKeys',
    `${number.slice(0, 20)} for an integer`,
    `{"Limit":${number}}`,
    'NUMBER_VALUE can not be converted to an Integer',
  )
test(refuses, 'DescribeKey', 'a number for a string', '{"KeyId":5}', 'NUMBER_VALUE can not be converted to a String')
test(refuses, 'DescribeKey', 'false for a string', '{"KeyId":false}', 'FALSE_VALUE can not be converted to a String')
test(
  refuses,
  'DescribeKey',
  'an object for a string',
  '{"KeyId":{}}',
  'Start of structure or map found where not expected.',
)
test(refuses, 'DescribeKey', 'a string for a list', '{"GrantTokens":"a"}', 'Expected list or null')
test(
  refuses,
  'DescribeKey',
  'a number in a list of strings',
  '{"GrantTokens":[5]}',
  'NUMBER_VALUE can not be converted to a String',
)
test(refuses, 'Encrypt', 'a list for a map', '{"EncryptionContext":[]}', 'Start of list found where not expected')
test(refuses, 'Encrypt', 'a number for a map', '{"EncryptionContext":1}', 'Expected null')
test(
  refuses,
  'Encrypt',
  'a string for a boolean',
  '{"DryRun":"true"}',
  'STRING_VALUE can not be converted to a Boolean',
)
test(refuses, 'Encrypt', 'a number for a boolean', '{"DryRun":0}', 'NUMBER_VALUE can not be converted to a Boolean')
test(refuses, 'Encrypt', 'a number for a blob', '{"Plaintext":1}', 'NUMBER_VALUE can not be converted to a Blob')
test(
  refuses,
  'ImportKeyMaterial',
  'an ISO date',
  '{"ValidTo":"2026-01-01T00:00:00Z"}',
  'STRING_VALUE can not be converted to a Timestamp',
)
for (const number of ['1e400', '8.64e12000', '8640000000000.001'])
  test(
    refuses,
    'ImportKeyMaterial',
    `${number} seconds`,
    `{"ValidTo":${number}}`,
    'NUMBER_VALUE can not be converted to a Timestamp',
  )
for (const [why, base64] of [
  ['no padding', 'AA'],
  ['too much padding', 'AA==='],
  ['nothing but padding', '===='],
  ['padding inside', 'AA==AAAA'],
  ['one character over', 'AAAAA'],
  ['spare bits that are not zero', 'AB=='],
  ['the alphabet of URLs', '-_-_'],
  ['a space', 'AA AA'],
  ['a line break', 'AAAA\\nAAAA'],
  ['a character beyond ASCII', 'AAAé'],
] as const)
  test(`a blob in base64 with ${why} is refused`, (t) => {
    t.regex(
      String(read('Encrypt', `{"Plaintext":"${base64}"}`)),
      /^SerializationException: no valid base64 at offset \d+$/,
    )
  })

test('a refusal repeats nothing of the body', (t) => {
  t.notRegex(String(read('Encrypt', '{"Plaintext":"hunter2"}')), /hunter2/)
  t.notRegex(String(read('Encrypt', '{"Plaintext":"aHVudGVyMg==" hunter2')), /hunter2|aHVudGVyMg/)
})

// What is written
test('an output is written in the order of the model, without what is undefined or not in the shape', (t) => {
  const output = { KeyId: 'a', EncryptionAlgorithm: undefined, CiphertextBlob: Uint8Array.of(1, 2), token: 'secret' }
  t.is(encode('Encrypt', output), '{"CiphertextBlob":"AQI=","KeyId":"a"}')
})
test('a view is written, not the buffer under it', (t) => {
  t.is(encode('Encrypt', { CiphertextBlob: Uint8Array.of(0, 1, 2, 3).subarray(1, 3) }), '{"CiphertextBlob":"AQI="}')
})
test('dates are written as seconds, with milliseconds where there are any', (t) => {
  const at = (time: number): string => encode('ScheduleKeyDeletion', { DeletionDate: new Date(time) })
  t.is(at(1_700_000_000_000), '{"DeletionDate":1700000000}')
  t.is(at(1_700_000_000_120), '{"DeletionDate":1700000000.12}')
  t.is(at(1_700_000_000_123), '{"DeletionDate":1700000000.123}')
  t.is(at(0), '{"DeletionDate":0}')
})
test('nested structures are held to their shapes, too', (t) => {
  const Tags = [{ TagKey: '"', TagValue: '\n', seen: true }]
  t.is(
    encode('ListResourceTags', { Tags, Truncated: false }),
    '{"Tags":[{"TagKey":"\\"","TagValue":"\\n"}],"Truncated":false}',
  )
})
test('an operation without output has an empty body, one with an empty output has {}', (t) => {
  t.is(encode('EnableKey', undefined), '')
  t.is(encode('ConnectCustomKeyStore', {}), '{}')
})

// Both ways, against JSON.parse and JSON.stringify
for (const [name, { input, output }] of Object.entries(OPERATIONS) as [OperationName, Operation][]) {
  test(`${name} survives the wire in both directions`, (t) => {
    const random = seeded(name.length)
    for (let i = 0; i < 50; i++) {
      const asked = arbitrary(input, random)
      t.deepEqual(read(name, JSON.stringify(wire(input, asked))), asked as object)
      if (!output) continue
      const answered = arbitrary(output, random)
      const text = encode(name, answered as never)
      t.deepEqual(unwire(output, JSON.parse(text)), answered)
    }
  })
}

// Bodies spoilt at random: read, or refused by a KmsError; and what is read is what JSON.parse reads.
const SPOILS: ((random: Random, body: Buffer) => Buffer)[] = [
  (random, body) => Object.assign(Buffer.from(body), { [below(random, body.length)]: below(random, 256) }),
  (random, body) => body.subarray(0, below(random, body.length)),
  (random, body) => splice(body, below(random, body.length), 1, ''),
  (random, body) => splice(body, below(random, body.length), 0, pick(random, PIECES)),
  (random, body) => splice(body, below(random, body.length), below(random, 9), pick(random, PIECES)),
  (random, body) => Buffer.concat([body, body.subarray(below(random, body.length))]),
]
const PIECES = [
  '"',
  '\\',
  '\\u',
  '\\ud800',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '-',
  '1e999',
  '.',
  'null',
  'true',
  '__proto__',
].concat('"KeyId":', '"__proto__":', '{"a":', '\u0000', ' ', 'é', '[['.repeat(40), '"":""')

const splice = (body: Buffer, at: number, gone: number, piece: string): Buffer =>
  Buffer.concat([body.subarray(0, at), Buffer.from(piece), body.subarray(at + gone)])

test('120,000 spoilt bodies: none crashes, and none reads as more than JSON.parse sees in it', (t) => {
  const random = seeded(20261124)
  const names = Object.keys(OPERATIONS) as OperationName[]
  let survived = 0
  for (let i = 0; i < 120_000; i++) {
    const name = pick(random, names)
    let body: Buffer = Buffer.from(
      JSON.stringify(wire(OPERATIONS[name].input, arbitrary(OPERATIONS[name].input, random))),
    )
    for (let times = 1 + below(random, 3); times > 0 && body.length > 0; times--)
      body = pick(random, SPOILS)(random, body)
    const said = read(name, body)
    if (typeof said === 'string') {
      if (!said.startsWith('SerializationException: ')) t.fail(`${said} for ${body.toString('base64')}`)
      continue
    }
    survived++
    const judged = judge(name, said)
    if (!/^accepted$|^(Validation|Serialization)Exception: /.test(judged))
      t.fail(`${judged} for ${body.toString('base64')}`)
    const plain: unknown = body.toString().trim() === '' ? {} : JSON.parse(body.toString())
    for (const key of Object.keys(said as object))
      if (!Object.hasOwn(plain as object, key)) t.fail(`${key} from nowhere in ${body.toString('base64')}`)
  }
  t.true(survived > 5_000 && survived < 110_000, `${survived} survived`)
})
