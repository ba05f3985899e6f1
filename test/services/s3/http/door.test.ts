/** Which operation a request is for S3, what of it the operation is told, and how its answer goes out. */
import { createHash } from 'node:crypto'
import test from 'ava'
import { WrongRegion } from '../../../../src/services/s3/refusals.ts'
import { fail, Unreachable } from '../../../../src/errors.ts'
import type { Operations } from '../../../../src/services/s3/http/routes.ts'
import { s3Door } from '../../../../src/services/s3/http/door.ts'
import { AT, inPieces, signed, standIn, type Sending } from './standin.ts'

const BUCKET = { path: '/bucket' }
const KEY = { path: '/bucket/key' }
const FROM = { 'x-amz-copy-source': '/other/key' }
const DELETE = '<Delete><Object><Key>a&amp;b</Key></Object></Delete>'
const MD5_OF_DELETE = createHash('md5').update(DELETE).digest('base64')
const TAGGING = { method: 'PUT', query: { tagging: '' } }
const UPLOAD = { uploadId: 'u' }

const ROUTES: [call: string, sending: Sending][] = [
  ['listBuckets', {}],
  ['createBucket', { ...BUCKET, method: 'PUT' }],
  ['createBucket', { path: '/bucket/', method: 'PUT' }],
  ['headBucket', { ...BUCKET, method: 'HEAD' }],
  ['deleteBucket', { ...BUCKET, method: 'DELETE' }],
  ['listObjects', BUCKET],
  ['listObjects', { ...BUCKET, query: { prefix: 'a', 'x-id': 'ListObjects' } }],
  ['listObjectsV2', { ...BUCKET, query: { 'list-type': '2', prefix: 'a' } }],
  ['getBucketLocation', { ...BUCKET, query: { location: '' } }],
  ['getBucketEncryption', { ...BUCKET, query: { encryption: '' } }],
  ['deleteBucketEncryption', { ...BUCKET, method: 'DELETE', query: { encryption: '' } }],
  ['putBucketPolicy', { ...BUCKET, method: 'PUT', query: { policy: '' }, body: '{}' }],
  ['getBucketPolicy', { ...BUCKET, query: { policy: '' } }],
  ['deleteBucketPolicy', { ...BUCKET, method: 'DELETE', query: { policy: '' } }],
  ['listMultipartUploads', { ...BUCKET, query: { uploads: '' } }],
  ['putObject', { ...KEY, method: 'PUT', body: 'x' }],
  ['getObject', KEY],
  ['getObject', { ...KEY, query: { versionId: 'null', partNumber: '1' } }],
  ['headObject', { ...KEY, method: 'HEAD' }],
  ['deleteObject', { ...KEY, method: 'DELETE' }],
  ['copyObject', { ...KEY, method: 'PUT', headers: FROM }],
  ['getObjectTagging', { ...KEY, query: { tagging: '' } }],
  ['deleteObjectTagging', { ...KEY, method: 'DELETE', query: { tagging: '' } }],
  ['createMultipartUpload', { ...KEY, method: 'POST', query: { uploads: '' } }],
  ['uploadPart', { ...KEY, method: 'PUT', query: { ...UPLOAD, partNumber: '1' }, body: 'x' }],
  ['uploadPartCopy', { ...KEY, method: 'PUT', query: { ...UPLOAD, partNumber: '1' }, headers: FROM }],
  ['listParts', { ...KEY, query: UPLOAD }],
  ['abortMultipartUpload', { ...KEY, method: 'DELETE', query: UPLOAD }],
]

for (const [call, sending] of ROUTES) {
  test(`${sending.method ?? 'GET'} ${sending.path ?? '/'} ${JSON.stringify(sending.query ?? {})} is ${call}`, async (t) => {
    const { send, asked } = standIn({ getBucketPolicy: () => ({ Policy: '{}' }) })
    const { status, body } = await send(signed(sending))
    t.true(status === 200 || status === 204, body)
    t.deepEqual(
      asked.map((one) => one.call),
      [call],
    )
    t.like(asked[0]?.context, { region: 'us-east-1', caller: { account: '000000000000' }, origin: { secure: false } })
  })
}

