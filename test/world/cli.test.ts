/** `strongroom clock`, `region` and `faults`, and the routes behind them, of a running server. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { main, type Terminal } from '../../src/cli/main.ts'
import { Strongroom } from '../../src/index.ts'
import { refuses } from '../helpers/scene.ts'

const START = Date.UTC(2026, 0, 1)

/** A served room, and the command line in front of it. */
async function served(t: ExecutionContext) {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-world-'))
  const room = await Strongroom.open({ data, now: () => new Date(START) })
  t.teardown(async () => {
    await room.close()
    await rm(data, { recursive: true, force: true })
  })
  const { url } = await room.listen()
  const run = async (command: string, ...words: string[]) => {
    let [out, error] = ['', '']
    const code = await main([...command.split(' '), ...words, '--data', data, '--endpoint-url', url], {
      env: {},
      out: (text: string) => (out += text),
      error: (text: string) => (error += text),
    } as unknown as Terminal)
    return { code, out, error: error.split('\n')[0]! }
  }
  const token = await readFile(join(data, 'admin.token'), 'utf8')
  const ask = async (method: string, route: string, body?: string, bearer = token) => {
    const headers = { authorization: `Bearer ${bearer}` }
    const answer = await fetch(`${url}/_strongroom/${route}`, { method, headers, ...(body !== undefined && { body }) })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  return { room, data, url, run, ask }
}

test('the clock of a server is shown, put ahead and set', async (t) => {
  const { room, run } = await served(t)
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  t.is((await run('clock show')).out, "2026-01-01T00:00:00.000Z, the machine's time\n")
  t.is((await run('clock advance 8d')).out, "2026-01-09T00:00:00.000Z, 8d ahead of the machine's\n")
  await refuses(t, room.describeKey({ KeyId }), 'NotFoundException')
  const { out } = await run('clock set 2026-01-09T01:30:10Z')
  t.is(out, "2026-01-09T01:30:10.000Z, 8d 1h ahead of the machine's\n")
  t.is((await run('clock advance', '1 day')).out, "2026-01-10T01:30:10.000Z, 9d 1h ahead of the machine's\n")
})

test('a Region is cut off and restored', async (t) => {
  const { room, run } = await served(t)
  t.is((await run('region list')).out, 'no Region is cut off\n')
  t.is((await run('region down us-east-1')).out, 'us-east-1 is cut off since 2026-01-01T00:00:00.000Z\n')
  await t.throwsAsync(room.listKeys(), { code: 'ECONNREFUSED' })
  t.is((await run('region up us-east-1')).out, 'no Region is cut off\n')
  await t.notThrowsAsync(room.listKeys())
})

test('faults are added, listed and removed', async (t) => {
  const { room, run } = await served(t)
  t.is((await run('faults list')).out, 'there are no faults\n')
  const line = 'faults add --operation ListKeys --error ThrottlingException --times 2 --probability 1'
  const one = '1: operation ListKeys, error ThrottlingException, times 2, probability 1; has struck 0 times\n'
  t.is((await run(line)).out, one)
  await refuses(t, room.listKeys(), 'ThrottlingException')
  const struck = one.replace('struck 0', 'struck 1')
  t.is(
    (await run('faults add --region eu-west-1 --drop')).out,
    `${struck}2: region eu-west-1, drop; has struck 0 times\n`,
  )
  t.is((await run('faults remove 1')).out, '2: region eu-west-1, drop; has struck 0 times\n')
  await t.notThrowsAsync(room.listKeys())
  t.is((await run('faults clear')).out, 'there are no faults\n')
})

const adds = test.macro<[words: string, listed: string]>({
  title: (_, words) => `added: strongroom faults add ${words}`,
  async exec(t, words, listed) {
    const { run } = await served(t)
    const said = `1: ${listed}; has struck 0 times\n`
    t.is((await run(`faults add ${words}`)).out, said)
    t.is((await run('faults list')).out, said)
  },
})

test(adds, '--operation Decrypt --hang --after 3', 'operation Decrypt, hang, after 3')
test(adds, '--backend hsm --wrong --times 1', 'backend hsm, wrong, times 1')
test(adds, '--backend hsm --forget', 'backend hsm, forget')
test(
  adds,
  '--operation Decrypt --script [{"error":"ThrottlingException"},{},{"drop":true}]',
  'operation Decrypt, script [{"error":"ThrottlingException"},{},{"drop":true}]',
)

const misused = test.macro<[command: string, why: string | RegExp, code?: number]>({
  title: (_, command) => `misused: strongroom ${command}`,
  exec: async (t, command, why, code = 2) => {
    const ran = await (await served(t)).run(command)
    t.is(ran.code, code)
    t.is(ran.out, '')
    if (why instanceof RegExp) t.regex(ran.error, why)
    else t.is(ran.error, `strongroom: ${why}`)
  },
})
test(misused, 'clock', 'unknown `clock --data`: `clock show`, `clock set`, `clock advance`')
test(misused, 'clock turn', 'unknown `clock turn`: `clock show`, `clock set`, `clock advance`')
test(misused, 'clock advance', '`clock advance` needs TIME')
test(misused, 'clock show --sed 1', 'unknown flag `--sed`; there are `--data`, `--endpoint-url`')
test(misused, 'clock advance soon', /says `soon` is no span of time like 8 days/, 1)
test(misused, 'clock set 2025-01-01', /says a room's clock goes forward only/, 1)
test(misused, 'region down', '`region down` needs the name of a Region')
test(misused, 'region down virginia', /says `virginia` is not the name of a Region/, 1)
test(misused, 'faults add --error oops', /says `error` of a fault takes the name of an exception/, 1)
test(misused, 'faults add --times x', '`--times` takes a number')
test(misused, 'faults add --script oops', '`--script` takes a list in JSON')
test(misused, 'faults add --script {}', /a list of what goes wrong in turn/, 1)
test(misused, 'faults add --wrong', /only a backend gives a `wrong` answer/, 1)
test(misused, 'faults add --forget', /is made to `forget`/, 1)
test(misused, 'faults remove one', '`faults remove` takes a number')
test(misused, 'faults remove 7', /says there is no fault 7/, 1)

test('without the folder of a server there is no token', async (t) => {
  let error = ''
  const terminal = { env: {}, out: () => {}, error: (text: string) => (error += text) } as unknown as Terminal
  t.is(await main(['clock', 'show', '--data', '/nowhere'], terminal), 2)
  t.regex(error, /`\/nowhere` is not the folder of a server; `--data` names it/)
})

test('the routes are for whoever holds the token', async (t) => {
  const { ask } = await served(t)
  for (const route of ['clock', 'regions', 'faults']) {
    t.is((await ask('GET', route)).status, 200)
    t.is((await ask('GET', route, undefined, 'x')).status, 401)
    t.is((await ask('POST', route, '{}', 'x')).status, 401)
  }
})

test('the routes tell and take JSON', async (t) => {
  const { ask } = await served(t)
  t.deepEqual(await ask('GET', 'clock'), { status: 200, body: { now: '2026-01-01T00:00:00.000Z', ahead: 0 } })
  const turned = { now: '2026-01-01T00:00:01.000Z', ahead: 1000 }
  t.deepEqual(await ask('POST', 'clock', '{"advance":1000}'), { status: 200, body: turned })
  t.deepEqual(await ask('POST', 'regions', '{"down":"eu-west-1"}'), {
    status: 200,
    body: { lost: [{ region: 'eu-west-1', since: '2026-01-01T00:00:01.000Z' }] },
  })
  t.deepEqual(await ask('POST', 'faults', '{"drop":true}'), {
    status: 200,
    body: { id: 1, faults: [{ id: 1, drop: true, hits: 0 }] },
  })
  t.deepEqual(await ask('DELETE', 'faults', '{"id":1}'), { status: 200, body: { faults: [] } })
})

test('the routes say what is wrong with a request', async (t) => {
  const { ask } = await served(t)
  const problem = async (...request: Parameters<typeof ask>) => {
    const { status, body } = await ask(...request)
    return [status, body.message]
  }
  t.deepEqual(await problem('POST', 'clock', '{}'), [400, '`set` or `advance` is needed'])
  t.deepEqual(await problem('POST', 'clock', '{"set":1,"advance":1}'), [400, '`set` or `advance` is needed'])
  t.deepEqual(await problem('POST', 'regions', '[]'), [400, 'a JSON object is needed'])
  t.is((await problem('POST', 'faults', '{'))[0], 400)
  t.deepEqual(await problem('PUT', 'regions', '{}'), [405, 'PUT is none of GET, POST'])
})

test('a server whose home Region is cut off is administered all the same', async (t) => {
  const { run } = await served(t)
  await run('region down us-east-1')
  t.is((await run('clock advance 1h')).code, 0)
  t.is((await run('region up us-east-1')).code, 0)
})
