/** A token as a backend beyond the contract: what it keeps, how it fails, and how it comes back. */
import { execFile } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { Backend } from '../../src/backends/backend.ts'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library, type Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { TokenError } from '../../src/backends/pkcs11/faults.ts'
import { Keys } from '../../src/backends/pkcs11/keys.ts'
import { CKA, CKO } from '../../src/backends/pkcs11/numbers.ts'
import { findAll, read } from '../../src/backends/pkcs11/objects.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import { DAY } from '../../src/clock.ts'
import { KmsError } from '../../src/errors.ts'
import { pkcs11, type Pkcs11Options } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { materialOf, spki, waiting } from './contract/workbench.ts'

const { one, two, kept } = softTokens('one', 'two', 'kept')
const hello = Buffer.from('attack at dawn')

async function opened(t: ExecutionContext, options: Pkcs11Options = one): Promise<Backend> {
  const { backend } = await pkcs11(options).open()
  t.teardown(() => backend.close())
  return backend
}

async function aesKey(backend: Backend) {
  return materialOf((await backend.create('AES_256', 3)).token)
}

/** The module itself, behind the backend's back. */
async function behind(t: ExecutionContext, options: Pkcs11Options = one): Promise<Token> {
  const { module, choice } = located(options)
  const token = new Token(await Library.open(module), choice)
  t.teardown(() => token.close())
  return token
}

/** Has `verb` answer `ckr` so many times from now on; the calls it gets meanwhile. */
function strike(t: ExecutionContext, cryptoki: Cryptoki, verb: keyof Cryptoki, ckr: string, times = Infinity) {
  const calls = { count: 0 }
  const rightly = cryptoki[verb] as (...given: unknown[]) => unknown
  const struck = (...given: unknown[]) => {
    if (calls.count++ < times) throw new Error(`${ckr}:1`)
    return rightly.apply(cryptoki, given)
  }
  Object.assign(cryptoki, { [verb]: struck })
  t.teardown(() => Object.assign(cryptoki, { [verb]: rightly }))
  return calls
}

/** What the caller is told, and what is kept for the log. */
async function fails(t: ExecutionContext, act: () => unknown): Promise<readonly [string, string | undefined]> {
  const error = await t.throwsAsync(async () => act(), { instanceOf: KmsError })
  t.notRegex(error.message, /CKR|PIN/)
  return [error.code, error.cause instanceof TokenError ? error.cause.code : undefined]
}

test.serial('keys are found again after a restart', async (t) => {
  const before = await pkcs11(kept).open()
  const material = await aesKey(before.backend)
  const blob = Buffer.from(await before.backend.cipher.seal(material, hello, { to: 'bob' }))
  const pair = await before.backend.create('ECC_P256', 48)
  const signature = Buffer.from(
    await before.backend.signer!.sign(materialOf(pair.token), 'ECDSA_SHA_256', 'RAW', hello),
  )
  await before.backend.close()

  const after = await opened(t, kept)
  const again = { ...materialOf(material.token!), header: material.header }
  t.deepEqual(Buffer.from(await after.cipher.open(again, blob, { to: 'bob' })), hello)
  t.true(await after.signer!.verify(materialOf(pair.token), 'ECDSA_SHA_256', 'RAW', hello, signature))
})

