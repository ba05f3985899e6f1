/** The route of identities: for who holds the token, on this machine, and nobody else. */
import test from 'ava'
import { headerRecord } from '../../src/http/message.ts'
import type { Way } from '../../src/http/message.ts'
import { doors, TOKEN } from './doors.ts'

const at = (
  authorization: string | undefined,
  address?: string,
  url = '/_strongroom/identities',
  body = '{"a":1}',
) => ({
  ...{ method: 'PUT', url, body: Buffer.from(body) },
  headers: headerRecord(authorization === undefined ? [] : [['Authorization', authorization]]),
  ...(address !== undefined && { way: { address, secure: false } satisfies Way }),
})
const good = `Bearer ${TOKEN}`

const answers = test.macro({
  title: (why = '') => why,
  exec: async (t, request: ReturnType<typeof at>, status: number) => {
    const response = await doors().handle(request)
    t.is(response.status, status)
    t.is(response.headers['content-type'], 'application/json')
    if (status === 200) t.deepEqual(JSON.parse(response.body.toString()), { method: 'PUT', body: '{"a":1}' })
    else t.notRegex(response.body.toString(), new RegExp(TOKEN))
  },
})
test('the token opens it in process', answers, at(good), 200)
test('the token opens it on this machine', answers, at(good, '127.0.0.1'), 200)
test('the token opens it on this machine by IPv6', answers, at(good, '::1'), 200)
test('the token opens it at a socket of both families', answers, at(good, '::ffff:127.0.0.1'), 200)
test('the token does not open it from elsewhere', answers, at(good, '10.0.0.7'), 403)
test('the token does not open it from elsewhere by IPv6', answers, at(good, '2001:db8::127.1'), 403)
test('no token does not open it', answers, at(undefined, '127.0.0.1'), 401)
test('another token does not open it', answers, at(`${good}x`, '127.0.0.1'), 401)
test('half the token does not open it', answers, at(good.slice(0, -1), '127.0.0.1'), 401)
test('another scheme does not open it', answers, at(good.replace('Bearer', 'Basic'), '127.0.0.1'), 401)
test('an empty token does not open it', answers, at('Bearer ', '127.0.0.1'), 401)

test('without an administration there is no such route', async (t) => {
  const { handle } = doors(undefined, { admin: undefined as never })
  t.is((await handle(at(good))).status, 404)
})

test('what lies near the route is nothing', async (t) => {
  const { handle } = doors()
  for (const url of [
    '/_strongroom',
    '/_strongroom/identities/',
    '/_strongroom/Identities',
    '//_strongroom/identities',
  ]) {
    t.is((await handle(at(good, undefined, url))).status, 404, url)
  }
})

test('a body over the limit is not taken', async (t) => {
  t.is((await doors().handle(at(good, undefined, undefined, ' '.repeat(256 * 1024 + 1)))).status, 413)
})
