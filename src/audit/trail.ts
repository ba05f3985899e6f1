/**
 * The audit trail: takes what the pipeline tells it, numbers it, and makes it durable. INVARIANTS: a number is given out
 * once in the life of a store, whatever crashes; a chunk that could not be written stays until it is, under its number,
 * so that it is written once; what cannot be written stops the service.
 */
import type { Entropy } from '../entropy.ts'
import { KmsError } from '../errors.ts'
import { CHUNK_RECORDS, eraseChunk, hasChunk, noteOf, putChunk, putNote, type Chunk } from '../store/events.ts'
import { isConflict, type Change, type Store } from '../store/store.ts'
import { Journal } from './journal.ts'
import type { ObservedCall, ObservedContext, ObservedEntry, ServiceEvent } from './observed.ts'
import { ROWS, type Row } from './parameters.ts'
import { readChunk, TRAIL_ID, type Numbered } from './reader.ts'
import { idOf } from './record.ts'
import { Templates } from './templates.ts'
import { failureOf, frameOf, serviceTold, successOf, type Told } from './told.ts'

/** How soon a record is durable: within a tenth of a second; before its call is answered; not at all, for there is none. */
export type TrailMode = 'batched' | 'strict' | 'off'

export interface TrailOptions {
  readonly mode: TrailMode
  readonly entropy: Entropy
  /** Records to keep at most, the oldest being forgotten first, a chunk at a time. Default: all. */
  readonly keep?: number
}

/** A record that is committed together with what it tells of. */
export interface TrailEdit {
  /** Numbered when it is first asked for: ask for it right before committing it, and for nothing else. */
  readonly change: Change
  /** To be told, by whoever committed it, whether it is durable. */
  recorded(durable: boolean): void
}

/** Milliseconds that a record waits for others, in a batch. */
const PACE = 100
const CHUNK_BYTES = 512 * 1024
/** Numbers that are set aside at a time; so many records wait for a store that does not answer before calls are refused. */
const RESERVE = 2 ** 21
/** Calls that may be under way, and still want a number, when others are already refused. */
const UNDER_WAY = 2 ** 16
/** Records more than are to be kept, before the oldest are forgotten all at once. */
const SURPLUS = CHUNK_RECORDS
const RESERVED = 'reserved'

export class Trail {
  readonly mode: TrailMode
  /** Tells this trail from all others. */
  readonly id: string
  private readonly store: Store
  private readonly keep: number
  private readonly journal = new Journal()
  private readonly templates = new Templates(this.journal)
  /** The number of the journal's first record. */
  private first: number
  /** Numbers from here on are not set aside yet; and the version of the row that says so. */
  private reserved: number
  private reservedVersion: number
  private reserving: Promise<void> | undefined
  /** First numbers of chunks that are neither durable nor given up. */
  private readonly open = new Set<number>()
  /** Chunks on their way to the store. */
  private readonly flying = new Map<Chunk, Promise<void>>()
  /** Chunks that the store refused, and why. */
  private readonly stuck = new Set<Chunk>()
  private trouble: KmsError | undefined
  private settling: Promise<void> | undefined
  private timer: NodeJS.Timeout | undefined
  private readonly kept: { readonly first: number; readonly count: number }[] = []
  private keptCount = 0
  private readonly listeners = new Set<(numbered: Numbered) => void>()

  /** Opens the trail kept in `store`, or begins one. */
  static async open(store: Store, options: TrailOptions): Promise<Trail> {
    const [id, reserved] = await Promise.all([noteOf(store, TRAIL_ID), noteOf(store, RESERVED)])
    const trail = new Trail(store, options, id?.value ?? options.entropy.uuid(), Number(reserved?.value ?? 1))
    if (trail.mode === 'off') return trail
    if (!id) await store.commit([putNote(TRAIL_ID, trail.id)])
    trail.reservedVersion = reserved?.version ?? 0
    await trail.reserve(trail.first + RESERVE)
    return trail
  }