test.serial('keys do not leave the token, and may do there what they were made for', async (t) => {
  const backend = await opened(t)
  const token = await behind(t)
  for (const [spec, uses, may] of [
    ['AES_256', 3, [CKA.ENCRYPT, CKA.DECRYPT]],
    ['HMAC_256', 64, [CKA.SIGN]],
    ['RSA_2048', 3, [CKA.DECRYPT]],
    ['ECC_P256', 48, [CKA.SIGN]],
    ['ECC_P256', 128, [CKA.DERIVE]],
  ] as const) {
    const made = await backend.create(spec, uses)
    const cls = made.publicKey ? CKO.PRIVATE_KEY : CKO.SECRET_KEY
    await token.apart((session) => {
      const id = { type: CKA.ID, value: Buffer.from(made.token) }
      const [handle, ...more] = findAll(token, session, [{ type: CKA.CLASS, value: cls }, id])
      t.is(more.length, 0)
      const says = (type: number) => read(token, session, handle!, type)[0]![0] === 1
      t.true(says(CKA.TOKEN) && says(CKA.PRIVATE) && says(CKA.SENSITIVE), spec)
      t.false(says(CKA.EXTRACTABLE), spec)
      const uses = [CKA.ENCRYPT, CKA.DECRYPT, CKA.SIGN, CKA.DERIVE].filter((type) =>
        made.publicKey && type === CKA.ENCRYPT ? false : says(type),
      )
      t.deepEqual(uses, [...may], spec)
      const secret = spec === 'RSA_2048' ? CKA.PRIVATE_EXPONENT : CKA.VALUE
      t.throws(() => read(token, session, handle!, secret), { message: /CKR_ATTRIBUTE_SENSITIVE/ }, spec)
    })
  }
})

const refused: readonly (readonly [what: string, code: string, options: Pkcs11Options])[] = [
  ['no module', 'ModuleMissing', { ...one, module: '/nowhere/module.so' }],
  ['a module that is none', 'ModuleFailed', { ...one, module: new URL(import.meta.url).pathname }],
  ['no token of that label', 'TokenMissing', { ...one, tokenLabel: 'three' }],
  ['no token in that slot', 'TokenMissing', { module: one.module, slot: 77, pin: one.pin }],
  ['tokens, and no word which', 'TokenAmbiguous', { module: one.module, pin: one.pin }],
  ['a wrong PIN', 'PinIncorrect', { ...one, pin: '000000' }],
  ['a PIN of no length', 'PinIncorrect', { ...one, pin: '' }],
]
for (const [what, code, options] of refused) {
  test.serial(`opening tells of ${what}`, async (t) => {
    const error = await t.throwsAsync(pkcs11(options).open(), { instanceOf: TokenError, code })
    if (options.pin !== '') t.false(error.message.includes(options.pin as string))
    await opened(t)
  })
}

