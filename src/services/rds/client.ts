/** A small client of PostgreSQL: statements in, rows as text out; for where no other client is at hand. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Claiming, MECHANISM } from './scram.ts'
import { greeting, Incoming, int32, message, query, type Message } from './wire.ts'

export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What one statement answers. */
export interface Answer {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  /** `SELECT 3` */
  readonly command: string
}

export class SqlClient {
  readonly #socket: Socket
  readonly #messages: AsyncGenerator<Message, void>

  /** Throws what the server says to whoever may not come in. */
  static async open({ host, port, user, password, database }: Login): Promise<SqlClient> {
    const socket = connect(port, host)
    await once(socket, 'connect')
    const client = new SqlClient(socket)
    socket.write(greeting({ user, database }))
    const claiming = new Claiming(password)
    for await (const { type, body } of client.#until('Z')) {
      if (type === 'R') client.#claim(claiming, body.readInt32BE(), body.toString('utf8', 4))
    }
    return client
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#messages = messagesFrom(socket)
  }

  /** What each of the statements in a text answers. Throws the first error, after which there is nothing. */
  async query(text: string): Promise<Answer[]> {
    this.#socket.write(query(text))
    const answers: Answer[] = []
    let columns: string[] = []
    let rows: (string | null)[][] = []
    let problem: Error | undefined
    for await (const { type, body } of this.#until('Z', (error) => (problem = error))) {
      if (type === 'T') columns = columnsOf(body)
      if (type === 'D') rows.push(cellsOf(body))
      if (type !== 'C') continue
      answers.push({ columns, rows, command: body.toString('utf8', 0, body.length - 1) })
      columns = []
      rows = []
    }
    if (problem) throw problem
    return answers
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return
    this.#socket.end(message('X'))
    await once(this.#socket, 'close')
  }

  #claim(claiming: Claiming, step: number, said: string): void {
    if (step === STEPS.begin) {
      this.#socket.write(message('p', MECHANISM, int32(claiming.first.length), Buffer.from(claiming.first)))
    } else if (step === STEPS.challenge) this.#socket.write(message('p', Buffer.from(claiming.final(said))))
    else if (step === STEPS.last) claiming.confirm(said)
    else if (step !== STEPS.done) throw new Error('the server asks for a password as nobody should')
  }

  /** Messages up to one of the type; errors are told to `hear`, or thrown. */
  async *#until(last: string, hear = (error: Error): void => raise(error)): AsyncGenerator<Message, void> {
    for (;;) {
      const next = await this.#messages.next()
      if (next.done) throw new Error('the server hung up')
      if (next.value.type === 'E') hear(errorOf(next.value.body))
      if (next.value.type === last) return
      yield next.value
    }
  }
}

/** Of the messages about authentication. */
const STEPS = { done: 0, begin: 10, challenge: 11, last: 12 }

async function* messagesFrom(socket: Socket): AsyncGenerator<Message, void> {
  const incoming = new Incoming()
  for await (const bytes of socket) {
    incoming.push(bytes as Buffer)
    for (let next = incoming.next(false); next; next = incoming.next(false)) yield next
  }
}

function errorOf(body: Buffer): Error & { code?: string } {
  const fields = new Map(
    body
      .toString()
      .split('\0')
      .map((field) => [field[0], field.slice(1)]),
  )
  return Object.assign(new Error(fields.get('M') ?? 'the server refuses'), { code: fields.get('C') })
}

function raise(error: Error): never {
  throw error
}

/** Names; after each stand eighteen bytes of other things. */
function columnsOf(body: Buffer): string[] {
  const names: string[] = []
  for (let at = 2; at < body.length;) {
    const end = body.indexOf(0, at)
    names.push(body.toString('utf8', at, end))
    at = end + 19
  }
  return names
}

function cellsOf(body: Buffer): (string | null)[] {
  const cells: (string | null)[] = []
  for (let at = 2; at < body.length;) {
    const length = body.readInt32BE(at)
    at += 4
    cells.push(length < 0 ? null : body.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return cells
}
