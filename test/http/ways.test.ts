/** What the door makes of how a request comes: where from, for which service, with which headers of ours; and what it does not. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import { createHandler, type HandlerOptions } from '../../src/http/handler.ts'
import type { HttpRequest, Way } from '../../src/http/message.ts'
import type { Context } from '../../src/context.ts'
import { book } from './book.ts'
import { signed, type Signing } from './sign.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const SESSION = { id: 'ASIASESSION', secret: 'temporary', sessionToken: 'token' }
const ACCOUNTS = [{ id: '000000000000', accessKeys: [{ id: 'test', secret: 'test' }, SESSION] }]
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A handler, and the contexts its services were called in. */
function scene(options: Partial<HandlerOptions> = {}, expires?: number) {
  const contexts: Context[] = []
  const handle = createHandler({
    service: {
      call(_, __, context) {
        contexts.push(context)
        return {}
      },
    },
    identities: book(ACCOUNTS, expires),
    now: () => AT,
    log: () => undefined,
    ready: () => true,
    ...options,
  })
  return { handle, contexts }
}

const sign = (signing: Signing = {}, operation = 'ListKeys') => signed(operation, { at: AT, ...signing })
const coming = (request: HttpRequest, way: Way): HttpRequest => ({ ...request, way })

test('equal ways are one origin, and others another', async (t) => {
  const { handle, contexts } = scene()
  const way = { address: '127.0.0.1', secure: false }
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }
  const ways: Way[] = [way, { ...way }, { ...way, address: '127.0.0.2' }, { ...way, secure: true, tls }]
  for (const each of ways) await handle(coming(await sign(), each))
  const [first, same, elsewhere, secure] = contexts.map(({ origin }) => origin)
  t.is(first, same)
  t.is(new Set([first, elsewhere, secure]).size, 3)
  t.deepEqual(secure!.tls, { ...tls, host: '127.0.0.1:4599' })
})

test('an address of IPv4 is written as one', async (t) => {
  const { handle, contexts } = scene()
  await handle(coming(await sign(), { address: '::ffff:127.0.0.1', secure: false }))
  await handle(coming(await sign(), { address: '::1', secure: false }))
  t.deepEqual(
    contexts.map(({ origin }) => origin.sourceIp),
    ['127.0.0.1', '::1'],
  )
})

test('what never left the process is secure; what came by an open socket is not', async (t) => {
  const { handle, contexts } = scene()
  await handle(await sign())
  await handle(coming(await sign(), { address: '127.0.0.1', secure: false }))
  t.deepEqual(
    contexts.map(({ origin }) => origin.secure),
    [true, false],
  )
})

test('no header makes a caller a service, or a request one of a service', async (t) => {
  const { handle, contexts } = scene()
  const forged = {
    'x-amz-source-arn': 'arn:aws:s3:::bucket',
    'x-amz-source-account': '000000000000',
    'x-amz-via-service': 's3.eu-central-1.amazonaws.com',
    'x-amz-invoked-by': 's3.amazonaws.com',
    'x-forwarded-for': '203.0.113.7',
  }
  t.is((await handle(coming(await sign({ headers: forged }), { address: '127.0.0.1', secure: false }))).status, 200)
  const [context] = contexts
  t.is(context!.via, undefined)
  t.is(context!.caller.type, 'Root')
  t.is(context!.origin.sourceIp, '127.0.0.1')
})

const EXPIRES = 'x-strongroom-grant-expires-in'

test('a grant that is to end says so in a signed header', async (t) => {
  const { handle, contexts } = scene()
  await handle(await sign({ headers: { [EXPIRES]: '86400' }, body: GRANT }, 'CreateGrant'))
  t.is(contexts[0]!.grantExpiresIn, 86_400_000)
  const unsigned = await sign({ body: GRANT }, 'CreateGrant')
  const added = { ...unsigned, headers: { ...unsigned.headers, [EXPIRES]: '86400' } }
  t.like(await handle(added), { status: 400 })
  t.is(contexts.length, 1, 'a header that anybody could have added is none')
})

const GRANT = JSON.stringify({
  KeyId: 'k',
  GranteePrincipal: 'arn:aws:iam::000000000000:role/r',
  Operations: ['Decrypt'],
})

for (const [value, operation] of [
  ['0', 'CreateGrant'],
  ['-1', 'CreateGrant'],
  ['1.5', 'CreateGrant'],
  ['1e3', 'CreateGrant'],
  ['24h', 'CreateGrant'],
  ['315360001', 'CreateGrant'],
  ['86400', 'ListKeys'],
] as const) {
  test(`a grant cannot end so: ${value}, on ${operation}`, async (t) => {
    const { handle, contexts } = scene()
    const { status, body } = await handle(
      await sign({ headers: { [EXPIRES]: value }, body: operation === 'CreateGrant' ? GRANT : '{}' }, operation),
    )
    t.is(status, 400)
    t.regex(body.toString(), /ValidationException/)
    t.is(contexts.length, 0)
  })
}

