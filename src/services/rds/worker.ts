/**
 * A database at work, in a thread of its own: PostgreSQL is WebAssembly that computes where it is called, which must not keep
 * the KMS waiting. The thread gets the data key, hands it to the cipher at once, and lets clients in who know a password.
 */
import { once } from 'node:events'
import { constants, cpSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { Xts } from '../../../bindings/node/index.js'
import { FILES } from './blocks.ts'
import { EncryptedFilesystem } from './filesystem.ts'
import { serveClient, type House } from './session.ts'
import { Turns, type Engine } from './turns.ts'
import { isReady, query } from './wire.ts'

/** What a thread begins with. */
export interface Task {
  /** Where the files are, or are to be made. */
  readonly folder: string
  /** 64 bytes, handed over. */
  readonly key: Uint8Array
  readonly database: string
  /** The port to be served at if it is free; 0 for any. */
  readonly port: number
  /** Of a database that is to be made. */
  readonly master?: Master
  /** Where to ask, with any message, whether clients can be reached: a boolean comes back, in the order of the questions. */
  readonly gate: MessagePort
}

/** Who may come in, and what is kept of the password. */
export interface Master {
  readonly user: string
  readonly verifier: string
}

/** What it is asked later on. */
export type Errand = { readonly copyTo: string } | { readonly master: Master } | 'stop'
/** Where it is served, that an order was carried out, or that it was not and why. */
export type Said = { readonly port: number } | { readonly done: true } | { readonly problem: string }

export interface Order {
  readonly number: number
  readonly errand: Errand
}

/** What it says to the order of the same number; of where it is served, to none: 0. */
export interface Report {
  readonly number: number
  readonly said: Said
}

const HOST = '127.0.0.1'
const TOLD = ['server_version', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone']
const FIRST = 'postgres'
/** As many as PostgreSQL serves where nobody has said otherwise. */
const MOST = 100
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

  /** An engine that ends, or breaks off in the midst of an answer, is recovered from what it wrote when it is started again. */
  async run(messages: Uint8Array, isEnd: boolean): Promise<Uint8Array> {
    const answer = await this.#pg.execProtocolRaw(messages).catch(() => undefined)
    return answer && (!isEnd || isReady(answer)) ? answer : process.exit(1)
  }

  isInTransaction(): boolean {
    return this.#pg.isInTransaction()
  }

  async begin(user: string, settings: ReadonlyMap<string, string>): Promise<void> {
    const chosen = Array.from(settings, ([name, value]) => `SET ${identifier(name)} TO ${literal(value)}`)
    const statements = ['RESET ALL', `SET SESSION AUTHORIZATION ${identifier(user)}`, ...chosen]
    // One after the other: a setting that there is not must not undo the rest.
    for (const statement of statements) await this.run(query(statement), true)
  }
}

async function work({ folder, key, database, master, port, gate }: Task): Promise<void> {
  const cipher = Xts.open(key)
  const open = (name: string) => PGlite.create({ fs: new EncryptedFilesystem(folder, cipher), database: name })
  if (master) await make(open, master, database)
  const pg = await open(database)
  const sockets = new Set<Socket>()
  const house = await houseOf(pg, database, { isFull: () => sockets.size > MOST, isReachable: asking(gate) })
  const server = await serve(house, port, sockets)
  parentPort!.on('message', ({ number, errand }: Order) => {
    void obey(errand).then((said) => {
      report({ number, said })
      if (errand === 'stop') leave()
    })
  })
  report({ number: 0, said: { port: server.port } })

  async function obey(errand: Errand): Promise<Said> {
    if (errand === 'stop') return stop()
    return 'copyTo' in errand ? copied(join(folder, FILES), errand.copyTo) : renewed(house, pg, errand.master)
  }

  async function stop(): Promise<Said> {
    await server.close()
    await house.turns.take()
    await pg.close()
    cipher.close()
    return { done: true }
  }

  function leave(): void {
    gate.close()
    parentPort!.close()
  }
}

/** Questions are answered one after the other. */
function asking(gate: MessagePort): () => Promise<boolean> {
  const waiting: ((answer: boolean) => void)[] = []
  gate.on('message', (answer: boolean) => waiting.shift()!(answer))
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      gate.postMessage('reachable?')
    })
}

/** A database with its master, who is the one to come in. */
async function make(
  open: (name: string) => Promise<PGlite>,
  { user, verifier }: Master,
  database: string,
): Promise<void> {
  const pg = await open(FIRST)
  const verb = user === FIRST ? 'ALTER' : 'CREATE'
  await pg.exec(`${verb} ROLE ${identifier(user)} LOGIN SUPERUSER PASSWORD ${literal(verifier)}`)
  if (database !== FIRST) await pg.exec(`CREATE DATABASE ${identifier(database)}`)
  await pg.close()
}

async function houseOf(pg: PGlite, database: string, limits: Pick<House, 'isFull' | 'isReachable'>): Promise<House> {
  const turns = new Turns(new Sharing(pg))
  const ask = async (sql: string, ...values: string[]) => (await pg.query<Record<string, string>>(sql, values)).rows[0]
  const told = new Map<string, string>(Object.entries(ALWAYS))
  for (const name of TOLD) told.set(name, Object.values((await ask(`SHOW ${name}`))!)[0]!)
  const verifier = (user: string) =>
    turns.between(async () => {
      await pg.exec('RESET SESSION AUTHORIZATION')
      return (await ask(VERIFIER, user))?.rolpassword
    })
  return { turns, database, told, verifier, ...limits }
}

/** Serves at a port of the loopback, and at another one if somebody else took it since it was last ours. */
async function serve(
  house: House,
  wanted: number,
  sockets: Set<Socket>,
): Promise<{ port: number; close(): Promise<void> }> {
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
async function copied(files: string, to: string): Promise<Said> {
  try {
    cpSync(files, to, { recursive: true, mode: constants.COPYFILE_FICLONE })
    return { done: true }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

/** Whoever is in stays in; the next to come needs the new password. */
function renewed({ turns }: House, pg: PGlite, { user, verifier }: Master): Promise<Said> {
  return turns.between(async () => {
    try {
      await pg.exec(`RESET SESSION AUTHORIZATION; ALTER ROLE ${identifier(user)} PASSWORD ${literal(verifier)}`)
      return { done: true }
    } catch (error) {
      return { problem: (error as Error).message }
    }
  })
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
