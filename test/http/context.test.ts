/** What the door tells of how a request came, and what no request can tell of itself. */
import test from 'ava'
import type { Way } from '../../src/http/message.ts'
import type { Endpoint } from '../../src/origin.ts'
import { doors, form, kms } from './doors.ts'

const CREATED = { GrantId: 'g', GrantToken: 't' }
const GRANT = JSON.stringify({
  ...{ KeyId: '1234abcd-12ab-34cd-56ef-1234567890ab', GranteePrincipal: 'arn:aws:iam::000000000000:root' },
  Operations: ['Decrypt'],
})
const endpoint = (): Endpoint => ({ id: 'vpce-1', vpc: 'vpc-1', account: '000000000000', policy: undefined })
const TLS = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }

/** The origins of requests that came these ways. */
async function origins(...ways: { way?: Way; agent?: string }[]) {
  const { handle, asked } = doors(() => ({ Keys: [], Truncated: false }))
  for (const { way, agent } of ways) {
    const request = await kms('ListKeys', '{}', agent === undefined ? {} : { 'user-agent': agent })
    await handle(way ? { ...request, way } : request)
  }
  return asked.map(({ context }) => context.origin)
}

const came = test.macro({
  title: (why = '') => `a request ${why}`,
  exec: async (t, way: Way | undefined, origin: object) => {
    const [found] = await origins({ ...(way && { way }), agent: 'sdk/1' })
    t.deepEqual({ ...found }, { userAgent: 'sdk/1', tls: undefined, endpoint: undefined, ...origin } as never)
  },
})
test('in process never left it', came, undefined, { sourceIp: '127.0.0.1', secure: true })
test('over HTTP', came, { address: '10.0.0.7', secure: false }, { sourceIp: '10.0.0.7', secure: false })
test(
  'from IPv4 at a socket of IPv6',
  came,
  { address: '::ffff:10.0.0.7', secure: false },
  { sourceIp: '10.0.0.7', secure: false },
)
test('from IPv6', came, { address: '2001:db8::7', secure: false }, { sourceIp: '2001:db8::7', secure: false })
test(
  'over TLS',
  came,
  { address: '10.0.0.7', secure: true, tls: TLS },
  {
    ...{ sourceIp: '10.0.0.7', secure: true },
    tls: { ...TLS, host: '127.0.0.1:4599' },
  },
)

const shared = test.macro({
  title: (why = '') => `requests ${why}`,
  exec: async (t, one: { way?: Way; agent?: string }, other: { way?: Way; agent?: string }, same: boolean) => {
    const [first, second] = await origins(one, other)
    t.is(first === second, same)
  },
})
const plain: Way = { address: '10.0.0.7', secure: false }
const through = (one: Endpoint): Way => ({ ...plain, endpoint: one })
test('that come alike share an origin', shared, { way: plain }, { way: { ...plain } }, true)
test('from different addresses do not', shared, { way: plain }, { way: { ...plain, address: '10.0.0.8' } }, false)
test('of different agents do not', shared, { agent: 'a' }, { agent: 'b' }, false)
test('by TLS and without do not', shared, { way: plain }, { way: { ...plain, secure: true, tls: TLS } }, false)
test('through an endpoint and past it do not', shared, { way: through(endpoint()) }, { way: plain }, false)
test(
  'through two endpoints of one name do not',
  shared,
  { way: through(endpoint()) },
  { way: through(endpoint()) },
  false,
)

test('a listener’s endpoint is the origin’s', async (t) => {
  const one = endpoint()
  const [origin] = await origins({ way: through(one) })
  t.is(origin?.endpoint, one)
})

test('nothing in a request says on whose behalf it is, where it came from or by what endpoint', async (t) => {
  const { handle, asked } = doors(() => ({ Keys: [], Truncated: false }))
  const forged = {
    ...{ via: 's3.amazonaws.com', 'x-amz-via-service': 's3.amazonaws.com', 'x-amz-source-arn': 'arn:aws:s3:::b' },
    ...{ 'x-amz-source-account': '111122223333', 'x-amz-source-vpce': 'vpce-1', 'x-amzn-vpce-id': 'vpce-1' },
    ...{ 'x-forwarded-for': '10.1.1.1', 'x-forwarded-proto': 'https', forwarded: 'for=10.1.1.1;proto=https' },
    ...{ 'aws:viaawsservice': 'true', 'x-strongroom-via': 's3.amazonaws.com', 'x-strongroom-principal': 'root' },
  }
  await handle({ ...(await kms('ListKeys', '{}', forged)), way: plain })
  const [{ context } = {}] = asked
  t.deepEqual(Object.keys(context ?? {}).sort(), ['caller', 'origin', 'region', 'requestId'])
  t.like(context, { origin: { sourceIp: '10.0.0.7', secure: false } })
  t.is(context?.origin.endpoint, undefined)
  t.is(context?.via, undefined)
})

const HEADER = 'x-strongroom-grant-expires-in'
for (const [given, milliseconds] of [
  ['1', 1000],
  ['3600', 3_600_000],
  ['315360000', 315_360_000_000],
] as const) {
  test(`a grant may end after ${given} seconds`, async (t) => {
    const { handle, asked } = doors(() => CREATED)
    t.is((await handle(await kms('CreateGrant', GRANT, { [HEADER]: given }))).status, 200)
    t.is(asked[0]?.context.grantExpiresIn, milliseconds)
  })
}

test('a grant without the header has no end', async (t) => {
  const { handle, asked } = doors(() => CREATED)
  await handle(await kms('CreateGrant', GRANT))
  t.false('grantExpiresIn' in (asked[0]?.context ?? {}))
})

for (const given of ['0', '-1', '1.5', '1e3', '0x10', ' ', '', '01', 'soon', '315360001', '1,2', '9'.repeat(400)]) {
  test(`a grant cannot end after ${JSON.stringify(given.slice(0, 12))} seconds`, async (t) => {
    const { handle, asked } = doors(() => CREATED)
    const { status, headers } = await handle(await kms('CreateGrant', GRANT, { [HEADER]: given }))
    t.deepEqual([status, headers['x-amzn-errortype']], [400, 'ValidationException'])
    t.is(asked.length, 0)
  })
}

test('only CreateGrant takes the header', async (t) => {
  const { handle, asked } = doors()
  const listed = await handle(await kms('ListKeys', '{}', { [HEADER]: '60' }))
  t.is(listed.headers['x-amzn-errortype'], 'ValidationException')
  const user = await handle(await form('iam', 'Action=ListUsers', { headers: { [HEADER]: '60' } }))
  t.regex(user.body.toString(), /<Code>ValidationError</)
  t.is(asked.length, 0)
})
