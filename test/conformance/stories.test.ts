/** A badly told story is refused before it is played, with every complaint and where it stands. */
import test from 'ava'
import { parseStories } from './story.ts'
import { differences, resolve } from './values.ts'

const told = test.macro({
  title: (_, sentence: string) => sentence,
  exec(t, _sentence: string, stories: unknown, ...complaints: string[]) {
    const error = t.throws(() => parseStories(JSON.stringify(stories), 'keys.json'))
    t.deepEqual(error.message.split('\n'), complaints)
  },
})

const story = (...steps: unknown[]) => [{ title: 'a key is made', steps }]

test(told, 'a file is a list', {}, 'keys.json: a file of stories is a list')
test(told, 'a story has steps', [{ title: 'x' }], 'keys.json: “x”: has no steps')
test(told, 'a story has a title', [{ steps: [{ call: 'CreateKey' }] }], 'keys.json: story 1: has no title')
test(
  told,
  'titles tell stories apart',
  [...story({ call: 'CreateKey' }), ...story({ call: 'CreateKey' })],
  'keys.json: “a key is made”: is told twice',
)
test(
  told,
  'operations and their members are AWS’s',
  story({ call: 'MakeKey' }, { call: 'Encrypt', input: { Key: 'x' }, expect: { Blob: '$any' } }),
  'keys.json: “a key is made”, step 1: AWS KMS has no operation `MakeKey`',
  'keys.json: “a key is made”, step 2, Encrypt: unknown member `Key`',
  'keys.json: “a key is made”, step 2, answer: unknown member `Blob`',
)
test(
  told,
  'what is referred to was saved',
  story({ call: 'DescribeKey', input: { KeyId: '$key' } }, { calls: { EnableKey: { KeyId: 'x${other}' } } }),
  'keys.json: “a key is made”, step 1: nothing was saved as `key`',
  'keys.json: “a key is made”, step 2: nothing was saved as `other`',
)
test(
  told,
  'steps are of five kinds',
  story({ cal: 'CreateKey' }, { clock: '8 days' }, { make: 'tea', from: {}, save: 'x' }, 'Encrypt'),
  'keys.json: “a key is made”, step 1: unknown member `cal`',
  'keys.json: “a key is made”, step 1: wants one of `call`, `calls`, `each`, `clock` and `make`',
  'keys.json: “a key is made”, step 2: clock is no time such as `+8 days`',
  'keys.json: “a key is made”, step 3: there is no `tea` to make',
  'keys.json: “a key is made”, step 4: is no object',
)
test(
  told,
  'what stands for something is known',
  story({ call: 'GenerateRandom', input: { NumberOfBytes: { $hex: '01' } } }),
  'keys.json: “a key is made”, step 1: `$hex` stands for nothing',
)

test(
  told,
  'what is added to each request belongs to one of them',
  [{ title: 'a key is used', requests: { Encrypt: {}, Sign: {} }, steps: [{ each: { KeyId: 'x', Plain: 'y' } }] }],
  'keys.json: “a key is used”, step 1: no request has a `Plain`',
)

const saved = new Map<string, unknown>([
  ['key', 'k1'],
  ['blob', Uint8Array.of(1, 2)],
])

test('templates stand for values', (t) => {
  t.is(resolve('$key', saved), 'k1')
  t.is(resolve('arn:${key}!', saved), 'arn:k1!')
  t.deepEqual(resolve({ a: [{ $utf8: 'A' }, { $base64: 'Qg==' }] }, saved), {
    a: [Uint8Array.of(65), Uint8Array.of(66)],
  })
  t.deepEqual(resolve({ $flip: '$blob' }, saved), Uint8Array.of(1, 3))
  t.is(resolve({ $repeat: ['ab', 2] }, saved), 'abab')
  t.deepEqual(resolve({ $date: '2026-01-01T00:00:00Z' }, saved), new Date(Date.UTC(2026, 0, 1)))
})

test('an answer differs where it differs', (t) => {
  const answer = { KeyId: 'k1', Blob: Uint8Array.of(1, 2), When: new Date(0), List: [{ A: 1, B: 2 }] }
  t.deepEqual(
    differences({ KeyId: '$key', Blob: '$blob', When: '$date', List: [{ A: 1 }], No: '$absent' }, answer, saved),
    [],
  )
  t.deepEqual(differences({ Blob: { $size: 2 }, KeyId: { $match: '^k' } }, answer, saved), [])
  t.deepEqual(differences({ KeyId: { $not: '$key' }, Blob: { $flip: '$blob' }, When: '$absent' }, answer, saved), [
    'KeyId should be {"$not":"$key"}, but is "k1"',
    'Blob should be 2 bytes (0103), but is 2 bytes (0102)',
    'When should be $absent, but is "1970-01-01T00:00:00.000Z"',
  ])
  t.deepEqual(differences({ List: [{ A: 1 }, {}] }, answer, saved), [
    'List should have 2 items, but is [{"A":1,"B":2}]',
  ])
  t.deepEqual(differences({ List: [{ A: 2 }] }, answer, saved), ['List[0].A should be 2, but is 1'])
})
