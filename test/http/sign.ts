/** The SDK's own signer, so that what verifies here is what real clients send. */
import { Hash } from '@smithy/core/serde'
import { SignatureV4 } from '@smithy/signature-v4'
import { headerRecord } from '../../src/http/message.ts'
import type { HttpRequest } from '../../src/http/message.ts'

export interface Signing {
  method?: string
  path?: string
  query?: Record<string, string | string[]>
  headers?: Record<string, string>
  body?: string | Uint8Array
  accessKeyId?: string
  secretAccessKey?: string
  sessionToken?: string
  region?: string
  service?: string
  at?: Date
  unsigned?: string[]
  /** Whether the body's hash travels as a header too; the JS SDK does so, botocore does not. */
  checksum?: boolean
}

export const HOST = '127.0.0.1:4599'

/** A signed call of `operation`, as it would stand on the wire. */
export async function signed(operation: string, signing: Signing = {}): Promise<HttpRequest> {
  const { method = 'POST', path = '/', query = {}, body = '{}', at = new Date() } = signing
  const { accessKeyId = 'test', secretAccessKey = 'test', sessionToken } = signing
  const { region = 'eu-central-1', service = 'kms', unsigned = [], checksum = true } = signing
  const credentials = { accessKeyId, secretAccessKey, sessionToken }
  const signer = new SignatureV4({
    credentials,
    region,
    service,
    sha256: Hash.bind(null, 'sha256'),
    applyChecksum: checksum,
  })
  const headers = {
    host: HOST,
    'content-type': 'application/x-amz-json-1.1',
    'x-amz-target': `TrentService.${operation}`,
    ...signing.headers,
  }
  const request = { method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers, body }
  const result = await signer.sign(request, { signingDate: at, unsignableHeaders: new Set(unsigned) })
  const search = new URLSearchParams(pairs(query)).toString().replaceAll('+', '%20')
  return {
    method,
    url: search === '' ? path : `${path}?${search}`,
    headers: headerRecord(Object.entries(result.headers)),
    body: Buffer.from(body),
  }
}

const pairs = (query: NonNullable<Signing['query']>): [string, string][] =>
  Object.entries(query).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value]))
