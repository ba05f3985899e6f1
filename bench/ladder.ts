/**
 * A ladder: rungs measured side by side in one benny suite, each against the first, the result kept in bench/results/.
 * A rung is run in laps of many operations, so that the harness's own microsecond a lap is not what is measured.
 */
import b from 'benny'
import { mkdirSync, writeFileSync } from 'node:fs'
import { machine } from './machine.ts'

export interface Rung {
  readonly name: string
  /** Operations in one lap. */
  readonly lap: number
  run(): Promise<void> | void
}

export interface Figure {
  readonly name: string
  /** Nanoseconds an operation takes. */
  readonly ns: number
  /** Relative margin of error, per cent. */
  readonly margin: number
  /** How many times the throughput of the first rung. */
  readonly ratio: number
}

/** A lap of `count` calls, awaited or not as `run` is. */
export function rung(name: string, run: () => unknown, count = 1000): Rung {
  return {
    name,
    lap: count,
    run() {
      for (let i = 0; i < count; i++) run()
    },
  }
}

export function asyncRung(name: string, run: () => Promise<unknown>, count = 1000): Rung {
  return {
    name,
    lap: count,
    async run() {
      for (let i = 0; i < count; i++) await run()
    },
  }
}

export async function ladder(title: string, rungs: readonly Rung[]): Promise<Figure[]> {
  for (const { run } of rungs) for (let lap = 0; lap < 3; lap++) await run()
  const summary = await b.suite(
    title,
    ...rungs.map(({ name, run }) => b.add(name, isAsync(run) ? async () => run() : () => void run())),
    b.cycle(),
  )
  const times = summary.results.map(({ ops, margin }, i) => ({ ns: 1e9 / (ops * rungs[i]!.lap), margin }))
  const figures = times.map(({ ns, margin }, i) => ({
    name: rungs[i]!.name,
    ns: Math.round(ns),
    margin,
    ratio: Number((times[0]!.ns / ns).toFixed(2)),
  }))
  console.log(`\n${title}`)
  console.table(Object.fromEntries(figures.map(({ name, ...figure }) => [name, figure])))
  return figures
}

/** Keeps what a bench found, with the machine it was found on. */
export function keep(file: string, suites: Record<string, readonly Figure[]>): void {
  const folder = new URL('results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${file}.json`, folder), `${JSON.stringify({ machine: machine(), suites }, null, 2)}\n`)
}

function isAsync(run: Rung['run']): boolean {
  return run.constructor.name === 'AsyncFunction'
}