  private constructor(store: Store, { mode, keep = Infinity }: TrailOptions, id: string, first: number) {
    this.store = store
    this.mode = mode
    this.keep = keep
    this.id = id
    this.first = this.reserved = first
    this.reservedVersion = 0
  }

  /** Why no call may be served now: the trail cannot be written. Each time it is asked, the trail tries again. */
  fault(): KmsError | undefined {
    if (this.trouble === undefined && this.first + this.journal.count + UNDER_WAY < this.reserved) return undefined
    if (this.mode === 'off') return undefined
    this.retry()
    return this.trouble ?? unwritable()
  }

  /** Appends a call that succeeded; the number of its event. */
  succeeded(entry: ObservedEntry, call: ObservedCall, context: ObservedContext, output: unknown): number {
    if (this.mode === 'off') return 0
    const row = ROWS.get(entry.name)!
    if (row.frequent && !call.recipient) {
      const template = this.templates.of(row, call, context, output)
      const input = call.input as Readonly<Record<string, unknown>>
      this.journal.brief(template, call.now, context.requestId, input, row.maps)
    } else {
      this.append(row, call, context, successOf(row, call, output, row.request))
    }
    return this.appended()
  }

  /** Appends a call that was refused, or failed; the number of its event. */
  failed(entry: ObservedEntry, call: ObservedCall, context: ObservedContext, error: unknown): number {
    if (this.mode === 'off') return 0
    const row = ROWS.get(entry.name)!
    this.append(row, call, context, failureOf(row, call, error))
    return this.appended()
  }

  /** The record of a success, to be committed with what the call changes; none when the trail is off. */
  edit({ name }: ObservedEntry, call: ObservedCall, context: ObservedContext, output: unknown): readonly TrailEdit[] {
    if (this.mode === 'off') return []
    const row = ROWS.get(name)!
    const told = { ...frameOf(row, context), ...successOf(row, call, output, row.request) }
    return [this.alone(told, call.now, context.requestId)]
  }

  /** The record of what the service did by itself, to be committed with it; none when the trail is off. */
  serviceEvent(event: ServiceEvent): readonly TrailEdit[] {
    return this.mode === 'off' ? [] : [this.alone(serviceTold(event), event.at, undefined)]
  }

  /** The CloudTrail `eventID` of an event. */
  eventIdOf(number: number): string {
    return idOf(this.id, number)
  }

  /** The number up to which every event is either durable or never will be: whoever read so far need not look again. */
  horizon(): number {
    return Math.min(this.first, ...this.open) - 1
  }

  /** Resolves when all that was appended before is durable; rejects with the fault when it cannot be made so. */
  settled(): Promise<void> {
    return (this.settling ??= this.settle())
  }

  /** Tells `listener` of each record once it is durable, until the function it returns is called. */
  listen(listener: (numbered: Numbered) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Writes what is left, and gives back the numbers that were set aside. */
  async close(): Promise<void> {
    if (this.mode === 'off') return
    await this.settled()
    await this.reserving
    await this.reserve(this.first)
  }

  private append(row: Row, call: ObservedCall, context: ObservedContext, rest: Partial<Told>): void {
    this.journal.record(this.templates.frame(row, context), call.now, context.requestId, rest)
  }

  private appended(): number {
    const { journal, first } = this
    const number = first + journal.count - 1
    if (journal.count === 1) this.timer ??= setTimeout(() => this.cut(), PACE).unref()
    if (journal.count >= CHUNK_RECORDS || journal.size >= CHUNK_BYTES) this.cut()
    return number
  }

  /** An event in a chunk of its own, which takes its number when it is about to be committed. */
  private alone(told: Told, at: number, requestId: string | undefined): TrailEdit {
    const journal = new Journal()
    journal.record(journal.template(told), at, requestId, undefined)
    let chunk: Chunk | undefined
    const numbered = (): Chunk => {
      // What happened before has a lower number, and goes to the store before.
      this.cut()
      const taken = journal.take(this.first++)
      this.open.add(taken.first)
      this.reserveAhead()
      return taken
    }
    return {
      get change() {
        return putChunk((chunk ??= numbered()))
      },
      recorded: (durable) => {
        if (!chunk) return
        if (durable) this.durable(chunk)
        else this.open.delete(chunk.first)
      },
    }
  }

  /** Sends off what the journal holds. */
  private cut(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.journal.count === 0) return
    const chunk = this.journal.take(this.first)
    this.templates.clear()
    this.first += chunk.count
    this.open.add(chunk.first)
    this.send(chunk)
    this.reserveAhead()
  }

