/**
 * HTTP and HTTPS in front of the handler. Everything that only a socket can get wrong is settled here: where we listen, how long
 * we wait, how much we take, how we stop.
 */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { isIP } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as timeout } from 'node:timers/promises'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import { KmsError } from '../errors.ts'
import { MAX_BODY } from '../model/json.ts'
import { Collector, Incoming, leave } from './bodies.ts'
import { FrontDoor, type Connections } from './front.ts'
import { earlyRefusal } from './handler.ts'
import { headerRecord } from './message.ts'
import type { Endpoint } from '../origin.ts'
import type { Answering, Handle, HttpResponse, RequestHead, StreamedResponse, Way } from './message.ts'

export interface ListenOptions {
  /** Default 127.0.0.1. Anything but this machine needs `allowRemote`, so that nobody serves a network by accident. */
  host?: string
  allowRemote?: boolean
  /** Default 0: any free one. */
  port?: number
  /** Files in PEM form; with `clients`, certificates of authorities, clients must show a certificate of one of them. */
  tls?: { cert: string; key: string; clients?: string | undefined }
  limits?: Partial<Limits>
  /** What listens stands for an interface endpoint of a VPC: requests come through it, and its policy has a say. */
  endpoint?: Endpoint
  log?: (line: string) => void
  /** Keeps connections of plain HTTP before node:http does; see front.ts. */
  front?: FrontListen
}

/** `Front.listen` of the addon. */
export type FrontListen = (
  host: string,
  port: number,
  targets: string[],
  limits: {
    connections: number
    head: number
    body: number
    headMillis: number
    requestMillis: number
    idleMillis: number
  },
  tell: () => void,
) => Connections & { readonly port: number; readonly ended: boolean; strayEnded(): void; close(): void; abort(): void }

export interface Limits {
  connections: number
  /** Milliseconds a client may take to send its headers. */
  headers: number
  /** Milliseconds a client may take to send a whole request, unless it is a streamed one. */
  request: number
  /** Milliseconds that nothing may go over the connection while a request is streamed, or its answer. */
  idle: number
  /** Milliseconds an idle connection is kept. */
  keepAlive: number
  /** Milliseconds that requests under way are given when we stop. */
  grace: number
}

export interface Listener {
  readonly url: string
  readonly port: number
  /** Takes no more connections, finishes what is under way until the grace is over, then closes the rest. */
  close(): Promise<void>
}

const LIMITS: Limits = {
  ...{ connections: 1024, headers: 10_000, request: 30_000 },
  ...{ idle: 120_000, keepAlive: 60_000, grace: 10_000 },
}
const MAX_HEADERS = 16 * 1024

export async function listen(handle: Handle, options: ListenOptions = {}): Promise<Listener> {
  const { host = '127.0.0.1', port = 0, tls, allowRemote = false, log = () => {} } = options
  if (!allowRemote && !isLoopback(host)) {
    throw new Error(`\`${host}\` is more than this machine; serving a network has to be allowed`)
  }
  const limits = { ...LIMITS, ...options.limits }
  const settings = {
    headersTimeout: limits.headers,
    // Streams may take their time, and Node would make no difference; see bodies.ts.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAlive,
    connectionsCheckingInterval: Math.min(limits.headers, 1000),
    maxHeaderSize: MAX_HEADERS,
    // Without Host a request cannot be signed; the handler says so in AWS's form.
    requireHostHeader: false,
  }
  const server = tls ? secureServer(tls, settings, limits.headers) : createHttpServer(settings)
  server.maxConnections = limits.connections
  const close = attach(server, handle, limits, options.endpoint)
  if (!tls && options.front && handle.answering) {
    const { port: open, shut } = fronted(server, handle.answering, options.front, { ...options, host, port, limits })
    const stop = async () => {
      await Promise.all([shut(), close()])
    }
    return { url: `http://${reachable(host)}:${open}`, port: open, close: stop }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, host, port)))
    server.listen(port, host, resolve)
  })
  // Failures to accept, for want of file descriptors say, concern a client and not the server.
  server.removeAllListeners('error').on('error', (error) => log(`cannot accept a connection: ${error.message}`))
  const address = server.address() as AddressInfo
  return { url: `${tls ? 'https' : 'http'}://${reachable(host)}:${address.port}`, port: address.port, close }
}

