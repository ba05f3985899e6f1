/**
 * Where records are written down as they happen: into one buffer, byte by byte, so that nothing of a request is held on to
 * and nothing is left for the garbage collector.
 *
 * A chunk is lines of JSON. A number is the time from which the records after it count. An object is a template: what
 * records to come have in common. An array is a record: the number of its template in this chunk, milliseconds, the door's
 * id of the request or 0, what it tells besides its template or 0, then the maps among its parameters.
 */
import type { Instant } from '../clock.ts'
import type { Chunk } from '../store/events.ts'
import type { Told } from './told.ts'

/** A map among the parameters of a request, which passed the model's checks. */
export type Pairs = Readonly<Record<string, string>> | null | undefined

const SMALLEST = 16 * 1024

export class Journal {
  count = 0
  private bytes = Buffer.allocUnsafeSlow(SMALLEST)
  /** Where the last whole line ends, and where the next byte goes. */
  private end = 0
  private at = 0
  private templates = 0
  private earliest: Instant = 0
  private latest: Instant = 0
  private origin: Instant = 0

  /** Bytes written so far. */
  get size(): number {
    return this.end
  }

  /** Writes what records will have in common, and returns the number by which they refer to it. */
  template(told: Told): number {
    this.at = this.end
    this.raw(JSON.stringify(told))
    this.endLine()
    return this.templates++
  }

  /** Writes a record. One that fails to be written, because `rest` is no JSON, leaves nothing behind. */
  record(template: number, at: Instant, requestId: string | undefined, rest: Partial<Told> | undefined): void {
    this.begin(template, at, requestId)
    if (rest) {
      this.byte(COMMA)
      this.raw(JSON.stringify(rest))
    } else {
      this.nothing()
    }
    this.finish()
  }

  /** The same for one that tells nothing but the maps `names` of `input`. */
  brief(
    template: number,
    at: Instant,
    requestId: string | undefined,
    input: Readonly<Record<string, unknown>>,
    names: readonly string[],
  ): void {
    this.begin(template, at, requestId)
    this.nothing()
    for (let i = 0; i < names.length; i++) this.pairs(input[names[i]!] as Pairs)
    this.finish()
  }

  /** What was written, as the chunk whose first record has the number `first`; the journal is empty then. */
  take(first: number): Chunk {
    const { count, earliest, latest } = this
    const lines = Buffer.from(this.bytes.subarray(0, this.end))
    this.count = this.end = this.at = this.templates = 0
    return { first, count, earliest, latest, lines }
  }

  private begin(template: number, at: Instant, requestId: string | undefined): void {
    this.at = this.end
    if (this.count === 0) this.beginAt(at)
    if (at < this.earliest) this.earliest = at
    if (at > this.latest) this.latest = at
    this.room(64)
    this.byte(OPEN_SQUARE)
    this.integer(template)
    this.byte(COMMA)
    this.integer(at - this.origin)
    if (requestId === undefined) {
      this.nothing()
    } else {
      this.byte(COMMA)
      this.text(requestId)
    }
  }

  private beginAt(at: Instant): void {
    this.origin = this.earliest = this.latest = at
    this.raw(String(at))
    this.endLine()
  }

  private finish(): void {
    this.room(2)
    this.byte(CLOSE_SQUARE)
    this.endLine()
    this.count++
  }

  private pairs(pairs: Pairs): void {
    if (pairs === undefined || pairs === null) {
      this.nothing()
      return
    }
    this.room(4)
    this.byte(COMMA)
    this.byte(OPEN_CURLY)
    let separate = false
    for (const key in pairs) {
      if (separate) this.byte(COMMA)
      separate = true
      this.text(key)
      this.byte(COLON)
      this.text(pairs[key]!)
    }
    this.byte(CLOSE_CURLY)
  }

  private nothing(): void {
    this.room(2)
    this.byte(COMMA)
    this.byte(ZERO)
  }

  /** A string and room for two bytes after it. Most are plain, and go byte by byte; the others go as JSON has them. */
  private text(text: string): void {
    const { length } = text
    this.room(length + 4)
    const { bytes } = this
    let at = this.at
    bytes[at++] = QUOTE
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
        this.raw(JSON.stringify(text))
        return
      }
      bytes[at++] = unit
    }
    bytes[at++] = QUOTE
    this.at = at
  }

  private integer(value: number): void {
    if (value >= 0 && value < 10) this.byte(ZERO + value)
    else this.raw(String(value))
  }

  private raw(json: string): void {
    this.room(3 * json.length + 4)
    this.at += this.bytes.write(json, this.at)
  }

  private endLine(): void {
    this.byte(LINE_FEED)
    this.end = this.at
  }

  private byte(byte: number): void {
    this.bytes[this.at++] = byte
  }

  private room(bytes: number): void {
    if (this.at + bytes > this.bytes.length) this.grow(bytes)
  }

  private grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(2 * (this.at + bytes))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const ZERO = 0x30
const COLON = 0x3a
const OPEN_SQUARE = 0x5b
const BACKSLASH = 0x5c
const CLOSE_SQUARE = 0x5d
const OPEN_CURLY = 0x7b
const CLOSE_CURLY = 0x7d
const LINE_FEED = 0x0a
