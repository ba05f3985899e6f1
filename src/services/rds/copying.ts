/**
 * COPY … FROM STDIN, which the engine has no way to wait in the midst of: a client is invited to send its rows before the
 * engine has heard of the statement, and the engine gets both at once.
 */
import { message, type Message } from './wire.ts'

const COMMENTS = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/
const FROM_STDIN = /^copy\b[^;]*\bfrom\s+stdin\b/i

/** Whether a statement is one, is none, or has one among others, which cannot be served. */
export function copyIn({ type, body }: Message): 'alone' | 'among' | undefined {
  const text = body.toString('utf8', type === 'P' ? body.indexOf(0) + 1 : 0)
  const statements = text.split(/[;\0]/).map((statement) => statement.replace(COMMENTS, ''))
  if (!statements.some((statement) => FROM_STDIN.test(statement))) return undefined
  const isAlone = type === 'Q' && statements.filter((statement) => statement !== '').length === 1
  return isAlone ? 'alone' : 'among'
}

/** To send rows as text; of how many columns is for the client to know. */
export const INVITATION = message('G', Buffer.alloc(3))

/** What the engine answers, but for its own invitation. */
export function uninvited(answer: Uint8Array): Uint8Array {
  const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength)
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    if (bytes[at] !== INVITATION[0]) continue
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + bytes.readInt32BE(at + 1))])
  }
  return answer
}
