/**
 * A database at work, in a thread of its own: PostgreSQL is WebAssembly that computes where it is called, which must not keep
 * the KMS waiting. The thread gets the data key, hands it to the cipher at once, and lets clients in who know a password.
 */
import { once } from 'node:events'
import { constants, cpSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { Xts } from '../../../bindings/node/index.js'
import { FILES } from './blocks.ts'
import { EncryptedFilesystem } from './filesystem.ts'
import { serveClient, type House } from './session.ts'
import { Turns, type Engine } from './turns.ts'
import { query } from './wire.ts'

/** What a thread begins with. */
export interface Task {
  /** Where the files are, or are to be made. */
  readonly folder: string
  /** 64 bytes, handed over. */
  readonly key: Uint8Array
  readonly database: string
  /** The port to be served at if it is free; 0 for any. */
  readonly port: number
  /** Of a database that is to be made: who is its master, and what is kept of the password. */
  readonly master?: { readonly user: string; readonly verifier: string }
}

/** What it is asked later on. */
export type Order = { readonly copyTo: string } | 'stop'
/** What it says: where it is served, that an order was carried out, or that it was not and why. */
export type Report = { readonly port: number } | { readonly done: true } | { readonly problem: string }

const HOST = '127.0.0.1'
const TOLD = ['server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone']
const FIRST = 'postgres'
/** Others than its master would share the master's rights: there is one engine, and one session of it. */
const VERIFIER = `
  SELECT rolpassword FROM pg_authid
  WHERE rolname = $1 AND rolcanlogin AND rolsuper AND (rolvaliduntil IS NULL OR rolvaliduntil > now())`
const ALWAYS = { integer_datetimes: 'on', standard_conforming_strings: 'on', is_superuser: 'on' }

class Sharing implements Engine {
  readonly #pg: PGlite

  constructor(pg: PGlite) {
    this.#pg = pg
  }

  async run(messages: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#pg.execProtocolRaw(messages)
    } catch {
      // It has ended, and there is nothing to go on with; what it wrote is recovered when it is started again.
      process.exit(1)
    }
  }

  isInTransaction(): boolean {
    return this.#pg.isInTransaction()
  }

  async begin(user: string, settings: ReadonlyMap<string, string>): Promise<void> {
    const chosen = Array.from(settings, ([name, value]) => `SET ${identifier(name)} TO ${literal(value)}`)
    const statements = ['RESET ALL', `SET SESSION AUTHORIZATION ${identifier(user)}`, ...chosen]
    // One after the other: a setting that there is not must not undo the rest.
    for (const statement of statements) await this.run(query(statement))
  }
}

async function work({ folder, key, database, master, port }: Task): Promise<void> {
  const cipher = Xts.open(key)
  const open = (name: string) => PGlite.create({ fs: new EncryptedFilesystem(folder, cipher), database: name })
  if (master) await make(open, master, database)
  const pg = await open(database)
  const house = await houseOf(pg, database)
  const server = await serve(house, port)
  parentPort!.on('message', (order: Order) => void obey(order))
  report({ port: server.port })

  async function obey(order: Order): Promise<void> {
    if (order !== 'stop') {
      report(await copied(join(folder, FILES), order.copyTo))
      return
    }
    await server.close()
    await house.turns.take()
    await pg.close()
    cipher.close()
    report({ done: true })
    parentPort!.close()
  }
}

/** A database with its master, who is the one to come in. */
async function make(
  open: (name: string) => Promise<PGlite>,
  { user, verifier }: NonNullable<Task['master']>,
  database: string,
): Promise<void> {
  const pg = await open(FIRST)
  const verb = user === FIRST ? 'ALTER' : 'CREATE'
  await pg.exec(`${verb} ROLE ${identifier(user)} LOGIN SUPERUSER PASSWORD ${literal(verifier)}`)
  if (database !== FIRST) await pg.exec(`CREATE DATABASE ${identifier(database)}`)
  await pg.close()
}

async function houseOf(pg: PGlite, database: string): Promise<House> {
  const turns = new Turns(new Sharing(pg))
  const ask = async (sql: string, ...values: string[]) => (await pg.query<Record<string, string>>(sql, values)).rows[0]
  const told = new Map<string, string>(Object.entries(ALWAYS))
  for (const name of TOLD) told.set(name, Object.values((await ask(`SHOW ${name}`))!)[0]!)
  const verifier = (user: string) =>
    turns.between(async () => {
      await pg.exec('RESET SESSION AUTHORIZATION')
      return (await ask(VERIFIER, user))?.rolpassword
    })
  return { turns, database, told, verifier }
}

/** Serves at a port of the loopback, and at another one if somebody else took it since it was last ours. */
async function serve(house: House, wanted: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveClient(socket, house)
  })
  const listen = async (port: number) => {
    server.listen(port, HOST)
    await once(server, 'listening')
  }
  await listen(wanted).catch(() => listen(0))
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Nothing else happens in this thread meanwhile, so that the copy is what a power cut would leave; which is enough. */
async function copied(files: string, to: string): Promise<Report> {
  try {
    cpSync(files, to, { recursive: true, mode: constants.COPYFILE_FICLONE })
    return { done: true }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function report(what: Report): void {
  parentPort!.postMessage(what)
}

await work(workerData as Task)
