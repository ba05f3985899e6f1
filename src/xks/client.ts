/**
 * The KMS's side of the XKS proxy API, version 1: signs requests, sends them, and believes no answer that is not as the API has
 * it. Each has a quarter of a second in all, as AWS's have. Rejects with a ProxyError that says what was the matter.
 */
import { hash } from 'node:crypto'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Clock } from '../clock.ts'
import { canonicalRequest } from '../http/canonical.ts'
import { hmac, signingKey, stringToSign } from '../http/sigv4.ts'
import {
  CDIV_ALGORITHM,
  integrityValue,
  parseXksAnswer,
  parseXksError,
  writeXks,
  XKS_ALGORITHM,
  XKS_SERVICE,
  xksPath,
  type RequestMetadata,
  type Sealed,
  type XksAnswers,
  type XksApi,
  type XksRequests,
} from './api.ts'
import { ProxyError, type Problem } from './problems.ts'

/** How proxies are reached. */
export interface XksOptions {
  /** Certificates in PEM that a proxy's has to lead to. Default: those that Node.js trusts. */
  ca?: string[]
  /** Our own certificate and its key, in PEM, for proxies that ask for one. */
  cert?: string
  key?: string
  /** Where endpoints really are, for tests: `{ 'https://xks.example.com': 'http://127.0.0.1:4700' }`. */
  endpoints?: Record<string, string>
  /** Milliseconds that an answer may take. Default 250, as in AWS. */
  timeoutMillis?: number
}

/** A proxy, as its custom key store has it. */
export interface ProxyPlace {
  readonly endpoint: string
  readonly path: string
  readonly accessKeyId: string
  readonly secret: string
  readonly region: string
}

const SIGNED = 'content-type;host;x-amz-date'
/** No answer of the API is longer. */
const MOST = 64 * 1024

export class XksClient {
  private readonly place: ProxyPlace
  private readonly options: XksOptions
  private readonly clock: Clock
  private readonly url: URL
  private readonly agent: HttpAgent
  private asking = 0
  private closed = false

