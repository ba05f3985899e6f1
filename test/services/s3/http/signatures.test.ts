/** Who may come in at S3's door: signatures in headers and in queries, and payloads that are as was signed. */
import { createHash, createHmac } from 'node:crypto'
import test from 'ava'
import { headerRecord } from '../../../../src/http/message.ts'
import type { StreamedRequest } from '../../../../src/http/message.ts'
import { AT, hashOf, inPieces, signed, standIn, TEMPORARY, type Sending } from './standin.ts'

const later = (seconds: number) => new Date(AT.getTime() + seconds * 1000)
const digest = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('base64')
const HELLO = 'hello, hello, hello'
const PUT: Sending = { method: 'PUT', path: '/bucket/key', body: HELLO }

type Edit = (request: StreamedRequest) => StreamedRequest
const as: Edit = (request) => request
const withHeaders =
  (fields: Record<string, string | undefined>): Edit =>
  (request) => ({
    ...request,
    headers: headerRecord(
      Object.entries({ ...request.headers, ...fields }).filter(
        (field): field is [string, string] => field[1] !== undefined,
      ),
    ),
  })
const withUrl =
  (from: string | RegExp, to: string): Edit =>
  (request) => ({ ...request, url: request.url.replace(from, to) })
const withBody =
  (body: string): Edit =>
  (request) => ({ ...request, body: inPieces(body) })

/** Unsigned chunks, and the trailer. */
const trailed = (text: string, trailer: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n${trailer}\r\n\r\n`
const streamed = (name: string, value: string, announced = name): Sending => ({
  ...PUT,
  body: trailed(HELLO, `${name}:${value}`),
  payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  headers: { 'x-amz-trailer': announced, 'x-amz-decoded-content-length': String(HELLO.length) },
})

const TAKEN: [what: string, sending: Sending, edit?: Edit, now?: Date][] = [
  ['a body with its hash', PUT],
  ['a body whose hash nobody signed', { ...PUT, payload: 'UNSIGNED-PAYLOAD' }, as],
  ['a body with its MD5', { ...PUT, headers: { 'content-md5': digest('md5', HELLO) } }],
  ['a body with its checksum', { ...PUT, headers: { 'x-amz-checksum-sha256': digest('sha256', HELLO) } }],
  ['a checksum at the end', streamed('x-amz-checksum-sha1', digest('sha1', HELLO))],
  ['temporary credentials', { ...PUT, as: TEMPORARY }],
  ['a clock a quarter of an hour behind', PUT, as, later(900)],
  ['a clock a quarter of an hour ahead', PUT, as, later(-900)],
  ['a key with every sign', { ...PUT, path: '/bucket/a%20b%2Bc/%25/%E2%98%83//..%2F/../x%27%28%29%2A%21~' }],
  ['a key encoded otherwise', PUT, withUrl('/key', '/%6bey')],
  ['a presigned URL', { ...PUT, presigned: 60 }, as, later(60)],
  ['a presigned URL of temporary credentials', { ...PUT, presigned: 60, as: TEMPORARY }],
  ['a header that nobody signed and that means nothing', PUT, withHeaders({ 'user-agent': 'me' })],
]

for (const [what, sending, edit = as, now = AT] of TAKEN) {
  test(`taken: ${what}`, async (t) => {
    const { send, kept } = standIn({}, now)
    const { status, body } = await send(edit(await signed(sending)))
    t.is(status, 200, body)
    t.deepEqual(kept, [HELLO])
  })
}

/** The chunks of a body, each signed with the one before, as the documentation has it; `edit` may forge one. */
function signedChunks(
  request: StreamedRequest,
  chunks: string[],
  trailer: string,
  edit = (text: string) => text,
): string {
  const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
  const key = ['20260301', 'us-east-1', 's3', 'aws4_request'].reduce<string | Buffer>(mac, 'AWS4test')
  const head = '20260301T120000Z\n20260301/us-east-1/s3/aws4_request'
  let last = /Signature=(\w+)/.exec(request.headers['authorization'] ?? '')![1]!
  const sign = (kind: string, covered: string) =>
    (last = mac(key, `AWS4-HMAC-SHA256-${kind}\n${head}\n${last}\n${covered}`).toString('hex'))
  const parts = [...chunks, ''].map((text) => {
    const signature = sign('PAYLOAD', `${hashOf('')}\n${hashOf(text)}`)
    return `${text.length.toString(16)};chunk-signature=${signature}\r\n${text === '' ? '' : `${text}\r\n`}`
  })
  const signature = trailer && `x-amz-trailer-signature:${sign('TRAILER', hashOf(`${trailer}\n`))}\r\n`
  return edit(`${parts.join('')}${trailer && `${trailer}\r\n`}${signature}\r\n`)
}

const SHA1 = `x-amz-checksum-sha1:${digest('sha1', HELLO)}`
const CHUNKS = [HELLO.slice(0, 8), HELLO.slice(8)]
const decoded = { 'x-amz-decoded-content-length': String(HELLO.length) }
const SIGNED_CHUNKS: [what: string, code: string | undefined, trailer: string, edit?: (text: string) => string][] = [
  ['chunks', undefined, ''],
  ['chunks and a trailer', undefined, SHA1],
  ['chunks, one of which is another', 'SignatureDoesNotMatch', '', (text) => text.replace('hello', 'hallo')],
  ['chunks and another trailer', 'SignatureDoesNotMatch', SHA1, (text) => text.replace('sha1:', 'sha1:A')],
  ['chunks and a trailer that is not theirs', 'BadDigest', `x-amz-checksum-sha1:${digest('sha1', 'x')}`],
  ['chunks without their end', 'IncompleteBody', '', (text) => text.slice(0, -92)],
]

for (const [what, code, trailer, edit] of SIGNED_CHUNKS) {
  test(`${code === undefined ? 'taken' : 'refused'}: signed ${what}`, async (t) => {
    const { send, kept, asked } = standIn()
    const payload = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer && '-TRAILER'}`
    const announced: Record<string, string> = trailer ? { 'x-amz-trailer': 'x-amz-checksum-sha1' } : {}
    const request = await signed({ ...PUT, body: '', payload, headers: { ...decoded, ...announced } })
    const answer = await send(withBody(signedChunks(request, CHUNKS, trailer, edit))(request))
    t.is(answer.code, code, answer.body)
    t.deepEqual(kept, code === undefined ? [HELLO] : [])
    const checksum = (asked[0]?.input['Checksum'] as undefined | (() => unknown))?.()
    if (code === undefined)
      t.deepEqual(checksum, trailer ? { algorithm: 'SHA1', value: digest('sha1', HELLO) } : undefined)
  })
}