const NOT: [what: string, code: string, status: number, sending: Sending][] = [
  ['access lists', 'NotImplemented', 501, { ...KEY, query: { acl: '' } }],
  ['tags of a bucket', 'NotImplemented', 501, { ...BUCKET, query: { tagging: '' } }],
  ['tags that are none', 'MalformedXML', 400, { ...KEY, ...TAGGING, body: '<Tagging><TagSet>a</TagSet></Tagging>' }],
  ['two sets of tags', 'MalformedXML', 400, { ...KEY, ...TAGGING, body: '<Tagging><TagSet/><TagSet/></Tagging>' }],
  ['versions', 'NotImplemented', 501, { ...KEY, query: { versionId: 'abc' } }],
  [
    'a class of storage',
    'NotImplemented',
    501,
    { ...KEY, method: 'PUT', headers: { 'x-amz-storage-class': 'GLACIER' } },
  ],
  [
    'an access list',
    'AccessControlListNotSupported',
    400,
    { ...KEY, method: 'PUT', headers: { 'x-amz-acl': 'public-read' } },
  ],
  ['a grant', 'AccessControlListNotSupported', 400, { ...KEY, method: 'PUT', headers: { 'x-amz-grant-read': 'id=1' } }],
  ['two sub-resources at once', 'NotImplemented', 501, { ...BUCKET, query: { policy: '', encryption: '' } }],
  ['a form', 'MethodNotAllowed', 405, { ...BUCKET, method: 'POST', body: 'x' }],
  ['a path that is not encoded', 'InvalidURI', 400, { path: '/bucket/%E2%98' }],
  ['a number that is none', 'InvalidArgument', 400, { ...BUCKET, query: { 'max-keys': '-1' } }],
  ['a size that is none', 'InvalidRequest', 400, { ...KEY, headers: { 'x-amz-mp-object-size': '-1' } }],
  ['no XML', 'MalformedXML', 400, { ...BUCKET, method: 'PUT', body: 'nonsense' }],
  ['another document', 'MalformedXML', 400, { ...BUCKET, method: 'PUT', body: '<Delete/>' }],
  [
    'entities',
    'MalformedXML',
    400,
    { ...BUCKET, method: 'PUT', body: '<!DOCTYPE x [<!ENTITY a "b">]><CreateBucketConfiguration/>' },
  ],
  [
    'deletion of who knows what',
    'InvalidRequest',
    400,
    { ...BUCKET, method: 'POST', query: { delete: '' }, body: '<Delete/>' },
  ],
  [
    'a document without end',
    'MaxMessageLengthExceeded',
    400,
    { ...BUCKET, method: 'PUT', body: ' '.repeat(4 * 1024 ** 2 + 1) },
  ],
]

for (const [what, code, status, sending] of NOT) {
  test(`there is no such thing: ${what}`, async (t) => {
    const { send, asked } = standIn()
    const answer = await send(signed(sending))
    t.is(answer.code, code, answer.body)
    t.is(answer.status, status)
    t.deepEqual(asked, [])
  })
}

