/** Which service a request is for is what it was signed for; each is asked, and answers, in its own protocol. */
import test from 'ava'
import { KmsError } from '../../src/errors.ts'
import { headerRecord } from '../../src/http/message.ts'
import type { HttpRequest } from '../../src/http/message.ts'
import { doors, form, kms, trail } from './doors.ts'

const answered = test.macro({
  title: (why = '') => `${why} is answered`,
  exec: async (t, request: () => Promise<HttpRequest>, service: string, input: object, type: string, body: string) => {
    const { handle, asked } = doors(() => ({ Events: [] }))
    const response = await handle(await request())
    t.is(response.body, body)
    t.is(response.status, 200)
    t.is(response.headers['content-type'], type)
    t.is(asked.length, 1)
    t.like(asked[0], { service, context: { requestId: response.headers['x-amzn-requestid'] } })
    t.deepEqual(asked[0]?.input, input)
  },
})

const JSON_1_1 = 'application/x-amz-json-1.1'
const LOOKUP = { name: 'LookupEvents', input: { MaxResults: 1 } }
const users = { Action: 'CreateUser', UserName: 'a b+ü&', Path: '/' }
const encoded = 'Action=CreateUser&UserName=a+b%2B%C3%BC%26&Path=%2F&Path=/second/'
const inFull = 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents'
const short = 'CloudTrail_20131101.LookupEvents'
test(
  "botocore's target of CloudTrail",
  answered,
  () => trail(inFull, '{"MaxResults":1}'),
  'cloudtrail',
  LOOKUP,
  JSON_1_1,
  '{"Events":[]}',
)
test(
  "the JavaScript SDK's target of CloudTrail",
  answered,
  () => trail(short, '{"MaxResults":1}'),
  'cloudtrail',
  LOOKUP,
  JSON_1_1,
  '{"Events":[]}',
)
test(
  'a lookup without a body',
  answered,
  () => trail(short, ''),
  'cloudtrail',
  { ...LOOKUP, input: {} },
  JSON_1_1,
  '{"Events":[]}',
)
test('a form for IAM', answered, () => form('iam', encoded), 'iam', users, 'text/xml', '<Done/>')
test(
  'a form for STS',
  answered,
  () => form('sts', 'Action=GetCallerIdentity'),
  'sts',
  { Action: 'GetCallerIdentity' },
  'text/xml',
  '<Done/>',
)

const refused = test.macro({
  title: (why = '') => `${why} is refused`,
  exec: async (t, request: () => Promise<HttpRequest>, code: string) => {
    const { handle, asked } = doors()
    const response = await handle(await request())
    t.is(response.status, 400)
    t.is(response.headers['x-amzn-errortype'], code)
    t.is(asked.length, 0)
  },
})
test(
  'a target of another service than was signed for',
  refused,
  () => trail('TrentService.ListKeys'),
  'UnknownOperationException',
)
test('a target of CloudTrail with more before it', refused, () => trail(`x.${short}`), 'UnknownOperationException')
test('a lookup that is not JSON', refused, () => trail(short, '{'), 'SerializationException')
test(
  'JSON for IAM',
  refused,
  () => form('iam', '{}', { headers: { 'content-type': JSON_1_1 } }),
  'UnknownOperationException',
)
test(
  'a target of CloudTrail under a signature for the key management',
  refused,
  async () => {
    const request = await kms('ListKeys', '{}')
    return { ...request, headers: headerRecord(Object.entries({ ...request.headers, 'x-amz-target': short })) }
  },
  'InvalidSignatureException',
)

test('a service that the room does not have is a wrong scope', async (t) => {
  const { handle } = doors(undefined, { queries: {}, cloudtrail: undefined as never })
  const message = "Credential should be scoped to correct service: 'kms'."
  for (const request of [await form('iam', 'Action=ListUsers'), await trail(short)]) {
    const { body } = await handle(request)
    t.deepEqual(JSON.parse(body.toString()), { __type: 'InvalidSignatureException', message })
  }
})

const said = (code: string, message: string, type = 'Sender', service = 'iam') =>
  new RegExp(
    `^<ErrorResponse xmlns="https://${service}\\.example/doc/"><Error><Type>${type}</Type><Code>${code}</Code>` +
      `<Message>${message}</Message></Error><RequestId>[0-9a-f-]{36}</RequestId></ErrorResponse>$`,
  )

const told = test.macro({
  title: (_, code: string) => `${code} in XML`,
  exec: async (t, code: string, status: number, name: string = code, type?: 'Receiver') => {
    const { handle, log } = doors(() => {
      throw new KmsError(code, '<&"\0\ud800')
    })
    const response = await handle(await form('iam', 'Action=X'))
    t.is(response.status, status)
    t.is(response.headers['content-type'], 'text/xml')
    t.regex(response.body.toString(), said(name, '&#60;&#38;&#34;\ufffd\ufffd', type))
    t.is(log.length, status >= 500 ? 1 : 0)
  },
})
test(told, 'NoSuchEntity', 404)
test(told, 'EntityAlreadyExists', 409)
test(told, 'DeleteConflict', 409)
test(told, 'LimitExceeded', 409)
test(told, 'AccessDenied', 403)
test(told, 'MalformedPolicyDocument', 400)
test(told, 'ValidationError', 400)
test(told, 'AccessDeniedException', 403, 'AccessDenied')
test(told, 'KMSInternalException', 500, 'ServiceFailure', 'Receiver')
test(told, 'ServiceUnavailableException', 503, 'ServiceUnavailable', 'Receiver')

test('what nobody expected is a ServiceFailure that says nothing', async (t) => {
  const { handle, log } = doors(() => {
    throw new TypeError('secret')
  })
  const response = await handle(await form('sts', 'Action=X'))
  t.is(response.status, 500)
  t.regex(response.body.toString(), said('ServiceFailure', '', 'Receiver', 'sts'))
  t.is(log.length, 1)
  t.notRegex(log[0] ?? '', /secret/)
})

const unsigned = test.macro({
  title: (why = '') => `in the query protocol, ${why}`,
  exec: async (
    t,
    alter: (headers: Record<string, string>) => Record<string, string>,
    code: string,
    status?: number,
  ) => {
    const { handle, asked } = doors()
    const request = await form('iam', 'Action=ListUsers')
    const response = await handle({ ...request, headers: headerRecord(Object.entries(alter({ ...request.headers }))) })
    t.is(response.status, status ?? 403)
    t.regex(response.body.toString(), new RegExp(`<Code>${code}</Code>`))
    t.is(asked.length, 0)
  },
})
const omit = (headers: Record<string, string>, without: string) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== without))
const edit = (from: RegExp, to: string) => (headers: Record<string, string>) => ({
  ...headers,
  authorization: (headers['authorization'] ?? '').replace(from, to),
})
test('no signature', unsigned, (headers) => omit(headers, 'authorization'), 'MissingAuthenticationToken')
test('another signature', unsigned, edit(/.$/, '!'), 'SignatureDoesNotMatch')
test('an unknown access key', unsigned, edit(/=test\//, '=nobody/'), 'InvalidClientTokenId')
test('half a signature', unsigned, edit(/, Signature=.*/, ''), 'IncompleteSignature', 400)
test('another service', unsigned, edit(/\/iam\//, '/s3/'), 'SignatureDoesNotMatch')
