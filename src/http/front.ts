/**
 * The KMS behind the front: requests come in batches, most of them with their signature confirmed, and answers go back likewise.
 * The front confirms only what was verified here before; what it cannot confirm is verified here, and refused in AWS's words.
 */
import { Socket } from 'node:net'
import type { Credential } from '../identity.ts'
import type { Endpoint, Origin } from '../origin.ts'
import {
  headerRecord,
  type Answering,
  type HttpRequest,
  type HttpResponse,
  type Verified,
  type Way,
} from './message.ts'
import { Origins } from './origins.ts'
import { SKEW_MINUTES } from './sigv4.ts'

/** What keeps the connections: `Front` of the addon. */
export interface Connections {
  take(out: Uint8Array): number
  answer(answers: Uint8Array, length: number): void
  trust(credential: string, token: string | undefined, key: Uint8Array): number
}

export interface FrontOptions {
  readonly connections: Connections
  readonly answering: Answering
  readonly endpoint: Endpoint | undefined
  /** Takes a connection on which something else is asked than the front serves. */
  stray(socket: Socket, read: Uint8Array, late: boolean): void
  /** Writes an answer as text, with what HTTP has to say of it. */
  write(answer: HttpResponse, last: boolean): string
}

/** Kinds of records, and words of their heads: see crates/front/src/mailbox.rs. */
const [TRUSTED, WHOLE, OPENED, CLOSED, STRAY] = [1, 2, 3, 4, 5]
const WORDS = 8
const UNCHANGED = 0xffff_ffff

/** Room for a batch: several requests of the longest there are. */
const ROOM = 2 * 1024 * 1024
/** Batches on end, before anybody else in this process has a turn. */
const BATCHES = 8

/** One connection, as far as it matters here. */
interface Peer {
  readonly way: Way
  origin: Origin
}

/** Somebody who was verified. */
interface Trusted {
  readonly who: Verified
  readonly identity: Credential
}

export class FrontDoor {
  readonly #options: FrontOptions
  readonly #incoming = Buffer.from(new ArrayBuffer(ROOM))
  readonly #words = new Uint32Array(this.#incoming.buffer)
  #outgoing = Buffer.from(new ArrayBuffer(ROOM))
  #length = 0
  readonly #peers = new Map<number, Peer>()
  readonly #origins = new Origins()
  #trusted = new Map<number, Trusted>()
  #draining = false

  constructor(options: FrontOptions) {
    this.#options = options
  }

  /** Called when there are requests where there were none. */
  drain(): void {
    const { connections } = this.#options
    this.#draining = true
    let length = 0
    for (let batch = 0; batch < BATCHES && (length = connections.take(this.#incoming)) > 0; batch++) {
      for (let at = 0; at < length;) at = this.#record(at)
      this.#flush()
    }
    // Answers that come from now on are sent by whoever brings them.
    this.#draining = false
    if (length > 0) setImmediate(() => this.drain())
  }

  /** Serves the record at `at`; where the next one is. */
  #record(at: number): number {
    const words = this.#words
    const word = at >>> 2
    const [kind, number, turn] = [words[word]!, words[word + 1]!, words[word + 2]!]
    const agentLength = words[word + 6]!
    const from = at + WORDS * 4 + (agentLength === UNCHANGED ? 0 : agentLength)
    const to = from + words[word + 7]!
    if (kind === TRUSTED) {
      const peer = this.#peers.get(number)!
      if (agentLength !== UNCHANGED) {
        peer.origin = this.#origins.of({
          ...NOWHERE,
          headers: { 'user-agent': this.#incoming.toString('latin1', at + WORDS * 4, from) },
          way: peer.way,
        })
      }
      this.#answer(number, turn, words[word + 3]!, words[word + 4]!, words[word + 5]!, peer, from, to)
    } else if (kind === WHOLE) {
      this.#verify(number, turn, from + words[word + 3]!, from, to)
    } else if (kind === OPENED) {
      const way = {
        address: this.#incoming.toString('latin1', from, to),
        secure: false,
        endpoint: this.#options.endpoint,
      }
      this.#peers.set(number, { way, origin: this.#origins.of({ ...NOWHERE, headers: {}, way }) })
    } else if (kind === CLOSED) {
      this.#peers.delete(number)
    } else if (kind === STRAY) {
      this.#peers.delete(number)
      const socket = new Socket({ fd: words[word + 3]!, readable: true, writable: true })
      this.#options.stray(socket, Buffer.from(this.#incoming.subarray(from, to)), words[word + 5] === 1)
    }
    return (to + 3) & ~3
  }

