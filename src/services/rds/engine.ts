/** A database that runs, from where the service stands: a thread that is started, asked for a copy, and stopped. */
import { Worker } from 'node:worker_threads'
import { KmsError } from '../../errors.ts'
import type { Order, Report, Task } from './worker.ts'

export class Engine {
  readonly #worker: Worker
  /** Where on the loopback it is served. */
  readonly port: number
  /** Resolves when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>
  #work: Promise<unknown> = Promise.resolve()

  /** Starts it. The key is handed over: the caller's is of no more use. */
  static async start(task: Task): Promise<Engine> {
    const worker = new Worker(SCRIPT, { workerData: task, transferList: [task.key.buffer as ArrayBuffer] })
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    // That it ended for a problem is told to whoever waits for it; where nobody does, it must not end the process.
    worker.on('error', () => undefined)
    const said = await reply(worker, ended)
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

  /** Stops serving, and resolves when all is written and the key is wiped. */
  async stop(): Promise<void> {
    await this.#order('stop')
    await this.ended
  }

  /** One order at a time. */
  #order(order: Order): Promise<void> {
    const done = this.#work.then(async () => {
      this.#worker.postMessage(order)
      const said = await reply(this.#worker, this.ended)
      if ('problem' in said) throw new Error(said.problem)
    })
    this.#work = done.catch(() => undefined)
    return done
  }
}

/** From where it is compiled, the file beside this one. */
const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** What the thread says next; that it ended is a problem. */
function reply(worker: Worker, ended: Promise<void>): Promise<Report> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', (error) => reject(problemOf(error)))
    void ended.then(() => resolve({ problem: 'the thread of a database ended' }))
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