test('what headers and the query say of an object reaches the operation', async (t) => {
  const { send, asked } = standIn()
  const headers = {
    'content-type': 'text/x',
    'content-encoding': 'aws-chunked,gzip',
    'cache-control': 'no-cache',
    'x-amz-storage-class': 'STANDARD',
    'x-amz-acl': 'private',
    'x-amz-meta-patient': 'one',
    'x-amz-expected-bucket-owner': '000000000000',
    'x-amz-tagging': 'a=1&b=2',
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'alias/a',
    'x-amz-server-side-encryption-bucket-key-enabled': 'true',
    'if-none-match': '*',
    'if-modified-since': 'Sun, 01 Mar 2026 12:00:00 GMT',
  }
  await send(signed({ ...KEY, method: 'PUT', headers, body: 'hello', path: '/bucket/a%20b//..%2Fc' }))
  const { Body, Checksum, ...members } = asked[0]!.input
  t.deepEqual(members, {
    Bucket: 'bucket',
    Key: 'a b//../c',
    ContentLength: 5,
    ContentType: 'text/x',
    ExpectedBucketOwner: '000000000000',
    Tagging: 'a=1&b=2',
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'alias/a',
    BucketKeyEnabled: true,
    IfNoneMatch: '*',
    IfModifiedSince: AT.getTime(),
    Headers: { 'cache-control': 'no-cache', 'content-encoding': 'gzip' },
    Metadata: { patient: 'one' },
  })
  t.truthy(Body)
  t.is(Checksum, undefined)
})

test('documents become what operations are asked', async (t) => {
  const { send, asked } = standIn()
  const rule =
    '<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>'
  const documents: Sending[] = [
    {
      query: { delete: '' },
      method: 'POST',
      headers: { 'content-md5': MD5_OF_DELETE },
      body: DELETE,
    },
    {
      query: { encryption: '' },
      method: 'PUT',
      body: `<ServerSideEncryptionConfiguration xmlns="x">${rule}</ServerSideEncryptionConfiguration>`,
    },
    {
      query: UPLOAD,
      method: 'POST',
      path: '/bucket/key',
      body: '<CompleteMultipartUpload><Part><ETag>&quot;e&quot;</ETag><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>',
    },
    { query: { policy: '' }, method: 'PUT', body: '{"Version":"2012-10-17"}' },
    { ...KEY, ...TAGGING, body: '<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>' },
    { ...KEY, ...TAGGING, body: '<Tagging><TagSet/></Tagging>' },
  ]
  for (const sending of documents) await send(signed({ ...BUCKET, ...sending }))
  const [deletion, encryption, completion, policy, tags, noTags] = asked.map(({ input }) => input)
  t.deepEqual(deletion?.['Delete'], { Objects: [{ Key: 'a&b' }] })
  t.deepEqual(encryption?.['ServerSideEncryptionConfiguration'], {
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' }, BucketKeyEnabled: true }],
  })
  t.deepEqual(completion?.['MultipartUpload'], { Parts: [{ ETag: '"e"', PartNumber: 2 }] })
  t.is(policy?.['Policy'], '{"Version":"2012-10-17"}')
  t.deepEqual(tags?.['Tagging'], { TagSet: [{ Key: 'a', Value: '1' }] })
  t.deepEqual(noTags?.['Tagging'], { TagSet: [] })
})

const OBJECT = {
  Body: inPieces(''),
  ContentLength: 5,
  ContentType: 'text/x',
  ETag: '"e"',
  LastModified: AT.getTime(),
  ServerSideEncryption: 'aws:kms',
  SSEKMSKeyId: 'arn:key',
  BucketKeyEnabled: true,
  Checksum: { algorithm: 'CRC32', value: 'AAAAAA==' },
  TagCount: 2,
  Headers: { 'cache-control': 'no-cache' },
  Metadata: { patient: 'one' },
}

test('an object goes out with all that is known of it', async (t) => {
  const { send } = standIn({ getObject: () => ({ ...OBJECT, Body: inPieces('hello') }) })
  const { status, headers, body } = await send(signed(KEY))
  t.is(status, 200)
  t.is(body, 'hello')
  const { 'x-amz-request-id': requestId, 'x-amz-id-2': hostId, ...fields } = headers
  t.regex(requestId ?? '', /^[0-9A-F]{16}$/)
  t.truthy(hostId)
  t.deepEqual(fields, {
    date: AT.toUTCString(),
    server: 'AmazonS3',
    'content-length': '5',
    'content-type': 'text/x',
    etag: '"e"',
    'last-modified': AT.toUTCString(),
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': 'arn:key',
    'x-amz-server-side-encryption-bucket-key-enabled': 'true',
    'x-amz-checksum-crc32': 'AAAAAA==',
    'x-amz-tagging-count': '2',
    'cache-control': 'no-cache',
    'x-amz-meta-patient': 'one',
  })
})