  #answer(
    connection: number,
    turn: number,
    target: number,
    trust: number,
    sent: number,
    peer: Peer,
    from: number,
    to: number,
  ): void {
    const { answering } = this.#options
    const trusted = this.#trusted.get(trust)
    // Whoever signs may be another by now, or nobody; and the message old.
    if (!trusted || !this.#holds(trusted, sent)) {
      this.#head(connection, turn, false, AGAIN)
      return
    }
    const { caller, region } = trusted.who
    try {
      const body = this.#incoming.subarray(from, to)
      const answer = answering.trusted(target, body, { caller, region, origin: peer.origin })
      if (answer instanceof Promise) this.#later(connection, turn, answer)
      else this.#put(connection, turn, answer)
    } catch {
      // Whoever is out of reach gets no answer.
      this.#write(connection, turn, true, '')
    }
  }

  #holds({ who, identity }: Trusted, sent: number): boolean {
    const { answering } = this.#options
    if (answering.find(who.accessKeyId) !== identity) return false
    const now = answering.now()
    return identity.expires > now && Math.abs(sent * 1000 - Math.floor(now / 1000) * 1000) <= SKEW_MINUTES * 60_000
  }

  /** Verifies a request here, and has the front confirm the next of the same credential. */
  #verify(connection: number, turn: number, body: number, from: number, to: number): void {
    const peer = this.#peers.get(connection)
    if (!peer) return
    const request = requestIn(Buffer.from(this.#incoming.subarray(from, to)), body - from, peer.way)
    const answer = this.#options.answering.handle(request, (who) => this.#trust(who))
    this.#later(connection, turn, answer)
  }

  #trust(who: Verified): void {
    if (who.service !== 'kms') return
    const identity = this.#options.answering.find(who.accessKeyId)
    if (!identity) return
    const number = this.#options.connections.trust(who.credential, identity.sessionToken, who.key)
    if (this.#trusted.size >= MOST) this.#trusted = new Map()
    this.#trusted.set(number, { who, identity })
  }

  #later(connection: number, turn: number, answer: Promise<HttpResponse>): void {
    const done = (last: boolean, text: string) => {
      this.#write(connection, turn, last, text)
      if (!this.#draining) this.#flush()
    }
    answer.then(
      (ready) => done(false, this.#options.write(ready, false)),
      () => done(true, ''),
    )
  }

  #put(connection: number, turn: number, answer: HttpResponse): void {
    this.#write(connection, turn, false, this.#options.write(answer, false))
  }

  #write(connection: number, turn: number, last: boolean, text: string): void {
    this.#room(HEAD + text.length * 3)
    const length = this.#outgoing.write(text, this.#length + HEAD)
    this.#head(connection, turn, last, length)
    this.#length += length
  }

  #head(connection: number, turn: number, last: boolean, length: number): void {
    this.#room(HEAD)
    const out = this.#outgoing
    const at = this.#length
    out.writeUInt32LE(connection, at)
    out.writeUInt32LE(turn, at + 4)
    out.writeUInt32LE(last ? 1 : 0, at + 8)
    out.writeUInt32LE(length, at + 12)
    this.#length = at + HEAD
  }

  /** Sends what there is when there is no room for so much more. */
  #room(bytes: number): void {
    if (this.#length + bytes > this.#outgoing.length) this.#flush()
    if (bytes > this.#outgoing.length) this.#outgoing = Buffer.from(new ArrayBuffer(bytes))
  }

  #flush(): void {
    if (this.#length === 0) return
    this.#options.connections.answer(this.#outgoing, this.#length)
    this.#length = 0
  }
}

/** Bytes of the head of an answer. */
const HEAD = 16
/** In the place of an answer: the request is wanted as it came. */
const AGAIN = 0xffff_ffff
const MOST = 4096
const NOWHERE = { method: 'POST', url: '/' } as const

/** A request as it stood on the wire. */
function requestIn(bytes: Buffer, body: number, way: Way): HttpRequest {
  const [first = '', ...fields] = bytes.toString('latin1', 0, body - 4).split('\r\n')
  const [method = '', url = ''] = first.split(' ')
  const pairs = fields.map((field): [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
  })
  return { method, url, headers: headerRecord(pairs), body: bytes.subarray(body), way }
}
