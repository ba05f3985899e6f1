/** A running server, asked as any client would, signed with the credentials of the environment: for its events, and for more. */
import { createHash, createHmac } from 'node:crypto'
import { XMLParser } from 'fast-xml-parser'
import type { CloudTrailRecord } from '../audit/cloudtrail.ts'
import type { LookupEventsResponse } from '../cloudtrail/lookup.ts'
import { canonicalRequest } from '../http/canonical.ts'
import { signingKey, stringToSign } from '../http/sigv4.ts'
import type { Instant } from '../clock.ts'
import { spelled } from './line.ts'

/** Whom to ask, and as whom. */
export interface Remote {
  readonly endpoint: string
  readonly env: Readonly<Record<string, string | undefined>>
  now(): Instant
  /** How requests are sent, if not by the platform's own. */
  readonly fetch?: (
    url: string,
    request: { method: string; headers: Record<string, string>; body: string },
  ) => Promise<Response>
}

/** What is called: the service as signatures name it, the operation as its protocol does, headers that all calls do not have. */
export interface Called {
  readonly service: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A service that speaks the query protocol: `ec2`, `2016-11-15`. */
export interface QueryCalled {
  readonly service: string
  readonly version: string
}

/** XML as values: text, elements by their names, and arrays where an element comes more than once. */
export type Answered = string | readonly Answered[] | { readonly [name: string]: Answered }

const LOOKUP: Called = {
  service: 'cloudtrail',
  target: 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents',
}

/** All events of the credentials' account and Region, newest first, a page at a time. */
export async function* remoteEvents(remote: Remote): AsyncGenerator<CloudTrailRecord> {
  let NextToken: string | undefined
  do {
    const page = await ask<LookupEventsResponse>(remote, LOOKUP, { NextToken })
    for (const { CloudTrailEvent } of page.Events) yield JSON.parse(CloudTrailEvent) as CloudTrailRecord
    NextToken = page.NextToken
  } while (NextToken !== undefined)
}

/** What the server answers; throws what it says when it refuses. */
export async function ask<T extends object>(remote: Remote, called: Called, input: object): Promise<T> {
  const body = JSON.stringify(input)
  const { ok, status, text } = await send(remote, body, (now) => signedHeaders({ ...remote, now }, body, called))
  const said = JSON.parse(text) as T & { __type?: string; message?: string; Message?: string }
  if (ok) return said
  throw refusal(remote, said.__type ?? String(status), said.message ?? said.Message)
}

/**
 * What a service of the query protocol answers to `action`: the element of its result, or its whole answer where it has none,
 * as EC2's have not. Parameters are named as in a form: `TagSpecification.1.Tag.1.Key`. Throws what it says when it refuses.
 */
export async function askQuery(
  remote: Remote,
  { service, version }: QueryCalled,
  action: string,
  parameters: Readonly<Record<string, string | number | boolean | undefined>>,
): Promise<Readonly<Record<string, Answered>>> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  const form = new URLSearchParams({ Action: action, Version: version })
  for (const [name, value] of given) form.set(name, String(value))
  const body = form.toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
  const { ok, status, text } = await send(remote, body, (now) => signed({ ...remote, now }, body, service, headers))
  const said = XML.parse(text) as Record<string, Record<string, Answered>>
  const whole = said[`${action}Response`] ?? {}
  if (ok) return (whole[`${action}Result`] as Record<string, Answered> | undefined) ?? whole
  const { Code, Message } = errorIn(said)
  throw refusal(remote, Code ?? String(status), Message)
}

/** The items of a list: none, the one there is, or all of them. */
export function itemsOf(list: Answered | undefined, item: string): Readonly<Record<string, Answered>>[] {
  const found = typeof list === 'object' && !Array.isArray(list) ? (list as Record<string, Answered>)[item] : undefined
  const items = found === undefined ? [] : Array.isArray(found) ? (found as Answered[]) : [found]
  return items.map((each) => each as Record<string, Answered>)
}

const XML = new XMLParser({ ignoreAttributes: true, ignoreDeclaration: true, parseTagValue: false })

/** EC2 writes `Response`, `Errors`, `Error`; all others `ErrorResponse`, `Error`. */
function errorIn(said: Record<string, Record<string, Answered>>): { Code?: string; Message?: string } {
  const errors = (said.Response?.Errors ?? said.ErrorResponse ?? {}) as { Error?: { Code?: string; Message?: string } }
  return errors.Error ?? {}
}

function refusal({ endpoint }: Remote, code: string, message = ''): Error {
  return new Error(`${endpoint} says ${spelled(`${code}: ${message}`)}`)
}

interface Sent {
  readonly ok: boolean
  readonly status: number
  readonly text: string
}

/** Sends a request, and once more at the server's own time when its clock, which people may set, is not this machine's. */
async function send(
  { endpoint, now, fetch: through = fetch }: Remote,
  body: string,
  headersAt: (now: () => Instant) => Record<string, string>,
): Promise<Sent> {
  const post = async (clock: () => Instant) => {
    const answer = await through(endpoint, { method: 'POST', headers: headersAt(clock), body })
    return { ok: answer.ok, status: answer.status, text: await answer.text(), date: answer.headers.get('date') }
  }
  const first = await post(now)
  const theirs = Date.parse(first.date ?? '')
  const isSkewed = !first.ok && SKEWED.test(first.text) && !Number.isNaN(theirs)
  return isSkewed ? post(() => theirs) : first
}

const SKEWED = /Signature (?:expired|not yet current)/

/** The headers of a request, signed (AWS, Signature Version 4); those of a server without a config file unless others are set. */
export function signedHeaders(
  remote: Remote,
  body: string,
  { service, target, headers }: Called = LOOKUP,
): Record<string, string> {
  const own = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target }
  return signed(remote, body, service, { ...own, ...headers })
}

function signed(
  { endpoint, env, now }: Remote,
  body: string,
  service: string,
  more: Readonly<Record<string, string>>,
): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: id = 'test', AWS_SECRET_ACCESS_KEY: secret = 'test', AWS_SESSION_TOKEN: token } = env
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'
  const time = `${new Date(now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const headers: Record<string, string> = {
    host: new URL(endpoint).host,
    'x-amz-date': time,
    ...(token !== undefined && { 'x-amz-security-token': token }),
    ...more,
  }
  const names = Object.keys(headers).toSorted().join(';')
  const hash = createHash('sha256').update(body).digest('hex')
  const canonical = canonicalRequest({ method: 'POST', url: '/', headers }, names, hash)
  const key = signingKey(secret, time.slice(0, 8), region, service)
  const signature = createHmac('sha256', key)
    .update(stringToSign(time, scope, canonical))
    .digest('hex')
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}
