/** `strongroom quotas` at a running server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { main, type Terminal } from '../../src/cli/main.ts'
import { Strongroom } from '../../src/index.ts'
import { ACCOUNT } from './throttled.ts'

test('quotas are listed, raised and taken back', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-quotas-'))
  const room = await Strongroom.open({ data, quotas: 'aws' })
  t.teardown(async () => {
    await room.close()
    await rm(data, { recursive: true })
  })
  const { url } = await room.listen({ port: 0 })

  const said = async (args: string) => {
    let [out, error] = ['', '']
    const terminal = { out: (text: string) => (out += text), error: (text: string) => (error += text), env: {} }
    const line = `quotas ${args} --endpoint-url ${url} --data ${data}`.split(' ')
    return { code: await main(line, terminal as Partial<Terminal> as Terminal), out, error }
  }
  const whose = `--account ${ACCOUNT} --region us-east-1`
  const list = await said('list --region us-east-1')
  t.is(list.code, 0, list.error)
  t.regex(list.out, /^Symmetric +100000 per second$/m)
  t.regex(list.out, /^TagsPerKey +50 at most, for everybody$/m)
  t.notRegex(list.out, /changed|not throttled/)

  const set = await said(`set Symmetric --value 200000 ${whose}`)
  t.is(set.code, 0, set.error)
  t.regex(set.out, /^Symmetric +200000 per second$/m)
  t.regex(set.out, /^changed: Symmetric is 200000 for 111122223333 in us-east-1$/m)
  t.is(room.quotas.get({ quota: 'Symmetric', account: ACCOUNT, region: 'us-east-1' }), 200_000)

  const fixed = await said('set PolicyBytes --value 65536')
  t.is(fixed.code, 1)
  t.regex(fixed.error, /`PolicyBytes` is 32768; AWS raises it for nobody/)
  t.regex((await said('set Symmetric --value many')).error, /`value` must be a number/)
  const none = await said('set Symmetric')
  t.is(none.code, 2)
  t.regex(none.error, /`quotas set` needs `--value N`/)
  t.is((await said('list --value 5')).code, 2)

  t.notRegex((await said(`reset Symmetric ${whose}`)).out, /changed/)
  t.is(room.quotas.get({ quota: 'Symmetric', account: ACCOUNT, region: 'us-east-1' }), 100_000)
})
