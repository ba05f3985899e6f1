/**
 * Signatures of requests to S3: in a header, or in the query of a presigned URL. The payload is not hashed here: what the
 * request says of it is under the signature, and payload.ts holds the body to it.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 */
import { fail } from '../../../errors.ts'
import { canonicalKeyPath, canonicalRequest } from '../../../http/canonical.ts'
import type { RequestHead } from '../../../http/message.ts'
import * as sigv4 from '../../../http/sigv4.ts'
import type { Caller } from '../../../identity.ts'
import type { Chain } from './chain.ts'

/** What a request says of who sent it. */
export interface Claim {
  readonly accessKeyId: string
  readonly region: string
  /** `20150830/us-east-1/s3/aws4_request` */
  readonly scope: string
  readonly timestamp: string
  readonly signedHeaders: string
  readonly signature: string
  readonly token: string | undefined
  /** Seconds that a presigned URL is good for; undefined for what is signed in a header. */
  readonly expires: number | undefined
  /** What the signature covers as the payload: a hash, or the name of another way. */
  readonly payload: string
}

export interface Signed {
  readonly caller: Caller
  readonly region: string
  readonly payload: string
  /** Where the signatures of chunks begin. */
  readonly chain: Chain
}

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'
const SKEW_MILLIS = 15 * 60_000
const LONGEST_EXPIRY = 7 * 86_400

/** Who is said to have sent the request; refused when nobody is, or it cannot be read. */
export function claimOf(head: RequestHead): Claim {
  const query = new URLSearchParams(head.url.split('?', 2)[1] ?? '')
  const header = head.headers['authorization']
  const isPresigned = query.has('X-Amz-Algorithm')
  if (header !== undefined && isPresigned) fail('InvalidArgument', 'Only one auth mechanism allowed')
  if (header !== undefined) return headerClaim(header, head.headers)
  if (isPresigned) return queryClaim(query, head.headers)
  if (query.has('Signature')) unsupported()
  fail('AccessDenied', 'Access Denied')
}

