/** Bodies of requests as they are read: how long they turn out to be, and what their MD5 and their checksum are. */
import { createHash, type Hash } from 'node:crypto'
import { fail } from '../../errors.ts'
import { toBase64 } from '../../model/json.ts'
import { CHECKSUMS, type Digest } from './checksums.ts'
import { mismatched } from './partchecksums.ts'
import type { Body, Checksum, Uploading } from './shapes.ts'

/** The most that one request may bring. */
export const MOST_AT_ONCE = 5 * 1024 ** 3

/** A body that is looked at while it passes; what is amiss with it is said before its end. */
export class Watched {
  size = 0
  /** What it was found to have, once all has passed. */
  checksum: Checksum | undefined
  readonly #body: Body
  readonly #expected: number | undefined
  readonly #checksum: Uploading['Checksum']
  readonly #algorithm: string | undefined
  readonly #digest: Digest | undefined
  readonly #md5: Hash | undefined

  /** Of what `withMd5` is not asked for there is none. A checksum has to be of `algorithm`, and is computed if none comes. */
  constructor({ Body = '', ContentLength, Checksum }: Uploading, withMd5: boolean, algorithm?: string) {
    this.#body = Body
    this.#expected = ContentLength
    this.#checksum = Checksum
    this.#algorithm = algorithm
    this.#digest = algorithm !== undefined && !Checksum ? CHECKSUMS[algorithm]!.start() : undefined
    this.#md5 = withMd5 ? createHash('md5') : undefined
    if (ContentLength !== undefined && ContentLength > MOST_AT_ONCE) tooLarge()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const bytes of piecesOf(this.#body)) {
      this.size += bytes.length
      if (this.size > MOST_AT_ONCE) tooLarge()
      if (this.size > (this.#expected ?? Infinity)) incomplete()
      this.#md5?.update(bytes)
      this.#digest?.update(bytes)
      yield bytes
    }
    if (this.size < (this.#expected ?? 0)) incomplete()
    this.checksum = this.#found()
  }

  #found(): Checksum | undefined {
    const [algorithm, digest] = [this.#algorithm, this.#digest]
    if (algorithm !== undefined && digest) return { algorithm, value: toBase64(digest.digest()) }
    const given = typeof this.#checksum === 'function' ? this.#checksum() : this.#checksum
    if (algorithm !== undefined && given?.algorithm !== algorithm) mismatched(algorithm, given?.algorithm ?? 'null')
    return given
  }

  /** In hex, once all has passed. */
  md5(): string | undefined {
    return this.#md5?.digest('hex')
  }
}

async function* piecesOf(body: Body): AsyncGenerator<Uint8Array> {
  if (typeof body === 'string') yield Buffer.from(body)
  else if (body instanceof Uint8Array) yield body
  else yield* body
}

function tooLarge(): never {
  fail('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size')
}

function incomplete(): never {
  fail('IncompleteBody', 'You did not provide the number of bytes specified by the Content-Length HTTP header')
}
