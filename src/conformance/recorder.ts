/** The last calls of a module, kept in a file as well: what is left to read when the process that made them was brought down. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Traced } from './cryptoki/module.ts'

/** As many as are kept, and the bytes of each in the file. */
const CALLS = 24
const PLACE = 2048

export class Recorder {
  readonly #file: number
  #calls: Traced[] = []
  #numbers = new WeakMap<Traced, number>()
  #made = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w', 0o600)
  }

  /** Takes note of a call as it begins, and as it ends. */
  note(traced: Traced): void {
    if (!this.#numbers.has(traced)) {
      this.#numbers.set(traced, this.#made++)
      this.#calls.push(traced)
      if (this.#calls.length > CALLS) this.#calls.shift()
    }
    const number = this.#numbers.get(traced)!
    const line = Buffer.from(`${JSON.stringify({ number, ...brief(traced) })}\n`)
    if (number >= this.#made - CALLS) writeSync(this.#file, line, 0, Math.min(line.length, PLACE), place(number))
  }

  /** The last calls, oldest first. */
  last(): Traced[] {
    return this.#calls.map(brief)
  }

  /** Begins anew: numbers go on, so that what is in the file is known to be older. */
  forget(): void {
    this.#calls = []
    writeSync(this.#file, '\n'.padEnd(CALLS * PLACE, '\n'), 0)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** What a recorder wrote to its file, oldest first. */
export function recorded(path: string): Traced[] {
  const bytes = readFileSync(path)
  const found: { readonly number: number; readonly traced: Traced }[] = []
  for (let at = 0; at < bytes.length; at += PLACE) {
    const [line = ''] = bytes.toString('utf8', at, at + PLACE).split('\n')
    try {
      const { number, call, args, rv } = JSON.parse(line) as Traced & { readonly number: number }
      found.push({ number, traced: { call, args, rv } })
    } catch {
      // An empty place, or one that was being written to.
    }
  }
  return found.sort((one, other) => one.number - other.number).map(({ traced }) => traced)
}

function place(number: number): number {
  return (number % CALLS) * PLACE
}

/** What is long is cut: a call has its place in the file, and its line in a report. */
function brief({ call, args, rv }: Traced): Traced {
  return { call, args: args.map((arg) => (arg.length > 140 ? `${arg.slice(0, 139)}…` : arg)), rv }
}
