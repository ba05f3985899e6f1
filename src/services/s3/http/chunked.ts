/**
 * `aws-chunked`, the way SDKs send a body whose hash they do not know beforehand: chunks, each with its length and perhaps
 * its signature, and headers at the end.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */
import { createHash } from 'node:crypto'
import { fail } from '../../../errors.ts'
import { Links, type Chain } from './chain.ts'

export interface Framing {
  /** Bytes of all chunks. */
  readonly length: number
  /** With what chunks are signed, if they are. */
  readonly chain: Chain | undefined
  /** The headers that are to come at the end. */
  readonly trailers: readonly string[]
  /** Takes them once the last chunk was read. */
  readonly told: (fields: ReadonlyMap<string, string>) => void
}

const LONGEST_LINE = 4096
const TRAILER_SIGNATURE = 'x-amz-trailer-signature'

/** What the chunks hold. Throws at the first that is not as it was signed, and when the end does not come. */
export async function* dechunked(
  body: AsyncIterable<Uint8Array>,
  { length, chain, trailers, told }: Framing,
): AsyncGenerator<Uint8Array> {
  const source = new Source(body)
  const links = chain && new Links(chain)
  let left = length
  try {
    for (let size = -1; size !== 0;) {
      const head = chunkHead(await source.line())
      size = head.size
      if ((left -= size) < 0) incomplete()
      const digest = links && createHash('sha256')
      for await (const piece of source.bytes(size)) {
        digest?.update(piece)
        yield piece
      }
      if (digest) links.chunk(digest.digest('hex'), head.signature)
      if (size > 0 && (await source.line()) !== '') incomplete()
    }
    if (left > 0) incomplete()
    const fields = await fieldsOf(source, trailers.length + 1)
    const signature = fields.get(TRAILER_SIGNATURE)
    fields.delete(TRAILER_SIGNATURE)
    if (fields.size !== trailers.length || trailers.some((name) => !fields.has(name))) malformedTrailer()
    if (trailers.length > 0) links?.trailer(fields, signature)
    told(fields)
  } finally {
    await source.close()
  }
}

/** `400;chunk-signature=…`, the length in hexadecimal digits. */
function chunkHead(line: string): { size: number; signature: string | undefined } {
  const [, digits, signature] = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line) ?? incomplete()
  return { size: parseInt(digits!, 16), signature }
}

/** The lines up to an empty one, or to the end; no more than those that were announced, and their signature. */
async function fieldsOf(source: Source, most: number): Promise<Map<string, string>> {
  const fields = new Map<string, string>()
  for (let line = await source.line(); line !== ''; line = await source.line()) {
    const [, name, value] = /^([\w-]+):\s*(.*?)\s*$/.exec(line) ?? malformedTrailer()
    fields.set(name!.toLowerCase(), value!)
    if (fields.size > most) malformedTrailer()
  }
  return fields
}

/** Bytes as they come, asked for by line and by number. */
class Source {
  readonly #iterator: AsyncIterator<Uint8Array>
  #rest: Buffer = Buffer.alloc(0)
  #ended = false

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#iterator = body[Symbol.asyncIterator]()
  }

  /** Up to the next line break, which a lone line feed is as well; what is left at the end of the body. */
  async line(): Promise<string> {
    let end = this.#rest.indexOf(0x0a)
    while (end < 0 && this.#rest.length <= LONGEST_LINE && (await this.#more())) end = this.#rest.indexOf(0x0a)
    if (end > LONGEST_LINE || (end < 0 && this.#rest.length > LONGEST_LINE)) incomplete()
    const line = this.#take(end < 0 ? this.#rest.length : end + 1)
    return line.toString('latin1').replace(/\r?\n$/, '')
  }

  async *bytes(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) incomplete()
      const piece = this.#take(Math.min(left, this.#rest.length))
      left -= piece.length
      yield piece
    }
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.()
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return taken
  }

  async #more(): Promise<boolean> {
    const next = await this.#iterator.next()
    if (next.done) return !(this.#ended = true)
    const { value } = next
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    return true
  }
}

function incomplete(): never {
  fail('IncompleteBody', 'The request body terminated unexpectedly')
}

function malformedTrailer(): never {
  fail(
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  )
}