test('credentials that have ended are told so, and no sooner', async (t) => {
  const temporary = { accessKeyId: SESSION.id, secretAccessKey: SESSION.secret, sessionToken: SESSION.sessionToken }
  const ask = async (expires: number, sessionToken: string = SESSION.sessionToken) =>
    (await scene({}, expires).handle(await sign({ ...temporary, sessionToken }))).body.toString()
  t.is(await ask(AT.getTime() + 1), '{}')
  t.regex(
    await ask(AT.getTime()),
    /"ExpiredTokenException","message":"The security token included in the request is expired"/,
  )
  t.regex(await ask(AT.getTime(), 'another'), /UnrecognizedClientException/)
})

// Other services ----------------------------------------------------------------------------------

const echo = {
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  call: (parameters: ReadonlyMap<string, string>) => {
    if (parameters.get('Action') === 'Fail') throw new KmsError('NoSuchEntity', 'no <such> thing')
    if (parameters.get('Action') === 'Break') throw new Error('secret')
    return Promise.resolve(`<Echo>${[...parameters].join(' ')}</Echo>`)
  },
}

test('a form is for the service that its signature names', async (t) => {
  const { handle } = scene({ queries: { iam: echo } })
  const ask = async (body: string, service = 'iam') => handle(await sign({ service, body, headers: FORM }))
  const answer = await ask('Action=GetUser&Tags.member.1.Key=a%20b&Action=Twice')
  t.like(answer, { status: 200, body: '<Echo>Action,GetUser Tags.member.1.Key,a b</Echo>' })
  t.is(answer.headers['content-type'], 'text/xml')
  const missing = await ask('Action=Fail')
  t.is(missing.status, 404)
  t.regex(
    missing.body.toString(),
    /<Error><Type>Sender<\/Type><Code>NoSuchEntity<\/Code><Message>no &#60;such&#62; thing</,
  )
  const broken = await ask('Action=Break')
  t.is(broken.status, 500)
  t.notRegex(broken.body.toString(), /secret/)
  const elsewhere = await ask('Action=GetUser', 's3')
  t.is(elsewhere.status, 403)
  t.regex(elsewhere.body.toString(), /<Code>SignatureDoesNotMatch<\/Code>/)
})

test('a service that the room does not have is a wrong scope', async (t) => {
  const { handle } = scene()
  const { status, body } = await handle(await sign({ service: 'iam', headers: FORM }))
  t.is(status, 400)
  t.regex(body.toString(), /Credential should be scoped to correct service: 'kms'/)
})

for (const target of [
  'CloudTrail_20131101.LookupEvents',
  'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents',
]) {
  test(`events are looked up by ${target}`, async (t) => {
    const asked: unknown[] = []
    const { handle } = scene({
      cloudtrail: (name, input) => {
        asked.push([name, input])
        return Promise.resolve({ Events: [] })
      },
    })
    const request = await sign({ service: 'cloudtrail', body: '{"MaxResults":1}', headers: { 'x-amz-target': target } })
    t.like(await handle(request), { status: 200, body: '{"Events":[]}' })
    t.deepEqual(asked, [['LookupEvents', { MaxResults: 1 }]])
  })
}

// The admin route ---------------------------------------------------------------------------------

const asking = (authorization?: string, method = 'GET', way?: Way): HttpRequest => ({
  method,
  url: '/_strongroom/identities',
  headers: authorization === undefined ? {} : { authorization },
  body: Buffer.from('{}'),
  ...(way && { way }),
})

const admin = {
  token: 'the-token',
  routes: { identities: (method: string, body: string) => Promise.resolve({ status: 200, body: method + body }) },
}

test('identities are for whoever holds the token, on this machine', async (t) => {
  const { handle } = scene({ admin })
  t.like(await handle(asking('Bearer the-token', 'PUT')), { status: 200, body: 'PUT{}' })
  t.like(await handle(asking('Bearer the-token', 'PUT', { address: '::ffff:127.0.0.1', secure: false })), {
    status: 200,
  })
  for (const authorization of [undefined, 'Bearer another', 'Bearer the-toke', 'the-token', 'Basic the-token']) {
    t.is((await handle(asking(authorization))).status, 401, String(authorization))
  }
  t.is((await handle(asking('Bearer the-token', 'GET', { address: '192.0.2.1', secure: true }))).status, 403)
})

test('without a token there is no such route', async (t) => {
  t.is((await scene().handle(asking('Bearer the-token'))).status, 404)
})
