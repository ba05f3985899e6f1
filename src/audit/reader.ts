/** Reads the trail back: from chunks to records. */
import { chunksAfter, noteOf, type Chunk } from '../store/events.ts'
import type { Store } from '../store/store.ts'
import type { CloudTrailRecord, JsonObject } from './cloudtrail.ts'
import { ROWS } from './parameters.ts'
import { recordsOf } from './record.ts'
import { spelled } from './shown.ts'
import type { Told } from './told.ts'

/** A record, and the number of the event it tells of; an event of several accounts or Regions has a record in each. */
export interface Numbered {
  readonly number: number
  readonly record: CloudTrailRecord
}

/** Under which name the trail of a store remembers what it is called. */
export const TRAIL_ID = 'id'

/** Records kept in the store, oldest first, of the events from after `after` to `until`. */
export async function* stored(store: Store, after = 0, until = Infinity): AsyncGenerator<Numbered> {
  const trailId = (await noteOf(store, TRAIL_ID))?.value
  if (trailId === undefined) return
  for await (const chunk of chunksAfter(store, after)) {
    if (chunk.first > until) return
    for (const numbered of readChunk(chunk, trailId)) {
      if (numbered.number > after && numbered.number <= until) yield numbered
    }
  }
}

type Line = readonly [
  template: number,
  after: number,
  requestId: string | 0,
  rest: Partial<Told> | 0,
  ...maps: (JsonObject | 0)[],
]

/** The records of one chunk. */
export function* readChunk({ first, lines }: Chunk, trailId: string): Generator<Numbered> {
  const templates: Told[] = []
  let number = first
  let origin = 0
  for (const text of linesOf(lines)) {
    const line = JSON.parse(text) as Line | Told | number
    if (typeof line === 'number') origin = line
    else if (!isRecord(line)) templates.push(line)
    if (!isRecord(line)) continue
    const [template, after, requestId] = line
    const told = toldBy(line, templates[template]!)
    const occasion = { number: number++, at: origin + after, requestId: requestId === 0 ? undefined : requestId }
    for (const record of recordsOf(told, occasion, trailId)) yield { number: occasion.number, record }
  }
}

function* linesOf(lines: Uint8Array): Generator<string> {
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength)
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf('\n', start)
    yield bytes.toString('utf8', start, end)
    start = end + 1
  }
}

const isRecord = (line: Line | Told | number): line is Line => Array.isArray(line)

/** A template with what its record adds. */
function toldBy([, , , rest, ...maps]: Line, template: Told): Told {
  const told = rest === 0 ? template : { ...template, ...rest }
  const names = ROWS.get(told.name)?.maps ?? []
  const given = maps.flatMap((map, i) => (map === 0 ? [] : [[spelled(names[i]!), map] as const]))
  if (given.length === 0) return told
  return { ...told, parameters: { ...told.parameters, ...Object.fromEntries(given) } }
}
