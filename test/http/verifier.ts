/** A verifier at one instant with three access keys, and ways to alter what was signed. */
import type { ExecutionContext } from 'ava'
import { KmsError } from '../../src/errors.ts'
import { headerRecord } from '../../src/http/message.ts'
import type { HttpRequest } from '../../src/http/message.ts'
import { SigV4 } from '../../src/http/sigv4.ts'
import { book } from './book.ts'
import { signed } from './sign.ts'
import type { Signing } from './sign.ts'

export const AT = new Date('2026-03-01T12:00:00Z')
const SESSION = { id: 'ASIASESSION', secret: 'temporary', sessionToken: 'FwoGZXIvYXdzEXAMPLE//token+=' }
const ACCOUNTS = [
  { id: '000000000000', accessKeys: [{ id: 'test', secret: 'test' }] },
  { id: '111122223333', accessKeys: [{ id: 'AKIAOTHER', secret: 's3cr+t/with=signs' }, SESSION] },
]
/** When the temporary credentials end. */
export const END = new Date('2026-03-01T13:00:00Z')
export const SERVICES = ['kms', 'iam', 'sts', 'cloudtrail']
export const verifier = (now = AT) => new SigV4(book(ACCOUNTS, END.getTime()), () => now, SERVICES)
export const sign = (signing: Signing = {}) => signed('ListKeys', { at: AT, ...signing })
export const later = (seconds: number) => new Date(AT.getTime() + seconds * 1000)

/** The request with these header fields instead; `undefined` takes one away. */
export const withHeaders = (request: HttpRequest, fields: Record<string, string | undefined>): HttpRequest => ({
  ...request,
  headers: headerRecord(
    Object.entries({ ...request.headers, ...fields }).filter(
      (field): field is [string, string] => field[1] !== undefined,
    ),
  ),
})

export const edited = (request: HttpRequest, edit: (authorization: string) => string): HttpRequest =>
  withHeaders(request, { authorization: edit(request.headers['authorization'] ?? '') })

export function refused(t: ExecutionContext, request: HttpRequest, code: string, message: string, now = AT): void {
  const error = t.throws(() => verifier(now).verify(request), { instanceOf: KmsError })
  t.is(error?.code, code)
  t.is(error?.message, message)
}

export const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
  'signing method. Consult the service documentation for details.'

export const OTHER = { accessKeyId: 'AKIAOTHER', secretAccessKey: 's3cr+t/with=signs' }
export const TEMPORARY = {
  accessKeyId: SESSION.id,
  secretAccessKey: SESSION.secret,
  sessionToken: SESSION.sessionToken,
}

export const as = (request: HttpRequest) => request
export const authorization = (request: HttpRequest) => request.headers['authorization'] ?? ''
