/** AWS's query protocol at the door: what is asked comes as a form, and what is answered or refused goes out as XML. */
import type { Context } from '../context.ts'
import type { KmsError } from '../errors.ts'
import type { HttpRequest } from './message.ts'

/** A service that speaks it. */
export interface QueryService {
  /** `https://iam.amazonaws.com/doc/2010-05-08/` */
  readonly namespace: string
  /** Does what the parameters ask, among which is the `Action`; the whole answer, as XML. */
  call(parameters: ReadonlyMap<string, string>, context: Context & { readonly requestId: string }): Promise<string>
}

export const FORM = 'application/x-www-form-urlencoded'
export const XML = 'text/xml'

/** What a form says; of two fields of one name, the first. */
export function parametersOf({ body }: HttpRequest): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(Buffer.from(body).toString())) {
    if (!parameters.has(name)) parameters.set(name, value)
  }
  return parameters
}

/** What failures that all services know are called in this protocol, and the statuses they are sent under. */
const NAMES: Readonly<Record<string, string>> = {
  MissingAuthenticationTokenException: 'MissingAuthenticationToken',
  IncompleteSignatureException: 'IncompleteSignature',
  UnrecognizedClientException: 'InvalidClientTokenId',
  InvalidSignatureException: 'SignatureDoesNotMatch',
  ExpiredTokenException: 'ExpiredToken',
  AccessDeniedException: 'AccessDenied',
  ValidationException: 'ValidationError',
  MalformedPolicyDocumentException: 'MalformedPolicyDocument',
  UnknownOperationException: 'InvalidAction',
  KMSInternalException: 'ServiceFailure',
  ServiceUnavailableException: 'ServiceUnavailable',
}

const STATUSES: Readonly<Record<string, number>> = {
  ...{ MissingAuthenticationToken: 403, InvalidClientTokenId: 403, SignatureDoesNotMatch: 403, ExpiredToken: 403 },
  ...{ AccessDenied: 403, NoSuchEntity: 404, EntityAlreadyExists: 409, DeleteConflict: 409, LimitExceeded: 409 },
  ...{ DBInstanceNotFound: 404, DBSnapshotNotFound: 404, ServiceFailure: 500, ServiceUnavailable: 503 },
}

/** How errors are written: what they are called, under which statuses they are sent, and what is around them. */
interface Dialect {
  readonly names: Readonly<Record<string, string>>
  readonly statuses: Readonly<Record<string, number>>
  document(code: string, message: string, status: number, requestId: string, namespace: string): string
}

const QUERY: Dialect = {
  names: NAMES,
  statuses: STATUSES,
  document(code, message, status, requestId, namespace) {
    const told = `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${message}</Message>`
    return `<ErrorResponse xmlns="${namespace}"><Error>${told}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  },
}

/** EC2 is older than the others, and has words of its own for what all services say. */
const EC2: Dialect = {
  names: {
    ...NAMES,
    UnrecognizedClientException: 'AuthFailure',
    AccessDeniedException: 'UnauthorizedOperation',
    ValidationException: 'InvalidParameterValue',
    ThrottlingException: 'RequestLimitExceeded',
    KMSInternalException: 'InternalError',
    ServiceUnavailableException: 'Unavailable',
  },
  statuses: {
    ...STATUSES,
    ...{
      AuthFailure: 401,
      UnauthorizedOperation: 403,
      RequestLimitExceeded: 503,
      InternalError: 500,
      Unavailable: 503,
    },
  },
  document(code, message, _, requestId) {
    const told = `<Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors>`
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${told}<RequestID>${requestId}</RequestID></Response>`
  },
}

const EC2_NAMESPACE = 'http://ec2.amazonaws.com/'

/** An error as a document, with its status, in the dialect of the service with this namespace. */
export function errorDocument(error: KmsError, requestId: string, namespace: string): { status: number; body: string } {
  const dialect = namespace.startsWith(EC2_NAMESPACE) ? EC2 : QUERY
  const code = dialect.names[error.code] ?? error.code
  const status = dialect.statuses[code] ?? error.status
  return { status, body: dialect.document(escaped(code), escaped(error.message), status, requestId, namespace) }
}

/** Messages quote what was sent, and not every character may stand in XML. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
