/** Which texts fit which patterns. */
import test from 'ava'
import { anyOf, fits, fold, globOf, ONE, STAR, tokensOf } from '../../src/policy/match.ts'

const fit = test.macro<[string, string, string]>({
  title: (_, pattern: string, yes: string, no: string) => `\`${pattern}\` is \`${yes}\`, and not \`${no}\``,
  exec(t, pattern: string, yes: string, no: string) {
    const glob = globOf(tokensOf(pattern))
    t.true(fits(glob, yes))
    t.false(fits(glob, no))
  },
})

test(fit, '', '', 'a')
test(fit, 'abc', 'abc', 'abcd')
test(fit, 'a?c', 'abc', 'ac')
test(fit, '?', 'a', '')
test(fit, '??', 'ab', 'abc')
test(fit, 'a*', 'a', 'ba')
test(fit, '*c', 'abc', 'abcd')
test(fit, 'a*a', 'aa', 'a')
test(fit, 'a*b*c', 'abbc', 'acb')
test(fit, '*ab*', 'xxabyy', 'a-b')
test(fit, '*aab*', 'aaab', 'aaaa')
test(fit, '**a***b**', 'ab', 'ba')
test(fit, '*?', 'a', '')
test(fit, '?*?', 'ab', 'a')
test(fit, '*a?b*', 'xaxb', 'xabx')
test(fit, '*?b', 'ab', 'b')
test(fit, 'ab*b?c', 'abbxc', 'abxc')
test(fit, '*ab*ab', 'abab', 'ab')
test(fit, 'a*', 'a\nb', 'b\na')
test(fit, '[a-z].+', '[a-z].+', 'az')
test(fit, '$', '$', '')

// Letters that look alike
test(fit, 'kms', 'kms', 'kmѕ')
test(fit, 'é', '\u00e9', 'e\u0301')
test(fit, 'a?', 'aé', 'a😀')
test(fit, '*\u00c5*', 'x\u00c5x', 'x\u212bx')

test('a star or a question mark may be meant as such', (t) => {
  t.true(fits(globOf(['a', '*']), 'a*'))
  t.false(fits(globOf(['a', '*']), 'ab'))
  t.true(fits(globOf(['a', '?', STAR, ONE]), 'a?bc'))
  t.false(fits(globOf(['a', '?', STAR, ONE]), 'abbc'))
})

/** The definition, taken at its word. */
function isLike(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  const rest = pattern.slice(1)
  if (pattern.startsWith('*')) return isLike(rest, text) || (text !== '' && isLike(pattern, text.slice(1)))
  return text !== '' && (pattern.startsWith('?') || pattern.startsWith(text.charAt(0))) && isLike(rest, text.slice(1))
}

/** All texts of up to `length` of these letters. */
function textsOf(letters: readonly string[], length: number): string[] {
  if (length === 0) return ['']
  const shorter = textsOf(letters, length - 1)
  const longest = shorter.filter((text) => text.length === length - 1)
  return [...shorter, ...longest.flatMap((text) => letters.map((letter) => text + letter))]
}

test('every short pattern does with every short text as the definition has it', (t) => {
  const texts = textsOf(['a', 'b'], 5)
  for (const pattern of textsOf(['a', 'b', '?', '*'], 5)) {
    const glob = globOf(tokensOf(pattern))
    const wrong = texts.filter((text) => fits(glob, text) !== isLike(pattern, text))
    if (wrong.length > 0) t.fail(`${pattern} and ${wrong.join(', ')}`)
  }
  t.is(texts.length, 63)
})

test('open places are found at any distance', (t) => {
  for (const length of [1, 31, 32, 33, 63, 64, 65, 200]) {
    const glob = globOf(tokensOf(`*x${'?'.repeat(length)}y*`))
    t.true(fits(glob, `xx${'-'.repeat(length)}y`), `${length}`)
    t.true(fits(glob, `--x${'x'.repeat(length)}yy`), `${length}`)
    t.false(fits(glob, `-x${'-'.repeat(length)}-y`), `${length}`)
  }
})

test('one of many patterns is enough', (t) => {
  const isOne = anyOf(['a', 'b?', 'c*'])
  for (const yes of ['a', 'bb', 'c', 'cc']) t.true(isOne(yes), yes)
  for (const no of ['', 'aa', 'b', 'd', '*']) t.false(isOne(no), no)
  t.true(anyOf(['a', '*'])('whatever'))
  t.false(anyOf([])(''))
})

/** A text that counts how often it is looked into. */
class Counted {
  looks = 0
  readonly length: number
  readonly #text: string
  constructor(text: string) {
    this.#text = text
    this.length = text.length
  }
  startsWith(part: string, at: number): boolean {
    this.looks++
    return this.#text.startsWith(part, at)
  }
  indexOf(part: string, from: number): number {
    const at = this.#text.indexOf(part, from)
    this.looks += 1 + (at < 0 ? this.length : at) - from
    return at
  }
  charCodeAt(at: number): number {
    this.looks++
    return this.#text.charCodeAt(at)
  }
}

const ARN = `arn:aws:kms:us-east-1:111122223333:key/${'a'.repeat(2000)}`
const long = test.macro<[string, string, boolean, number]>({
  title: (_, why: string) => `soon done with: ${why}`,
  exec(t, _why: string, pattern: string, does: boolean, most: number) {
    const text = new Counted(ARN)
    t.is(fits(globOf(tokensOf(pattern)), text as unknown as string), does)
    t.true(text.looks <= most, `looked ${text.looks} times`)
  },
})

test(long, '32 KiB of stars', '*'.repeat(32_768), true, 10)
test(long, '16 Ki stars with letters between them', '*a'.repeat(16_384), false, 10)
test(long, 'as many stars as letters', '*a'.repeat(2000), true, 5000)
test(long, 'a letter missing after many stars', `${'*a'.repeat(1000)}*b*`, false, 5000)
test(long, 'a letter missing at the end', `${'a*'.repeat(1000)}b`, false, 10)
test(long, 'question marks between stars', '*?'.repeat(2000), true, 5000)
test(long, 'question marks and letters', `*${'?a'.repeat(30)}b*`, false, 2 * ARN.length)
test(long, 'many question marks and letters', `*${'?a'.repeat(900)}b*`, false, 2 * ARN.length)
test(long, 'stars, question marks and a letter missing', `${'*?a'.repeat(500)}*?b*`, false, 2 * ARN.length)

test('only letters of ASCII have a case', (t) => {
  t.is(fold('KMS:Decrypt'), 'kms:decrypt')
  t.is(fold('\u212aMS'), '\u212ams', 'the sign of Kelvin')
  t.is(fold('\u0130AM'), '\u0130am', 'an I with a dot')
  t.is(fold('\u017fTS'), '\u017fts', 'a long s')
  t.is(fold('ÉA'), 'Éa')
})
