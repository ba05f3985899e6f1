/** What the operations on objects work with, and the two things all of them do: find an object, and keep one. */
import type { Context } from '../../context.ts'
import type { Change } from '../../store/store.ts'
import type { ServiceWorld } from '../world.ts'
import { requireWritable } from './conditional.ts'
import type { Files } from './files.ts'
import type { Keys, Place } from './keys.ts'
import type { Leave } from './leave.ts'
import type { Bucket, Records, StoredObject } from './records.ts'
import { noSuchBucket } from './refusals.ts'
import type { OfObject, WritePreconditions } from './shapes.ts'

export interface Means {
  readonly world: ServiceWorld
  readonly records: Records
  readonly files: Files
  readonly keys: Keys
  readonly leave: Leave
}

export interface Found extends Place {
  readonly object: StoredObject
}

/** The object, once it is sure that the caller may do `action` to it. */
export async function find(
  { leave, records }: Means,
  named: OfObject,
  action: string,
  context: Context,
): Promise<Found> {
  const { Bucket, Key } = named
  const bucket = await leave.object(named, action, context)
  const found = await records.objects.get(Bucket, Key)
  return { Bucket, Key, bucket, object: found?.value ?? (await leave.missing(named, context)) }
}

/**
 * Keeps `object` in the place of what is there, which it returns, together with `others`: all or nothing. Of several at a
 * time the last commit wins, and each is told what it took the place of.
 */
export function keep(
  records: Records,
  { Bucket, Key }: OfObject,
  object: StoredObject,
  preconditions: WritePreconditions,
  others: readonly Change[] = [],
): Promise<StoredObject | undefined> {
  return records.change(async () => {
    const there = await records.objects.get(Bucket, Key)
    requireWritable(there?.value, preconditions)
    const change = records.objects.put(Bucket, Key, object, there?.version ?? 0)
    return { changes: [change, ...others], result: there?.value }
  })
}

/** Commits something in a bucket, which is not deleted meanwhile; nor was it since it was found. */
export function inBucket<T>(records: Records, { Bucket, bucket }: Place, work: () => Promise<T>): Promise<T> {
  return records.locks.shared(Bucket, async () => {
    await requireSame(records, Bucket, bucket)
    return work()
  })
}

/** Throws when the bucket was deleted while the body came; another of its name is not the same. */
async function requireSame(records: Records, name: string, bucket: Bucket): Promise<void> {
  const { value } = await records.bucket(name)
  if (value.created !== bucket.created || value.account !== bucket.account) noSuchBucket()
}
