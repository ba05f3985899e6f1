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
  ...{ ServiceFailure: 500, ServiceUnavailable: 503 },
}

/** An error as a document, with its status. */
export function errorDocument(error: KmsError, requestId: string, namespace: string): { status: number; body: string } {
  const code = NAMES[error.code] ?? error.code
  const status = STATUSES[code] ?? error.status
  const type = status < 500 ? 'Sender' : 'Receiver'
  const told = `<Type>${type}</Type><Code>${escaped(code)}</Code><Message>${escaped(error.message)}</Message>`
  const body = `<ErrorResponse xmlns="${namespace}"><Error>${told}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  return { status, body }
}

/** Messages quote what was sent, and not every character may stand in XML. */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
