/** A database that runs, from where the service stands: a thread that is started, asked for a copy, and stopped. */
import { MessageChannel, Worker } from 'node:worker_threads'
import { KmsError } from '../../errors.ts'
import type { Errand, Master, Order, Report, Said, Task } from './worker.ts'

export class Engine {
  readonly #worker: Worker
  /** Where on the loopback it is served. */
  readonly port: number
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>
  #orders = START

  /** Starts it. The key is handed over: the caller's is of no more use. `isReachable` is asked whenever a client speaks. */
  static async start(task: Omit<Task, 'gate'>, isReachable: () => boolean): Promise<Engine> {
    const { port1: ours, port2: gate } = new MessageChannel()
    ours.on('message', () => ours.postMessage(isReachable()))
    ours.unref()
    const transferList = [task.key.buffer as ArrayBuffer, gate]
    const worker = new Worker(SCRIPT, { workerData: { ...task, gate } satisfies Task, transferList })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    // That it ended for a problem is told to whoever waits for it; where nobody does, it must not end the process.
    worker.on('error', () => undefined)
    const said = await reply(worker, START, ended)
    if ('port' in said) return new Engine(worker, said.port, ended)
    await ended
    throw new Error('problem' in said ? said.problem : 'a database did not start')
  }

  private constructor(worker: Worker, port: number, ended: Promise<void>) {
    this.#worker = worker
    this.port = port
    this.ended = ended
  }

  /** Copies the files as they are now. */
  async copyTo(folder: string): Promise<void> {
    await this.#order({ copyTo: folder })
  }

  /** From now on the master's password is another. Waits until no transaction is open. */
  async setPassword(master: Master): Promise<void> {
    await this.#order({ master })
  }

  /** Stops serving, and resolves when all is written and the key is wiped. */
  async stop(): Promise<void> {
    await this.#order('stop')
    await this.ended
  }

  async #order(errand: Errand): Promise<void> {
    const number = ++this.#orders
    this.#worker.postMessage({ number, errand } satisfies Order)
    const said = await reply(this.#worker, number, this.ended)
    if ('problem' in said) throw new Error(said.problem)
  }
}

/** The number of the first report, which nobody ordered. */
const START = 0

/** From where it is compiled, the file beside this one. */
const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** What the thread says to an order; that it ended is a problem. */
function reply(worker: Worker, number: number, ended: Promise<void>): Promise<Said> {
  return new Promise((resolve, reject) => {
    const hear = (report: Report) => {
      if (report.number === number) settle(report.said)
    }
    const end = (error: Error) => reject(problemOf(error))
    const settle = (said: Said) => {
      worker.off('message', hear).off('error', end)
      resolve(said)
    }
    worker.on('message', hear).on('error', end)
    void ended.then(() => settle({ problem: 'the thread of a database ended' }))
  })
}

/** What ended a thread, as whoever waits for it is told. */
function problemOf(error: Error & { code?: string }): Error {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') return new Error(error.message)
  return new KmsError(
    'InvalidParameterCombination',
    'databases need the optional package @electric-sql/pglite, which is not installed',
  )
}
