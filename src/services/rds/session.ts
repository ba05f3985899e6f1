/** One client of a database: greeted, asked for its password, and then served message by message. */
import type { Socket } from 'node:net'
import { INVITATION, isCopyIn, isRow, unaccompanied, uninvited } from './copying.ts'
import { MECHANISM, Proving } from './scram.ts'
import type { Player, Turns } from './turns.ts'
import { closing, fatal, Incoming, int32, LONGEST_GREETING, message, named, nameIn } from './wire.ts'
import { parametersOf, REQUESTS, type Message } from './wire.ts'

/** What clients are let into. */
export interface House {
  readonly turns: Turns
  /** The one database there is. */
  readonly database: string
  /** What the engine tells everybody of itself: its version, its encoding. */
  readonly told: ReadonlyMap<string, string>
  /** Whether more have come than can be served. */
  isFull(): boolean
  /** Whether anybody can be reached here, or comes from here. */
  isReachable(): Promise<boolean>
  /** What is kept of a user's password; undefined for whoever may not come in. */
  verifier(user: string): Promise<string | undefined>
}

const PROTOCOL = 3
/** After these an engine has answered all it was asked. */
const ENDS = new Set(['Q', 'S', 'F'])
/** Messages that wait for the one that ends them, so that they are run together. */
const PARTS = new Set(['P', 'B', 'D', 'E', 'C'])
const FLUSH = 'H'
const SYNC = 'S'
const KNOWN = new Set([...ENDS, ...PARTS, FLUSH, 'd', 'c', 'f'])
/** What a greeting says that is no setting. */
const GREETINGS = new Set(['user', 'database', 'options', 'replication'])
/** Milliseconds that a client has to say who it is. */
const PATIENCE = 60_000
let sessions = 0

/** Serves a client until it goes. */
export function serveClient(socket: Socket, house: House): void {
  const session = new Session(socket, house)
  socket.setNoDelay(true)
  socket.setTimeout(PATIENCE, () => socket.destroy())
  socket.on('data', (bytes) => session.hear(bytes))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => session.end())
}

class Session implements Player {
  user = ''
  settings: ReadonlyMap<string, string> = new Map()
  gone = false
  readonly #socket: Socket
  readonly #house: House
  readonly #incoming = new Incoming()
  readonly #prefix = `${++sessions}:`
  readonly #names = new Set<string>()
  #step: (message: Message) => Promise<void> | void = (greeting) => this.#greet(greeting)
  #isGreeting = true
  #isIn = false
  /** Between messages of a batch, whose end is a sync: after one that failed, the engine listens to nothing else. */
  #isUnsynced = false
  #parts: Buffer[] = []
  #work: Promise<void> = Promise.resolve()

  constructor(socket: Socket, house: House) {
    this.#socket = socket
    this.#house = house
  }

