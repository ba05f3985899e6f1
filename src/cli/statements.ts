/** Statements run where there is no psql: by pg, which is an optional dependency, and is loaded when it is wanted. */
import type { Client as PgClient, ClientConfig, QueryArrayResult } from 'pg'
import { spelled } from './line.ts'

type Login = Required<Pick<ClientConfig, 'host' | 'port' | 'user' | 'password' | 'database'>>
type Row = readonly (string | null)[]

/** What the statements of a text answer: rows in lines, their cells between tabs; of one without rows, what it did. */
export async function answersTo(text: string, login: Login): Promise<string> {
  const { Client } = await loaded()
  const client = new Client(login)
  // Whoever waits for an answer is told what breaks.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const answered = (await client.query({ text, rowMode: 'array', types: AS_TEXT })) as Answer | Answer[]
    return [answered].flat().map(written).join('')
  } finally {
    await client.end()
  }
}

type Answer = QueryArrayResult<(string | null)[]>

const AS_TEXT = { getTypeParser: () => (cell: string | Buffer) => cell }

function written({ fields, rows, command, rowCount }: Answer): string {
  if (fields.length > 0) return [fields.map(({ name }) => name), ...rows].map(line).join('')
  // There is no command in a text of no statements.
  const did = (command as string | null) ?? ''
  return did === '' ? '' : `${rowCount === null ? did : `${did} ${rowCount}`}\n`
}

function line(row: Row): string {
  return `${row.map((cell) => spelled(cell ?? '\\N')).join('\t')}\n`
}

async function loaded(): Promise<{ Client: typeof PgClient }> {
  try {
    return (await import('pg')).default
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new Error('there is neither psql nor pg to talk to the database: `npm install pg`, or install psql', {
      cause,
    })
  }
}
