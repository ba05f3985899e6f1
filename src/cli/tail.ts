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

/** Between two looks; twice as long as LookupEvents asks of its callers. */
const MILLIS = 1000

type Show = (record: CloudTrailRecord) => void

export async function follow(
  trail: OpenTrail,
  filter: Filter,
  { lines, once, stop }: Following,
  show: Show,
): Promise<void> {
  const latest: CloudTrailRecord[] = []
  for await (const { record } of query(trail, filter, 'newest')) {
    if (latest.length === lines) break
    latest.push(record)
  }
  latest.reverse().forEach(show)
  if (once) return
  const seen = await inStore(trail)
  let last = await lastShipment(trail.folder)
  // From here on the store is free for a server.
  await trail.close()
  await untilStopped(stop, async () => {
    for await (const { first, records } of shipments(trail.folder, { ...filter, after: last }, 'oldest')) {
      records.filter((record) => !seen.has(record.eventID) && matches(record, filter)).forEach(show)
      last = first
    }
  })
}

/** The same of a running server, which tells its latest events `newest` first, each time it is asked. */
export async function followRemote(
  newest: () => AsyncIterable<CloudTrailRecord>,
  filter: Filter,
  { lines, once, stop }: Following,
  show: Show,
): Promise<void> {
  let last: string | undefined
  const look = async (most: number): Promise<void> => {
    const latest: CloudTrailRecord[] = []
    let newestId = last
    for await (const record of newest()) {
      if (record.eventID === last || latest.length === most) break
      if (newestId === last) newestId = record.eventID
      if (matches(record, filter)) latest.push(record)
    }
    last = newestId
    latest.reverse().forEach(show)
  }
  await look(lines)
  if (!once) await untilStopped(stop, () => look(Infinity))
}

async function untilStopped(stop: Promise<unknown>, look: () => Promise<void>): Promise<void> {
  let stopped = false
  void stop.then(() => (stopped = true))
  while (!stopped) {
    await Promise.race([stop, setTimeout(MILLIS)])
    await look()
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
