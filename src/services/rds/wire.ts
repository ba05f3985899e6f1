/** PostgreSQL's frontend and backend protocol 3.0, as far as a door needs it: messages cut from a stream, and put together. */

/** What a client begins with, in place of a version of the protocol. */
export const REQUESTS = { cancel: 80877102, ssl: 80877103, gss: 80877104 } as const
/** Of a message that came before anybody proved who it is. */
export const LONGEST_GREETING = 10_000
/** As PostgreSQL has it. */
const LONGEST = 2 ** 30

/** A message: its letter, '' for the greeting, and all of its bytes. */
export interface Message {
  readonly type: string
  readonly bytes: Buffer
  readonly body: Buffer
}

/** Cuts what comes in into messages. */
export class Incoming {
  #bytes: Buffer = Buffer.alloc(0)

  get size(): number {
    return this.#bytes.length
  }

  push(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
  }

  /** The next whole message; a greeting has no letter in front of its length. Throws for one longer than `most`. */
  next(isGreeting: boolean, most = LONGEST): Message | undefined {
    const head = isGreeting ? 0 : 1
    if (this.#bytes.length < head + 4) return undefined
    const length = this.#bytes.readInt32BE(head)
    if (length < 4 || length > most) throw new Error('a message of no length')
    const end = head + length
    if (this.#bytes.length < end) return undefined
    const bytes = this.#bytes.subarray(0, end)
    this.#bytes = this.#bytes.subarray(end)
    return { type: isGreeting ? '' : String.fromCharCode(bytes[0]!), bytes, body: bytes.subarray(head + 4) }
  }
}

/** The parameters of a greeting, in pairs of strings that end with a zero. */
export function parametersOf(body: Buffer): ReadonlyMap<string, string> {
  const words = body.subarray(4).toString().split('\0')
  const pairs = new Map<string, string>()
  for (let i = 0; i + 1 < words.length && words[i] !== ''; i += 2) pairs.set(words[i]!, words[i + 1]!)
  return pairs
}

export function message(type: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
  const head = Buffer.alloc(5, type)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** A statement of ours. */
export function query(sql: string): Buffer {
  return message('Q', sql)
}

/** Whether an answer ends with the word that more may be asked. */
export function isReady(answer: Uint8Array): boolean {
  return answer.at(-READY) === 'Z'.charCodeAt(0)
}

/** Bytes of that word. */
const READY = 6

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** An error that ends the connection. */
export function fatal(code: string, text: string): Buffer {
  return refusal('FATAL', code, text)
}

/** An error after which the connection goes on. */
export function refusal(severity: 'FATAL' | 'ERROR', code: string, text: string): Buffer {
  return message('E', `S${severity}`, `V${severity}`, `C${code}`, `M${text}`, Buffer.alloc(1))
}

/** Statements that clients give names to are theirs alone, although they share an engine: names get a prefix. */
export function named({ type, bytes, body }: Message, prefix: string): Buffer {
  const at = PLACES[type]?.(body)
  if (at === undefined || body[at] === 0) return bytes
  return message(type, body.subarray(0, at), Buffer.from(prefix), body.subarray(at))
}

/** The name that a message gives a statement, '' for none. */
export function nameIn({ type, body }: Message): string {
  return type === 'P' ? body.toString('utf8', 0, body.indexOf(0)) : ''
}

/** Closes statements by their whole names. */
export function closing(names: Iterable<string>): Buffer {
  const closes = Array.from(names, (name) => message('C', Buffer.from('S'), name))
  return closes.length === 0 ? Buffer.alloc(0) : Buffer.concat([...closes, message('S')])
}

/** Where a message has the name of a statement, if it has one. */
const PLACES: Readonly<Record<string, (body: Buffer) => number | undefined>> = {
  P: () => 0,
  B: (body) => body.indexOf(0) + 1,
  C: (body) => (body[0] === STATEMENT ? 1 : undefined),
  D: (body) => (body[0] === STATEMENT ? 1 : undefined),
}

const STATEMENT = 'S'.charCodeAt(0)