test.serial('without graphene-pk11, opening says what to install', async (t) => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name === 'graphene-pk11') throw Object.assign(new Error('none'), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const index = new URL('../../src/index.ts', import.meta.url)
  const program = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
    const { pkcs11 } = await import(${JSON.stringify(index)})
    await pkcs11({ module: 'any', pin: '' }).open().catch(({ code, message }) => console.log(code, message))`
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--import', 'ts-blank-space/register', '--input-type=module', '--eval', program],
  ])
  t.regex(stdout, /^DriverMissing .*npm install graphene-pk11/)
})

test.serial('a wrong PIN is tried once, since each try brings the token closer to being locked', async (t) => {
  const token = await behind(t, { ...one, pin: '000000' })
  const logins = strike(t, token.cryptoki, 'C_Login', '', 0)
  for (let i = 0; i < 5; i++) t.throws(() => token.connect(), { code: 'PinIncorrect' })
  t.is(logins.count, 1)
})

const comesBack: readonly (readonly [what: string, verb: keyof Cryptoki, ckr: string])[] = [
  ['its sessions', 'C_EncryptInit', 'CKR_SESSION_HANDLE_INVALID'],
  ['a session', 'C_Encrypt', 'CKR_SESSION_CLOSED'],
  ['who is logged in', 'C_EncryptInit', 'CKR_USER_NOT_LOGGED_IN'],
  ['its objects', 'C_EncryptInit', 'CKR_KEY_HANDLE_INVALID'],
  ['itself for a moment', 'C_Encrypt', 'CKR_DEVICE_REMOVED'],
]
for (const [what, verb, ckr] of comesBack) {
  test.serial(`a token that loses ${what} is opened again, and nobody notices`, async (t) => {
    const backend = await opened(t)
    const material = await aesKey(backend)
    const blob = Buffer.from(await backend.cipher.seal(material, hello, undefined))
    const { cryptoki } = await behind(t)
    strike(t, cryptoki, verb, ckr, 1)
    const again = await backend.cipher.seal(material, hello, undefined)
    t.deepEqual(Buffer.from(await backend.cipher.open(material, again, undefined)), hello)
    t.deepEqual(Buffer.from(await backend.cipher.open(material, blob, undefined)), hello)
  })
}

const stays: readonly (readonly [
  what: string,
  verb: keyof Cryptoki,
  ckr: string,
  told: readonly [string, string | undefined],
])[] = [
  ['is gone', 'C_EncryptInit', 'CKR_DEVICE_REMOVED', ['KMSInternalException', 'TokenRemoved']],
  ['has no more sessions', 'C_EncryptInit', 'CKR_SESSION_COUNT', ['KMSInternalException', 'SessionsExhausted']],
  ['fails', 'C_Encrypt', 'CKR_DEVICE_ERROR', ['KMSInternalException', 'TokenFailed']],
  ['is stuck in another operation', 'C_EncryptInit', 'CKR_OPERATION_ACTIVE', ['KMSInternalException', 'TokenFailed']],
  ['cannot do it', 'C_EncryptInit', 'CKR_MECHANISM_INVALID', ['UnsupportedOperationException', undefined]],
]
for (const [what, verb, ckr, told] of stays) {
  test.serial(`a token that ${what} is told of, and used again when that is over`, async (t) => {
    const backend = await opened(t)
    const material = await aesKey(backend)
    const { cryptoki } = await behind(t)
    strike(t, cryptoki, verb, ckr, 2)
    t.deepEqual(await fails(t, () => backend.cipher.seal(material, hello, undefined)), told)
    // What is tried again at once was struck twice.
    await Promise.resolve(
      ckr === 'CKR_DEVICE_REMOVED' ? undefined : fails(t, () => backend.cipher.seal(material, hello, undefined)),
    )
    t.true((await backend.cipher.seal(material, hello, undefined)).length > 0)
  })
}

test.serial('a token that is full makes no key, and goes on with those it has', async (t) => {
  const backend = await opened(t)
  const material = await aesKey(backend)
  const { cryptoki } = await behind(t)
  strike(t, cryptoki, 'C_GenerateKey', 'CKR_DEVICE_MEMORY')
  t.deepEqual(await fails(t, () => backend.create('AES_256', 3)), ['KMSInternalException', 'TokenFull'])
  t.true((await backend.cipher.seal(material, hello, undefined)).length > 0)
})

test.serial('a PIN that is locked when the token wants it again is not tried any more', async (t) => {
  const { backend } = await pkcs11(one).open()
  t.teardown(() => backend.close())
  const material = await aesKey(backend)
  const { cryptoki } = await behind(t)
  strike(t, cryptoki, 'C_EncryptInit', 'CKR_USER_NOT_LOGGED_IN')
  const logins = strike(t, cryptoki, 'C_Login', 'CKR_PIN_LOCKED')
  for (let i = 0; i < 3; i++) {
    t.deepEqual(await fails(t, () => backend.cipher.seal(material, hello, undefined)), [
      'KMSInternalException',
      'PinLocked',
    ])
  }
  t.is(logins.count, 1)
})

test.serial('who ends the module for everybody does not end us', async (t) => {
  const backend = await opened(t)
  const material = await aesKey(backend)
  const { cryptoki } = await behind(t)
  cryptoki.C_Finalize()
  t.true((await backend.cipher.seal(material, hello, undefined)).length > 0)
  const pair = await backend.create('RSA_2048', 48)
  cryptoki.C_Finalize()
  t.true((await backend.signer!.sign(materialOf(pair.token), 'RSASSA_PSS_SHA_256', 'RAW', hello)).length > 0)
})

test.serial('two tokens of one module, and one does not end with the other', async (t) => {
  const first = await pkcs11(one).open()
  const second = await opened(t, two)
  const [a, b] = [await aesKey(first.backend), await aesKey(second)]
  const blob = Buffer.from(await second.cipher.seal(b, hello, undefined))
  t.deepEqual(await fails(t, () => second.cipher.seal(materialOf(a.token!), hello, undefined)), [
    'KMSInternalException',
    'KeyMissing',
  ])
  await first.backend.close()
  t.deepEqual(Buffer.from(await second.cipher.open(b, blob, undefined)), hello)
})

test.serial('what takes long waits for its turn when sessions are few', async (t) => {
  const backend = await opened(t, { ...one, sessions: 1 })
  const { token, publicKey } = await backend.create('RSA_2048', 3)
  const material = materialOf(token)
  const ciphertext = publicEncrypt({ key: spki(publicKey), oaepHash: 'sha1' }, hello)
  const bad = Buffer.alloc(256, 1)
  const answers = await Promise.allSettled(
    Array.from({ length: 30 }, async (_, i) =>
      backend.asymmetric!.decrypt(material, 'RSAES_OAEP_SHA_1', i % 3 === 0 ? bad : ciphertext),
    ),
  )
  t.deepEqual(
    answers.map(({ status }) => status === 'fulfilled'),
    answers.map((_, i) => i % 3 !== 0),
  )
})

test.serial('closing waits for what is at work', async (t) => {
  const { backend } = await pkcs11(one).open()
  const { token } = await backend.create('RSA_2048', 48)
  const material = materialOf(token)
  const signing = Array.from({ length: 6 }, async () =>
    backend.signer!.sign(material, 'RSASSA_PSS_SHA_256', 'RAW', hello),
  )
  await backend.close()
  t.true((await Promise.all(signing)).every((signature) => signature.length === 256))
})

test.serial("a token's errors do not become node:crypto's", async (t) => {
  const backend = await opened(t)
  const { token } = await backend.create('RSA_2048', 48)
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const wrong = Buffer.alloc(256, 1)
  t.false(await backend.signer!.verify(materialOf(token), 'RSASSA_PKCS1_V1_5_SHA_256', 'RAW', hello, wrong))
  t.true(createPrivateKey({ key: der, type: 'pkcs8', format: 'der' }).equals(key))
})

test.serial('keys that are open are few, and the others are opened again', async (t) => {
  const token = await behind(t)
  const keys = new Keys(token, true, 2)
  const materials = [0, 1, 2, 3].map(() => materialOf((keys.create('HMAC_256', 64) as { token: Uint8Array }).token))
  const objects = () => token.use((session) => findAll(token, session, [{ type: CKA.TOKEN, value: false }]).length)
  const before = objects()
  for (const material of [...materials, ...materials]) keys.use(material, (_, { handle }) => t.truthy(handle))
  t.is(objects() - before, 2)
  for (const material of materials) keys.release(material)
  t.is(objects() - before, 0)
})

test.serial('wrapping keys whose time is over go, but for those of other keys', async (t) => {
  const backend = await opened(t, two)
  const token = await behind(t, two)
  const wrapping = [
    { type: CKA.UNWRAP, value: true },
    { type: CKA.TOKEN, value: true },
  ]
  const count = () => token.use((session) => findAll(token, session, wrapping).length)
  const now = Date.UTC(2026, 10, 24)
  const ask = (at: number, id?: string) =>
    backend.importer!.parameters(
      waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', id),
      'RSA_2048',
      'RSAES_OAEP_SHA_1',
      at + DAY,
    )
  await ask(now)
  await ask(now, 'a0000000-0000-4000-8000-000000000000')
  await ask(now + DAY)
  t.is(count(), 3)
  await ask(now + 2.5 * DAY)
  t.is(count(), 3, 'the first is over, the second not for long enough, and the other is another’s')
})
