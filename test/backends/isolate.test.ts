/** A token in a process of its own, which is killed and stopped while it works: what was under way fails, what comes later works. */
import test, { type ExecutionContext } from 'ava'
import { openIsolated } from '../../src/backends/isolated.ts'
import { TokenError } from '../../src/backends/pkcs11/faults.ts'
import type { Backend, Parameters } from '../../src/backends/backend.ts'
import { DAY } from '../../src/clock.ts'
import { KmsError } from '../../src/errors.ts'
import { pkcs11, type Pkcs11Options } from '../../src/index.ts'
import { softTokens } from '../helpers/softhsm.ts'
import { node } from '../helpers/wrapping.ts'
import { materialOf, waiting } from './contract/workbench.ts'

const { one } = softTokens('one')
const hello = Buffer.from('attack at dawn')
const OPENER = new URL('../../src/backends/pkcs11.ts', import.meta.url).href

async function opened(t: ExecutionContext, options: Pkcs11Options = one, deadline = 30_000) {
  const { backend, supervisor } = await openIsolated(OPENER, options, { deadline, backOff: 5 })
  t.teardown(() => backend.close())
  return { backend, supervisor }
}

async function aesKey(backend: Backend) {
  return materialOf((await backend.create('AES_256', 3)).token)
}

/** How a crash is told: to the caller, and to who looks after the token. */
function toldOf(reason: unknown): readonly [string, string | undefined] {
  if (!(reason instanceof KmsError)) throw reason
  return [reason.code, reason.cause instanceof TokenError ? reason.cause.code : undefined]
}

const GONE = ['KMSInternalException', 'ModuleCrashed']

for (const [what, signal, deadline] of [
  ['crashes', 'SIGSEGV', 30_000],
  ['is killed', 'SIGKILL', 30_000],
  ['hangs', 'SIGSTOP', 1500],
] as const) {
  test.serial(`a module that ${what} under load fails what is under way, and does what comes later`, async (t) => {
    const { backend, supervisor } = await opened(t, one, deadline)
    const material = await aesKey(backend)
    const before = await backend.cipher.seal(material, hello, { to: 'bob' })
    const first = supervisor.pid!
    const load = Array.from({ length: 200 }, async () => backend.cipher.seal(material, hello, { to: 'bob' }))
    process.kill(first, signal)
    const answers = await Promise.allSettled(load)
    const failed = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => toldOf(reason))
    t.true(failed.length > 0)
    for (const told of failed) t.deepEqual(told, GONE)

    t.deepEqual(Buffer.from(await backend.cipher.open(material, before, { to: 'bob' })), hello)
    t.not(supervisor.pid, first)
    for (const answer of answers) {
      if (answer.status === 'rejected') continue
      t.deepEqual(Buffer.from(await backend.cipher.open(material, answer.value, { to: 'bob' })), hello)
    }
  })
}

test.serial('a module that crashes again and again is started again and again', async (t) => {
  const { backend, supervisor } = await opened(t)
  const material = await aesKey(backend)
  for (let i = 0; i < 3; i++) {
    process.kill(supervisor.pid!, 'SIGKILL')
    // Whether this one is lost depends on who is first; the next one is not.
    await Promise.resolve(backend.cipher.seal(material, hello, undefined)).catch(() => undefined)
    t.true((await backend.cipher.seal(material, hello, undefined)).length > 0)
  }
})

test.serial('a token that was removed when its process starts anew is told of, and used when it is back', async (t) => {
  let label = one.tokenLabel
  const options = {
    ...one,
    get tokenLabel() {
      return label
    },
  }
  const { backend, supervisor } = await opened(t, options)
  const material = await aesKey(backend)
  label = 'elsewhere'
  process.kill(supervisor.pid!, 'SIGKILL')
  const told = new Set<string | undefined>()
  for (let i = 0; i < 3; i++) {
    const [result] = await Promise.allSettled([backend.cipher.seal(material, hello, undefined)])
    if (result.status === 'rejected') told.add(toldOf(result.reason)[1])
  }
  t.true(told.has('TokenMissing'))
  label = one.tokenLabel
  t.true((await backend.cipher.seal(material, hello, undefined)).length > 0)
})

