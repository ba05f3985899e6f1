/** What a backend in a process of its own is asked, and answers: the verbs of the contract by name, and errors in pieces. */
import { KmsError } from '../../errors.ts'
import type { Ability } from '../backend.ts'
import { TokenError, type TokenErrorCode } from '../pkcs11/faults.ts'

/** The verbs that are passed on as they are; those of the backend itself are under no name. */
export const VERBS = {
  '': ['create', 'random', 'erase'],
  cipher: ['seal', 'open', 'sealMany', 'dataKey', 'reseal'],
  asymmetric: ['encrypt', 'decrypt'],
  signer: ['sign', 'verify'],
  mac: ['generate', 'verify'],
  agreement: ['derive'],
  keyPairs: ['generate'],
  importer: ['parameters', 'import', 'withdraw'],
} as const

/** What is asked first, over the channel alone: a PIN is in no argument and in no environment. */
export interface Opening {
  /** The URL of a module whose `pkcs11` opens the token. */
  readonly opener: string
  readonly options: object
}

export type Order =
  | { readonly id: number; readonly open: Opening }
  | { readonly id: number; readonly part: string; readonly verb: string; readonly given: readonly unknown[] }
  | { readonly id: number; readonly release: Uint8Array }
  | { readonly id: number; readonly forget: true }
  | { readonly id: number; readonly close: true }

export type Answer = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: Pieces }

/** What opening answers. */
export interface Opened {
  readonly abilities: readonly Ability[]
  readonly identity: string
  readonly profile: unknown
}

/** An error on its way from one process to another; of what a token says to those who look after it nothing is left out. */
export interface Pieces {
  readonly kind: 'kms' | 'token' | 'other'
  readonly name: string
  readonly code: string
  readonly message: string
  readonly cause: Pieces | undefined
}

export function piecesOf(error: unknown): Pieces {
  const { name, message, cause, code } = error as Error & { readonly code?: unknown }
  const kind = error instanceof KmsError ? 'kms' : error instanceof TokenError ? 'token' : 'other'
  const inner = cause instanceof Error ? piecesOf(cause) : undefined
  return { kind, name, message, code: typeof code === 'string' ? code : '', cause: inner }
}

export function errorOf({ kind, name, code, message, cause }: Pieces): Error {
  const options = cause && { cause: errorOf(cause) }
  if (kind === 'kms') return new KmsError(code, message, options)
  if (kind === 'token') return new TokenError(code as TokenErrorCode, message, options)
  return Object.assign(new Error(message, options), { name }, code !== '' && { code })
}
