/** What a token refuses: its return values read in one place, and said in AWS's words to callers, plainly to the log. */
import { KmsError } from '../../errors.ts'

export type TokenErrorCode =
  | 'DriverMissing'
  | 'ModuleMissing'
  | 'ModuleFailed'
  | 'ModuleCrashed'
  | 'TokenMissing'
  | 'TokenAmbiguous'
  | 'TokenRemoved'
  | 'TokenUnfit'
  | 'TokenFull'
  | 'TokenFailed'
  | 'PinIncorrect'
  | 'PinLocked'
  | 'PinExpired'
  | 'SessionsExhausted'
  | 'KeyMissing'

/** Something is the matter with the token, or with the way to it; `code` says what, for those who look after it. */
export class TokenError extends Error {
  readonly code: TokenErrorCode

  constructor(code: TokenErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TokenError'
    this.code = code
  }
}

/** The name of the return value that `error` carries; '' when it is none of a token's. The driver leaves some unparsed. */
export function ckrOf(error: unknown): string {
  return error instanceof Error ? (/CKR_\w+/.exec(error.message)?.[0] ?? '') : ''
}

interface Row {
  readonly code: TokenErrorCode
  readonly text: string
}
const removed: Row = { code: 'TokenRemoved', text: 'the token is not there any more' }
const lost: Row = { code: 'TokenFailed', text: 'the token closed the session' }
const full: Row = { code: 'TokenFull', text: 'the token is full' }

/** What return values mean, as far as they mean the same whatever was asked. */
const MEANINGS: Readonly<Record<string, Row>> = {
  CKR_PIN_INCORRECT: { code: 'PinIncorrect', text: 'the PIN is wrong' },
  CKR_PIN_INVALID: { code: 'PinIncorrect', text: 'the PIN is wrong' },
  CKR_PIN_LEN_RANGE: { code: 'PinIncorrect', text: 'the PIN is of a length that no PIN of this token has' },
  CKR_PIN_LOCKED: { code: 'PinLocked', text: 'the PIN is locked; the security officer has to set a new one' },
  CKR_PIN_EXPIRED: { code: 'PinExpired', text: 'the PIN has expired' },
  CKR_USER_PIN_NOT_INITIALIZED: { code: 'PinIncorrect', text: 'the token has no user PIN yet' },
  CKR_DEVICE_REMOVED: removed,
  CKR_TOKEN_NOT_PRESENT: removed,
  CKR_TOKEN_NOT_RECOGNIZED: removed,
  CKR_SLOT_ID_INVALID: removed,
  CKR_DEVICE_MEMORY: full,
  CKR_SESSION_COUNT: { code: 'SessionsExhausted', text: 'the token has no more sessions' },
  CKR_SESSION_HANDLE_INVALID: lost,
  CKR_SESSION_CLOSED: lost,
  CKR_USER_NOT_LOGGED_IN: lost,
  CKR_CRYPTOKI_NOT_INITIALIZED: lost,
}

/** The token forgot what we had opened in it: worth asking once more, with all of it opened again. */
const FORGOTTEN = new Set([
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_USER_NOT_LOGGED_IN',
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_DEVICE_REMOVED',
  'CKR_TOKEN_NOT_PRESENT',
])

export function isForgotten(error: unknown): boolean {
  return FORGOTTEN.has(ckrOf(error))
}

/** What says that a token cannot do something at all, rather than that it failed. */
const UNABLE = new Set([
  'CKR_MECHANISM_INVALID',
  'CKR_MECHANISM_PARAM_INVALID',
  'CKR_FUNCTION_NOT_SUPPORTED',
  'CKR_CURVE_NOT_SUPPORTED',
  'CKR_DOMAIN_PARAMS_INVALID',
  'CKR_KEY_SIZE_RANGE',
])

/** The error of a token as something its keeper understands. */
export function tokenErrorOf(error: unknown): Error {
  if (error instanceof TokenError || error instanceof KmsError) return error
  const ckr = ckrOf(error)
  if (ckr === '') return error as Error
  const { code, text } = MEANINGS[ckr] ?? { code: 'TokenFailed' as const, text: 'the token refused' }
  return new TokenError(code, `${text} (${ckr})`, { cause: error })
}

/** The error of a token as AWS says it. */
export function translate(error: unknown): Error {
  if (error instanceof KmsError) return error
  if (UNABLE.has(ckrOf(error))) {
    return new KmsError('UnsupportedOperationException', 'the token of the key cannot do this', { cause: error })
  }
  return new KmsError('KMSInternalException', 'the HSM refused', { cause: tokenErrorOf(error) })
}

/** Decryption says no and nothing more: one error for all that `refusals` names. */
export function invalid(error: unknown, refusals: ReadonlySet<string>): unknown {
  return refusals.has(ckrOf(error)) ? new KmsError('InvalidCiphertextException') : error
}