test.serial('a PIN that is wrong when the process starts anew is tried once', async (t) => {
  let asked = 0
  const pin = () => (asked++ === 0 ? one.pin : '000000')
  const { backend, supervisor } = await opened(t, { ...one, pin })
  const material = await aesKey(backend)
  process.kill(supervisor.pid!, 'SIGKILL')
  await Promise.allSettled([backend.cipher.seal(material, hello, undefined)])
  for (let i = 0; i < 3; i++) {
    const [result] = await Promise.allSettled([backend.cipher.seal(material, hello, undefined)])
    t.is(result.status, 'rejected')
    if (result.status === 'rejected') t.deepEqual(toldOf(result.reason), ['KMSInternalException', 'PinIncorrect'])
  }
  t.is(asked, 2)
})

const refused: readonly (readonly [what: string, code: string, options: Pkcs11Options])[] = [
  ['no module', 'ModuleMissing', { ...one, module: '/nowhere/module.so' }],
  ['no token of that label', 'TokenMissing', { ...one, tokenLabel: 'three' }],
  ['a wrong PIN', 'PinIncorrect', { ...one, pin: '000000' }],
]
for (const [what, code, options] of refused) {
  test.serial(`opening a token in a process of its own tells of ${what}`, async (t) => {
    await t.throwsAsync(pkcs11({ ...options, isolate: true }).open(), { instanceOf: TokenError, code })
  })
}

test.serial('what AWS would refuse is refused in its words, and closing ends the process', async (t) => {
  const { backend, supervisor } = await openIsolated(OPENER, one)
  const material = await aesKey(backend)
  const { pid } = supervisor
  await t.throwsAsync(async () => backend.cipher.open(material, Buffer.alloc(200), undefined), {
    instanceOf: KmsError,
    code: 'InvalidCiphertextException',
  })
  await backend.close()
  t.throws(() => process.kill(pid!, 0), { code: 'ESRCH' })
  await t.throwsAsync(async () => backend.cipher.seal(material, hello, undefined), { code: 'KMSInternalException' })
})

test.serial('wrapping keys and keys are destroyed in the other process as they are here', async (t) => {
  const { backend } = await opened(t)
  const key = waiting('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')
  const now = Date.UTC(2026, 10, 24)
  const ask = () => Promise.resolve(backend.importer!.parameters(key, 'RSA_2048', 'RSAES_OAEP_SHA_256', now + DAY))
  const [erased, withdrawn] = [await ask(), await ask()]
  const bring = ({ token, publicKey }: Parameters) =>
    backend.importer!.import(key, token, node.oaep(publicKey, Buffer.alloc(32, 7), 'sha256'), now)
  const { token } = await bring(erased)
  await backend.erase!(erased.kept!)
  await t.throwsAsync(async () => bring(erased), { code: 'InvalidImportTokenException' })
  await bring(withdrawn)
  await backend.importer!.withdraw!(key.arn)
  await t.throwsAsync(async () => bring(withdrawn), { code: 'InvalidImportTokenException' })

  const material = materialOf(token)
  t.truthy(await backend.cipher.seal(material, hello, undefined))
  backend.release(material)
  await backend.erase!(token)
  const told = await t.throwsAsync(async () => backend.cipher.seal(materialOf(token), hello, undefined))
  t.deepEqual(toldOf(told), ['KMSInternalException', 'KeyMissing'])
})

test.serial('no PIN is in the arguments or the environment of the process', async (t) => {
  const { supervisor } = await opened(t)
  const { readFileSync } = await import('node:fs')
  for (const file of ['cmdline', 'environ']) {
    const text = readFileSync(`/proc/${supervisor.pid}/${file}`, 'latin1')
    t.false(text.includes(one.pin), file)
  }
})
