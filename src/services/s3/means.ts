/** What the operations on objects work with, and the two things all of them do: find an object, and keep one. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Change } from '../../store/store.ts'
import type { ServiceWorld } from '../world.ts'
import { requireWritable } from './conditional.ts'
import type { Files } from './files.ts'
import type { Keys, Place } from './keys.ts'
import type { Leave } from './leave.ts'
import type { Bucket, Records, StoredObject } from './records.ts'
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
  { Bucket, Key }: OfObject,
  action: string,
  context: Context,
): Promise<Found> {
  const bucket = await leave.object(Bucket, Key, action, context)
  const found = await records.objects.get(Bucket, Key)
  return { Bucket, Key, bucket, object: found?.value ?? (await leave.missing(Bucket, context)) }
}

/**
 * Keeps `object` in the place of what is there, if anything, together with `others`: all or nothing. Of several at a time the
 * last commit wins. The files of what was replaced are removed; those of what is not kept, too.
 */
export async function keep(
  { records, files }: Means,
  { Bucket, Key, bucket }: Place,
  object: StoredObject,
  preconditions: WritePreconditions,
  others: readonly Change[] = [],
): Promise<void> {
  const replaced = await records.locks
    .shared(Bucket, async () => {
      await requireSame(records, Bucket, bucket)
      return records.change(async () => {
        const there = await records.objects.get(Bucket, Key)
        requireWritable(there?.value, preconditions)
        const change = records.objects.put(Bucket, Key, object, there?.version ?? 0)
        return { changes: [change, ...others], result: there?.value }
      })
    })
    .catch(async (error: unknown) => {
      if (others.length === 0) await files.remove(object.pieces)
      throw error
    })
  if (replaced) await files.remove(replaced.pieces)
}

/** Throws when the bucket was deleted while the body came; another of its name is not the same. */
export async function requireSame(records: Records, name: string, bucket: Bucket): Promise<void> {
  const { value } = await records.bucket(name)
  if (value.created !== bucket.created || value.account !== bucket.account)
    fail('NoSuchBucket', 'The specified bucket does not exist')
}
