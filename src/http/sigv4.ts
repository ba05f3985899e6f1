/**
 * AWS Signature Version 4, the server's side: who sent this request, to which Region, and is it as they sent it.
 *
 * Only the `Authorization` header form is taken; a presigned query is refused as carrying no token. Refusals have AWS's words.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import { fail } from '../errors.ts'
import type { Caller, Credential } from '../identity.ts'
import { canonicalRequest } from './canonical.ts'
import type { HttpRequest, Verified } from './message.ts'

/** Whom access keys stand for. */
export interface Credentials<C = Caller> {
  find(accessKeyId: string): (Omit<Credential, 'caller'> & { readonly caller: C }) | undefined
}

export const ALGORITHM = 'AWS4-HMAC-SHA256'
/** The service that refusals tell of. */
const SERVICE = 'kms'
export const TERMINATOR = 'aws4_request'
/** How far a message may be from the present, both ways. */
export const SKEW_MINUTES = 5
/** Any Region AWS has named so far, and any it may name: `eu-west-3`, `us-gov-east-1`, `us-isob-east-1`. */
export const REGION = /^(?:[a-z]{1,12}-){2,3}\d{1,2}$/
/** `20150830T123600Z`. */
export const TIMESTAMP = /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ$/
/** What decides the meaning of a request; each must be under the signature when it is present. `host` must always be. */
const MUST_BE_SIGNED = ['x-amz-target', 'x-amz-date', 'x-amz-security-token', 'x-strongroom-grant-expires-in']
const SIGNING_KEYS = 256

export class SigV4<C = Caller> {
  readonly #identities: Credentials<C>
  readonly #now: () => Date
  readonly #services: ReadonlySet<string>
  /** Signing keys by credential (access key, date, Region, service); each holds until its secret is another. */
  readonly #keys = new Map<string, { secret: string; key: Buffer }>()

  constructor(identities: Credentials<C>, now: () => Date, services: readonly string[] = [SERVICE]) {
    this.#identities = identities
    this.#now = now
    this.#services = new Set(services)
  }

  /** The verified sender, or an AWS exception. */
  verify(request: HttpRequest): Verified<C> {
    const { headers } = request
    const header = headers['authorization']
    if (header === undefined) fail('MissingAuthenticationTokenException', 'Missing Authentication Token')
    const { credential, signedHeaders, signature } = parseAuthorization(header, headers)
    const [accessKeyId = '', date = '', region = '', service = '', terminator, ...rest] = credential.split('/')
    if (terminator === undefined || rest.length > 0) {
      const shape = 'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term'
      fail('IncompleteSignatureException', `${shape}, got '${credential}'`)
    }
    const timestamp = timestampOf(headers)

    const identity = this.#identities.find(accessKeyId)
    if (!identity || !sameToken(identity.sessionToken, headers['x-amz-security-token'])) {
      fail('UnrecognizedClientException', 'The security token included in the request is invalid.')
    }
    const now = this.#now()
    if (!(identity.expires > now.getTime())) {
      fail('ExpiredTokenException', 'The security token included in the request is expired')
    }
    checkSkew(timestamp, now)
    checkScope(date, region, terminator, timestamp)
    if (!this.#services.has(service)) {
      fail('InvalidSignatureException', `Credential should be scoped to correct service: '${SERVICE}'.`)
    }
    checkCoverage(signedHeaders, headers)

    const bodyHash = hash('sha256', request.body)
    const key = this.#signingKey(credential, identity.secret, date, region, service)
    const scope = credential.slice(accessKeyId.length + 1)
    const text = stringToSign(timestamp, scope, canonicalRequest(request, signedHeaders, bodyHash))
    const claimed = headers['x-amz-content-sha256']
    if (!sameSignature(hmac(key, text, 'hex'), signature) || (claimed !== undefined && claimed !== bodyHash)) mismatch()
    this.#remember(credential, identity.secret, key)
    return { caller: identity.caller, region, service, accessKeyId, credential, key }
  }

  #signingKey(credential: string, secret: string, date: string, region: string, service: string): Buffer {
    const known = this.#keys.get(credential)
    return known?.secret === secret ? known.key : signingKey(secret, date, region, service)
  }

  /** Only what has verified is remembered, so that strangers cannot flush the cache. */
  #remember(credential: string, secret: string, key: Buffer): void {
    if (this.#keys.get(credential)?.key === key) return
    this.#keys.set(credential, { secret, key })
    if (this.#keys.size > SIGNING_KEYS) this.#keys.delete(this.#keys.keys().next().value!)
  }
}

/** The key that signs one day's requests of one Region and service. */
export function signingKey(secret: string, date: string, region: string, service: string): Buffer {
  return hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), TERMINATOR)
}

export function stringToSign(timestamp: string, scope: string, canonical: string): string {
  return `${ALGORITHM}\n${timestamp}\n${scope}\n${hash('sha256', canonical)}`
}

export function hmac(key: string | Buffer, text: string): Buffer
export function hmac(key: string | Buffer, text: string, encoding: 'hex'): string
export function hmac(key: string | Buffer, text: string, encoding?: 'hex'): string | Buffer {
  const mac = createHmac('sha256', key).update(text)
  return encoding ? mac.digest(encoding) : mac.digest()
}

type Headers = HttpRequest['headers']

