/**
 * Whoever has a module in a child process, and starts another one when the module brought it down or does not come back: what
 * was under way fails, what comes later is done by the next.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { TokenError } from '../pkcs11/faults.ts'
import { errorOf, type Answer, type Opened, type Opening, type Order } from './wire.ts'

export interface Patience {
  /** Milliseconds that a verb may take; a child that does not answer any more is ended. */
  readonly deadline: number
  /** Milliseconds before a child is started anew, doubled with every one that ended before it did anything. */
  readonly backOff: number
}

interface Asked {
  /** When an answer is overdue. */
  readonly until: number
  resolve(value: unknown): void
  reject(error: Error): void
}

type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never

const LONGEST = 10_000

/** Milliseconds that opening may take: a token that is not known yet is tried out, and some take seconds for a key. */
const OPENING = 60_000

export class Supervisor {
  private readonly opening: () => Opening
  private readonly patience: Patience
  private child: ChildProcess | undefined
  /** Settles when the token is open in the child there is. */
  private ready: Promise<Opened> | undefined
  /** Why no other child is started: it would try a wrong PIN once more. */
  private barred: TokenError | undefined
  private readonly asked = new Map<number, Asked>()
  private last = 0
  /** Children in a row that ended before they did anything. */
  private futile = 0
  private watch: NodeJS.Timeout | undefined
  private hung = false
  private closed = false

  /** `opening` says what a child is told first, each time one is started. */
  constructor(opening: () => Opening, patience: Patience) {
    this.opening = opening
    this.patience = patience
  }

  /** The process there is; undefined between two. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Opens the token, in the child there is or in a new one. */
  open(): Promise<Opened> {
    if (this.barred) return Promise.reject(this.barred)
    if (this.closed) return Promise.reject(crashed('it was closed'))
    return (this.ready ??= this.begin())
  }

  /** Has the child do something. Rejects with what it rejects with, or TokenError ModuleCrashed. */
  async ask(order: Without<Order, 'id'>): Promise<unknown> {
    await this.open()
    return this.tell(order)
  }

  /** Tells the child there is, if it is in a state to listen, and wants no answer. */
  mention(order: Without<Order, 'id'>): void {
    if (this.child && this.ready) this.tell(order).catch(() => undefined)
  }

  async close(): Promise<void> {
    this.closed = true
    const { child, ready } = this
    if (!child) return
    this.hold()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (ready) await this.tell({ close: true }).catch(() => undefined)
    else child.kill('SIGKILL')
    await ended
  }

  private async begin(): Promise<Opened> {
    if (this.futile > 0) await pause(Math.min(this.patience.backOff * 2 ** (this.futile - 1), LONGEST))
    // It did nothing yet, and may end before it does.
    this.futile++
    if (this.closed) throw crashed('it was closed')
    const child = this.start()
    try {
      return (await this.tell({ open: this.opening() }, Math.max(this.patience.deadline, OPENING))) as Opened
    } catch (error) {
      if (this.child === child) {
        this.ready = undefined
        child.kill('SIGKILL')
      }
      if (error instanceof TokenError && error.code.startsWith('Pin')) this.barred = error
      throw error
    }
  }

  private start(): ChildProcess {
    const execArgv = process.execArgv.filter(
      (flag, i, all) =>
        !flag.startsWith('--input-type') && !flag.startsWith('--inspect') && !EVAL.has(flag) && !EVAL.has(all[i - 1]),
    )
    const child = fork(CHILD, { execArgv, serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child = child
    child.on('message', (answer: Answer) => this.settle(answer))
    child.on('error', () => child.kill('SIGKILL'))
    child.on('exit', (code, signal) => {
      if (this.child === child) this.lose(signal ?? `exit code ${code}`)
    })
    this.hold()
    return child
  }

  private tell(order: Without<Order, 'id'>, deadline = this.patience.deadline): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.last
      this.asked.set(id, { until: performance.now() + deadline, resolve, reject })
      this.hold()
      this.child?.send({ ...order, id }, (error) => {
        if (error && this.asked.delete(id)) reject(crashed('its process is gone'))
      })
      this.watch ??= setTimeout(this.look, deadline)
    })
  }

  private settle(answer: Answer): void {
    const asked = this.asked.get(answer.id)
    if (!asked) return
    this.asked.delete(answer.id)
    if (this.asked.size === 0) this.unwatch()
    this.hold()
    if ('error' in answer) asked.reject(errorOf(answer.error))
    else {
      this.futile = 0
      asked.resolve(answer.value)
    }
  }

  /** The child has ended: with it all that it was doing. */
  private lose(how: string): void {
    const why = this.hung ? `it did not answer in time` : `its process ended (${how})`
    this.child = this.ready = undefined
    this.hung = false
    const lost = [...this.asked.values()]
    this.asked.clear()
    this.unwatch()
    for (const { reject } of lost) reject(crashed(why))
  }

  /** Ends a child whose oldest answer is overdue. */
  private readonly look = (): void => {
    this.watch = undefined
    const [oldest] = this.asked.values()
    if (!oldest) return
    const left = oldest.until - performance.now()
    if (left > 0) {
      this.watch = setTimeout(this.look, left)
      return
    }
    this.hung = true
    this.child?.kill('SIGKILL')
  }

  private unwatch(): void {
    clearTimeout(this.watch)
    this.watch = undefined
  }

  /** A child that has nothing to do does not keep this process from ending. */
  private hold(): void {
    const { child } = this
    if (!child) return
    const verb = this.asked.size > 0 || this.closed ? 'ref' : 'unref'
    child[verb]()
    child.channel?.[verb]()
  }
}

/** What has Node run the words that follow, which are not for the child. */
const EVAL = new Set<string | undefined>(['-e', '--eval', '-p', '--print', '-pe'])

function crashed(why: string): TokenError {
  return new TokenError('ModuleCrashed', `the PKCS#11 module is gone: ${why}`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

const CHILD = new URL(import.meta.url.endsWith('.ts') ? './child.ts' : './child.js', import.meta.url)