  /** Messages are attended to one after the other. */
  hear(bytes: Buffer): void {
    this.#incoming.push(bytes)
    // Whoever has not proved who it is has little to say.
    if (!this.#isIn && this.#incoming.size > LONGEST_GREETING) this.#socket.destroy()
    this.#work = this.#work
      .then(() => this.#attend())
      .catch((problem: unknown) => this.#hangUp(problem instanceof Farewell ? problem.words : undefined))
  }

  end(): void {
    this.gone = true
    this.#work = this.#work.then(() => this.#house.turns.leave(this, closing(this.#names))).catch(() => undefined)
  }

  async #attend(): Promise<void> {
    if (!(await this.#house.isReachable())) {
      this.gone = true
      this.#socket.destroy()
    }
    while (!this.gone) {
      const message = this.#incoming.next(this.#isGreeting, this.#isIn ? undefined : LONGEST_GREETING)
      if (!message) return
      await this.#step(message)
    }
  }

  async #greet({ body }: Message): Promise<void> {
    const version = body.readInt32BE()
    // Neither ssl nor gss on a loopback.
    if (version === REQUESTS.ssl || version === REQUESTS.gss) {
      this.#say(Buffer.from('N'))
      return
    }
    if (version === REQUESTS.cancel) throw new Farewell()
    if (version >>> 16 !== PROTOCOL) part('0A000', 'unsupported frontend protocol')
    this.#isGreeting = false
    if ((version & 0xffff) > 0) this.#say(message('v', int32(PROTOCOL << 16), int32(0)))
    const parameters = parametersOf(body)
    const user = parameters.get('user') ?? ''
    const database = parameters.get('database') ?? user
    const settings = [...parameters].filter(([name]) => !GREETINGS.has(name))
    if (parameters.has('replication')) part('0A000', 'replication is not supported')
    if (this.#house.isFull()) part('53300', 'sorry, too many clients already')
    this.user = user
    this.settings = new Map(settings)
    const proving = new Proving(user, await this.#house.verifier(user))
    this.#step = (reply) => {
      this.#challenge(reply, proving, database)
    }
    this.#say(message('R', int32(AUTHENTICATION.sasl), MECHANISM, Buffer.alloc(1)))
  }

  #challenge({ type, body }: Message, proving: Proving, database: string): void {
    const end = body.indexOf(0)
    const challenge =
      type === 'p' && body.toString('utf8', 0, end) === MECHANISM
        ? proving.challenge(body.toString('utf8', end + 5))
        : undefined
    if (challenge === undefined) part('08P01', 'unexpected authentication response')
    this.#step = (reply) => {
      this.#admit(reply, proving, database)
    }
    this.#say(message('R', int32(AUTHENTICATION.more), Buffer.from(challenge)))
  }

  #admit({ type, body }: Message, proving: Proving, database: string): void {
    const proof = type === 'p' ? proving.answer(body.toString()) : undefined
    if (proof === undefined) part('28P01', `password authentication failed for user "${this.user}"`)
    if (database !== this.#house.database)
      part('3D000', `database "${database}" does not exist; there is "${this.#house.database}"`)
    this.#isIn = true
    this.#socket.setTimeout(0)
    this.#step = (message) => this.#serve(message)
    this.#say(
      message('R', int32(AUTHENTICATION.last), Buffer.from(proof)),
      message('R', int32(AUTHENTICATION.ok)),
      ...Array.from(this.#house.told, ([name, value]) => message('S', name, value)),
      message('K', int32(1), int32(0)),
      message('Z', Buffer.from('I')),
    )
  }

  async #serve(asked: Message): Promise<void> {
    if (asked.type === 'X') throw new Farewell()
    // An engine that heard any other would end.
    if (!KNOWN.has(asked.type)) part('08P01', `invalid frontend message type ${asked.bytes[0]}`)
    // Nobody was invited to send any: the client has not heard yet that the COPY has failed.
    if (isRow(asked)) return
    const name = nameIn(asked)
    if (name !== '') this.#names.add(this.#prefix + name)
    const copies = isCopyIn(asked)
    const bytes = named(asked, this.#prefix)
    if (!ENDS.has(asked.type)) this.#isUnsynced = true
    if (asked.type === SYNC) this.#isUnsynced = false
    this.#parts.push(copies ? bytes : unaccompanied(asked, bytes))
    if (copies) this.#invite()
    else if (!PARTS.has(asked.type)) this.#say(uninvited(await this.#run(!this.#isUnsynced)))
  }

  /** Takes the rows of a COPY, until they are all there or the client thinks better of it. */
  #invite(): void {
    this.#say(INVITATION)
    this.#step = async (row) => {
      // Of a batch, which PostgreSQL does not mind in between.
      if (row.type === FLUSH || row.type === SYNC) return
      if (!isRow(row)) part('08P01', 'unexpected message type during COPY from stdin')
      this.#parts.push(row.bytes)
      if (row.type === 'd') return
      this.#step = (message) => this.#serve(message)
      this.#say(uninvited(await this.#run(!this.#isUnsynced)))
    }
  }

  #run(isEnd: boolean): Promise<Uint8Array> {
    const messages = Buffer.concat(this.#parts)
    this.#parts = []
    return this.#house.turns.run(this, messages, isEnd)
  }

  #say(...messages: readonly Uint8Array[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(messages))
  }

  #hangUp(last?: Buffer): void {
    this.gone = true
    this.#socket.end(last ?? '')
  }
}

const AUTHENTICATION = { ok: 0, sasl: 10, more: 11, last: 12 }

/** The end of a connection, with last words if there are any. */
class Farewell extends Error {
  readonly words: Buffer | undefined

  constructor(words?: Buffer) {
    super('a client was left')
    this.words = words
  }
}

function part(code: string, text: string): never {
  throw new Farewell(fatal(code, text))
}