function headerClaim(header: string, headers: RequestHead['headers']): Claim {
  if (!header.startsWith(`${sigv4.ALGORITHM} `)) unsupported()
  const malformed = (problem: string): never =>
    fail('AuthorizationHeaderMalformed', `The authorization header is malformed; ${problem}`)
  const fields = header.slice(sigv4.ALGORITHM.length).split(',')
  const pairs = fields.map((field) => /^\s*(\w+)=(.*)$/.exec(field) ?? malformed(`'${field}' is no pair.`))
  const parameters = new Map(pairs.map(([, name, value]) => [name, value]))
  const date = headers['x-amz-date'] ?? headers['date']
  const timestamp = date?.endsWith(' GMT') ? basic(date) : date
  if (timestamp === undefined || !sigv4.TIMESTAMP.test(timestamp))
    fail('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  const payload = headers['x-amz-content-sha256']
  if (payload === undefined) fail('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  return {
    ...credentialOf(parameters.get('Credential'), timestamp, malformed),
    timestamp,
    signedHeaders: parameters.get('SignedHeaders') ?? malformed('the SignedHeaders are missing.'),
    signature: parameters.get('Signature') ?? malformed('the Signature is missing.'),
    token: headers['x-amz-security-token'],
    expires: undefined,
    payload,
  }
}

function queryClaim(query: URLSearchParams, headers: RequestHead['headers']): Claim {
  const malformed = (problem: string): never => fail('AuthorizationQueryParametersError', problem)
  const required = (name: string): string =>
    query.get(name) ??
    malformed(
      'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, ' +
        'X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
    )
  if (required('X-Amz-Algorithm') !== sigv4.ALGORITHM)
    malformed(`X-Amz-Algorithm only supports "${sigv4.ALGORITHM} and AWS4-ECDSA-P256-SHA256"`)
  const timestamp = required('X-Amz-Date')
  if (!sigv4.TIMESTAMP.test(timestamp))
    malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  const lifetime = required('X-Amz-Expires')
  if (!/^\d+$/.test(lifetime)) malformed('X-Amz-Expires should be a number')
  if (Number(lifetime) > LONGEST_EXPIRY)
    malformed(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    )
  return {
    ...credentialOf(required('X-Amz-Credential'), timestamp, malformed),
    timestamp,
    signedHeaders: required('X-Amz-SignedHeaders'),
    signature: required('X-Amz-Signature'),
    token: query.get('X-Amz-Security-Token') ?? undefined,
    expires: Number(lifetime),
    payload: query.get('X-Amz-Content-Sha256') ?? headers['x-amz-content-sha256'] ?? UNSIGNED_PAYLOAD,
  }
}

/** `AKID/20150830/us-east-1/s3/aws4_request` in its parts. */
function credentialOf(
  credential: string | undefined,
  timestamp: string,
  malformed: (problem: string) => never,
): Pick<Claim, 'accessKeyId' | 'region' | 'scope'> {
  const [accessKeyId = '', date = '', region = '', service, terminator, ...rest] = credential?.split('/') ?? []
  if (terminator !== sigv4.TERMINATOR || rest.length > 0 || accessKeyId === '')
    malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  if (service !== 's3') malformed(`incorrect service "${service}". This endpoint belongs to "s3".`)
  if (!sigv4.REGION.test(region)) malformed(`the region '${region}' is wrong.`)
  if (date !== timestamp.slice(0, 8))
    malformed(`Invalid credential date "${date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`)
  return { accessKeyId, region, scope: `${date}/${region}/${service}/${terminator}` }
}

/** The verified sender, or S3's refusal. */
export function verify(head: RequestHead, claim: Claim, identities: sigv4.Credentials, now: number): Signed {
  const identity = identities.find(claim.accessKeyId)
  if (!identity) fail('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.')
  if (!sigv4.sameToken(identity.sessionToken, claim.token))
    fail('InvalidToken', 'The provided token is malformed or otherwise invalid.')
  if (identity.expires <= now) fail('ExpiredToken', 'The provided token has expired.')
  checkTime(claim, now)
  checkCoverage(head, claim)

  const { timestamp, scope, signedHeaders, signature, payload, region } = claim
  const key = sigv4.signingKey(identity.secret, scope.slice(0, 8), region, 's3')
  const canonical = canonicalRequest(withoutSignature(head), signedHeaders, payload, canonicalKeyPath)
  if (!sigv4.sameSignature(sigv4.hmac(key, sigv4.stringToSign(timestamp, scope, canonical), 'hex'), signature))
    mismatch()
  return { caller: identity.caller, region, payload, chain: { key, timestamp, scope, seed: signature } }
}

function checkTime({ timestamp, expires }: Claim, now: number): void {
  const sent = sigv4.millisOf(timestamp)
  if (expires === undefined ? Math.abs(now - sent) > SKEW_MILLIS : sent - now > SKEW_MILLIS)
    fail('RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.')
  if (expires !== undefined && now > sent + expires * 1000) fail('AccessDenied', 'Request has expired')
}

/** All that means something to S3 must be under the signature, and what is said to be under it must be there. */
function checkCoverage({ headers }: RequestHead, { signedHeaders }: Claim): void {
  const signed = new Set(signedHeaders.split(';'))
  const uncovered = Object.keys(headers).some((name) => name.startsWith('x-amz-') && !signed.has(name))
  if (uncovered || !signed.has('host'))
    fail('AccessDenied', 'There were headers present in the request which were not signed')
  for (const name of signed) if (typeof headers[name] !== 'string') mismatch()
}

/** A signature in the query cannot cover itself. */
function withoutSignature(head: RequestHead): RequestHead {
  return { ...head, url: head.url.replace(/([?&])X-Amz-Signature=[^&]*&?/, '$1').replace(/[?&]$/, '') }
}

function mismatch(): never {
  fail(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  )
}

function unsupported(): never {
  fail('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.')
}

function basic(date: string): string | undefined {
  const millis = Date.parse(date)
  return Number.isNaN(millis) ? undefined : new Date(millis).toISOString().replace(/[-:]|\.\d{3}/g, '')
}