test('part of an object is said to be part', async (t) => {
  const { send, asked } = standIn({
    getObject: () => ({ ...OBJECT, Body: inPieces('ell'), ContentRange: 'bytes 1-3/5' }),
  })
  const { status, headers } = await send(signed({ ...KEY, headers: { range: 'bytes=1-3' } }))
  t.is(status, 206)
  t.is(headers['content-range'], 'bytes 1-3/5')
  t.is(asked[0]?.input['Range'], 'bytes=1-3')
})

test('who asks for an object may say how it is to be told', async (t) => {
  const { send } = standIn({ getObject: () => OBJECT, headObject: () => OBJECT })
  const query = { 'response-content-type': 'a/b', 'response-cache-control': 'x', 'response-x-amz-meta-a': 'y' }
  const { headers } = await send(signed({ ...KEY, query }))
  t.like(headers, { 'content-type': 'a/b', 'cache-control': 'x', 'response-x-amz-meta-a': undefined })
})

test('HEAD tells everything but the body', async (t) => {
  const { send } = standIn({ headObject: () => OBJECT, headBucket: () => fail('NoSuchBucket', 'none') })
  const { status, headers, body } = await send(signed({ ...KEY, method: 'HEAD' }))
  t.deepEqual([status, headers['content-length'], body], [200, '5', ''])
  const missing = await send(signed({ ...BUCKET, method: 'HEAD' }))
  t.deepEqual([missing.status, missing.body], [404, ''])
})