/** `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, in any order, blanks after the commas or not. */
function parseAuthorization(header: string, headers: Headers) {
  const blank = header.indexOf(' ')
  const parameters = new Map<string, string>()
  for (const part of header.slice(blank + 1).split(',')) {
    const pair = part.trim()
    const equals = pair.indexOf('=')
    if (equals < 0) {
      const problem = `'${pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '${header}'.`
      fail('IncompleteSignatureException', problem)
    }
    const name = pair.slice(0, equals)
    if (parameters.has(name)) {
      fail('IncompleteSignatureException', `Authorization header has more than one '${name}' parameter.`)
    }
    parameters.set(name, pair.slice(equals + 1))
  }
  const credential = parameters.get('Credential')
  const signature = parameters.get('Signature')
  const signedHeaders = parameters.get('SignedHeaders')
  const dated = headers['x-amz-date'] !== undefined || headers['date'] !== undefined
  if (!credential || !signature || !signedHeaders || !dated) {
    const missing = ['Credential', 'Signature', 'SignedHeaders'].filter((name) => !parameters.get(name))
    const texts = missing.map((name) => `Authorization header requires '${name}' parameter.`)
    if (!dated) {
      texts.push(`Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.`)
    }
    fail('IncompleteSignatureException', `${texts.join(' ')} Authorization=${header}`)
  }
  const algorithm = header.slice(0, Math.max(blank, 0))
  if (algorithm !== ALGORITHM) fail('IncompleteSignatureException', `Unsupported AWS 'algorithm': '${algorithm}'.`)
  return { credential, signedHeaders, signature }
}

/** The request's time as `20150830T123600Z`: from `X-Amz-Date`, else from `Date` in either that form or HTTP's own. */
function timestampOf(headers: Headers): string {
  const given = headers['x-amz-date'] ?? headers['date'] ?? ''
  const http = headers['x-amz-date'] === undefined && given.endsWith(' GMT') ? Date.parse(given) : NaN
  const timestamp = Number.isNaN(http) ? given : basic(http)
  if (!TIMESTAMP.test(timestamp)) {
    const problem = `Date must be in ISO-8601 'basic format'. Got '${given}'.`
    fail('IncompleteSignatureException', `${problem} See http://en.wikipedia.org/wiki/ISO_8601`)
  }
  return timestamp
}

function checkSkew(timestamp: string, now: Date): void {
  const sent = millisOf(timestamp)
  // Compared in whole seconds, as the timestamps of the message are.
  const present = Math.floor(now.getTime() / 1000) * 1000
  const earliest = present - SKEW_MINUTES * 60_000
  const latest = present + SKEW_MINUTES * 60_000
  if (sent < earliest) {
    const limit = `${basic(earliest)} (${basic(present)} - ${SKEW_MINUTES} min.)`
    fail('InvalidSignatureException', `Signature expired: ${timestamp} is now earlier than ${limit}`)
  }
  if (sent > latest) {
    const limit = `${basic(latest)} (${basic(present)} + ${SKEW_MINUTES} min.)`
    fail('InvalidSignatureException', `Signature not yet current: ${timestamp} is still later than ${limit}`)
  }
}

function checkScope(date: string, region: string, terminator: string, timestamp: string): void {
  const refuse = (message: string) => fail('InvalidSignatureException', message)
  if (date !== timestamp.slice(0, 8)) {
    const rule = 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP'
    refuse(`${rule}: '${date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`)
  }
  if (region === '') refuse('Credential should be scoped to a valid region.')
  if (!REGION.test(region)) refuse(`Credential should be scoped to a valid region, not '${region}'.`)
  if (terminator !== TERMINATOR) {
    refuse(`Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${terminator}'.`)
  }
}

function checkCoverage(signedHeaders: string, headers: Headers): void {
  const listed = `;${signedHeaders};`
  const uncovered = (name: string): never =>
    fail('InvalidSignatureException', `'${name}' must be a 'SignedHeader' in the AWS Authorization.`)
  if (!listed.includes(';host;')) uncovered('Host')
  for (const name of MUST_BE_SIGNED) if (headers[name] !== undefined && !listed.includes(`;${name};`)) uncovered(name)
  // A header that was signed and is gone is an altered request, even if it was empty.
  for (const name of signedHeaders.split(';')) if (typeof headers[name] !== 'string') mismatch()
}

function mismatch(): never {
  fail(
    'InvalidSignatureException',
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
      'and signing method. Consult the service documentation for details.',
  )
}

/** Both are 64 hexadecimal digits when they are anything; the length of ours is no secret. */
export function sameSignature(ours: string, theirs: string): boolean {
  const claim = Buffer.from(theirs)
  return claim.length === ours.length && timingSafeEqual(Buffer.from(ours), claim)
}

/** Hashed first, so that neither content nor length of the token shows in the time taken. */
export function sameToken(ours: string | undefined, theirs: string | undefined): boolean {
  if (ours === undefined || theirs === undefined) return ours === theirs
  return timingSafeEqual(hash('sha256', ours, 'buffer'), hash('sha256', theirs, 'buffer'))
}

const basic = (millis: number): string => new Date(millis).toISOString().replace(/[-:]|\.\d{3}/g, '')

/** Of a text that `TIMESTAMP` matches. By hand, for this is on the way of every request and `Date.parse` costs a microsecond. */
export const millisOf = (timestamp: string): number =>
  Date.UTC(
    Number(timestamp.slice(0, 4)),
    Number(timestamp.slice(4, 6)) - 1,
    Number(timestamp.slice(6, 8)),
    Number(timestamp.slice(9, 11)),
    Number(timestamp.slice(11, 13)),
    Number(timestamp.slice(13, 15)),
  )
