/** The encryption context as associated data: two that differ never become one. */
import test from 'ava'
import { HEADER, headerOf, MAX_AAD, writeAad, type EncryptionContext } from '../src/ciphertext.ts'
import { KmsError } from '../src/errors.ts'
import { below, pick, seeded } from './model/arbitrary.ts'

const header = headerOf('ab'.repeat(32))

function aad(context: EncryptionContext | undefined): string {
  const out = new Uint8Array(MAX_AAD)
  return Buffer.from(out.subarray(0, writeAad(header, context, out, 0))).toString('hex')
}

/** The rule once more, by the plainest means. */
function reference(context: EncryptionContext): string {
  const field = (text: string) => {
    const utf8 = Buffer.from(text)
    return Buffer.concat([Buffer.from([utf8.length >> 8, utf8.length & 255]), utf8])
  }
  const pairs = Object.entries(context).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return Buffer.concat([header, ...pairs.flatMap(([name, value]) => [field(name), field(value)])]).toString('hex')
}

const same = test.macro({
  title: (_, why) => `one context: ${why}`,
  exec: (t, _why: string, a: EncryptionContext | undefined, b: EncryptionContext | undefined) => t.is(aad(a), aad(b)),
})
const differ = test.macro({
  title: (_, why) => `two contexts: ${why}`,
  exec: (t, _why: string, a: EncryptionContext, b: EncryptionContext) => t.not(aad(a), aad(b)),
})

test(same, 'absent and empty', undefined, {})
test(same, 'the order of the pairs is of no account', { a: '1', b: '2', c: '3' }, { c: '3', a: '1', b: '2' })
test(differ, 'where a name ends', { ab: 'c' }, { a: 'bc' })
test(differ, 'where a pair ends', { a: 'b', c: 'd' }, { ab: 'cd' })
test(differ, 'case', { a: 'b' }, { A: 'b' })
test(differ, 'an empty value', { a: '' }, {})
test(differ, 'composed and decomposed é', { '\u00e9': 'x' }, { 'e\u0301': 'x' })
test(differ, 'values changed about', { a: '1', b: '2' }, { a: '2', b: '1' })
test(differ, 'a control character', { a: 'b\u0000' }, { a: 'b' })

test('names are ordered as UTF-8 bytes, where UTF-16 differs', (t) => {
  const context = { '\uffee': '1', '\u{1f511}': '2', a: '3', z: '4' }
  t.is(aad(context), reference(context))
})

test('ten thousand random contexts: as the rule says, and equal only when they are equal', (t) => {
  const random = seeded(20261124)
  const alphabet = ['a', 'b', 'ab', '', 'é', 'e\u0301', '\u{1f511}', '\uffff', '\u0000', '\u007f', '\u0080']
  const word = () => Array.from({ length: below(random, 4) }, () => pick(random, alphabet)).join('')
  const seen = new Map<string, string>()
  for (let i = 0; i < 10_000; i++) {
    const context: Record<string, string> = {}
    for (let pairs = below(random, 5); pairs > 0; pairs--) context[word()] = word()
    const name = JSON.stringify(Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1)))
    const bytes = aad(context)
    t.is(bytes, reference(context))
    t.is(seen.get(bytes) ?? name, name)
    seen.set(bytes, name)
  }
})

test('a lone surrogate is refused, since it would be encoded as another string', (t) => {
  const error = t.throws(() => aad({ a: '\ud800' }), { instanceOf: KmsError })
  t.is(error.code, 'ValidationException')
})

test('a context of 8 KiB is taken and one byte more is not, in ASCII and beyond', (t) => {
  const value = (bytes: number) => 'x'.repeat(bytes - 5)
  t.is(aad({ a: value(8192) }).length / 2, HEADER + 8192)
  t.throws(() => aad({ a: value(8193) }), { message: 'encryption context is longer than 8192 bytes' })
  t.throws(() => aad({ a: `é${value(8191)}` }), { message: 'encryption context is longer than 8192 bytes' })
  t.notThrows(() => aad({ a: `é${value(8190)}` }))
})
