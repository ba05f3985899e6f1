/** A running server, asked as any client would, signed with the credentials of the environment: for its events, and for more. */
import { createHash, createHmac } from 'node:crypto'
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
  const headers = signedHeaders(remote, body, called)
  const answer = await (remote.fetch ?? fetch)(remote.endpoint, { method: 'POST', headers, body })
  const said = (await answer.json()) as T & { __type?: string; message?: string; Message?: string }
  if (answer.ok) return said
  const reason = spelled(`${said.__type ?? answer.status}: ${said.message ?? said.Message ?? ''}`)
  throw new Error(`${remote.endpoint} says ${reason}`)
}

/** The headers of a request, signed (AWS, Signature Version 4); those of a server without a config file unless others are set. */
export function signedHeaders(
  { endpoint, env, now }: Remote,
  body: string,
  { service, target, headers: more }: Called = LOOKUP,
): Record<string, string> {
  const { AWS_ACCESS_KEY_ID: id = 'test', AWS_SECRET_ACCESS_KEY: secret = 'test', AWS_SESSION_TOKEN: token } = env
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1'
  const time = `${new Date(now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const headers: Record<string, string> = {
    'content-type': 'application/x-amz-json-1.1',
    host: new URL(endpoint).host,
    'x-amz-date': time,
    ...(token !== undefined && { 'x-amz-security-token': token }),
    'x-amz-target': target,
    ...more,
  }
  const names = Object.keys(headers).toSorted().join(';')
  const bytes = Buffer.from(body)
  const hash = createHash('sha256').update(bytes).digest('hex')
  const canonical = canonicalRequest({ method: 'POST', url: '/', headers, body: bytes }, names, hash)
  const key = signingKey(secret, time.slice(0, 8), region, service)
  const signature = createHmac('sha256', key)
    .update(stringToSign(time, scope, canonical))
    .digest('hex')
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  }
}