interface Fronted {
  readonly host: string
  readonly port: number
  readonly limits: Limits
  readonly endpoint?: Endpoint | undefined
}

/** Has the front listen, and `server` serve what strays from it. */
function fronted(
  server: Server,
  answering: Answering,
  listen: FrontListen,
  options: Fronted,
): { port: number; shut(): Promise<void> } {
  const { host, port, limits, endpoint } = options
  // Connections are looked after from when a server listens; this one has others listen.
  server.emit('listening')
  const sizes = { connections: limits.connections, head: MAX_HEADERS, body: MAX_BODY }
  const times = { headMillis: limits.headers, requestMillis: limits.request, idleMillis: limits.keepAlive }
  let ended = () => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  const tell = () => {
    door.drain()
    if (connections.ended) ended()
  }
  const connections = listening(
    () => listen(host, port, [...answering.targets], { ...sizes, ...times }, tell),
    host,
    port,
  )
  const door = new FrontDoor({
    connections,
    answering,
    endpoint,
    write: wire,
    stray(socket, read, late) {
      socket.once('close', () => connections.strayEnded())
      server.emit('connection', socket)
      if (late) server.emit('clientError', { code: 'ERR_HTTP_REQUEST_TIMEOUT' }, socket)
      else socket.emit('data', read)
    },
  })
  async function shut(): Promise<void> {
    connections.close()
    const deadline = new AbortController()
    await Promise.race([end, timeout(limits.grace, undefined, { signal: deadline.signal })])
    deadline.abort()
    connections.abort()
  }
  return { port: connections.port, shut }
}

function listening<T>(listen: () => T, host: string, port: number): T {
  try {
    return listen()
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, host, port)
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** Lets the handler answer the server's requests; returns the way to stop. */
function attach(server: Server, handle: Handle, limits: Limits, endpoint?: Endpoint): () => Promise<void> {
  const sockets = new Set<Socket>()
  const underWay = new Set<ServerResponse>()
  const collector = new Collector(limits.request)
  const hurry = setInterval(
    () => {
      for (const { socket } of collector.late())
        server.emit('clientError', { code: 'ERR_HTTP_REQUEST_TIMEOUT' }, socket)
    },
    Math.min(limits.request, 1000),
  ).unref()
  let stopped: Promise<void> | undefined
  let whenIdle = () => {}

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })

  async function exchange(request: IncomingMessage, response: ServerResponse, expects: boolean): Promise<void> {
    underWay.add(response)
    response.once('close', () => {
      underWay.delete(response)
      if (underWay.size === 0) whenIdle()
    })
    // A client that has gone cannot be told anything; there is nobody to report to either.
    response.on('error', () => {})
    try {
      const head = headOf(request, endpoint)
      const { streaming } = handle
      if (streaming?.takes(head)) {
        request.setTimeout(limits.idle)
        const incoming = new Incoming(request, response, expects)
        const answer = await streaming.answer({ ...head, body: incoming })
        try {
          const whole = await incoming.drained()
          await sendStream(response, answer, stopped !== undefined || !whole)
        } finally {
          await leave(answer.body)
        }
      } else {
        if (expects) response.writeContinue()
        const body = await collector.collect(request)
        const answer = body ? await handle({ ...head, body }) : earlyRefusal(new KmsError('RequestEntityTooLarge'))
        send(response, answer, stopped !== undefined || answer.status === 413)
      }
    } catch {
      response.destroy()
    }
  }
  server.on('request', (request, response) => exchange(request, response, false))
  server.on('checkContinue', (request, response) => exchange(request, response, true))

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const answered = [...underWay].some((response) => response.socket === socket && response.headersSent)
    if (answered || !socket.writable || error.code === 'ECONNRESET') return socket.destroy()
    socket.end(wire(clientFault(error.code)), () => socket.destroy())
  })

  async function stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    const idle = new Promise<void>((resolve) => (whenIdle = resolve))
    if (underWay.size === 0) whenIdle()
    const deadline = setTimeout(whenIdle, limits.grace)
    await idle
    clearTimeout(deadline)
    for (const socket of sockets) socket.destroy()
    clearInterval(hurry)
    await closed
  }
  return () => (stopped ??= stop())
}

