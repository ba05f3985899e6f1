/** Log files as they were shipped: those of one shipment together, for their records belong among each other in time. */
import { posix } from 'node:path'
import type { Instant } from '../../clock.ts'
import type { CloudTrailRecord } from '../cloudtrail.ts'
import { chainsOn, entriesOf, foldersIn, readObject, uncompressed } from './disk.ts'
import { chainOf, dayOf, folderOf, LOGS, readLogName, type Chain, type LogName } from './names.ts'
import { Offence } from './offence.ts'

export type Order = 'oldest' | 'newest'

/** What of the files is looked at. */
export interface Range {
  readonly account?: string
  readonly region?: string
  /** Shipped at this time or later: nothing in an earlier file can have happened since. */
  readonly since?: Instant
  /** No shipment that begins with a later event. */
  readonly through?: number
  /** Shipments that begin later. */
  readonly after?: number
}

export interface Shipped {
  /** The number of the shipment's first event. */
  readonly first: number
  readonly records: CloudTrailRecord[]
}

/** Shipments in the order of time, or against it, each with its records in that order. One is in memory at a time. */
export async function* shipments(folder: string, range: Range, order: Order): AsyncGenerator<Shipped> {
  const chains = (await chainsOn(folder)).filter((chain) => concerns(chain, range))
  const firstDay = range.since === undefined ? '' : dayOf(range.since)
  const days = (await daysOf(folder, chains)).filter((day) => day >= firstDay)
  for (const day of ordered(days, order)) {
    for (const [first, names] of ordered(await shippedOn(folder, chains, day, range), order)) {
      yield { first, records: ordered(await recordsOf(folder, names), order) }
    }
  }
}

function concerns({ account, region }: Chain, range: Range): boolean {
  const sameAccount = range.account === undefined || range.account === account
  return sameAccount && (range.region === undefined || chainOf(account, range.region).region === region)
}

/** The days on which any of the chains have log files. */
async function daysOf(folder: string, chains: readonly Chain[]): Promise<string[]> {
  let days = chains.map((chain) => ({ root: folderOf(LOGS, chain), path: '' }))
  for (let level = 0; level < 3; level++) {
    const below = days.map(async ({ root, path }) =>
      (await foldersIn(folder, posix.join(root, path))).map((name) => ({ root, path: posix.join(path, name) })),
    )
    days = (await Promise.all(below)).flat()
  }
  return [...new Set(days.map(({ path }) => path))].sort()
}

/** The log files of a day by the shipments they belong to. */
async function shippedOn(
  folder: string,
  chains: readonly Chain[],
  day: string,
  { since = -Infinity, through = Infinity, after = -Infinity }: Range,
): Promise<[first: number, names: LogName[]][]> {
  const shipped = new Map<number, LogName[]>()
  for (const chain of chains) {
    const place = `${folderOf(LOGS, chain)}/${day}`
    for (const entry of await entriesOf(folder, place)) {
      const name = readLogName(`${place}/${entry.name}`)
      if (!name || name.at + MINUTE <= since || name.first > through || name.first <= after) continue
      const together = shipped.get(name.first)
      if (together) together.push(name)
      else shipped.set(name.first, [name])
    }
  }
  return [...shipped].sort(([a], [b]) => a - b)
}

const MINUTE = 60_000

async function recordsOf(folder: string, names: readonly LogName[]): Promise<CloudTrailRecord[]> {
  const records: CloudTrailRecord[] = []
  for (const { object } of names) for (const record of await readLog(folder, object)) records.push(record)
  // A file alone is in the order of its events, which is finer than that of seconds.
  return names.length === 1 ? records : records.sort((a, b) => compare(a.eventTime, b.eventTime))
}

async function readLog(folder: string, object: string): Promise<CloudTrailRecord[]> {
  try {
    const file = await readObject(folder, object)
    // It was removed meanwhile, its time having passed.
    if (!file) return []
    return (JSON.parse(await uncompressed(file)) as { Records: CloudTrailRecord[] }).Records
  } catch {
    throw new Offence('changed', object, 'it is no log file')
  }
}

export function ordered<T>(list: T[], order: Order): T[] {
  return order === 'oldest' ? list : list.reverse()
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
