/** Signatures that must not verify, and the words each is refused with. */
import test from 'ava'
import type { HttpRequest } from '../../src/http/message.ts'
import type { Signing } from './sign.ts'
import { sign, later, withHeaders, edited, refused, verifier, END, TEMPORARY, as, authorization } from './verifier.ts'

const INVALID_TOKEN = 'The security token included in the request is invalid.'

const refuses = test.macro({
  title: (why = '') => `refused: ${why}`,
  exec: async (
    t,
    signing: Signing,
    alter: (request: HttpRequest) => HttpRequest,
    code: string,
    message: string | ((request: HttpRequest) => string),
  ) => {
    const request = alter(await sign(signing))
    refused(t, request, code, typeof message === 'string' ? message : message(request))
  },
})

const missing = (names: string[]) => (request: HttpRequest) =>
  `${names.map((n) => `Authorization header requires '${n}' parameter.`).join(' ')} Authorization=${authorization(request)}`
test(
  'no Authorization',
  refuses,
  {},
  (r) => withHeaders(r, { authorization: undefined }),
  'MissingAuthenticationTokenException',
  'Missing Authentication Token',
)
test(
  'a presigned query',
  refuses,
  {},
  (r) => ({ ...withHeaders(r, { authorization: undefined }), url: '/?X-Amz-Signature=00' }),
  'MissingAuthenticationTokenException',
  'Missing Authentication Token',
)
test(
  'an Authorization that is no list of pairs',
  refuses,
  {},
  (r) => withHeaders(r, { authorization: 'Bearer abc' }),
  'IncompleteSignatureException',
  "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'.",
)
test(
  'an Authorization of one word',
  refuses,
  {},
  (r) => withHeaders(r, { authorization: 'x' }),
  'IncompleteSignatureException',
  "'x' not a valid key=value pair (missing equal-sign) in Authorization header: 'x'.",
)
for (const name of ['Credential', 'SignedHeaders', 'Signature']) {
  const without = (r: HttpRequest) => edited(r, (a) => a.replace(`${name}=`, `No${name}=`))
  test(`no ${name}`, refuses, {}, without, 'IncompleteSignatureException', missing([name]))
}
test(
  'nothing of what is required',
  refuses,
  {},
  (r) => withHeaders(r, { authorization: 'AWS4-HMAC-SHA256 a=b', 'x-amz-date': undefined }),
  'IncompleteSignatureException',
  (r) =>
    missing(['Credential', 'Signature', 'SignedHeaders'])(r).replace(
      ' Authorization=',
      " Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=",
    ),
)
test(
  'no date',
  refuses,
  {},
  (r) => withHeaders(r, { 'x-amz-date': undefined }),
  'IncompleteSignatureException',
  (r) =>
    `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=${authorization(r)}`,
)
for (const date of ['yesterday', '2026-03-01T12:00:00Z', '20269901T120000Z', '']) {
  test(
    `the date \`${date}\``,
    refuses,
    {},
    (r) => withHeaders(r, { 'x-amz-date': date }),
    'IncompleteSignatureException',
    `Date must be in ISO-8601 'basic format'. Got '${date}'. See http://en.wikipedia.org/wiki/ISO_8601`,
  )
}
test(
  'another algorithm',
  refuses,
  {},
  (r) => edited(r, (a) => a.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1')),
  'IncompleteSignatureException',
  "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
)
test(
  'two Authorization headers',
  refuses,
  {},
  (r) => edited(r, (a) => `${a},${a}`),
  'IncompleteSignatureException',
  "Authorization header has more than one 'SignedHeaders' parameter.",
)
for (const credential of ['test', 'test/20260301/eu-central-1/kms', 'te/st/20260301/eu-central-1/kms/aws4_request']) {
  test(
    `the credential ${credential}`,
    refuses,
    {},
    (r) => edited(r, (a) => a.replace(/Credential=[^,]+/, `Credential=${credential}`)),
    'IncompleteSignatureException',
    `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
  )
}

test('an unknown access key', refuses, { accessKeyId: 'AKIANOBODY' }, as, 'UnrecognizedClientException', INVALID_TOKEN)
test(
  'a wrong session token',
  refuses,
  { ...TEMPORARY, sessionToken: 'other' },
  as,
  'UnrecognizedClientException',
  INVALID_TOKEN,
)
test(
  'a session token forgotten',
  refuses,
  { ...TEMPORARY, sessionToken: undefined },
  as,
  'UnrecognizedClientException',
  INVALID_TOKEN,
)
test(
  'a session token where none belongs',
  refuses,
  { sessionToken: 'x' },
  as,
  'UnrecognizedClientException',
  INVALID_TOKEN,
)

const ended = test.macro({
  title: (why = '') => `temporary credentials ${why}`,
  exec: async (t, now: Date, signing: Signing, code: string | undefined, message?: string) => {
    const request = await sign({ ...TEMPORARY, at: now, ...signing })
    if (code === undefined) t.is(verifier(now).verify(request).caller.accessKeyId, TEMPORARY.accessKeyId)
    else refused(t, request, code, message ?? '', now)
  },
})
const EXPIRED = 'The security token included in the request is expired'
test('serve to the second before they end', ended, new Date(END.getTime() - 1000), {}, undefined)
test('are expired at their end', ended, END, {}, 'ExpiredTokenException', EXPIRED)
test('are expired after it', ended, new Date(END.getTime() + 86_400_000), {}, 'ExpiredTokenException', EXPIRED)
test(
  'with another token are not told that they are expired',
  ended,
  END,
  { sessionToken: 'other' },
  'UnrecognizedClientException',
  INVALID_TOKEN,
)

test(
  '301 seconds late',
  refuses,
  { at: later(-301) },
  as,
  'InvalidSignatureException',
  'Signature expired: 20260301T115459Z is now earlier than 20260301T115500Z (20260301T120000Z - 5 min.)',
)
test(
  '301 seconds early',
  refuses,
  { at: later(301) },
  as,
  'InvalidSignatureException',
  'Signature not yet current: 20260301T120501Z is still later than 20260301T120500Z (20260301T120000Z + 5 min.)',
)
test(
  'another date in the scope',
  refuses,
  {},
  (r) => edited(r, (a) => a.replace('/20260301/', '/20260302/')),
  'InvalidSignatureException',
  'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
    "'20260302' != '20260301', from '20260301T120000Z'.",
)
test(
  'the scope of another service',
  refuses,
  { service: 's3' },
  as,
  'InvalidSignatureException',
  "Credential should be scoped to correct service: 'kms'.",
)
for (const region of ['nowhere', 'US-EAST-1', 'us-east-1a', 'us-east', '../../etc', 'a-b-c-d-1']) {
  const inScope = (r: HttpRequest) => edited(r, (a) => a.replace('eu-central-1', region.replaceAll('/', '%2F')))
  const shown = region.replaceAll('/', '%2F')
  const message = `Credential should be scoped to a valid region, not '${shown}'.`
  test(`the Region ${region}`, refuses, {}, inScope, 'InvalidSignatureException', message)
}
test(
  'an empty Region',
  refuses,
  {},
  (r) => edited(r, (a) => a.replace('eu-central-1', '')),
  'InvalidSignatureException',
  'Credential should be scoped to a valid region.',
)
test(
  'another terminator',
  refuses,
  {},
  (r) => edited(r, (a) => a.replace('aws4_request', 'aws5_request')),
  'InvalidSignatureException',
  "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
)
for (const name of ['x-amz-target', 'x-amz-date', 'x-amz-security-token']) {
  const uncover = (r: HttpRequest) => edited(r, (a) => a.replace(new RegExp(`;${name}\\b`), ''))
  const message = `'${name}' must be a 'SignedHeader' in the AWS Authorization.`
  test(`${name} not signed`, refuses, TEMPORARY, uncover, 'InvalidSignatureException', message)
}
test(
  'host not signed',
  refuses,
  {},
  (r) => edited(r, (a) => a.replace('host;', '')),
  'InvalidSignatureException',
  "'Host' must be a 'SignedHeader' in the AWS Authorization.",
)

test('the target is protected even when a signer leaves it out of a good signature', async (t) => {
  const request = await sign({ unsigned: ['x-amz-target'] })
  t.false(authorization(request).includes('x-amz-target'))
  refused(t, request, 'InvalidSignatureException', "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.")
})

test('when a grant ends is under the signature, too', async (t) => {
  const name = 'x-strongroom-grant-expires-in'
  const message = `'${name}' must be a 'SignedHeader' in the AWS Authorization.`
  refused(t, withHeaders(await sign(), { [name]: '60' }), 'InvalidSignatureException', message)
  t.is(verifier().verify(await sign({ headers: { [name]: '60' } })).service, 'kms')
})
