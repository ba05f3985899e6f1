/** The audit trail in the store: its records, a chunk of them a row, and the few facts it remembers about itself. */
import { table } from './rows.ts'
import type { Change, Row, Store } from './store.ts'

export const EVENTS = table({
  name: 'events',
  columns: [
    { name: 'first', type: 'INTEGER' },
    { name: 'count', type: 'INTEGER' },
    { name: 'earliest', type: 'INTEGER' },
    { name: 'latest', type: 'INTEGER' },
    { name: 'lines', type: 'BLOB' },
  ],
  key: ['first'],
  indexes: [],
})

export const TRAIL = table({
  name: 'trail',
  columns: [
    { name: 'name', type: 'TEXT' },
    { name: 'value', type: 'TEXT' },
  ],
  key: ['name'],
  indexes: [],
})

/** Records that were written down together; complete in itself, so that it can be read and dropped by itself. */
export interface Chunk {
  /** The number of its first record, and its own key; the others follow without a gap. */
  readonly first: number
  readonly count: number
  /** Epoch milliseconds of its earliest and its latest record. */
  readonly earliest: number
  readonly latest: number
  /** What src/audit/journal.ts writes and src/audit/reader.ts reads. */
  readonly lines: Uint8Array
}

/** No chunk holds more records; so whoever looks for one by its number knows how far back to begin. */
export const CHUNK_RECORDS = 4096

export function putChunk({ first, count, earliest, latest, lines }: Chunk): Change {
  return { table: 'events', key: [first], values: EVENTS.row({ first, count, earliest, latest, lines }), expect: 0 }
}

export function eraseChunk(first: number): Change {
  return { table: 'events', key: [first], expect: 1 }
}

export async function hasChunk(store: Store, first: number): Promise<boolean> {
  return (await store.get('events', [first])) !== null
}

/** Chunks in the order of their numbers, from the one that holds the record after `number` on, if it is there. */
export async function* chunksAfter(store: Store, number: number): AsyncGenerator<Chunk> {
  for (let key = number - CHUNK_RECORDS; ;) {
    const rows = await store.list('events', '', [], [key], AT_A_TIME)
    for (const chunk of rows.map(chunkFrom)) {
      key = chunk.first
      if (chunk.first + chunk.count - 1 > number) yield chunk
    }
    if (rows.length < AT_A_TIME) return
  }
}

const AT_A_TIME = 16

/** A fact the trail remembers, and the version of its row. */
export interface Note {
  readonly value: string
  readonly version: number
}

export async function noteOf(store: Store, name: string): Promise<Note | undefined> {
  const row = await store.get('trail', [name])
  return row ? { value: TRAIL.reader(row)('value'), version: row.version } : undefined
}

export function putNote(name: string, value: string, version = 0): Change {
  return { table: 'trail', key: [name], values: [name, value], expect: version }
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
