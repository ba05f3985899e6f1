/** RSA pairs are made in a thread of the module's: meanwhile everybody else goes on, whatever they store or look for. */
import { setImmediate } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import type { Backend } from '../../src/backends/backend.ts'
import type { Cryptoki } from '../../src/backends/pkcs11/cryptoki.ts'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { CKA, CKO } from '../../src/backends/pkcs11/numbers.ts'
import { findAll, stored } from '../../src/backends/pkcs11/objects.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import { DAY } from '../../src/clock.ts'
import { pkcs11, type Pkcs11Options } from '../../src/index.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { materialOf, waiting } from './contract/workbench.ts'

const { old } = softTokens('old')
const { modern } = kryopticTokens('modern')
const hello = Buffer.from('attack at dawn')

async function opened(t: ExecutionContext, options: Pkcs11Options): Promise<Backend> {
  const { backend } = await pkcs11(options).open()
  t.teardown(() => backend.close())
  return backend
}

async function behind(t: ExecutionContext, options: Pkcs11Options): Promise<Token> {
  const { module, choice } = located(options)
  const token = new Token(await Library.open(module), choice)
  t.teardown(() => token.close())
  return token
}

/** Has the module do `verb` differently for the rest of the test. */
function struck<V extends keyof Cryptoki>(t: ExecutionContext, cryptoki: Cryptoki, verb: V, instead: Cryptoki[V]) {
  const rightly = cryptoki[verb]
  Object.assign(cryptoki, { [verb]: instead })
  t.teardown(() => Object.assign(cryptoki, { [verb]: rightly }))
}

const asks = (backend: Backend) =>
  backend.importer!.parameters(
    waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'),
    'RSA_2048',
    'RSAES_OAEP_SHA_256',
    Date.UTC(2026, 10, 24) + DAY,
  )

for (const [name, options] of [
  ['SoftHSM2', old],
  ['Kryoptic', modern],
] as const) {
  test.serial(`${name}: while a pair of RSA-4096 is made, others are served`, async (t) => {
    const backend = await opened(t, options)
    const material = materialOf((await backend.create('AES_256', 3)).token)
    let made = false
    const making = Promise.resolve(backend.create('RSA_4096', 48)).finally(() => (made = true))
    let served = 0
    for (; !made; served++) {
      await backend.cipher.seal(material, hello, undefined)
      await setImmediate()
    }
    t.true(served > 1, String(served))
    const pair = materialOf((await making).token)
    const signature = await backend.signer!.sign(pair, 'RSASSA_PSS_SHA_256', 'RAW', hello)
    t.true(await backend.signer!.verify(pair, 'RSASSA_PSS_SHA_256', 'RAW', hello, signature))
  })

  test.serial(`${name}: pairs are made while keys are stored, looked for, let go and erased`, async (t) => {
    const backend = await opened(t, options)
    let left = 8
    const pairs = Array.from({ length: left }, async (_, i) => {
      const made = i % 2 ? await asks(backend) : await backend.create('RSA_2048', 48)
      left--
      return made
    })
    const curve = materialOf((await backend.create('ECC_P256', 48)).token)
    for (let i = 0; left > 0 || i < 20; i++) {
      const { token } = await backend.create('AES_256', 3)
      const material = materialOf(token)
      const blob = Buffer.from(await backend.cipher.seal(material, hello, undefined))
      backend.release(material)
      t.deepEqual(Buffer.from(await backend.cipher.open(material, blob, undefined)), hello)
      const signature = Buffer.from(await backend.signer!.sign(curve, 'ECDSA_SHA_256', 'RAW', hello))
      t.true(await backend.signer!.verify(curve, 'ECDSA_SHA_256', 'RAW', hello, signature))
      backend.release(curve)
      await backend.erase!(token)
      await setImmediate()
    }
    for (const [i, made] of (await Promise.all(pairs)).entries()) {
      t.is(made.publicKey!.length, 294)
      if (i % 2) continue
      const pair = materialOf(made.token)
      const signature = await backend.signer!.sign(pair, 'RSASSA_PSS_SHA_256', 'RAW', hello)
      t.true(await backend.signer!.verify(pair, 'RSASSA_PSS_SHA_256', 'RAW', hello, signature))
    }
  })

  test.serial(`${name}: a pair is stored whole, once, and hidden as one that was made in its place`, async (t) => {
    const backend = await opened(t, options)
    const token = await behind(t, options)
    const { token: id } = await backend.create('RSA_2048', 48)
    await token.apart((session) => {
      const says = (cls: number, ...types: readonly number[]) => {
        const [handle, ...more] = findAll(token, session, stored(cls, id))
        t.is(more.length, 0)
        const asked = types.map((type) => ({ type }))
        return token.cryptoki.C_GetAttributeValue(session, handle!, asked).map(({ value }) => value[0])
      }
      t.deepEqual(says(CKO.PUBLIC_KEY, CKA.TOKEN, CKA.VERIFY, CKA.ENCRYPT), [1, 1, 0])
      const hidden = [CKA.TOKEN, CKA.PRIVATE, CKA.SENSITIVE, CKA.EXTRACTABLE, CKA.SIGN, CKA.DECRYPT, CKA.UNWRAP]
      t.deepEqual(says(CKO.PRIVATE_KEY, ...hidden), [1, 1, 1, 0, 1, 0, 0])
      // Made in the token, always sensitive, never extractable.
      t.deepEqual(says(CKO.PRIVATE_KEY, 0x163, 0x165, 0x164), [1, 1, 1])
    })
  })

  test.serial(`${name}: where a pair is stored by half, it is not stored at all`, async (t) => {
    const backend = await opened(t, options)
    const token = await behind(t, options)
    const { cryptoki } = token
    const count = () => token.apart((session) => findAll(token, session, [{ type: CKA.TOKEN, value: true }]).length)
    const before = await count()
    const rightly = cryptoki.C_CopyObject.bind(cryptoki)
    let copies = 0
    struck(t, cryptoki, 'C_CopyObject', (...given) => {
      if (++copies === 2) throw new Error('CKR_DEVICE_MEMORY:49')
      return rightly(...given)
    })
    struck(t, cryptoki, 'C_GenerateKeyPair', () => {
      throw new Error('CKR_DEVICE_MEMORY:49')
    })
    await t.throwsAsync(async () => backend.create('RSA_2048', 48), { code: 'KMSInternalException' })
    t.is(copies, 2)
    t.is(await count(), before)
  })

  test.serial(`${name}: a token that stores no copies has pairs made where they stay`, async (t) => {
    const backend = await opened(t, options)
    const token = await behind(t, options)
    struck(t, token.cryptoki, 'C_CopyObject', () => {
      throw new Error('CKR_FUNCTION_NOT_SUPPORTED:84')
    })
    const { token: id, publicKey } = await backend.create('RSA_2048', 48)
    t.is(publicKey!.length, 294)
    await token.apart((session) => t.is(findAll(token, session, stored(CKO.PRIVATE_KEY, id)).length, 1))
  })
}
