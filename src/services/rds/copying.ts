/**
 * COPY … FROM STDIN, which the engine has no way to wait in the midst of: a client is invited to send its rows before the
 * engine has heard of the statement, and the engine gets both at once. Whatever else may turn out to be such a statement is
 * followed by a refusal to send rows, which an engine that waits for none does not look at.
 */
import { message, type Message } from './wire.ts'

/** Comments, and texts and names in quotes: what is in them are no words of the statement. */
const ASIDE = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$/g
const FROM_STDIN = /^copy\b.*\bfrom\s+stdin\b/is

/** Whether a message is such a statement, and nothing else. */
export function isCopyIn({ type, body }: Message): boolean {
  if (type !== 'Q') return false
  const text = body
    .toString()
    .replace(/\0$/, '')
    .replace(ASIDE, (aside) => (/^['"$]/.test(aside) ? "''" : ' '))
  const statements = text.split(';').filter((statement) => statement.trim() !== '')
  return statements.length === 1 && FROM_STDIN.test(statements[0]!.trim())
}

/** To send rows as text; of how many columns is for the client to know. */
export const INVITATION = message('G', Buffer.alloc(3))

const NO_ROWS = message('f', 'COPY FROM STDIN has to be a query of its own, and not a prepared one')
/** What runs statements: a query, or one that is prepared. */
const RUNS = new Set(['Q', 'E'])
/** Rows, and their end. */
const ROWS = new Set(['d', 'c', 'f'])

/** What the engine is to hear of a message that invites nobody. */
export function unaccompanied({ type }: Message, bytes: Buffer): Buffer {
  return RUNS.has(type) ? Buffer.concat([bytes, NO_ROWS]) : bytes
}

/** Whether a message is part of a COPY. */
export function isRow({ type }: Message): boolean {
  return ROWS.has(type)
}

/** What the engine answers, but for invitations of its own. */
export function uninvited(answer: Uint8Array): Uint8Array {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength)
  const parts: Buffer[] = []
  let from = 0
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (bytes[at] === INVITATION[0]) {
      parts.push(bytes.subarray(from, at))
      from = end
    }
    at = end
  }
  return parts.length === 0 ? answer : Buffer.concat([...parts, bytes.subarray(from)])
}
