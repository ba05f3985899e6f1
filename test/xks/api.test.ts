/** The proxy API's bodies: what is read, what is refused and why, and the values that are computed over them. */
import test from 'ava'
import {
  integrityValue,
  parseXksAnswer,
  parseXksError,
  parseXksRequest,
  proxyAad,
  writeXks,
  writeXksError,
  XksError,
  type XksApi,
  type XksErrorName,
} from '../../src/xks/api.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const blob = (length: number) => Buffer.alloc(length, 7).toString('base64')

const requestMetadata = {
  awsPrincipalArn: 'arn:aws:iam::111122223333:user/alice',
  kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/1234abcd',
  kmsOperation: 'Encrypt',
  kmsRequestId: 'r-1',
}
const encrypt = { requestMetadata, plaintext: blob(5), encryptionAlgorithm: 'AES_GCM' }
const decrypt = {
  ...{ requestMetadata, encryptionAlgorithm: 'AES_GCM', ciphertext: blob(5) },
  ...{ initializationVector: blob(12), authenticationTag: blob(16) },
}

test('the integrity value is that of the specification', (t) => {
  const sealed = {
    ciphertext: bytes('ghxkK1txeDNn3q8Y'),
    ciphertextMetadata: bytes('a2V5X3ZlcnNpb249MQ=='),
    initializationVector: bytes('HMrlRw85cAJUd5Ax'),
    authenticationTag: bytes('vBxN2ncH1oEkR8WVXpmyYQ=='),
  }
  const value = integrityValue(bytes('cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n'), sealed)
  t.is(Buffer.from(value).toString('base64'), 'qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=')
})

test('additional data and metadata stand behind their lengths', (t) => {
  const hex = (aad?: string, metadata?: string) =>
    Buffer.from(
      proxyAad(
        aad === undefined ? undefined : Buffer.from(aad),
        metadata === undefined ? undefined : Buffer.from(metadata),
      ),
    ).toString('hex')
  t.is(hex('ab', 'c'), '0002616201' + '63')
  t.is(hex(), '000000')
  t.is(hex('a'.repeat(300)).slice(0, 4), '012c')
  t.not(hex('c'), hex(undefined, 'c'))
})

test('what is written is read again', (t) => {
  const request = parseXksRequest('decrypt', json({ ...decrypt, ciphertextMetadata: blob(20), unknown: [{}] }))
  t.deepEqual(parseXksRequest('decrypt', Buffer.from(writeXks(request))), request)
  const error = new XksError('KeyNotFoundException', 'not é')
  t.like(parseXksError(Buffer.from(writeXksError(error))), {
    name: 'KeyNotFoundException',
    message: 'not ?',
    status: 404,
  })
})

const refused = test.macro({
  title: (_, what, api: XksApi) => `${api}: ${what}`,
  exec(t, _what: string, api: XksApi, body: unknown, name: XksErrorName = 'ValidationException') {
    t.throws(() => parseXksRequest(api, Buffer.isBuffer(body) ? body : json(body)), { instanceOf: XksError, name })
  },
})
const taken = test.macro({
  title: (_, what, api: XksApi) => `${api}: ${what} is taken`,
  exec(t, _what: string, api: XksApi, body: unknown) {
    t.notThrows(() => parseXksRequest(api, json(body)))
  },
})

test(taken, 'a plain request', 'encrypt', encrypt)
test(taken, 'no principal', 'health', { requestMetadata: { kmsOperation: 'KmsHealthCheck', kmsRequestId: 'r' } })
test(taken, 'no key ARN, as of CreateKey,', 'metadata', {
  requestMetadata: { ...requestMetadata, kmsKeyArn: undefined },
})
test(taken, 'an operation of the future', 'encrypt', {
  ...encrypt,
  requestMetadata: { ...requestMetadata, kmsOperation: 'BulkEncrypt' },
})
test(taken, 'null for absence', 'encrypt', { ...encrypt, additionalAuthenticatedData: null })
test(taken, 'the longest of everything', 'encrypt', {
  ...encrypt,
  plaintext: blob(4300),
  additionalAuthenticatedData: blob(8192),
  requestMetadata: { ...requestMetadata, awsPrincipalArn: 'a'.repeat(2048) },
})
test(taken, 'an IV of 16 bytes', 'decrypt', { ...decrypt, initializationVector: blob(16) })

test(refused, 'no JSON', 'health', Buffer.from('kms'))
test(refused, 'no UTF-8', 'health', Buffer.from([0x22, 0xff, 0x22]))
test(refused, 'nothing', 'health', Buffer.alloc(0))
test(refused, 'more behind it', 'encrypt', Buffer.concat([json(encrypt), Buffer.from('{}')]))
test(refused, 'a member twice', 'encrypt', Buffer.from(JSON.stringify(encrypt).replace('{', '{"plaintext":"",')))
test(refused, 'no principal', 'metadata', { requestMetadata: { ...requestMetadata, awsPrincipalArn: undefined } })
test(refused, 'no key ARN', 'encrypt', { ...encrypt, requestMetadata: { ...requestMetadata, kmsKeyArn: undefined } })
test(refused, 'an ARN of 2,049 characters', 'encrypt', {
  ...encrypt,
  requestMetadata: { ...requestMetadata, kmsKeyArn: 'a'.repeat(2049) },
})
test(refused, 'no plaintext', 'encrypt', { ...encrypt, plaintext: undefined })
test(refused, 'an empty plaintext', 'encrypt', { ...encrypt, plaintext: '' })
test(refused, 'a plaintext that is no base64', 'encrypt', { ...encrypt, plaintext: 'a' })
test(refused, 'a plaintext that is a number', 'encrypt', { ...encrypt, plaintext: 1 })
test(refused, '4,301 bytes', 'encrypt', { ...encrypt, plaintext: blob(4301) }, 'UnsupportedOperationException')
test(
  refused,
  '8,193 bytes of additional data',
  'encrypt',
  { ...encrypt, additionalAuthenticatedData: blob(8193) },
  'UnsupportedOperationException',
)
test(refused, '21 bytes of metadata', 'decrypt', { ...decrypt, ciphertextMetadata: blob(21) })
test(refused, 'an IV of 13 bytes', 'decrypt', { ...decrypt, initializationVector: blob(13) })
test(refused, 'a tag of 12 bytes', 'decrypt', { ...decrypt, authenticationTag: blob(12) })

const health = {
  ...{ xksProxyFleetSize: 1, xksProxyVendor: 'a', xksProxyModel: 'b', ekmVendor: 'c' },
  ekmFleetDetails: [{ id: '1', model: 'm', healthStatus: 'ACTIVE' }],
}

test('answers are held to their shapes', (t) => {
  t.deepEqual(parseXksAnswer('health', json(health)), health as never)
  t.throws(() => parseXksAnswer('health', json({ ...health, ekmFleetDetails: [] })))
  t.throws(() =>
    parseXksAnswer('health', json({ ...health, ekmFleetDetails: Array(11).fill(health.ekmFleetDetails[0]) })),
  )
  t.throws(() => parseXksAnswer('health', json({ ...health, xksProxyFleetSize: 0 })))
  t.throws(() => parseXksAnswer('metadata', json({ keySpec: 'AES_256', keyUsage: ['ENCRYPT'], keyStatus: 'SLEEPING' })))
  t.is(parseXksError(json({ errorName: 'TeapotException' })), undefined)
  t.is(parseXksError(Buffer.from('<html>')), undefined)
})
