import test from 'ava'
import type { ExecutionContext } from 'ava'
import { hash } from 'node:crypto'
import { KmsError } from '../../src/errors.ts'
import { headerRecord } from '../../src/http/message.ts'
import type { HttpRequest } from '../../src/http/message.ts'
import { SigV4 } from '../../src/http/sigv4.ts'
import { Identities } from '../../src/identity.ts'
import { signed } from './sign.ts'
import type { Signing } from './sign.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const SESSION = { id: 'ASIASESSION', secret: 'temporary', sessionToken: 'FwoGZXIvYXdzEXAMPLE//token+=' }
const ACCOUNTS = [
  { id: '000000000000', accessKeys: [{ id: 'test', secret: 'test' }] },
  { id: '111122223333', accessKeys: [{ id: 'AKIAOTHER', secret: 's3cr+t/with=signs' }, SESSION] },
]
const verifier = (now = AT) => new SigV4(new Identities(ACCOUNTS), () => now)
const sign = (signing: Signing = {}) => signed('ListKeys', { at: AT, ...signing })
const later = (seconds: number) => new Date(AT.getTime() + seconds * 1000)

/** The request with these header fields instead; `undefined` takes one away. */
const withHeaders = (request: HttpRequest, fields: Record<string, string | undefined>): HttpRequest => ({
  ...request,
  headers: headerRecord(
    Object.entries({ ...request.headers, ...fields }).filter(
      (field): field is [string, string] => field[1] !== undefined,
    ),
  ),
})

const edited = (request: HttpRequest, edit: (authorization: string) => string): HttpRequest =>
  withHeaders(request, { authorization: edit(request.headers['authorization'] ?? '') })

function refused(t: ExecutionContext, request: HttpRequest, code: string, message: string, now = AT): void {
  const error = t.throws(() => verifier(now).verify(request), { instanceOf: KmsError })
  t.is(error?.code, code)
  t.is(error?.message, message)
}

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and ' +
  'signing method. Consult the service documentation for details.'
const INVALID_TOKEN = 'The security token included in the request is invalid.'

const accepts = test.macro({
  title: (why = '') => `accepted: ${why}`,
  exec: async (t, signing: Signing, account: string) => {
    const { caller, region } = verifier().verify(await sign(signing))
    t.deepEqual(caller, {
      arn: `arn:aws:iam::${account}:root`,
      account,
      accessKeyId: signing.accessKeyId ?? 'test',
    })
    t.is(region, signing.region ?? 'eu-central-1')
  },
})
const OTHER = { accessKeyId: 'AKIAOTHER', secretAccessKey: 's3cr+t/with=signs' }
const TEMPORARY = { accessKeyId: SESSION.id, secretAccessKey: SESSION.secret, sessionToken: SESSION.sessionToken }
test('the default key', accepts, {}, '000000000000')
test('another account, a secret full of signs', accepts, OTHER, '111122223333')
test('temporary credentials with their token', accepts, TEMPORARY, '111122223333')
test('a Region of a partition with a longer name', accepts, { region: 'us-isob-east-1' }, '000000000000')
test('a Region nobody has built yet', accepts, { region: 'xy-southwest-12' }, '000000000000')
test('an empty body', accepts, { body: '' }, '000000000000')
test('a query', accepts, { query: { b: ['2', '1'], 'a-': 'x y/ü', a: '' } }, '000000000000')
test('no body hash as a header', accepts, { checksum: false }, '000000000000')
test('299 seconds late', accepts, { at: later(-299) }, '000000000000')
test('299 seconds early', accepts, { at: later(299) }, '000000000000')
test('300 seconds late, to the second', accepts, { at: later(-300) }, '000000000000')
test('a header with runs of blanks', accepts, { headers: { 'x-amz-note': ' a   b\tc ' } }, '000000000000')
test('a header named like a property of objects', accepts, { headers: { constructor: 'x' } }, '000000000000')

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
const as = (request: HttpRequest) => request
const authorization = (request: HttpRequest) => request.headers['authorization'] ?? ''

