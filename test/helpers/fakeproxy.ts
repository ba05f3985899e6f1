/** An external key store proxy that does as it is told: it answers as the API has it, until a test scripts something else. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'

/** Hosts that stores of tests name, all of which are the fake one. */
const HOSTS = ['xks', 'private', 'b', 'c', 'proxy', 'inside', 'third'].map((name) => `https://${name}.example.com`)

export interface Asked {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, string>> & { readonly requestMetadata: Readonly<Record<string, string>> }
}

export type Reply = { readonly status?: number; readonly body?: unknown } | 'hang' | 'drop'

export class FakeProxy {
  readonly endpoints: Record<string, string>
  readonly asked: Asked[] = []
  /** What is answered instead, as long as it is there. */
  script: ((asked: Asked, honest: () => Reply) => Reply) | undefined
  /** Milliseconds that answers take. */
  pace = 0
  /** Keys by their external ids. */
  readonly keys = new Map<string, { key: Buffer; metadata: object }>()

  constructor(url: string) {
    this.endpoints = Object.fromEntries(HOSTS.map((host) => [host, url]))
    this.add('k1')
    this.add('k2')
  }

  add(id: string, metadata: object = {}): void {
    const usual = { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' }
    this.keys.set(id, { key: randomBytes(32), metadata: { ...usual, ...metadata } })
  }

  reply(asked: Asked): Reply {
    this.asked.push(asked)
    const honest = () => this.#honest(asked)
    return this.script?.(asked, honest) ?? honest()
  }

  #honest({ path, body }: Asked): Reply {
    if (path.endsWith('/health')) return { body: HEALTH }
    const found = this.keys.get(/\/keys\/([^/]+)\//.exec(path)?.[1] ?? '')
    if (!found) return refusal('KeyNotFoundException', 404)
    if (path.endsWith('/metadata')) return { body: found.metadata }
    return path.endsWith('/encrypt') ? { body: encrypt(found.key, body) } : decrypt(found.key, body)
  }
}

export const refusal = (errorName: string, status: number): Reply => ({
  status,
  body: { errorName, errorMessage: 'no' },
})

export const HEALTH = {
  xksProxyFleetSize: 1,
  xksProxyVendor: 'Fake',
  xksProxyModel: 'F1',
  ekmVendor: 'Fake',
  ekmFleetDetails: [{ id: 'one', model: 'F1', healthStatus: 'ACTIVE' }],
}

const METADATA = Buffer.from('version=1')
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const from = (value: string | undefined) => Buffer.from(value ?? '', 'base64')

/** Associated data, each part behind its length. */
function aadOf(additional: Buffer, metadata: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(additional.length)
  return Buffer.concat([length, additional, Buffer.of(metadata.length), metadata])
}

function encrypt(key: Buffer, body: Asked['body']): object {
  const additional = from(body.additionalAuthenticatedData)
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aadOf(additional, METADATA))
  const ciphertext = Buffer.concat([cipher.update(from(body.plaintext)), cipher.final()])
  const tag = cipher.getAuthTag()
  const hash = createHash('sha256')
  for (const part of [additional, METADATA, iv, ciphertext, tag]) hash.update(part)
  return {
    ciphertext: text(ciphertext),
    initializationVector: text(iv),
    authenticationTag: text(tag),
    ciphertextMetadata: text(METADATA),
    ciphertextDataIntegrityValue: hash.digest('base64'),
  }
}

function decrypt(key: Buffer, body: Asked['body']): Reply {
  const decipher = createDecipheriv('aes-256-gcm', key, from(body.initializationVector))
  decipher
    .setAAD(aadOf(from(body.additionalAuthenticatedData), from(body.ciphertextMetadata)))
    .setAuthTag(from(body.authenticationTag))
  try {
    return { body: { plaintext: text(Buffer.concat([decipher.update(from(body.ciphertext)), decipher.final()])) } }
  } catch {
    return refusal('InvalidCiphertextException', 400)
  }
}

/** Listens until the test ends. */
export async function fakeProxy(t: Pick<ExecutionContext, 'teardown'>): Promise<FakeProxy> {
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const proxy = new FakeProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked['body']
    const reply = proxy.reply({ path: request.url!, headers: request.headers, body })
    if (proxy.pace > 0) await pause(proxy.pace)
    if (reply === 'hang') return
    if (reply === 'drop') return void request.socket.destroy()
    const { status = 200, body: said } = reply
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof said === 'string' ? said : JSON.stringify(said))
  }
  return proxy
}
