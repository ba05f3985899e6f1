/**
 * Reads JSON text (RFC 8259) once, from left to right, and knows nothing of shapes: json.ts asks for what it expects.
 * Stricter than JSON.parse where laxity has hurt others: no duplicate or `__proto__` keys, no lone surrogates (they have
 * no UTF-8, so two different values could become the same bytes), bounded depth. Whatever it dislikes is a
 * SerializationException that says where, and never what: a body may hold a plaintext.
 */

import { fail } from '../errors.ts'

const MAX_DEPTH = 32

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const LOWER_U = 0x75
/** A bracket's code; its closing partner is two further on, in ASCII. */
export const SQUARE = 0x5b
export const CURLY = 0x7b

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const HEX = /^[0-9a-fA-F]{4}$/
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

export class Scanner {
  readonly #text: string
  #at = 0
  #depth = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The code of the next character that is not white space; NaN at the end. */
  peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code
      this.#at++
    }
  }

  atEnd(): boolean {
    return Number.isNaN(this.peek())
  }

  /**
   * Enters an array or object and says whether there is anything inside; `more` says so after each element.
   * Both leave it at its end: `for (let more = it.open(CURLY); more; more = it.more(CURLY)) …`
   */
  open(bracket: number): boolean {
    if (this.peek() !== bracket) this.refuse('unexpected character')
    if (++this.#depth > MAX_DEPTH) this.refuse(`nested deeper than ${MAX_DEPTH}`)
    this.#at++
    return this.peek() !== bracket + 2 || this.#close()
  }

  more(bracket: number): boolean {
    const code = this.peek()
    if (code === COMMA) {
      this.#at++
      return true
    }
    if (code === bracket + 2) return this.#close()
    return this.refuse('unexpected character')
  }

  #close(): false {
    this.#depth--
    this.#at++
    return false
  }

  /** The name of an object's member, and the colon after it. */
  key(): string {
    const key = this.string()
    if (key === '__proto__') this.refuse('the key `__proto__` is not allowed')
    if (this.peek() !== COLON) this.refuse('unexpected character')
    this.#at++
    return key
  }

  string(): string {
    if (this.peek() !== QUOTE) this.refuse('unexpected character')
    const text = this.#text
    const start = ++this.#at
    for (let i = start; ; i++) {
      const code = text.charCodeAt(i)
      if (code === QUOTE) {
        this.#at = i + 1
        return text.slice(start, i)
      }
      if (code === BACKSLASH) {
        this.#at = i
        return this.#escaped(text.slice(start, i))
      }
      this.#refuseControl(code, i)
    }
  }

  /** The rest of a string whose first escape is here. */
  #escaped(head: string): string {
    let value = head
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      this.#refuseControl(code, this.#at)
      this.#at++
      if (code === QUOTE) return value
      value += code === BACKSLASH ? this.#escape() : String.fromCharCode(code)
    }
  }

  #escape(): string {
    if (this.#text.charCodeAt(this.#at) !== LOWER_U) {
      return ESCAPES[this.#text.charAt(this.#at++)] ?? this.refuse('unknown escape')
    }
    const unit = this.#unit()
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit)
    if (unit > 0xdbff || this.#text.charCodeAt(this.#at++) !== BACKSLASH) this.refuse('lone surrogate')
    const low = this.#unit()
    if (low < 0xdc00 || low > 0xdfff) this.refuse('lone surrogate')
    return String.fromCharCode(unit, low)
  }

  /** One UTF-16 unit, written `uXXXX`. */
  #unit(): number {
    const digits = this.#text.slice(this.#at + 1, this.#at + 5)
    if (this.#text.charCodeAt(this.#at) !== LOWER_U || !HEX.test(digits)) this.refuse('unknown escape')
    this.#at += 5
    return Number.parseInt(digits, 16)
  }

  #refuseControl(code: number, at: number): void {
    if (code >= 0x20) return
    this.#at = at
    this.refuse(Number.isNaN(code) ? 'unterminated string' : 'control character in a string')
  }

  /**
   * What stands between the next quotes, as written, if `accepts` takes it; otherwise `undefined`, and nothing is read.
   * For long texts of a narrow alphabet, where checking the whole is cheaper than looking at every character.
   */
  verbatim<T>(accepts: (raw: string) => T | undefined): T | undefined {
    if (this.peek() !== QUOTE) return undefined
    const end = this.#text.indexOf('"', this.#at + 1)
    const value = end < 0 ? undefined : accepts(this.#text.slice(this.#at + 1, end))
    if (value !== undefined) this.#at = end + 1
    return value
  }

  number(): number {
    this.peek()
    NUMBER.lastIndex = this.#at
    const digits = NUMBER.exec(this.#text)?.[0] ?? this.refuse('unexpected character')
    this.#at += digits.length
    return Number(digits)
  }

  /** Reads past `word` (`null`, `true`, `false`) if it is next. */
  literal(word: string): boolean {
    if (this.peek() !== word.charCodeAt(0)) return false
    if (!this.#text.startsWith(word, this.#at)) this.refuse('unexpected character')
    this.#at += word.length
    return true
  }

  /** A value nobody asked for: held to the same rules, and dropped. */
  skip(): void {
    switch (this.peek()) {
      case CURLY: {
        const keys = new Set<string>()
        for (let more = this.open(CURLY); more; more = this.more(CURLY)) {
          const key = this.key()
          if (keys.has(key)) this.refuse('duplicate key')
          keys.add(key)
          this.skip()
        }
        return
      }
      case SQUARE:
        for (let more = this.open(SQUARE); more; more = this.more(SQUARE)) this.skip()
        return
      case QUOTE:
        this.string()
        return
      default:
        if (!this.literal('null') && !this.literal('true') && !this.literal('false')) this.number()
    }
  }

  end(): void {
    if (!this.atEnd()) this.refuse('unexpected text after the value')
  }

  refuse(why: string): never {
    fail('SerializationException', `${why} at offset ${this.#at}`)
  }
}
