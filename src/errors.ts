/** Expected failure has AWS's name; this is the one class that carries it, and `fail()` the way to raise it. */

/** Errors AWS sends that its service model does not list, with the HTTP status each is sent under (facts: AWS, Common Errors). */
const UNMODELLED = {
  ValidationException: 400,
  AccessDeniedException: 400,
  ThrottlingException: 400,
  NotAuthorizedException: 400,
  SerializationException: 400,
  UnknownOperationException: 400,
  MissingAuthenticationTokenException: 400,
  IncompleteSignatureException: 400,
  InvalidSignatureException: 400,
  UnrecognizedClientException: 400,
  ExpiredTokenException: 400,
  RequestEntityTooLarge: 413,
  InternalFailure: 500,
  ServiceUnavailableException: 503,
} as const

/** Modelled exceptions that are faults of the service; every other modelled one is the client's, 400. */
const FAULTS = new Set(['DependencyTimeoutException', 'KMSInternalException', 'KeyUnavailableException'])

/** An AWS exception: `code` is its shape name, `message` what AWS says (often nothing), `status` its HTTP status. */
export class KmsError extends Error {
  readonly code: string

  constructor(code: string, message = '', options?: ErrorOptions) {
    super(message, options)
    this.name = this.code = code
  }

  get status(): number {
    return UNMODELLED[this.code as keyof typeof UNMODELLED] ?? (FAULTS.has(this.code) ? 500 : 400)
  }
}

/** Nobody answers: the Region is cut off, or the connection broke. Doors hang up on it, without a word. */
export class Unreachable extends Error {
  readonly code: string

  constructor(region: string, code = 'ECONNREFUSED') {
    super(`the endpoint of ${region} cannot be reached`)
    this.name = 'Unreachable'
    this.code = code
  }
}

/** Raises an AWS exception; reads as an expression: `key ?? fail('NotFoundException', …)`. */
export function fail(code: string, message = ''): never {
  throw new KmsError(code, message)
}

/** NotFoundException that remembers what was asked for, since a stranger must not learn whether it exists. */
export class MissingResource extends KmsError {
  readonly arn: string
  readonly account: string

  constructor(message: string, arn: string, account: string) {
    super('NotFoundException', message)
    this.arn = arn
    this.account = account
  }
}
