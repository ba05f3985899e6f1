/** Ids and secrets as IAM makes them. */
import { createHash } from 'node:crypto'
import type { Entropy } from '../entropy.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** `AIDA…`: so many letters and digits, of 32, after a prefix that tells what it is the id of. */
export function newId(entropy: Entropy, prefix: 'AIDA' | 'AROA' | 'AGPA' | 'ANPA' | 'AKIA' | 'ASIA'): string {
  const length = prefix === 'AKIA' || prefix === 'ASIA' ? 16 : 17
  return prefix + [...Buffer.from(entropy.hex(length), 'hex')].map((byte) => LETTERS[byte % 32]).join('')
}

/** The id of what a configuration declares: the same each time, since nothing else of it is kept. */
export function declaredId(prefix: 'AIDA' | 'AROA' | 'AGPA' | 'ANPA', ...place: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(place)).digest()
  return prefix + [...digest.subarray(0, 17)].map((byte) => LETTERS[byte % 32]).join('')
}

export interface NewKey {
  readonly id: string
  /** Forty characters. */
  readonly secret: string
}

export function newAccessKey(entropy: Entropy): NewKey {
  return { id: newId(entropy, 'AKIA'), secret: entropy.hex(20) }
}

/** With a session token, which says nothing and must come along. */
export function newTemporaryKey(entropy: Entropy): NewKey & { readonly token: string } {
  return { id: newId(entropy, 'ASIA'), secret: entropy.hex(20), token: entropy.hex(128) }
}
