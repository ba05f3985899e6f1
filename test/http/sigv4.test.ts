/** Signatures that must verify: AWS's vectors, and another signer's. */
import { hash } from 'node:crypto'
import test from 'ava'
import type { HttpRequest } from '../../src/http/message.ts'
import { SigV4 } from '../../src/http/sigv4.ts'
import { book } from './book.ts'
import type { Signing } from './sign.ts'
import {
  AT,
  SERVICES,
  verifier,
  sign,
  later,
  withHeaders,
  edited,
  refused,
  MISMATCH,
  OTHER,
  TEMPORARY,
  as,
} from './verifier.ts'

const accepts = test.macro({
  title: (why = '') => `accepted: ${why}`,
  exec: async (t, signing: Signing, account: string) => {
    const { caller, region } = verifier().verify(await sign(signing))
    t.like(caller, {
      arn: `arn:aws:iam::${account}:root`,
      account,
      accessKeyId: signing.accessKeyId ?? 'test',
    })
    t.is(region, signing.region ?? 'eu-central-1')
  },
})
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

for (const service of SERVICES) {
  test(`accepted, and told apart: a request for ${service}`, async (t) => {
    t.is(verifier().verify(await sign({ service })).service, service)
  })
}

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
test('another service in the scope', altered, (r) => edited(r, (a) => a.replace('/kms/', '/iam/')))
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
  let identities = book([secrets])
  const sigv4 = new SigV4({ find: (id) => identities.find(id) }, () => AT)
  const first = await sign({ secretAccessKey: 'first' })
  for (let i = 0; i < 3; i++) t.is(sigv4.verify(first).region, 'eu-central-1')
  t.is(sigv4.verify(await sign({ secretAccessKey: 'first', region: 'eu-west-1' })).region, 'eu-west-1')

  identities = book([{ ...secrets, accessKeys: [{ id: 'test', secret: 'second' }] }])
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