test('lists are documents, whose keys are encoded if the client likes', async (t) => {
  const Contents = [{ Key: 'a b/<ü>', LastModified: 0, ETag: '"e"', Size: 1 }]
  const list = { Name: 'bucket', Prefix: 'a b/', IsTruncated: false, Contents, CommonPrefixes: [{ Prefix: 'x y/' }] }
  const { send } = standIn({ listObjects: ({ EncodingType }) => ({ ...list, EncodingType }) })
  const plain = await send(signed(BUCKET))
  t.is(plain.headers['content-type'], 'application/xml')
  t.regex(
    plain.body,
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<ListBucketResult xmlns="http:\/\/s3.amazonaws.com\/doc\/2006-03-01\/">/,
  )
  t.regex(plain.body, /<Contents><Key>a b\/&#x3c;ü&#x3e;<\/Key><LastModified>1970-01-01T00:00:00.000Z<\/LastModified>/)
  const encoded = await send(signed({ ...BUCKET, query: { 'encoding-type': 'url' } }))
  t.regex(encoded.body, /<Key>a%20b\/%3C%C3%BC%3E<\/Key>.*<CommonPrefixes><Prefix>x%20y\/<\/Prefix><\/CommonPrefixes>/)
})

test('some members of an answer with a document are header fields all the same', async (t) => {
  const encryption = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'arn:key' }
  const created = { Bucket: 'bucket', Key: 'key', UploadId: 'u', ChecksumAlgorithm: 'CRC32', ...encryption }
  const { send } = standIn({ createMultipartUpload: () => created })
  const { headers, body } = await send(signed({ ...KEY, method: 'POST', query: { uploads: '' } }))
  t.like(headers, { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-checksum-algorithm': 'CRC32' })
  t.true(body.endsWith('<Bucket>bucket</Bucket><Key>key</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>'))
})

const ERRORS: [code: string, status: number, told?: string][] = [
  ['NoSuchKey', 404],
  ['NoSuchBucket', 404],
  ['BucketNotEmpty', 409],
  ['PreconditionFailed', 412],
  ['InvalidRange', 416],
  ['KMS.DisabledException', 400],
  ['AccessDeniedException', 403, 'AccessDenied'],
  ['InternalError', 500],
]

for (const [code, status, told = code] of ERRORS) {
  test(`${code} goes out as ${told} under ${status}`, async (t) => {
    const { send } = standIn({ getObject: () => fail(code, 'a & b') })
    const answer = await send(signed(KEY))
    t.is(answer.status, status)
    t.is(answer.headers['content-type'], 'application/xml')
    const { 'x-amz-request-id': requestId, 'x-amz-id-2': hostId } = answer.headers
    const rest = `<Resource>/bucket/key</Resource><RequestId>${requestId}</RequestId><HostId>${hostId}</HostId>`
    t.true(answer.body.endsWith(`<Error><Code>${told}</Code><Message>a &#x26; b</Message>${rest}</Error>`), answer.body)
  })
}

test('what has not changed is answered without a body', async (t) => {
  const { send } = standIn({ getObject: () => fail('NotModified') })
  const { status, body } = await send(signed(KEY))
  t.deepEqual([status, body], [304, ''])
})

test('a bucket that is elsewhere says where', async (t) => {
  const { send } = standIn({
    headBucket: () => {
      throw new WrongRegion('eu-north-1')
    },
  })
  const { status, headers } = await send(signed({ ...BUCKET, method: 'HEAD' }))
  t.deepEqual([status, headers['x-amz-bucket-region']], [301, 'eu-north-1'])
})

test('our own faults are logged without what was said, and told without where', async (t) => {
  const { send, log } = standIn({
    getObject: () => {
      throw new TypeError('the secret')
    },
  })
  const answer = await send(signed(KEY))
  t.is(answer.code, 'InternalError')
  t.is(answer.status, 500)
  t.is(log.length, 1)
  t.regex(log[0] ?? '', /^[0-9A-F]{16} InternalError at /)
  t.notRegex(log[0]! + answer.body, /the secret/)
})

test('a body that breaks off is logged without what was said', async (t) => {
  async function* broken() {
    yield* inPieces('hel')
    throw new TypeError('the secret')
  }
  const { send, log } = standIn({ getObject: () => ({ ...OBJECT, Body: broken() }) })
  await t.throwsAsync(send(signed(KEY)), { instanceOf: TypeError })
  t.regex(log.join('\n'), /^[0-9A-F]{16} InternalError at .*$/)
  t.notRegex(log.join('\n'), /the secret/)
})

test('nobody is answered where nobody can be reached, or nobody is left', async (t) => {
  const identities = { find: () => undefined }
  const reach = (region: string) => {
    throw new Unreachable(region)
  }
  const dead = s3Door({} as Operations, { identities, now: () => AT, log: () => {}, reach })
  const { message } = await t.throwsAsync(dead.answer(await signed(KEY)), { instanceOf: Unreachable })
  t.regex(message, /us-east-1/)

  const { door, kept } = standIn()
  const request = await signed({ ...KEY, method: 'PUT', body: 'hello' })
  const error = new Error('hung up')
  async function* broken() {
    yield* inPieces('hel')
    throw error
  }
  t.is(await t.throwsAsync(door.answer({ ...request, body: broken() })), error)
  t.deepEqual(kept, [])
})

test('a bucket may be part of the host’s name', async (t) => {
  for (const [host, path, Bucket, Key] of [
    ['bucket.s3.localhost:4599', '/a/b', 'bucket', 'a/b'],
    ['my.bucket.s3.eu-north-1.amazonaws.com', '/', 'my.bucket', undefined],
    ['s3.eu-north-1.amazonaws.com', '/bucket/a', 'bucket', 'a'],
    ['localhost:4599', '/bucket/a', 'bucket', 'a'],
  ] as const) {
    const { send, asked } = standIn()
    await send(signed({ path, headers: { host } }))
    t.like(asked[0]?.input, { Bucket, Key }, host)
  }
})