const altered = test.macro({
  title: (why = '') => `an altered request is refused: ${why}`,
  exec: async (t, alter: (request: HttpRequest) => HttpRequest, signing: Signing = {}) =>
    refused(t, alter(await sign(signing)), 'InvalidSignatureException', MISMATCH),
})
test('a byte of the body', altered, (r) => ({ ...r, body: Buffer.from('{]') }))
test('a byte more of body', altered, (r) => ({ ...r, body: Buffer.from('{} ') }))
test('no body', altered, (r) => ({ ...r, body: new Uint8Array() }))
test('the method', altered, (r) => ({ ...r, method: 'PUT' }))
test('the path', altered, (r) => ({ ...r, url: '/x' }))
test('a query added', altered, (r) => ({ ...r, url: '/?x' }))
test('a query value', altered, (r) => ({ ...r, url: '/?a=2' }), { query: { a: '1' } })
test('another operation', altered, (r) => withHeaders(r, { 'x-amz-target': 'TrentService.CreateKey' }))
test('another host', altered, (r) => withHeaders(r, { host: 'kms.example' }))
test('a signed header taken away', altered, (r) => withHeaders(r, { 'content-type': undefined }))
test('an empty signed header taken away', altered, (r) => withHeaders(r, { 'x-e': undefined }), {
  headers: { 'x-e': '' },
})
test('a second field of a signed header', altered, (r) =>
  withHeaders(r, { 'x-amz-target': `${r.headers['x-amz-target']},TrentService.CreateKey` }),
)
test('another time of the same day', altered, (r) => withHeaders(r, { 'x-amz-date': '20260301T120001Z' }))
test('another Region in the scope', altered, (r) => edited(r, (a) => a.replace('eu-central-1', 'eu-central-2')))
test("another's key id", altered, (r) => edited(r, (a) => a.replace('Credential=test', 'Credential=AKIAOTHER')))
test('a digit of the signature', altered, (r) =>
  edited(r, (a) => a.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))),
)
test('a shortened signature', altered, (r) => edited(r, (a) => a.slice(0, -1)))
test('a signature in capitals', altered, (r) => edited(r, (a) => a.replace(/\w{64}$/, (s) => s.toUpperCase())))
test('a list of signed headers one longer', altered, (r) =>
  edited(withHeaders(r, { x: 'y' }), (a) => a.replace('x-amz-target,', 'x-amz-target;x,')),
)
test('a good signature over another body’s hash', altered, as, {
  headers: { 'x-amz-content-sha256': hash('sha256', '[]') },
})
test(
  'an unsigned body hash that is wrong',
  altered,
  (r) => withHeaders(r, { 'x-amz-content-sha256': '0'.repeat(64) }),
  {
    checksum: false,
  },
)
test('an unsigned payload', altered, as, { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } })
test('another secret', altered, as, { secretAccessKey: 'tesT' })

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
  { service: 'sts' },
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

test('an unsigned header more, as a proxy adds, changes nothing', async (t) => {
  t.is(verifier().verify(withHeaders(await sign(), { via: '1.1 proxy' })).region, 'eu-central-1')
})

test('a Date header serves where X-Amz-Date is missing', async (t) => {
  const request = await sign()
  const dated = (date: string) => withHeaders(request, { date, 'x-amz-date': undefined })
  // The signature lists x-amz-date, which is gone: past the date checks the request is simply altered.
  refused(t, dated('Sun, 01 Mar 2026 12:00:00 GMT'), 'InvalidSignatureException', MISMATCH)
  refused(
    t,
    dated('Sun, 01 Mar 2026 11:00:00 GMT'),
    'InvalidSignatureException',
    'Signature expired: 20260301T110000Z is now earlier than 20260301T115500Z (20260301T120000Z - 5 min.)',
  )
})

test('remembered signing keys serve again, and never for another secret, date or Region', async (t) => {
  const secrets = { id: '000000000000', accessKeys: [{ id: 'test', secret: 'first' }] }
  let identities = new Identities([secrets])
  const book = Object.assign(new Identities([]), { find: (id: string) => identities.find(id) })
  const sigv4 = new SigV4(book, () => AT)
  const first = await sign({ secretAccessKey: 'first' })
  for (let i = 0; i < 3; i++) t.is(sigv4.verify(first).region, 'eu-central-1')
  t.is(sigv4.verify(await sign({ secretAccessKey: 'first', region: 'eu-west-1' })).region, 'eu-west-1')

  identities = new Identities([{ ...secrets, accessKeys: [{ id: 'test', secret: 'second' }] }])
  t.throws(() => sigv4.verify(first), { message: MISMATCH })
  t.is(sigv4.verify(await sign({ secretAccessKey: 'second' })).region, 'eu-central-1')
  t.throws(() => sigv4.verify(first), { message: MISMATCH })
})

test('more Regions than the cache holds still verify', async (t) => {
  const sigv4 = verifier()
  for (let n = 0; n < 600; n++) {
    const region = `eu-${'abcdefgh'[n % 8]}${'abcdefgh'[(n >> 3) % 8]}x${'abcdefghij'[n >> 6]}-${n % 10}`
    t.is(sigv4.verify(await sign({ region })).region, region)
  }
})

test('a seeded crowd of requests, each signed by the SDK: as sent it verifies, with one byte changed it does not', async (t) => {
  const seed = 20260301
  const random = mulberry(seed)
  const upTo = (n: number) => Math.floor(random() * n)
  const word = (alphabet: string, length: number) =>
    Array.from({ length }, () => alphabet[upTo(alphabet.length)]).join('')
  const text = () => word("aZ09-_.~ !'()*/+&=%ü€\t", upTo(12))
  for (let n = 0; n < 400; n++) {
    const query: Record<string, string | string[]> = {}
    for (let i = upTo(4); i > 0; i--) query[`q${word('aA-1~é ', upTo(5))}`] = upTo(2) ? text() : [text(), text()]
    const headers: Record<string, string> = {}
    for (let i = upTo(4); i > 0; i--) headers[`x-${word('abc-', 3)}x`] = text().replaceAll('€', 'E')
    const path = `/${word('ab.%2F/ +', upTo(8))}`
    const body = word('{}[]",:é€ ab', upTo(300))
    const request = await sign({ ...(upTo(2) ? OTHER : TEMPORARY), query, headers, path, body, method: 'POST' })
    const about = `seed ${seed}, case ${n}: ${request.url}`
    t.notThrows(() => verifier().verify(request), about)

    const bytes = Buffer.concat([request.body, Buffer.from('!')])
    const at = upTo(request.body.length)
    if (request.body.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << upTo(8))
    const broken = { ...request, body: request.body.length > 0 ? bytes.subarray(0, -1) : bytes }
    t.throws(() => verifier().verify(broken), { message: MISMATCH }, about)
  }
})

/** A small seeded generator, so that a failure can be repeated. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}
