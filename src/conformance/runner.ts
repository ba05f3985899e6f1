/** A run: each check of the plan in a watched process, which is replaced whenever one left it other than it was. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broken, Child, type After, type Ended, type Target } from './child.ts'
import { SPECS } from '../algorithms.ts'
import type { KeySpec } from '../model/kms.ts'
import type { Planned } from './plan.ts'
import type { Capability, Report, Result, Throughput, Verdict } from './report.ts'
import { ROWS } from './throughput.ts'
import { Unusable } from './token.ts'
import type { Job, Opened, Outcome, Product } from './worker.ts'

export type { Target } from './child.ts'

export interface Wanted {
  readonly target: Target
  readonly plan: readonly Planned[]
  readonly writes: boolean
  /** Whether checks were chosen: then nothing but them is found out. */
  readonly isPartial: boolean
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
  /** How many checks are done; what comes after them is not counted. */
  readonly done?: number
  readonly what: string
  readonly verdict?: Verdict
}

/** Seconds of a check, and milliseconds of what else is found out. */
const PATIENCE = 20
const PATIENCE_ERRAND = 120_000

/** Rejects with Unusable when the token cannot be opened at all; what happens later is in the report. */
export async function run(wanted: Wanted, ways: Ways): Promise<Report> {
  const began = ways.now()
  const { target, writes } = wanted
  const sha256 = fingerprint(target.module)
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-conformance-'))
  const seat = new Seat(target, folder, ways)
  try {
    const { module, token } = await seat.open()
    const results = await checked(wanted, seat, ways)
    const capabilities = await gathered<Capability>(seat, ways, wanted.isPartial ? [] : CAPABILITIES)
    const throughput = await gathered<Throughput>(seat, ways, wanted.isMeasured ? throughputs(writes) : [])
    const isWhole = seat.obstacle === undefined
    const profile = isWhole && !wanted.isPartial ? await seat.profile() : undefined
    return {
      schema: 'https://strongroom.dev/schemas/conformance-report-1.json',
      strongroom: version(),
      started: new Date(began).toISOString(),
      milliseconds: ways.now() - began,
      complete: isWhole,
      writes,
      module: { path: target.module, sha256, ...module },
      token,
      results,
      capabilities,
      throughput,
      ...(profile !== undefined && { profile }),
    }
  } finally {
    seat.leave()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Errand {
  readonly what: string
  readonly job: Job
}

const CAPABILITIES: readonly Errand[] = (Object.keys(SPECS) as KeySpec[]).map((spec) => ({
  what: `capabilities.${spec}`,
  job: { capabilities: spec },
}))

/** Seconds that each row of the table is measured. */
const MEASURING = 0.3

function throughputs(writes: boolean): readonly Errand[] {
  return ROWS.map(({ mechanism, subject }, throughput) => ({
    what: `throughput.${mechanism}, ${subject}`,
    job: { throughput, seconds: MEASURING, writes },
  }))
}

/** What comes of one errand after the other; those that come to nothing are left out. */
async function gathered<T>(seat: Seat, { onProgress }: Ways, errands: readonly Errand[]): Promise<readonly T[]> {
  const all: T[] = []
  for (const { what, job } of errands) {
    onProgress({ what })
    const ended = await seat.do(job, PATIENCE_ERRAND)
    if (ended && 'product' in ended) all.push(...(ended.product as readonly T[]))
  }
  return all
}

/** Where a process with the module in it sits; another comes when it is gone. */
class Seat {
  readonly #target: Target
  readonly #start: () => Child
  readonly #stopped: Promise<void>
  #child: Child | undefined
  /** It has started while another is at work, for starting takes its time. */
  #next: Child | undefined
  /** Why there is nothing more to be found out, once that is so. */
  obstacle: string | undefined

  constructor(target: Target, folder: string, { after, stop }: Ways) {
    this.#target = target
    this.#start = () => new Child(folder, after)
    this.#stopped = stop.then(() => {
      this.obstacle = 'the run was stopped before'
    })
  }

  /** Rejects with Unusable. */
  async open(): Promise<Opened> {
    const child = this.#taken()
    const opened = await child.open(this.#target)
    this.#child = child
    this.#next = this.#start()
    return opened
  }

  async profile(): Promise<unknown> {
    this.close()
    return this.#taken().profile(this.#target)
  }

  /** What came of it; undefined when there is an obstacle. */
  async do(job: Job, patience: number): Promise<Ended | undefined> {
    if (!(await this.#isReady())) return undefined
    const ended = (await Promise.race([this.#child!.run(job, patience), this.#stopped])) ?? undefined
    if (!ended || 'end' in ended || !ended.isClean || isFailure(ended.product)) this.close()
    return ended
  }

  close(): void {
    this.#child?.close()
    this.#child = undefined
  }

  leave(): void {
    this.close()
    this.#next?.close()
  }

  #taken(): Child {
    const child = this.#next?.isAlive ? this.#next : this.#start()
    this.#next = undefined
    return child
  }

  async #isReady(): Promise<boolean> {
    if (this.obstacle === undefined && !this.#child?.isAlive) {
      this.close()
      await this.open()
        .catch((error: unknown) => {
          if (!(error instanceof Broken)) throw error
          return this.open()
        })
        .catch((error: unknown) => {
          if (!(error instanceof Unusable)) throw error
          this.obstacle ??= `the token could not be opened any more: ${error.message}`
        })
    }
    return this.obstacle === undefined
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
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const [
    done,
    { id, title, clause, severity, profiles = [], patience = PATIENCE, ...planned },
  ] of plan.entries()) {
    onProgress({ done, what: id })
    const began = now()
    const isForbidden = planned.writes === true && !writes
    const ended = isForbidden ? undefined : await seat.do({ check: id }, patience * 1000)
    const skipped: Found = { verdict: 'skipped', remark: isForbidden ? 'it writes: `--write` lets it' : seat.obstacle }
    const rest = { milliseconds: now() - began, trace: [], reproduce: reproduce(id) }
    const result: Result = { id, title, clause, severity, profiles, ...rest, ...(ended ? found(ended) : skipped) }
    results.push(result)
    onProgress({ done: done + 1, what: id, verdict: result.verdict })
  }
  return results
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