  private send(chunk: Chunk): void {
    const flight = this.write(chunk).then(
      () => this.landed(chunk),
      (cause: unknown) => this.failedToLand(chunk, cause),
    )
    this.flying.set(chunk, flight)
  }

  private landed(chunk: Chunk): void {
    this.flying.delete(chunk)
    this.stuck.delete(chunk)
    if (this.stuck.size === 0) this.trouble = undefined
    this.durable(chunk)
  }

  private failedToLand(chunk: Chunk, cause: unknown): void {
    this.flying.delete(chunk)
    this.stuck.add(chunk)
    this.trouble = unwritable(cause)
  }

  /** An attempt of which nobody knows how it ended may have been a success; then there is such a chunk. */
  private async write(chunk: Chunk): Promise<void> {
    try {
      await this.store.commit([putChunk(chunk)])
    } catch (error) {
      if (!isConflict(error) || !(await hasChunk(this.store, chunk.first))) throw error
    }
  }

  private retry(): void {
    this.cut()
    for (const chunk of this.stuck) if (!this.flying.has(chunk)) this.send(chunk)
    this.reserveAhead()
  }

  private async settle(): Promise<void> {
    // Whoever comes while others are on their way is in the next chunk, together with all who do.
    await Promise.all(this.flying.values())
    this.settling = undefined
    this.retry()
    await Promise.all(this.flying.values())
    if (this.stuck.size > 0) throw this.trouble ?? unwritable()
  }

  private durable(chunk: Chunk): void {
    this.open.delete(chunk.first)
    if (this.keep !== Infinity) this.retain(chunk)
    if (this.listeners.size === 0) return
    for (const numbered of readChunk(chunk, this.id)) for (const listener of this.listeners) listener(numbered)
  }

  /** Forgets chunks that are too old; should that fail, together with those that are next. */
  private retain({ first, count }: Chunk): void {
    this.kept.push({ first, count })
    this.keptCount += count
    if (this.keptCount < this.keep + SURPLUS) return
    let chunks = 0
    let records = 0
    while (this.keptCount - records - this.kept[chunks]!.count >= this.keep) records += this.kept[chunks++]!.count
    const old = this.kept.splice(0, chunks)
    this.keptCount -= records
    this.store.commit(old.map((each) => eraseChunk(each.first))).catch(() => {
      this.kept.unshift(...old)
      this.keptCount += records
    })
  }

  private reserveAhead(): void {
    if (this.reserving || this.first + RESERVE / 2 < this.reserved) return
    // Should it fail, those numbers last until calls are refused, each of which tries again.
    this.reserving = this.reserve(this.first + RESERVE)
      .catch(() => undefined)
      .finally(() => (this.reserving = undefined))
  }

  /** Sets aside the numbers up to `number`: should this process die, the next begins there. */
  private async reserve(number: number): Promise<void> {
    const version = this.reservedVersion
    try {
      await this.store.commit([putNote(RESERVED, String(number), version)])
      this.reservedVersion = version + 1
    } catch (error) {
      if (!isConflict(error)) throw error
      // An attempt before this one succeeded after all.
      this.reservedVersion = (await noteOf(this.store, RESERVED))?.version ?? 0
      throw error
    }
    this.reserved = number
  }
}

function unwritable(cause?: unknown): KmsError {
  return new KmsError('KMSInternalException', 'the audit trail cannot be written', { cause })
}
