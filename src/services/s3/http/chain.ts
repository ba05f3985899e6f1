/** The signatures of a body that is signed chunk by chunk: each covers the one before, the first that of the request. */
import { hash } from 'node:crypto'
import { fail } from '../../../errors.ts'
import { hmac, sameSignature } from '../../../http/sigv4.ts'

/** With what chunks are signed, and the signature that comes before the first. */
export interface Chain {
  readonly key: Buffer
  readonly timestamp: string
  readonly scope: string
  readonly seed: string
}

const NOTHING = hash('sha256', '')

/** Follows a chain link by link. */
export class Links {
  readonly #chain: Chain
  #last: string

  constructor(chain: Chain) {
    this.#chain = chain
    this.#last = chain.seed
  }

  /** Holds the next chunk, whose SHA-256 this is, to its signature. */
  chunk(digest: string, signature: string | undefined): void {
    this.#next('PAYLOAD', `${NOTHING}\n${digest}`, signature)
  }

  /** Holds the trailing headers to theirs. */
  trailer(fields: ReadonlyMap<string, string>, signature: string | undefined): void {
    const lines = Array.from(fields, ([name, value]) => `${name}:${value}\n`)
    this.#next('TRAILER', hash('sha256', lines.join('')), signature)
  }

  #next(kind: 'PAYLOAD' | 'TRAILER', covered: string, signature = ''): void {
    const { key, timestamp, scope } = this.#chain
    const text = `AWS4-HMAC-SHA256-${kind}\n${timestamp}\n${scope}\n${this.#last}\n${covered}`
    const ours = hmac(key, text, 'hex')
    if (!sameSignature(ours, signature))
      fail(
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      )
    this.#last = ours
  }
}
