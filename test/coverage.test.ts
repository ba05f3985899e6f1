/** `strongroom coverage` finds every operation, key spec and algorithm of AWS at work, and sees what is not. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { SPECS } from '../src/algorithms.ts'
import { coverage, type COVERAGE, type Trials } from '../src/cli/coverage.ts'
import type { Given } from '../src/cli/flags.ts'
import { COVERED, type Coverage } from '../src/coverage.ts'
import { KmsError, Strongroom, type Client } from '../src/index.ts'
import { softTokens } from './helpers/softhsm.ts'

const { keys } = softTokens('keys')

async function played(given: Given<typeof COVERAGE>, spoil: (client: Client) => Client = (client) => client) {
  let printed = ''
  const fresh: Trials['fresh'] = async (use, backend) => {
    const room = await Strongroom.open({ ...COVERED, backend })
    return use({ as: (principal) => spoil(room.as(principal)) }).finally(() => room.close())
  }
  const code = await coverage(given, { fresh, out: (text) => (printed += text) })
  return { code, printed }
}

test('all 56 operations and 20 key specs work', async (t) => {
  const { code, printed } = await played({})
  t.regex(printed, /^56\/56 operations\n20\/20 key specs\n(\d+)\/\1 algorithms of them\n$/m)
  t.notRegex(printed, /^missing/m)
  t.is(Object.keys(SPECS).length, 20)
  t.is(code, 0)
})

test('what does not work is named, with the reason', async (t) => {
  const { code, printed } = await played({ json: [] }, (client) =>
    Object.create(client, { verifyMac: { value: () => Promise.reject(new KmsError('KMSInvalidMacException')) } }),
  )
  const { operations, algorithms } = JSON.parse(printed) as Record<string, { name: string; problem?: string }[]>
  const missing = [...operations!, ...algorithms!].filter(({ problem }) => problem !== undefined)
  t.deepEqual(
    missing.map(({ name }) => name.split(' ')[0]),
    ['VerifyMac', 'HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'],
  )
  t.is(code, 1)
})

test('with a token, what it does and what is done for it is told beside what was tried, and nothing stays in it', async (t) => {
  const pin = join(keys.folder, 'pin')
  writeFileSync(pin, keys.pin, { mode: 0o600 })
  const { code, printed } = await played({
    ...{ module: [keys.module], 'token-label': ['keys'], 'pin-file': [pin], json: [] },
  })
  const { operations, algorithms, abilities } = JSON.parse(printed) as Coverage
  const all = [...operations, ...algorithms]
  t.deepEqual(
    all.filter(({ problem, support }) => (problem === undefined) !== (support !== 'impossible')),
    [],
  )
  t.is(code, 0)
  const told = (name: string) => all.find((finding) => finding.name === name)
  t.like(told('CreateKey'), { support: 'native', problem: undefined })
  t.like(told('ReEncrypt'), { support: 'emulated', how: 'the plaintext passes through this process' })
  t.like(told('Encapsulate'), { support: 'impossible' })
  t.like(told('RSA_2048 SIGN_VERIFY RSASSA_PSS_SHA_256'), { support: 'native' })
  t.like(told('RSA_2048 ENCRYPT_DECRYPT RSAES_OAEP_SHA_256'), { support: 'emulated' })
  t.regex(
    told('ML_DSA_44 SIGN_VERIFY ML_DSA_SHAKE_256')!.problem!,
    /^UnsupportedOperationException: the token makes no keys/,
  )
  t.true(abilities!.some(({ what }) => what === 'AES_256'))
  const args = ['--module', keys.module, '--token-label', 'keys', '--login', '--pin', keys.pin, '--list-objects']
  t.is(execFileSync('pkcs11-tool', args, { encoding: 'utf8', stdio: 'pipe' }).trim(), '')
})
