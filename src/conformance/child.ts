/** A process with the module in it, from where it is watched: it answers, or ends, or hangs and is ended. */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Traced } from './cryptoki/module.ts'
import { recorded } from './recorder.ts'
import { Unusable } from './token.ts'
import type { Answer, Job, Opened, Opening, Order, Product } from './worker.ts'

/** Calls `act` in a while, unless what is given back is called before. */
export type After = (milliseconds: number, act: () => void) => () => void

/** What became of a job. */
export type Ended =
  | { readonly product: Product; readonly isClean: boolean }
  | { readonly end: 'crashed' | 'hung'; readonly how: string; readonly trace: readonly Traced[] }

/** The module was brought down as the token was opened: another time it may not be. */
export class Broken extends Unusable {}

/** The token, how to get in, and what to try it with. */
export type Target = Omit<Opening, 'recorder'>

const PATIENCE_OPENING = 60_000
const PATIENCE_DRIVER = 120_000

export class Child {
  readonly #process: ChildProcess
  readonly #after: After
  readonly #recorder: string
  #said = ''

  /** Opens the token in it; rejects with Unusable. */
  async open(target: Target): Promise<Opened> {
    const answer = await this.#ask({ open: { ...target, recorder: this.#recorder } }, PATIENCE_OPENING)
    if ('opened' in answer) return answer.opened
    this.close()
    if ('problem' in answer) throw new Unusable(answer.problem)
    throw new Broken('end' in answer ? `the module ${broke(answer)} while it was opened` : 'it answered something else')
  }

  /** What our own driver finds; nothing when it does not come to an end. */
  async profile(target: Target): Promise<unknown> {
    const answer = await this.#ask({ driver: { ...target, recorder: this.#recorder } }, PATIENCE_DRIVER)
    this.close()
    return 'profile' in answer ? answer.profile : undefined
  }

  /** Starts one, which keeps its last calls in a file of its own in `folder`. */
  constructor(folder: string, after: After) {
    this.#recorder = join(folder, `calls-${randomUUID()}`)
    this.#after = after
    this.#process = fork(SCRIPT, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4000)
    })
    process.once('exit', this.#kill)
  }

  /** Whether it is there still: a module may bring it down between two jobs, too. */
  get isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null && this.#process.connected
  }

  async run(job: Job, patience: number): Promise<Ended> {
    const answer = await this.#ask({ job }, patience)
    if ('product' in answer || 'end' in answer) return answer
    return { end: 'crashed', how: 'problem' in answer ? answer.problem : 'it answered something else', trace: [] }
  }

  close(): void {
    process.off('exit', this.#kill)
    this.#kill()
  }

  #kill = (): void => {
    this.#process.kill('SIGKILL')
  }

  #ask(order: Order, patience: number): Promise<Answer | Extract<Ended, { end: unknown }>> {
    return new Promise((resolve) => {
      const settle = (answer: Answer | Extract<Ended, { end: unknown }>): void => {
        cancel()
        this.#process.removeAllListeners('message').removeAllListeners('exit').removeAllListeners('error')
        resolve(answer)
      }
      const cancel = this.#after(patience, () => {
        this.#kill()
        const how = `did not come back within ${patience / 1000} seconds`
        settle({ end: 'hung', how, trace: this.#trace() })
      })
      this.#process.once('message', settle)
      this.#process.once('exit', (code, signal) => {
        // What it wrote last may still be on its way.
        setImmediate(() => settle({ end: 'crashed', how: this.#ending(code, signal), trace: this.#trace() }))
      })
      // A message to a process that has just ended is an error of the channel; its end is told all the same.
      this.#process.on('error', () => undefined)
      this.#process.send(order, () => undefined)
    })
  }

  #trace(): readonly Traced[] {
    return existsSync(this.#recorder) ? recorded(this.#recorder) : []
  }

  /** The signal or the exit code, with what C libraries say as they give up. */
  #ending(code: number | null, signal: NodeJS.Signals | null): string {
    const lines = this.#said.trimEnd().split('\n')
    const last = lines.filter((line) => !line.startsWith('Node.js v')).at(-1) ?? ''
    const words = /^[\w(): ,.!*+-]{4,120}$/.test(last) ? `: ${last}` : ''
    return `ended by ${signal ?? `exit code ${code}`}${words}`
  }
}

function broke({ end, how }: { readonly end: string; readonly how: string }): string {
  return end === 'hung' ? how : `was brought down (${how})`
}

const SCRIPT = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