  constructor(place: ProxyPlace, options: XksOptions, clock: Clock) {
    this.place = place
    this.options = options
    this.clock = clock
    this.url = new URL(options.endpoints?.[place.endpoint] ?? place.endpoint)
    const { ca, cert, key } = options
    const tls = { ca, cert, key, minVersion: 'TLSv1.2' as const, servername: new URL(place.endpoint).hostname }
    this.agent =
      this.url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true, ...tls }) : new HttpAgent({ keepAlive: true })
  }

  /** Whether the proxy is there, and is one. */
  async health(requestMetadata: RequestMetadata): Promise<void> {
    await this.ask('health', { requestMetadata })
  }

  /** Whether an external key is one to encrypt and decrypt with. */
  async isUsable(externalKeyId: string, requestMetadata: RequestMetadata): Promise<boolean> {
    const { keySpec, keyUsage, keyStatus } = await this.ask('metadata', { requestMetadata }, externalKeyId)
    return keySpec === 'AES_256' && keyStatus === 'ENABLED' && USES.every((use) => keyUsage.includes(use))
  }

  async encrypt(
    externalKeyId: string,
    plaintext: Uint8Array,
    additional: Uint8Array,
    requestMetadata: RequestMetadata,
  ): Promise<Sealed> {
    const request = {
      ...{ requestMetadata, plaintext, encryptionAlgorithm: XKS_ALGORITHM, ...along(additional) },
      ciphertextDataIntegrityValueAlgorithm: CDIV_ALGORITHM,
    }
    const { ciphertextDataIntegrityValue: claimed, ...sealed } = await this.ask('encrypt', request, externalKeyId)
    requireThat(sealed.ciphertext.length === plaintext.length)
    // Proxies need not know how to compute it; a value that is there must be right.
    requireThat(claimed === undefined || Buffer.compare(claimed, integrityValue(additional, sealed)) === 0)
    return sealed
  }

  async decrypt(
    externalKeyId: string,
    sealed: Sealed,
    additional: Uint8Array,
    requestMetadata: RequestMetadata,
  ): Promise<Uint8Array> {
    const request = { requestMetadata, ...sealed, encryptionAlgorithm: XKS_ALGORITHM, ...along(additional) }
    const { plaintext } = await this.ask('decrypt', request, externalKeyId)
    requireThat(plaintext.length === sealed.ciphertext.length)
    return plaintext
  }

  /** Hangs up, once all that is being asked is answered. */
  close(): void {
    this.closed = true
    if (this.asking === 0) this.agent.destroy()
  }

  private async ask<A extends XksApi>(api: A, request: XksRequests[A], externalKeyId?: string): Promise<XksAnswers[A]> {
    const signal = AbortSignal.timeout(this.options.timeoutMillis ?? 250)
    this.asking++
    const { status, body } = await this.post(xksPath(api, externalKeyId), writeXks(request), signal)
      .catch((cause: unknown) => {
        throw new ProxyError(problemOf(cause, signal), { cause })
      })
      .finally(() => {
        this.asking--
        if (this.closed) this.close()
      })
    if (status !== 200) throw new ProxyError(parseXksError(body)?.name ?? 'Malformed')
    try {
      return parseXksAnswer(api, body)
    } catch (cause) {
      throw new ProxyError('Malformed', { cause })
    }
  }

  private async post(target: string, body: string, signal: AbortSignal): Promise<Answer> {
    const path = `${this.url.pathname.replace(/\/$/, '')}${this.place.path}${target}`
    const headers = this.signed(path, body)
    const { hostname, port } = this.url
    const options = { method: 'POST', agent: this.agent, host: hostname, port, path, headers, signal }
    const send = () =>
      new Promise<Answer>((resolve, reject) => {
        const begin = this.url.protocol === 'https:' ? httpsRequest : httpRequest
        const request = begin(options, (response) => void read(response).then(resolve, reject))
        // Unasked, Node would hang up, and say nothing.
        request.on('upgrade', (_, socket) => {
          socket.destroy()
          reject(new ProxyError('Malformed'))
        })
        // A connection that was kept may have been closed by then, which says nothing about the proxy.
        request.on('error', (error: NodeJS.ErrnoException) => {
          if (request.reusedSocket && error.code === 'ECONNRESET') send().then(resolve, reject)
          else reject(error)
        })
        request.end(body)
      })
    return send()
  }

  private signed(path: string, body: string): Record<string, string> {
    const { endpoint, accessKeyId, secret, region } = this.place
    const timestamp = new Date(this.clock()).toISOString().replace(/[-:]|\.\d{3}/g, '')
    const date = timestamp.slice(0, 8)
    const headers = { 'content-type': 'application/json', host: new URL(endpoint).host, 'x-amz-date': timestamp }
    const canonical = canonicalRequest({ method: 'POST', url: path, headers }, SIGNED, hash('sha256', body))
    const scope = `${date}/${region}/${XKS_SERVICE}/aws4_request`
    const signature = hmac(
      signingKey(secret, date, region, XKS_SERVICE),
      stringToSign(timestamp, scope, canonical),
      'hex',
    )
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`
    return { ...headers, authorization, 'content-length': String(Buffer.byteLength(body)) }
  }
}

interface Answer {
  readonly status: number
  readonly body: Buffer
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if ((length += chunk.length) > MOST) throw new ProxyError('Malformed')
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) }
}

/** TLS says what is wrong with a certificate in many words. */
const TLS = /^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/

function problemOf(error: unknown, signal: AbortSignal): Problem {
  if (error instanceof ProxyError) return error.problem
  if (signal.aborted) return 'TimedOut'
  const { code = '' } = error as NodeJS.ErrnoException
  if (TLS.test(code)) return 'Untrusted'
  return code.startsWith('HPE_') ? 'Malformed' : 'Unreachable'
}

const USES = ['ENCRYPT', 'DECRYPT']

/** A request without an encryption context has nothing along. */
function along(additional: Uint8Array): { additionalAuthenticatedData?: Uint8Array } {
  return additional.length > 0 ? { additionalAuthenticatedData: additional } : {}
}

function requireThat(is: boolean): void {
  if (!is) throw new ProxyError('Malformed')
}
