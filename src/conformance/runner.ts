/** A run: each check of the plan in a watched process, which is replaced whenever one left it other than it was. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, type After, type Ended } from './child.ts'
import type { Planned } from './plan.ts'
import type { Report, Result, Verdict } from './report.ts'
import { Unusable } from './token.ts'
import type { Job, Opened, Opening, Outcome, Product } from './worker.ts'

/** The token, how to get in, and what to try it with. */
export type Target = Omit<Opening, 'recorder'>

export interface Wanted {
  readonly target: Target
  readonly plan: readonly Planned[]
  readonly writes: boolean
  /** Whether to tell how fast it is. */
  readonly isMeasured: boolean
  /** A command that runs this check alone. */
  reproduce(id: string): string
}

/** What a run needs of the world. */
export interface Ways {
  now(): number
  after: After
  /** Resolves when the run is to be stopped before its end. */
  readonly stop: Promise<unknown>
  onProgress(step: Step): void
}

/** A check, or something else that is found out, as it begins, and then with its verdict. */
export interface Step {
  readonly done: number
  readonly what: string
  readonly verdict?: Verdict
}

const PATIENCE = 20

/** Rejects with Unusable when the token cannot be opened at all; what happens later is in the report. */
export async function run(wanted: Wanted, ways: Ways): Promise<Report> {
  const began = ways.now()
  const sha256 = fingerprint(wanted.target.module)
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-conformance-'))
  const seat = new Seat({ ...wanted.target, recorder: join(folder, 'calls') }, ways)
  try {
    const { module, token } = await seat.open()
    const { results, isComplete } = await checked(wanted, seat, ways)
    return {
      schema: 'https://strongroom.dev/schemas/conformance-report-1.json',
      strongroom: version(),
      started: new Date(began).toISOString(),
      milliseconds: ways.now() - began,
      complete: isComplete,
      writes: wanted.writes,
      module: { path: wanted.target.module, sha256, ...module },
      token,
      results,
      capabilities: [],
      throughput: [],
    }
  } finally {
    seat.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Where a process with the module in it sits; another comes when it is gone. */
class Seat {
  readonly #opening: Opening
  readonly #after: After
  #child: Child | undefined
  /** Resolves when the run is stopped. */
  readonly stopped: Promise<'stopped'>

  constructor(opening: Opening, { after, stop }: Ways) {
    this.#opening = opening
    this.#after = after
    this.stopped = stop.then(() => 'stopped')
  }

  async open(): Promise<Opened> {
    const { child, opened } = await Child.open(this.#opening, this.#after)
    this.#child = child
    return opened
  }

  /** Rejects with Unusable when no process can be had any more. */
  async do(job: Job, patience: number): Promise<Ended | 'stopped'> {
    if (!this.#child?.isAlive) await this.open()
    const ended = await Promise.race([this.#child!.run(job, patience), this.stopped])
    if (ended === 'stopped' || 'end' in ended || !ended.isClean || isFailure(ended.product)) this.close()
    return ended
  }

  close(): void {
    this.#child?.close()
    this.#child = undefined
  }
}

/** A check that fails may have left anything behind. */
function isFailure(product: Product): boolean {
  return 'verdict' in product && product.verdict === 'failed'
}

async function checked(
  { plan, writes, reproduce }: Wanted,
  seat: Seat,
  { onProgress, now }: Ways,
): Promise<{ results: Result[]; isComplete: boolean }> {
  const results: Result[] = []
  let obstacle: string | undefined
  for (const [done, planned] of plan.entries()) {
    onProgress({ done, what: planned.id })
    const began = now()
    const partial = await outcome(planned)
    const { id, title, clause, severity, profiles = [] } = planned
    const rest = { milliseconds: now() - began, trace: [], reproduce: reproduce(id) }
    const result: Result = { id, title, clause, severity, profiles, ...rest, ...partial }
    results.push(result)
    onProgress({ done: done + 1, what: planned.id, verdict: result.verdict })
  }
  return { results, isComplete: obstacle === undefined }

  async function outcome({ id, writes: isWriting = false, patience = PATIENCE }: Planned): Promise<Found> {
    if (obstacle !== undefined) return { verdict: 'skipped', remark: obstacle }
    if (isWriting && !writes) return { verdict: 'skipped', remark: 'it writes: `--write` lets it' }
    try {
      const ended = await seat.do({ check: id }, patience * 1000)
      if (ended !== 'stopped') return found(ended)
      obstacle = 'the run was stopped before'
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      obstacle = `the token could not be opened any more: ${error.message}`
    }
    return { verdict: 'skipped', remark: obstacle }
  }
}

type Found = Pick<Result, 'verdict'> & Partial<Result>

function found(ended: Ended): Found {
  if ('product' in ended) return ended.product as Outcome
  const { end, how, trace } = ended
  return { verdict: end, expected: 'a call that comes back', observed: how, trace }
}

/** Ours, as the package has it. */
function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(file) as { version: string }).version
}

function fingerprint(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch (error) {
    throw new Unusable(`the module cannot be read: ${error instanceof Error ? error.message : 'no known reason'}`)
  }
}
