/** Who calls a proxy: SigV4 for a service and credentials of its own, of which there are several while they are exchanged. */
import { NEVER, type Clock } from '../clock.ts'
import { KmsError } from '../errors.ts'
import type { HttpRequest } from '../http/message.ts'
import { SigV4 } from '../http/sigv4.ts'
import { XKS_SERVICE, XksError } from './api.ts'

export interface XksCredential {
  /** 20 to 30 of `A-Z2-7`. */
  readonly accessKeyId: string
  /** 43 to 64 characters. */
  readonly secretAccessKey: string
  /** From when on it is refused; default: never. */
  readonly expires?: Date | undefined
}

export interface Admission {
  readonly credentials: readonly XksCredential[]
  /** Whose KMS is answered; default: any Region's. */
  readonly regions?: readonly string[] | undefined
  /** The common name that a client's certificate must have, `cks.kms.eu-central-1.amazonaws.com`; it is asked for by mutual TLS. */
  readonly clientName?: string | undefined
}

/** Gives the access key that a request is signed with, or throws an AuthenticationFailedException. */
export function authenticator({ credentials, regions, clientName }: Admission, clock: Clock) {
  const known = new Map(
    credentials.map(({ accessKeyId, secretAccessKey, expires }) => {
      const identity = { secret: secretAccessKey, expires: expires?.getTime() ?? NEVER, caller: accessKeyId }
      return [accessKeyId, identity] as const
    }),
  )
  const identities = { find: (accessKeyId: string) => known.get(accessKeyId) }
  const verifier = new SigV4<string>(identities, () => new Date(clock()), [XKS_SERVICE])
  return (request: HttpRequest): string => {
    if (clientName !== undefined && request.way?.tls?.client !== clientName)
      refuse('the certificate is of somebody else')
    if (request.headers['x-amz-date'] === undefined) refuse('`X-Amz-Date` is missing')
    try {
      const { caller, region } = verifier.verify(request)
      return regions === undefined || regions.includes(region) ? caller : refuse('this is no proxy for that Region')
    } catch (error) {
      if (error instanceof KmsError) refuse(REASONS[error.code] ?? 'the signature is not that of the request')
      throw error
    }
  }
}

/** Said in our own words: the verifier's speak of another service, and quote headers. */
const REASONS: Readonly<Record<string, string>> = {
  MissingAuthenticationTokenException: 'the request is not signed',
  IncompleteSignatureException: 'the `Authorization` header is malformed',
  UnrecognizedClientException: 'the access key is unknown',
  ExpiredTokenException: 'the access key has expired',
}

function refuse(message: string): never {
  throw new XksError('AuthenticationFailedException', message)
}