const MISMATCH = 'SignatureDoesNotMatch'
const AHEAD = 'RequestTimeTooSkewed'
const GET: Sending = { path: '/bucket/key' }
const REFUSED: [what: string, code: string, sending: Sending, edit?: Edit, now?: Date][] = [
  ['another body', 'XAmzContentSHA256Mismatch', PUT, withBody('HELLO')],
  ['a shorter body', 'XAmzContentSHA256Mismatch', PUT, withBody('hello')],
  ['a body unlike its MD5', 'BadDigest', { ...PUT, headers: { 'content-md5': digest('md5', 'x') } }],
  ['an MD5 that is none', 'InvalidDigest', { ...PUT, headers: { 'content-md5': 'nonsense' } }],
  ['a body unlike its checksum', 'BadDigest', { ...PUT, headers: { 'x-amz-checksum-sha1': digest('sha1', 'x') } }],
  ['a checksum too short', 'InvalidRequest', { ...PUT, headers: { 'x-amz-checksum-crc32': digest('sha1', HELLO) } }],
  [
    'two checksums',
    'InvalidRequest',
    {
      ...PUT,
      headers: {
        'x-amz-checksum-sha1': digest('sha1', HELLO),
        'x-amz-checksum-md5': 'x',
        'x-amz-checksum-crc32': 'AAAAAA==',
      },
    },
  ],
  ['a body unlike the checksum at its end', 'BadDigest', streamed('x-amz-checksum-sha1', digest('sha1', 'x'))],
  ['a trailer that is not known', 'InvalidRequest', streamed('x-amz-checksum-md4', 'x')],
  [
    'another trailer than announced',
    'MalformedTrailerError',
    streamed('x-amz-checksum-sha1', 'x', 'x-amz-checksum-crc32'),
  ],
  ['a payload of no known kind', 'InvalidArgument', { ...PUT, payload: 'STREAMING-SOMETHING' }],
  ['a body of no known length', 'MissingContentLength', PUT, withHeaders({ 'content-length': undefined })],
  ['chunks of no known length', 'MissingContentLength', { ...PUT, payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }],
  ['no hash of the body', 'InvalidRequest', PUT, withHeaders({ 'x-amz-content-sha256': undefined })],
  ['another hash of the body', MISMATCH, PUT, withHeaders({ 'x-amz-content-sha256': hashOf('x') })],
  ['another path', MISMATCH, GET, withUrl('key', 'key/')],
  ['dots that a path does not lose', MISMATCH, GET, withUrl('/key', '/./key')],
  ['another query', MISMATCH, { ...GET, query: { 'x-id': 'GetObject' } }, withUrl('Get', 'Put')],
  ['another method', MISMATCH, GET, (request) => ({ ...request, method: 'DELETE' })],
  ['another secret', MISMATCH, { ...GET, as: { id: 'test', secret: 'best' } }],
  ['an access key nobody has', 'InvalidAccessKeyId', { ...GET, as: { id: 'nobody', secret: 'test' } }],
  [
    'temporary credentials without their token',
    'InvalidToken',
    { ...GET, as: { id: TEMPORARY.id, secret: TEMPORARY.secret } },
  ],
  ['temporary credentials with another token', 'InvalidToken', { ...GET, as: { ...TEMPORARY, sessionToken: 'other' } }],
  ['temporary credentials that have ended', 'ExpiredToken', { ...GET, as: TEMPORARY }, as, later(60)],
  ['a clock more than a quarter of an hour behind', AHEAD, GET, as, later(901)],
  ['a clock more than a quarter of an hour ahead', AHEAD, GET, as, later(-901)],
  [
    'a header of Amazon’s that nobody signed',
    'AccessDenied',
    GET,
    withHeaders({ 'x-amz-server-side-encryption': 'AES256' }),
  ],
  [
    'a signed header that is gone',
    MISMATCH,
    { ...GET, headers: { 'x-amz-meta-a': '' } },
    withHeaders({ 'x-amz-meta-a': undefined }),
  ],
  ['no signature', 'AccessDenied', GET, withHeaders({ authorization: undefined })],
  ['two signatures', 'InvalidArgument', { ...GET, query: { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256' } }],
  ['the signature of old', 'InvalidRequest', GET, withHeaders({ authorization: 'AWS test:signature' })],
  ['a date that is none', 'AccessDenied', GET, withHeaders({ 'x-amz-date': 'today' })],
  [
    'a credential of another day',
    'AuthorizationHeaderMalformed',
    GET,
    withHeaders({ 'x-amz-date': '20260302T120000Z' }),
  ],
  ['a presigned URL that is over', 'AccessDenied', { ...GET, presigned: 60 }, as, later(61)],
  ['a presigned URL that is to come', AHEAD, { ...GET, presigned: 60 }, as, later(-901)],
  [
    'a presigned URL for longer than it was signed for',
    MISMATCH,
    { ...GET, presigned: 60 },
    withUrl('Expires=60', 'Expires=61'),
  ],
  ['a presigned URL for another key', MISMATCH, { ...GET, presigned: 60 }, withUrl('key', 'quay')],
  [
    'a presigned URL for more than a week',
    'AuthorizationQueryParametersError',
    { ...GET, presigned: 60 },
    withUrl('=60', '=604801'),
  ],
  [
    'a presigned URL without its date',
    'AuthorizationQueryParametersError',
    { ...GET, presigned: 60 },
    withUrl(/X-Amz-Date=\w+&/, ''),
  ],
  [
    'a presigned URL with one header more',
    'AccessDenied',
    { ...GET, presigned: 60 },
    withHeaders({ 'x-amz-acl': 'private' }),
  ],
]

for (const [what, code, sending, edit = as, now = AT] of REFUSED) {
  test(`refused: ${what}`, async (t) => {
    const { send, kept, log } = standIn({}, now)
    const answer = await send(edit(await signed(sending)))
    t.is(answer.code, code, answer.body)
    t.deepEqual(kept, [], 'nothing is kept')
    t.deepEqual(log, [])
  })
}

test('what is about this machine, or the key management, is not for S3', async (t) => {
  const { door } = standIn()
  const head = { method: 'GET', url: '/bucket', headers: {} }
  const scoped = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=a/20260301/r/${service}/aws4_request, …`,
  })
  t.true(door.takes(await signed(GET)))
  t.true(door.takes(await signed({ ...GET, presigned: 60 })))
  t.true(door.takes({ ...head, headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }))
  t.true(door.takes({ ...head, url: '/health', headers: scoped('s3') }), 'a bucket may be called so')
  t.false(door.takes({ ...head, method: 'POST', url: '/', headers: scoped('s3') }), 'the key management’s place')
  t.false(door.takes({ ...head, headers: scoped('kms') }))
  t.false(door.takes({ ...head, url: '/?X-Amz-Credential=a%2F20260301%2Fr%2Fkms%2Faws4_request' }))
  t.false(door.takes(head), 'nothing speaks of Amazon')
  for (const url of ['/', '/health', '/ready', '/_strongroom/identities'])
    t.false(door.takes({ ...head, url, headers: { 'x-amz-date': '20260301T120000Z' } }), url)
})
