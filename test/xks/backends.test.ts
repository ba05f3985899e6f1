/** The proxy over each backend, and over one that fails: round trips against what was put in, and the errors of the API. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import test from 'ava'
import type { Backend, BackendSource, Cipher } from '../../src/backends/backend.ts'
import { KmsError } from '../../src/errors.ts'
import { pkcs11 } from '../../src/index.ts'
import { integrityValue } from '../../src/xks/api.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { b64, decryptBody, encryptBody, scene } from './asking.ts'

const { proxied, elsewhere } = softTokens('proxied', 'elsewhere')
const bytes = (text: unknown) => Buffer.from(text as string, 'base64')
const health = { requestMetadata: { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' } }

const SOURCES: Readonly<Record<string, BackendSource | undefined>> = { native: undefined, SoftHSM2: pkcs11(proxied) }

for (const [name, backend] of Object.entries(SOURCES)) {
  test.serial(`${name}: random messages come back, their values are right, and no changed one does`, async (t) => {
    const { ask } = await scene(t, { backend, keys: [{ id: 'two', create: true }] })
    const ivs = new Set<string>()
    for (let i = 0; i < 40; i++) {
      const [plaintext, additional] = [randomBytes(1 + ((i * 109) % 4300)), randomBytes((i * 211) % 8193)]
      const [id, other] = i % 2 ? ['one', 'two'] : ['two', 'one']
      const aad = i % 5 ? { additionalAuthenticatedData: b64(additional) } : {}
      const asked = { ...aad, ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }
      const { status, body } = await ask(`/keys/${id}/encrypt`, encryptBody(plaintext, asked))
      t.is(status, 200)
      const { ciphertextDataIntegrityValue, ...sealed } = body
      ivs.add(String(sealed.initializationVector) + String(sealed.ciphertextMetadata))
      const raw = Object.fromEntries(Object.entries(sealed).map(([member, text]) => [member, bytes(text)]))
      const value = integrityValue(i % 5 ? additional : undefined, raw as never)
      t.is(ciphertextDataIntegrityValue, b64(value))
      t.deepEqual((await ask(`/keys/${id}/decrypt`, decryptBody(sealed, aad))).body, { plaintext: b64(plaintext) })
      const [member, text] = Object.entries(raw)[i % 4]!
      text[(i * 7) % text.length]! ^= 1 << (i % 8)
      const changed = await ask(`/keys/${id}/decrypt`, decryptBody({ ...sealed, [member]: b64(text) }, aad))
      t.deepEqual([changed.status, changed.body.errorName], [400, 'InvalidCiphertextException'], member)
      const elsewhere = await ask(`/keys/${other}/decrypt`, decryptBody(sealed, aad))
      t.is(elsewhere.body.errorName, 'InvalidCiphertextException')
    }
    t.is(ivs.size, 40)
  })

  test.serial(`${name}: keys are found again after a restart, and made once`, async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'strongroom-xks-'))
    t.teardown(() => rmSync(data, { recursive: true, force: true }))
    const before = await scene(t, { data, backend })
    const { body } = await before.ask('/keys/one/encrypt', encryptBody('hello'))
    await before.close()
    const after = await scene(t, { data, backend })
    t.deepEqual((await after.ask('/keys/one/decrypt', decryptBody(body))).body, { plaintext: b64('hello') })
    await after.close()
    await t.throwsAsync(scene(t, { data, backend: pkcs11(elsewhere) }), { code: 'BackendRefused' })
  })
}

test.serial('health names the token', async (t) => {
  const { ask } = await scene(t, { backend: pkcs11(proxied) })
  const { body } = await ask('/health', health)
  t.is(body.ekmVendor, 'SoftHSM project')
  t.like((body.ekmFleetDetails as object[])[0], { model: 'SoftHSM v2', healthStatus: 'ACTIVE' })
})

/** A backend whose cipher does as it is told, once it is. */
function moody(): BackendSource & { act: ((verb: keyof Cipher) => unknown) | undefined } {
  const key = randomBytes(32)
  const blobs = new Map<string, Uint8Array>()
  const cipher = {
    seal(_: unknown, plaintext: Uint8Array) {
      const blob = Buffer.concat([Buffer.alloc(36), randomBytes(28 + plaintext.length + 16)])
      blobs.set(blob.subarray(36).toString('hex'), Uint8Array.from(plaintext))
      return source.act ? source.act('seal') : blob
    },
    open: (_: unknown, blob: Uint8Array) =>
      source.act ? source.act('open') : blobs.get(Buffer.from(blob.subarray(36)).toString('hex')),
  }
  const backend = { create: () => ({ token: key }), cipher, close: () => undefined } as unknown as Backend
  const source: ReturnType<typeof moody> = {
    name: 'moody',
    act: undefined,
    open: () => Promise.resolve({ backend, abilities: [], identity: 'moody' }),
  }
  return source
}

const fails = (code: string) => () => {
  throw new KmsError(code)
}
const MOODS: [what: string, act: (verb: keyof Cipher) => unknown, status: number, name: string][] = [
  ['breaks', fails('KMSInternalException'), 500, 'InternalException'],
  [
    'crashes',
    () => {
      throw new TypeError('at /etc/secret')
    },
    500,
    'InternalException',
  ],
  ['is slow by its own account', fails('DependencyTimeoutException'), 503, 'DependencyTimeoutException'],
  ['never answers', () => new Promise(() => undefined), 503, 'DependencyTimeoutException'],
  ['cannot', fails('UnsupportedOperationException'), 501, 'UnsupportedOperationException'],
  ['is busy', fails('ThrottlingException'), 429, 'ThrottlingException'],
]

for (const [what, act, status, name] of MOODS) {
  test(`a backend that ${what} is ${name}, unhealthy, and forgiven`, async (t) => {
    const backend = moody()
    const { ask, lines } = await scene(t, { backend, timeoutMillis: 50 })
    const { body: sealed } = await ask('/keys/one/encrypt', encryptBody('hello'))
    backend.act = act
    for (const answer of [
      await ask('/keys/one/encrypt', encryptBody('hello')),
      await ask('/keys/one/decrypt', decryptBody(sealed)),
    ])
      t.deepEqual([answer.status, answer.body.errorName], [status, name])
    t.like((await ask('/health', health)).body, { ekmFleetDetails: [{ id: 'moody', healthStatus: 'UNAVAILABLE' }] })
    t.false(lines.join().includes('secret'))
    backend.act = undefined
    t.is((await ask('/keys/one/decrypt', decryptBody(sealed))).status, 200)
    t.like((await ask('/health', health)).body, { ekmFleetDetails: [{ healthStatus: 'ACTIVE' }] })
  })
}

test('no integrity value is given for what does not decrypt to the same', async (t) => {
  const backend = moody()
  const { ask } = await scene(t, { backend })
  const blob = Buffer.concat([Buffer.alloc(36), randomBytes(28 + 5 + 16)])
  backend.act = (verb) => (verb === 'seal' ? blob : Buffer.from('hellp'))
  t.is((await ask('/keys/one/encrypt', encryptBody('hello'))).status, 200)
  const integrity = { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }
  t.is((await ask('/keys/one/encrypt', encryptBody('hello', integrity))).status, 500)
})
