/** Checks one log file against its entry in a digest; when it was changed, finds the first record that shows it. */
import type { CloudTrailRecord } from '../cloudtrail.ts'
import { textOf } from '../record.ts'
import { marksOf, recordMark, sha256, type LogEntry } from './digest.ts'
import { readObject, uncompressed } from './disk.ts'
import { Offence } from './offence.ts'

/** How many records it holds. Throws an Offence. */
export async function checkLog(folder: string, entry: LogEntry): Promise<number> {
  const { s3Object: object, hashValue } = entry
  const file = await readObject(folder, object)
  if (!file) throw new Offence('removed', object, 'a digest names this log file, and it is gone')
  if (sha256(file) === entry.strongroom.fileHashValue) return marksOf(entry).length
  const text = await uncompressed(file).catch(() => undefined)
  if (text === undefined) throw new Offence('changed', object, 'it cannot be uncompressed')
  if (sha256(text) === hashValue)
    throw new Offence('changed', object, 'its bytes are not those that were written, though its records are')
  throw firstChange(object, marksOf(entry), parse(text))
}

/** Tells by their marks what was done to the records that were `wanted`. */
function firstChange(
  object: string,
  wanted: readonly string[],
  records: readonly Partial<CloudTrailRecord>[] | undefined,
): Offence {
  if (!records) return new Offence('changed', object, 'it is no log file')
  const found = records.map((record) => recordMark(textOf(record as CloudTrailRecord)))
  const at = found.findIndex((mark, i) => mark !== wanted[i])
  const place = [at, records[at]?.eventID] as const
  if (at < 0 && found.length === wanted.length)
    return new Offence('changed', object, 'it is written otherwise, though its records are the same')
  if (at < 0)
    return new Offence('removed', object, `${wanted.length - found.length} records are gone from its end`, found.length)
  const mark = found[at]!
  if (found.length < wanted.length && wanted.includes(mark, at))
    return new Offence('removed', object, 'a record before it is gone', ...place)
  if (found.length > wanted.length && found.includes(wanted[at] ?? '', at))
    return new Offence('added', object, 'it was not written', ...place)
  if (wanted.includes(mark)) return new Offence('reordered', object, 'it was written in another place', ...place)
  return new Offence('changed', object, 'it is not what was written', ...place)
}

function parse(text: string): readonly Partial<CloudTrailRecord>[] | undefined {
  try {
    const { Records } = JSON.parse(text) as { Records?: unknown }
    return Array.isArray(Records) && Records.every(isObject) ? Records : undefined
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Partial<CloudTrailRecord> => typeof value === 'object' && value !== null
