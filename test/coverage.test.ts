/** `strongroom coverage` finds every operation, key spec and algorithm of AWS at work, and sees what is not. */
import test from 'ava'
import { SPECS } from '../src/algorithms.ts'
import { coverage, type Trials } from '../src/cli/coverage.ts'
import { KmsError, Strongroom, type Client } from '../src/index.ts'

async function played(given: { json?: readonly string[] }, spoil: (client: Client) => Client = (client) => client) {
  let printed = ''
  const fresh: Trials['fresh'] = async (use) => {
    const room = await Strongroom.open({ memory: true })
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
