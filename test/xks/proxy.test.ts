/** The proxy as the KMS meets it: every answer and every refusal, over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { integrityValue, type XksErrorName } from '../../src/xks/api.ts'
import type { XksProxyOptions } from '../../src/index.ts'
import { about, ask, b64, CREDENTIAL, decryptBody, encryptBody, scene, type Answer, type Asked } from './asking.ts'

const bytes = (text: unknown) => Buffer.from(text as string, 'base64')
const MINUTE = 60_000

test('health tells of the proxy and its keys', async (t) => {
  const { ask } = await scene(t)
  const { status, headers, body } = await ask('/health', {
    requestMetadata: { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' },
  })
  t.is(status, 200)
  t.is(headers['content-type'], 'application/json')
  t.like(body, { xksProxyFleetSize: 1, xksProxyVendor: 'strongroom', ekmVendor: 'strongroom' })
  t.deepEqual(body.ekmFleetDetails, [{ id: 'strongroom', model: 'strongroom HSM', healthStatus: 'ACTIVE' }])
})

test('metadata tells what a key is for, and whether it is enabled', async (t) => {
  const keys = [{ id: 'two', create: true, usage: ['DECRYPT'] as const, enabled: false }]
  const { ask } = await scene(t, { keys })
  const creating = { ...about('CreateKey'), kmsKeyArn: undefined }
  t.deepEqual(await body(ask('/keys/one/metadata', { requestMetadata: creating })), {
    ...{ keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' },
  })
  t.deepEqual(await body(ask('/keys/two/metadata', { requestMetadata: about('DescribeKey') })), {
    ...{ keySpec: 'AES_256', keyUsage: ['DECRYPT'], keyStatus: 'DISABLED' },
  })
})

const body = async (answer: Promise<Answer>) => (await answer).body

test('what is encrypted is decrypted, at every length', async (t) => {
  const { ask } = await scene(t)
  for (const [length, more] of [
    [1, {}],
    [32, { additionalAuthenticatedData: b64('project=nile') }],
    [4300, { additionalAuthenticatedData: b64(Buffer.alloc(8192, 200)) }],
  ] as const) {
    const plaintext = Buffer.alloc(length, 7)
    const { status, body } = await ask('/keys/one/encrypt', encryptBody(plaintext, more))
    t.is(status, 200)
    t.is(bytes(body.ciphertext).length, length)
    t.is(bytes(body.initializationVector).length, 12)
    t.is(bytes(body.authenticationTag).length, 16)
    t.true(bytes(body.ciphertextMetadata).length <= 20)
    t.false('ciphertextDataIntegrityValue' in body)
    const back = await ask('/keys/one/decrypt', decryptBody(body, more))
    t.deepEqual([back.status, back.body], [200, { plaintext: b64(plaintext) }])
  }
})

test('the integrity value covers what came back', async (t) => {
  const { ask } = await scene(t)
  const more = { additionalAuthenticatedData: b64('aad'), ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }
  const { body } = await ask('/keys/one/encrypt', encryptBody('hello', more))
  const [ciphertext, initializationVector] = [bytes(body.ciphertext), bytes(body.initializationVector)]
  const [authenticationTag, ciphertextMetadata] = [bytes(body.authenticationTag), bytes(body.ciphertextMetadata)]
  const sealed = { ciphertext, initializationVector, authenticationTag, ciphertextMetadata }
  t.is(body.ciphertextDataIntegrityValue, b64(integrityValue(Buffer.from('aad'), sealed)))
})

test('whatever is changed, nothing decrypts', async (t) => {
  const { ask } = await scene(t, { keys: [{ id: 'two', create: true }] })
  const aad = { additionalAuthenticatedData: b64('aad') }
  const { body: sealed } = await ask('/keys/one/encrypt', encryptBody('hello', aad))
  const flipped = (name: string, at = 0) => {
    const it = bytes(sealed[name])
    it[at]! ^= 1
    return { [name]: b64(it) }
  }
  const cases: [what: string, key: string, more: object][] = [
    ['ciphertext', 'one', flipped('ciphertext')],
    ['IV', 'one', flipped('initializationVector')],
    ['an IV of 16', 'one', { initializationVector: b64(Buffer.alloc(16)) }],
    ['tag', 'one', flipped('authenticationTag', 15)],
    ['layout', 'one', flipped('ciphertextMetadata')],
    ['nonce', 'one', flipped('ciphertextMetadata', 16)],
    ['no metadata', 'one', { ciphertextMetadata: undefined }],
    ['shorter metadata', 'one', { ciphertextMetadata: b64(bytes(sealed.ciphertextMetadata).subarray(0, 16)) }],
    ['no additional data', 'one', { additionalAuthenticatedData: undefined }],
    ['other additional data', 'one', { additionalAuthenticatedData: b64('aac') }],
    ['shorter', 'one', { ciphertext: b64('hell') }],
    ['another key', 'two', {}],
  ]
  for (const [what, key, more] of cases) {
    const { status, body } = await ask(`/keys/${key}/decrypt`, decryptBody(sealed, { ...aad, ...more }))
    t.deepEqual([status, body.errorName], [400, 'InvalidCiphertextException'], what)
  }
  t.is((await ask('/keys/one/decrypt', decryptBody(sealed, aad))).status, 200)
})

// Refusals ----------------------------------------------------------------------------------------

type Case = [what: string, path: string, body: unknown, status: number, name: XksErrorName, how?: Asked]

async function refuses(t: ExecutionContext, options: Partial<XksProxyOptions>, cases: readonly Case[]): Promise<void> {
  const { ask, base, lines } = await scene(t, options)
  for (const [what, path, body, status, name, how] of cases) {
    const answer = path.startsWith('/') ? await ask(path, body, how) : await askAt(base, path, body, how)
    t.deepEqual([answer.status, answer.body.errorName], [status, name], what)
    t.regex(JSON.stringify(answer.body.errorMessage ?? 'none'), /^[ -~]{1,511}$/, what)
  }
  t.false(lines.join().includes(b64('hello')), 'nothing secret is logged')
  t.is(lines.length, cases.length)
}

const askAt = (base: string, path: string, body: unknown, how?: Asked) =>
  ask(new URL(base).origin, path.replace('at ', ''), body, how)

const hello = encryptBody('hello')
const health = { requestMetadata: { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' } }

test('who is not the KMS is not answered', (t) =>
  refuses(t, { regions: ['us-east-1'] }, [
    ...(
      [
        ['another secret', { credential: { ...CREDENTIAL, secretAccessKey: 'x'.repeat(43) } }],
        ['an unknown access key', { credential: { ...CREDENTIAL, accessKeyId: 'Z'.repeat(20) } }],
        ['another service', { service: 'kms' }],
        ['another Region', { region: 'eu-central-1' }],
        ['six minutes ago', { at: new Date(Date.now() - 6 * MINUTE) }],
        ['in six minutes', { at: new Date(Date.now() + 6 * MINUTE) }],
        ['no signature', { tamper: (headers) => delete headers.authorization }],
        ['no date', { tamper: (headers) => delete headers['x-amz-date'] }],
        ['another host', { tamper: (headers) => (headers.host = 'evil.example.com') }],
        ['rubbish', { tamper: (headers) => (headers.authorization = 'AWS4-HMAC-SHA256 kms') }],
        [
          'the host not signed',
          { tamper: (headers) => (headers.authorization = headers.authorization!.replace('host;', '')) },
        ],
      ] satisfies [string, Asked][]
    ).map(([what, how]): Case => [what, '/health', health, 401, 'AuthenticationFailedException', how]),
    ['at a path that does not exist', '/nowhere', {}, 401, 'AuthenticationFailedException', { service: 'kms' }],
  ]))

test('four minutes are no matter, and a second credential is good until it expires', async (t) => {
  let now = Date.now()
  const old = { accessKeyId: 'O'.repeat(20), secretAccessKey: 'o'.repeat(43), expires: new Date(now + MINUTE) }
  const { ask } = await scene(t, { credentials: [CREDENTIAL, old], now: () => new Date(now) })
  t.is((await ask('/health', health, { at: new Date(now - 4 * MINUTE) })).status, 200)
  t.is((await ask('/health', health, { credential: old })).status, 200)
  now += 2 * MINUTE
  t.is((await ask('/health', health, { credential: old, at: new Date(now) })).status, 401)
  t.is((await ask('/health', health, { at: new Date(now) })).status, 200)
})

const U: [number, XksErrorName] = [404, 'InvalidUriPathException']
const V: [number, XksErrorName] = [400, 'ValidationException']
const S: [number, XksErrorName] = [501, 'UnsupportedOperationException']

test('what is wrong with a request is told by its name', (t) =>
  refuses(t, { pathPrefix: '/clinic', keys: [{ id: 'unmade' }] }, [
    ['no such API', '/keys/one/sign', hello, ...U],
    ['no API', '/keys/one', hello, ...U],
    ['more than an API', '/keys/one/encrypt/now', hello, ...U],
    ['health of a key', '/health/one', health, ...U],
    ['a query', '/health?deep=1', health, ...U],
    ['another prefix', 'at /ward/kms/xks/v1/health', health, ...U],
    ['no prefix', 'at /kms/xks/v1/health', health, ...U],
    ['another version', 'at /clinic/kms/xks/v2/health', health, ...U],
    ['a key id of 129 characters', `/keys/${'k'.repeat(129)}/encrypt`, hello, ...U],
    ['a key id with other characters', '/keys/a%20b/encrypt', hello, ...U],
    ['a key nobody has', `/keys/${'k'.repeat(128)}/encrypt`, hello, 404, 'KeyNotFoundException'],
    ['a key that is not made', '/keys/unmade/metadata', health, 404, 'KeyNotFoundException'],
    ['the key of the health check', '/keys/:health/encrypt', hello, ...U],
    ['no JSON', '/keys/one/encrypt', 'hello', ...V],
    ['another content type', '/keys/one/encrypt', hello, ...V, { contentType: 'text/plain' }],
    ['a body of 64 KiB', '/keys/one/encrypt', encryptBody('hello', { more: 'x'.repeat(65_536) }), ...V],
    ['no plaintext', '/keys/one/encrypt', { ...hello, plaintext: undefined }, ...V],
    ['no metadata of the request', '/keys/one/encrypt', { ...hello, requestMetadata: {} }, ...V],
    ['4,301 bytes', '/keys/one/encrypt', encryptBody(Buffer.alloc(4301)), ...S],
    ['another algorithm', '/keys/one/encrypt', { ...hello, encryptionAlgorithm: 'AES_CBC' }, ...S],
    [
      ...['another hash', '/keys/one/encrypt'],
      encryptBody('hello', { ciphertextDataIntegrityValueAlgorithm: 'MD5' }),
      ...S,
    ] as unknown as Case,
  ]))

test('a key says what it is not for', (t) => {
  const created = [
    { id: 'off', enabled: false },
    { id: 'in', usage: ['ENCRYPT'] as const },
    { id: 'out', usage: ['DECRYPT'] as const },
    { id: 'strict', requireIntegrity: true },
    { id: 'mine', kmsKeys: ['arn:aws:kms:*:999988887777:key/*'] },
    { id: 'bob', principals: ['arn:aws:iam::*:user/bob'] },
  ].map((key) => ({ ...key, create: true }))
  const sealed = {
    ...{ ciphertext: b64('hello'), initializationVector: b64(Buffer.alloc(12)) },
    authenticationTag: b64(Buffer.alloc(16)),
  }
  return refuses(t, { keys: created }, [
    ['disabled', '/keys/off/encrypt', hello, 400, 'InvalidStateException'],
    ['disabled for decryption', '/keys/off/decrypt', decryptBody(sealed), 400, 'InvalidStateException'],
    ['not for decryption', '/keys/in/decrypt', decryptBody(sealed), 400, 'InvalidKeyUsageException'],
    ['not for encryption', '/keys/out/encrypt', hello, 400, 'InvalidKeyUsageException'],
    ['only with an integrity value', '/keys/strict/encrypt', hello, ...V],
    ['not for this KMS key', '/keys/mine/encrypt', hello, 403, 'AccessDeniedException'],
    [
      'not for this principal',
      '/keys/bob/metadata',
      { requestMetadata: about('DescribeKey') },
      403,
      'AccessDeniedException',
    ],
  ])
})

test('a key does what it is for', async (t) => {
  const keys = [
    { id: 'strict', create: true, requireIntegrity: true },
    { id: 'alice', create: true, principals: ['arn:aws:iam::*:user/alice'], kmsKeys: ['arn:aws:kms:us-east-1:*'] },
  ]
  const { ask } = await scene(t, { keys })
  const integrity = { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }
  t.is((await ask('/keys/strict/encrypt', encryptBody('hello', integrity))).status, 200)
  t.is((await ask('/keys/alice/encrypt', hello)).status, 200)
})

test('other methods are not allowed, signed or not', async (t) => {
  const { ask, base } = await scene(t)
  const signed = await ask('/health', health, { method: 'GET' })
  t.deepEqual([signed.status, signed.headers.allow], [405, 'POST'])
  t.is((await fetch(`${base}/keys/one/metadata`)).status, 405)
  t.is((await fetch(`${base}/health`, { method: 'PUT' })).status, 405)
})

test('more than the rate is throttled, until time has passed', async (t) => {
  let now = Date.now()
  const { ask } = await scene(t, { rate: 2, now: () => new Date(now) })
  const at = () => ask('/health', health, { at: new Date(now) })
  t.deepEqual([(await at()).status, (await at()).status], [200, 200])
  const { status, body } = await at()
  t.deepEqual([status, body.errorName], [429, 'ThrottlingException'])
  now += 1000
  t.is((await at()).status, 200)
})

test('each request leaves a line, which names whom it is for', async (t) => {
  const { ask, lines } = await scene(t)
  await ask('/keys/one/encrypt', encryptBody('hello'))
  const { body } = await ask('/keys/one/encrypt', {
    ...hello,
    requestMetadata: { ...about('Encrypt'), kmsRequestId: 'x\n{}' },
  })
  t.is(lines.length, 2)
  t.like(JSON.parse(lines[0]!), {
    ...{ status: 200, api: 'encrypt', key: 'one', accessKeyId: CREDENTIAL.accessKeyId },
    ...about('Encrypt'),
  })
  t.false(lines[1]!.includes('\n'))
  t.false(lines.join().includes(String(body.ciphertext)))
})

test('keys are found again, and nobody else opens their folder meanwhile', async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'strongroom-xks-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))
  const before = await scene(t, { data })
  const { body } = await before.ask('/keys/one/encrypt', hello)
  await t.throwsAsync(scene(t, { data }), { code: 'StoreLocked' })
  await before.close()
  const after = await scene(t, { data })
  const back = await after.ask('/keys/one/decrypt', decryptBody(body))
  t.deepEqual(back.body, { plaintext: b64('hello') })
})
