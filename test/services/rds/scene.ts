/** A room with a folder for databases, and clients of PostgreSQL to talk to them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Client } from 'pg'
import { Strongroom, type StrongroomOptions } from '../../../src/index.ts'
import type { DBInstance } from '../../../src/services/rds/shapes.ts'

export const ACCOUNT = '000000000000'
export const PASSWORD = 'a-long-password'

export interface Stage {
  readonly data: string
  /** Opens it again, once the room before is closed. */
  open(): Promise<Strongroom>
  /** Moves the time on, by days. */
  pass(days: number): void
}

export async function stage(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Stage> {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-rds-'))
  let now = Date.UTC(2026, 0, 1)
  t.teardown(() => rm(data, { recursive: true, force: true }))
  return {
    data,
    async open() {
      const room = await Strongroom.open({ data, now: () => new Date(now), ...options })
      t.teardown(() => room.close())
      return room
    },
    pass: (days) => {
      now += days * 86_400_000
    },
  }
}

/** What CreateDBInstance takes, for one called so. */
export const wanted = (DBInstanceIdentifier: string, more: object = {}) => ({
  ...{ DBInstanceIdentifier, Engine: 'postgres', AllocatedStorage: 20 },
  ...{ MasterUsername: 'doctor', MasterUserPassword: PASSWORD },
  ...more,
})

/** What a statement answers, from a client that comes for it and goes. */
export async function sql(instance: DBInstance, statement: string, password = PASSWORD): Promise<unknown[]> {
  const client = await connected(instance, password)
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}

/** A client that stays until the test is over. */
export async function clientOf(t: ExecutionContext, instance: DBInstance): Promise<Client> {
  const client = await connected(instance, PASSWORD)
  t.teardown(() => client.end())
  return client
}

/** The socket of a client that was let in, for whoever wants to say something by himself. */
export async function loggedIn(instance: DBInstance): Promise<Socket> {
  const client = await connected(instance, PASSWORD)
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  return stream.removeAllListeners()
}

async function connected({ Endpoint, MasterUsername, DBName }: DBInstance, password: string): Promise<Client> {
  const client = new Client({
    ...{ host: Endpoint!.Address, port: Endpoint!.Port, user: MasterUsername, database: DBName, password },
  })
  // What breaks is told to whoever asked for it.
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Files below a folder that have one of the words in them. */
export async function filesWith(folder: string, words: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const found = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file)
      return words.some((word) => bytes.includes(word)) ? [file] : []
    }),
  )
  return found.flat()
}