function headOf(request: IncomingMessage, endpoint?: Endpoint): RequestHead {
  const { method = '', url = '', rawHeaders, socket } = request
  return { method, url, headers: headerRecord(pairs(rawHeaders)), way: wayOf(socket, endpoint) }
}

function wayOf(socket: Socket, endpoint: Endpoint | undefined): Way {
  const address = socket.remoteAddress ?? ''
  if (!(socket instanceof TLSSocket)) return { address, secure: false, endpoint }
  return {
    address,
    secure: true,
    tls: {
      version: socket.getProtocol() ?? '',
      cipher: socket.getCipher().name,
      client: clientIn(socket),
    },
    endpoint,
  }
}

/** The common name of the certificate a client has shown, where it had to show one. */
function clientIn(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>
  return subject?.CN === undefined ? undefined : String(subject.CN)
}

function* pairs(rawHeaders: string[]): Iterable<[string, string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [rawHeaders[i]!, rawHeaders[i + 1]!]
}

function send(response: ServerResponse, { status, headers, body }: HttpResponse, last: boolean): void {
  const length = Buffer.byteLength(body)
  response.writeHead(status, { ...headers, 'content-length': length, ...(last ? { connection: 'close' } : {}) })
  response.end(body)
}

async function sendStream(response: ServerResponse, answer: StreamedResponse, last: boolean): Promise<void> {
  const { status, headers, body } = answer
  response.writeHead(status, { ...headers, ...(last && { connection: 'close' }) })
  if (typeof body === 'string' || body instanceof Uint8Array) response.end(body)
  else await pipeline(body, response)
}

/** What was sent is not HTTP, too long, or not coming; none of it has a name at AWS but the first. */
function clientFault(code: string | undefined): HttpResponse {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return earlyRefusal(new KmsError('RequestHeaderSectionTooLarge'), 431)
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return earlyRefusal(new KmsError('RequestTimeoutException'), 408)
    default:
      return earlyRefusal(new KmsError('SerializationException', 'the request is not well-formed HTTP'))
  }
}

/** An answer as text, for a connection on which node:http does not answer; the `last` one says so. */
function wire({ status, headers, body }: HttpResponse, last = true): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  for (const name in headers) text += `${name}: ${headers[name]}\r\n`
  return `${text}content-length: ${Buffer.byteLength(body)}\r\n${last ? 'connection: close\r\n' : ''}\r\n${body.toString()}`
}

function secureServer(tls: NonNullable<ListenOptions['tls']>, settings: object, handshakeTimeout: number): Server {
  const [cert, key] = [readPem(tls.cert), readPem(tls.key)]
  const clients = tls.clients !== undefined && { ca: readPem(tls.clients), requestCert: true }
  try {
    return createHttpsServer({ ...settings, ...clients, cert, key, handshakeTimeout, minVersion: 'TLSv1.2' })
  } catch (error) {
    throw new Error(`\`${tls.cert}\` and \`${tls.key}\` are not a certificate and its key in PEM form`, {
      cause: error,
    })
  }
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(`cannot read \`${file}\` (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  }
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is already in use`,
    EACCES: `port ${port} on ${host} may not be opened by this user`,
    EADDRNOTAVAIL: `${host} is not an address of this machine`,
    ENOTFOUND: `the host name ${host} is unknown`,
  }
  return new Error(reasons[error.code ?? ''] ?? `cannot listen on ${host}: ${error.message}`, { cause: error })
}

/** Every address is not an address to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return isIP(host) === 6 ? `[${host}]` : host
}
