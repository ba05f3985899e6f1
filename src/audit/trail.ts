/** The audit trail: takes what the pipeline tells it, and makes it durable. */
import type { Entropy } from '../entropy.ts'
import type { KmsError } from '../errors.ts'
import type { Change, Store } from '../store/store.ts'
import type { ObservedCall, ObservedContext, ObservedEntry, ServiceEvent } from './observed.ts'
import type { Numbered } from './reader.ts'

/** How soon a record is durable: within a tenth of a second; before its call is answered; not at all, for there is none. */
export type TrailMode = 'batched' | 'strict' | 'off'

export interface TrailOptions {
  readonly mode: TrailMode
  readonly entropy: Entropy
  /** Records to keep at most, the oldest being forgotten first. Default: all. */
  readonly keep?: number
}

/** A record that is committed together with what it tells of. */
export interface TrailEdit {
  /** Numbered when it is first asked for, right before it is committed: ask for it once, and for nothing else. */
  readonly change: Change
  /** To be told, by whoever committed it, whether it is durable. */
  recorded(durable: boolean): void
}

export declare class Trail {
  /** Opens the trail kept in `store`, or begins one. */
  static open(store: Store, options: TrailOptions): Promise<Trail>
  readonly mode: TrailMode
  /** Tells this trail from all others; ids of events follow from it. */
  readonly id: string
  /** Why no call may be served now: the trail cannot be written. Each time it is asked, the trail tries again. */
  fault(): KmsError | undefined
  /** Appends a call that succeeded; the number of its event. */
  succeeded(entry: ObservedEntry, call: ObservedCall, context: ObservedContext, output: unknown): number
  /** Appends a call that was refused, or failed. */
  failed(entry: ObservedEntry, call: ObservedCall, context: ObservedContext, error: unknown): number
  /** The record of a success, to be committed with what the call changes; none when the trail is off. */
  edit(entry: ObservedEntry, call: ObservedCall, context: ObservedContext, output: unknown): readonly TrailEdit[]
  /** The record of what the service did by itself, to be committed with it. */
  serviceEvent(event: ServiceEvent): readonly TrailEdit[]
  /** The CloudTrail `eventID` of an event. */
  eventIdOf(number: number): string
  /** The number up to which every event is either durable or never will be: what has been read so far needs no second look. */
  horizon(): number
  /** Resolves when all that was appended is durable; rejects with the fault when it cannot be made so. */
  settled(): Promise<void>
  /** Tells `listener` of each record once it is durable; until the function it returns is called. */
  listen(listener: (numbered: Numbered) => void): () => void
  close(): Promise<void>
}
