/**
 * Load on what lives in this process, as fast as it answers or at a constant rate.
 *
 * A time read and its recording take some 0.15 µs, which is little beside a call that is a promise. A verb that answers on the
 * spot may take as long itself; such verbs are called in batches, so long that reading the time is at most a hundredth of one,
 * and each call of a batch is counted with the mean of it. How much of the time was the loop's own is measured beforehand, with
 * a call that does nothing.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { Recorder } from './recorder.ts'
import { errorName, type Ran, type Run } from './target.ts'

/** One request; a promise, or an answer at once. */
export type Act = () => unknown

export interface Acts {
  readonly kinds: number
  /** By the places of `order`. */
  readonly acts: readonly { readonly kind: number; readonly act: Act }[]
  readonly order: Uint32Array
  /** Whether they answer on the spot. */
  readonly isInstant?: boolean
}

/** Milliseconds for which nothing else in the process has its turn: the trail's writer, signals. */
const TURN = 1

/** How long a batch may be, so that a pause of the collector is still seen as one. */
const LONGEST_BATCH = 256

/** A hundredth of a batch may be the reading of the time. */
const SHARE = 100

export async function runActs(acts: Acts, run: Run): Promise<Ran> {
  const own = await ownCost(acts.isInstant ?? false)
  return 'rate' in run.pace ? atRate(acts, run, run.pace.rate, own) : closed(acts, run, own)
}

async function closed(acts: Acts, run: Run, own: number): Promise<Ran> {
  const batch = acts.isInstant ? await batchOf(acts, own) : 1
  const { from, until, recorder, cpu } = begin(acts, run)
  let [next, turnAt] = [0, performance.now() + TURN]
  let turn: Promise<void> | undefined

  const worker = async () => {
    let now = performance.now()
    while (now < until && !run.isStopped()) {
      const { kind, act } = acts.acts[acts.order[next++ % acts.order.length]!]!
      let failure: string | undefined
      const begun = performance.now()
      try {
        for (let left = batch; left > 0; left--) {
          const answer = act()
          if (answer instanceof Promise) await answer
        }
      } catch (problem) {
        failure = errorName(problem)
      }
      now = performance.now()
      if (failure === undefined) recorder.record(kind, now, (now - begun) / batch, batch)
      else recorder.fail(kind, now, failure)
      if (now >= from) cpu.begin()
      if (now < turnAt) continue
      // One turn is for all: as long as one waits for it, nobody asks.
      turn ??= setImmediate().then(() => {
        turn = undefined
        turnAt = performance.now() + TURN
      })
      await turn
    }
  }
  await Promise.all(Array.from({ length: run.connections }, worker))
  return ended(recorder, from, cpu, { own: own / batch, behind: 0, unsent: 0 })
}

/** Requests are due at moments fixed beforehand; times are taken from those, however late one was sent. */
async function atRate(acts: Acts, run: Run, rate: number, own: number): Promise<Ran> {
  const { start, from, until, recorder, cpu } = begin(acts, run)
  const dueAt = (count: number) => start + (count * 1000) / rate
  const pending = new Set<Promise<void>>()
  let [sent, behind] = [0, 0]

  const send = async (due: number) => {
    const { kind, act } = acts.acts[acts.order[sent++ % acts.order.length]!]!
    if (due >= from) behind = Math.max(behind, performance.now() - due)
    try {
      const answer = act()
      if (answer instanceof Promise) await answer
      const now = performance.now()
      if (due >= from) recorder.record(kind, now, now - due, 1)
    } catch (problem) {
      if (due >= from) recorder.fail(kind, performance.now(), errorName(problem))
    }
  }

  for (let now = start; now < until && !run.isStopped(); now = performance.now()) {
    if (now >= from) cpu.begin()
    for (let due = dueAt(sent); due <= now && pending.size < run.connections; due = dueAt(sent)) {
      const sending: Promise<void> = send(due).finally(() => pending.delete(sending))
      pending.add(sending)
    }
    await setImmediate()
  }
  const unsent = Math.max(0, Math.ceil(((until - start) * rate) / 1000) - sent)
  await Promise.all(pending)
  // Waiting for the next due moment is work of the processor as well: what it costs is not told.
  return { ...ended(recorder, from, cpu, { own, behind: behind * 1000, unsent }), cpuMicros: undefined }
}

function begin({ kinds }: Acts, { warmup, seconds, onInterval }: Run) {
  const start = performance.now()
  const from = start + warmup * 1000
  const recorder = new Recorder(kinds, from, onInterval)
  return { start, from, until: from + seconds * 1000, recorder, cpu: new CpuTime() }
}

function ended(
  recorder: Recorder,
  from: number,
  cpu: CpuTime,
  { own, behind, unsent }: { own: number; behind: number; unsent: number },
): Ran {
  const now = performance.now()
  const cpuMicros = cpu.end()
  const counted = recorder.end(now)
  const seconds = (now - from) / 1000
  const answered = counted.reduce((count, { times }) => count + times.totalCount, 0)
  const busy = Math.min(1, (answered * own) / 1000 / seconds)
  return { counted, intervals: recorder.intervals, seconds, generator: { busy, behind, unsent }, cpuMicros }
}

/** Of this process, from the first `begin` on. */
class CpuTime {
  #from: NodeJS.CpuUsage | undefined

  begin(): void {
    this.#from ??= process.cpuUsage()
  }

  end(): number | undefined {
    if (!this.#from) return undefined
    const { user, system } = process.cpuUsage(this.#from)
    return user + system
  }
}

/** Milliseconds that the loop itself takes for a request: those of one whose call does nothing. */
async function ownCost(isInstant: boolean): Promise<number> {
  const act: Act = isInstant ? () => 0 : async () => 0
  const recorder = new Recorder(1, 0, () => undefined)
  return quickest(async () => {
    const begun = performance.now()
    const answer = act()
    if (answer instanceof Promise) await answer
    recorder.record(0, 0, performance.now() - begun, 1)
  })
}

/** How many calls make a batch, so that what reading the time costs is lost in it. */
async function batchOf({ acts, order }: Acts, own: number): Promise<number> {
  let next = 0
  const each = await quickest(() => acts[order[next++ % order.length]!]!.act())
  return Math.max(1, Math.min(LONGEST_BATCH, Math.ceil((SHARE * own) / each)))
}

/** Milliseconds that `act` takes in the best of a few laps: the others are the compiler's, or somebody else's on this machine. */
async function quickest(act: Act): Promise<number> {
  let best = Infinity
  for (let lap = 0; lap < LAPS; lap++) {
    const start = performance.now()
    for (let count = 0; count < ROUNDS; count++) {
      const answer = act()
      if (answer instanceof Promise) await answer
    }
    best = Math.min(best, (performance.now() - start) / ROUNDS)
  }
  return best
}

const LAPS = 10
const ROUNDS = 2000
