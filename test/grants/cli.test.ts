/** `strongroom grant`: what it sends to a server, what it prints, and what it does not understand. */
import { createHash, createHmac } from 'node:crypto'
import test from 'ava'
import { UsageError } from '../../src/cli/flags.ts'
import { grant, GRANT_HELP } from '../../src/cli/grant.ts'
import { canonicalRequest } from '../../src/http/canonical.ts'
import { signingKey, stringToSign } from '../../src/http/sigv4.ts'

const ENV = { AWS_ACCESS_KEY_ID: 'AKIAONE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' }
const NEEDED = ['create', '--key', 'k', '--grantee', 'arn:aws:iam::111122223333:user/a', '--operations']

interface Sent {
  url: string
  headers: Record<string, string>
  body: string
}

function world(
  answer: unknown = { GrantId: 'g', GrantToken: 't', More: 'x' },
  status = 200,
  env: Record<string, string> = ENV,
) {
  const sent: Sent[] = []
  const said: string[] = []
  return {
    sent,
    said,
    env,
    now: () => Date.UTC(2026, 0, 1, 12),
    out: (text: string) => said.push(text),
    fetch(url: string, { headers, body }: Omit<Sent, 'url'>) {
      sent.push({ url, headers, body })
      return Promise.resolve(Response.json(answer, { status }))
    },
  }
}

test('a grant is asked for with its end in a signed header, and told as JSON', async (t) => {
  const it = world()
  const flags = [
    'Decrypt, Encrypt',
    '--expires-in',
    '24h',
    '--name',
    'n',
    '--endpoint-url',
    'http://kms.test:1',
    '--region',
    'eu-west-1',
  ]
  t.is(await grant([...NEEDED, ...flags], it), 0)
  const [{ url, headers, body }] = it.sent as [Sent]
  t.is(url, 'http://kms.test:1')
  t.deepEqual(JSON.parse(body), {
    KeyId: 'k',
    GranteePrincipal: 'arn:aws:iam::111122223333:user/a',
    Operations: ['Decrypt', 'Encrypt'],
    Name: 'n',
  })
  t.is(headers['x-strongroom-grant-expires-in'], '86400')
  t.is(headers['x-amz-target'], 'TrentService.CreateGrant')
  t.is(headers['x-amz-security-token'], 'token')
  t.regex(headers.authorization!, /Credential=AKIAONE\/20260101\/eu-west-1\/kms\/aws4_request/)
  t.regex(headers.authorization!, /SignedHeaders=[^,]*x-amz-target;x-strongroom-grant-expires-in,/)
  t.is(/Signature=(\w+)/.exec(headers.authorization!)![1], signatureOf(headers, body))
  t.deepEqual(it.said, ['{\n  "GrantId": "g",\n  "GrantToken": "t"\n}\n'])
})

function signatureOf(headers: Record<string, string>, text: string): string {
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization!)![1]!
  const hash = createHash('sha256').update(text).digest('hex')
  const canonical = canonicalRequest({ method: 'POST', url: '/', headers }, names, hash)
  const signed = stringToSign('20260101T120000Z', '20260101/eu-west-1/kms/aws4_request', canonical)
  return createHmac('sha256', signingKey('secret', '20260101', 'eu-west-1', 'kms'))
    .update(signed)
    .digest('hex')
}

test('without an end there is no header, and the environment says where', async (t) => {
  for (const [env, url] of [
    [{}, 'http://localhost:4599'],
    [{ AWS_ENDPOINT_URL: 'http://all.test' }, 'http://all.test'],
    [{ AWS_ENDPOINT_URL: 'http://all.test', AWS_ENDPOINT_URL_KMS: 'http://kms.test' }, 'http://kms.test'],
  ] as const) {
    const it = world(undefined, 200, env)
    await grant([...NEEDED, 'Decrypt'], it)
    t.is(it.sent[0]!.url, url)
    t.false('x-strongroom-grant-expires-in' in it.sent[0]!.headers)
  }
})

test('what the server refuses is told in a line, without escapes', async (t) => {
  const it = world({ __type: 'NotFoundException', message: 'no \u001B[2J\nkey' }, 400)
  const { message } = await t.throwsAsync(grant([...NEEDED, 'Decrypt'], it))
  t.is(message, 'http://localhost:4599 says NotFoundException: no \\u{1b}[2J\\u{a}key')
  t.deepEqual(it.said, [])
})

const MISUSED: [args: string[], why: RegExp][] = [
  [[], /grant create/],
  [['revoke'], /unknown `grant revoke`/],
  [['create'], /are needed/],
  [['create', '--key', 'k', '--grantee', 'a'], /are needed/],
  [[...NEEDED], /--operations/],
  [[...NEEDED, 'Decrypt', '--expires-in', 'soon'], /not `soon`/],
  [[...NEEDED, 'Decrypt', '--expires-in', '0s'], /not `0s`/],
  [[...NEEDED, 'Decrypt', '--expires-in', '3651d'], /not `3651d`/],
  [[...NEEDED, 'Decrypt', '--endpoint-url', 'here'], /`here` is no URL/],
  [[...NEEDED, 'Decrypt', '--granted', 'x'], /unknown flag/],
]

for (const [args, why] of MISUSED) {
  test(`\`grant ${args.join(' ')}\` is not understood, and nothing is sent`, async (t) => {
    const it = world()
    await t.throwsAsync(async () => grant(args, it), { instanceOf: UsageError, message: why })
    t.deepEqual(it.sent, [])
  })
}

test('help names every flag', (t) => {
  for (const flag of ['key', 'grantee', 'operations', 'expires-in', 'name', 'endpoint-url', 'region']) {
    t.regex(GRANT_HELP, new RegExp(`--${flag} `))
  }
})
