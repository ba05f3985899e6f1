/** What is said about a token from outside, and what it says of itself: types that need no driver to be read. */

/** Which token, and how to get in. */
export interface TokenChoice {
  /** The label of the token, or else the number of its slot in the module's list of those that have one. */
  readonly tokenLabel?: string
  readonly slot?: number
  /** The user PIN, or what gives it whenever the token wants it again. */
  readonly pin: string | (() => string)
  /** How many sessions are open at once besides two, for what takes the token long; 4 unless said otherwise. */
  readonly sessions?: number
}

/** Something a KMS does, and who does it when its keys are in the token. */
export interface Ability {
  /** A key spec, an algorithm, or an operation of the KMS, as AWS or the HSM calls it. */
  readonly what: string
  /** The token itself, this process for it, or nobody. */
  readonly support: 'native' | 'emulated' | 'impossible'
  /** How it is emulated, or why it is not to be had. */
  readonly how?: string
}
