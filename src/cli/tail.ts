/** The latest events, and then those that come: as shipments bring them, for the store belongs to whoever serves. */
import { setTimeout } from 'node:timers/promises'
import type { CloudTrailRecord } from '../audit/cloudtrail.ts'
import type { OpenTrail } from '../audit/files/opened.ts'
import { shipments } from '../audit/files/shipments.ts'
import { matches, query, type Filter } from '../audit/query.ts'

export interface Following {
  /** How many events to begin with. */
  readonly lines: number
  /** Whether to end there. */
  readonly once: boolean
  readonly stop: Promise<unknown>
}

const MILLIS = 1000

export async function follow(
  trail: OpenTrail,
  filter: Filter,
  { lines, once, stop }: Following,
  show: (record: CloudTrailRecord) => void,
): Promise<void> {
  const latest: CloudTrailRecord[] = []
  for await (const { record } of lines > 0 ? query(trail, filter, 'newest') : []) {
    if (latest.push(record) === lines) break
  }
  latest.reverse().forEach(show)
  if (once) return
  const seen = await inStore(trail)
  let last = await lastShipment(trail.folder)
  // From here on the store is free for a server.
  await trail.close()
  let stopped = false
  void stop.then(() => (stopped = true))
  while (!stopped) {
    for await (const { first, records } of shipments(trail.folder, { ...filter, after: last }, 'oldest')) {
      records.filter((record) => !seen.has(record.eventID) && matches(record, filter)).forEach(show)
      last = first
    }
    await Promise.race([stop, setTimeout(MILLIS)])
  }
}

/** What is in the store was looked at, and will be shipped yet. */
async function inStore({ store }: OpenTrail): Promise<Set<string>> {
  const seen = new Set<string>()
  for await (const { record } of store ? query({ store }) : []) seen.add(record.eventID)
  return seen
}

async function lastShipment(folder: string): Promise<number> {
  for await (const { first } of shipments(folder, {}, 'newest')) return first
  return 0
}
