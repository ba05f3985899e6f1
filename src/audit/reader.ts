/** Reads the trail back: from chunks to records. */
import type { Chunk } from '../store/events.ts'
import type { Store } from '../store/store.ts'
import type { CloudTrailRecord } from './cloudtrail.ts'

/** A record, and the number of the event it tells of; an event of several accounts or Regions has a record in each. */
export interface Numbered {
  readonly number: number
  readonly record: CloudTrailRecord
}

/** Records kept in the store, oldest first, from after the event `after` to the event `until`. */
// eslint-disable-next-line @typescript-eslint/require-await
export async function* stored(store: Store, trailId: string, after = 0, until = Infinity): AsyncGenerator<Numbered> {
  throw new Error(`not yet: ${trailId} ${after} ${until} ${String(store)}`)
}

/** The records of one chunk. */
export function* recordsOf(chunk: Chunk, trailId: string): Generator<Numbered> {
  throw new Error(`not yet: ${trailId} ${chunk.first}`)
}
