/** The chunks of records in the store, a few at a time. */
import { EVENTS, type Chunk } from '../../store/events.ts'
import type { Row, Store } from '../../store/store.ts'

const AT_A_TIME = 32

/** All chunks, in the order of their numbers. */
export async function* chunksIn(store: Store): AsyncGenerator<Chunk, undefined> {
  let after: [number] | null = null
  for (;;) {
    const rows: Row[] = await store.list('events', '', [], after, AT_A_TIME)
    for (const row of rows) {
      const chunk = chunkFrom(row)
      after = [chunk.first]
      yield chunk
    }
    if (rows.length < AT_A_TIME) return undefined
  }
}

function chunkFrom(row: Row): Chunk {
  const column = EVENTS.reader(row)
  return {
    first: column('first'),
    count: column('count'),
    earliest: column('earliest'),
    latest: column('latest'),
    lines: column('lines'),
  }
}
