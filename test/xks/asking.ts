/** A proxy for tests, and somebody who asks it as the KMS does: signed, in JSON, over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request as send, type Agent } from 'node:https'
import { request as sendPlain } from 'node:http'
import { SignatureV4 } from '@smithy/signature-v4'
import { Hash } from '@smithy/core/serde'
import type { ExecutionContext } from 'ava'
import type { BackendSource } from '../../src/backends/backend.ts'
import type { ListenOptions } from '../../src/http/server.ts'
import { xksProxy, type XksProxyOptions } from '../../src/index.ts'

export const CREDENTIAL = { accessKeyId: 'ABCDEFGHIJKLMNOPQRST', secretAccessKey: 's'.repeat(43) }
export const ALICE = 'arn:aws:iam::111122223333:user/alice'
export const KEY_ARN = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'

export const about = (kmsOperation: string) => ({
  ...{ awsPrincipalArn: ALICE, kmsKeyArn: KEY_ARN },
  ...{ kmsOperation, kmsRequestId: '4112f4d6-db54-4af4-ae30-c55a22a8dfae' },
})

export const b64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64')

export const encryptBody = (plaintext: Uint8Array | string, more: object = {}) => ({
  ...{ requestMetadata: about('Encrypt'), plaintext: b64(plaintext), encryptionAlgorithm: 'AES_GCM' },
  ...more,
})
export const decryptBody = (sealed: object, more: object = {}) => ({
  ...{ requestMetadata: about('Decrypt'), encryptionAlgorithm: 'AES_GCM' },
  ...sealed,
  ...more,
})

export interface Asked {
  readonly method?: string
  readonly credential?: { accessKeyId: string; secretAccessKey: string }
  readonly region?: string
  readonly service?: string
  readonly at?: Date
  readonly contentType?: string
  /** What becomes of the headers after they are signed. */
  readonly tamper?: (headers: Record<string, string>) => void
  /** Of TLS. */
  readonly agent?: Agent
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

/** Signs and sends; what came back. */
export async function ask(base: string, path: string, body: unknown, how: Asked = {}): Promise<Answer> {
  const { credential = CREDENTIAL, region = 'us-east-1', service = 'kms-xks-proxy', method = 'POST', at } = how
  const url = new URL(base + path)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const signer = new SignatureV4({ credentials: credential, region, service, sha256: Hash.bind(null, 'sha256') })
  const signed = await signer.sign(
    {
      ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname },
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, 'content-type': how.contentType ?? 'application/json' },
      body: method === 'GET' ? undefined : text,
    },
    { signingDate: at ?? new Date() },
  )
  const headers = { ...signed.headers }
  how.tamper?.(headers)
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: how.agent }
    const request = (url.protocol === 'https:' ? send : sendPlain)(url, options as object, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const said = JSON.parse(Buffer.concat(chunks).toString()) as Answer['body']
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: said })
      })
    })
    request.on('error', reject)
    request.end(method === 'GET' ? undefined : text)
  })
}

export interface Scene {
  readonly data: string
  /** The endpoint with `XksProxyUriPath`. */
  readonly base: string
  readonly lines: string[]
  ask(path: string, body: unknown, how?: Asked): Promise<Answer>
  close(): Promise<void>
}

/** A proxy that listens, with the keys `one` and whatever is said. */
export async function scene(
  t: ExecutionContext,
  options: Partial<XksProxyOptions> & { backend?: BackendSource | undefined } = {},
  listening: ListenOptions = {},
): Promise<Scene> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), 'strongroom-xks-'))
  const lines: string[] = []
  const keys = [{ id: 'one', create: true }, ...(options.keys ?? [])]
  const proxy = await xksProxy({ data, credentials: [CREDENTIAL], log: (line) => lines.push(line), ...options, keys })
  let closed: Promise<void> | undefined
  const close = () => (closed ??= proxy.close())
  t.teardown(async () => {
    await close()
    if (options.data === undefined) rmSync(data, { recursive: true, force: true })
  })
  const { url } = await proxy.listen(listening)
  const base = `${url}${options.pathPrefix ?? ''}/kms/xks/v1`
  return { data, base, lines, close, ask: (path, body, how) => ask(base, path, body, how) }
}
