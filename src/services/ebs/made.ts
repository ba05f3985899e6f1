/** What is made of a snapshot, or of nothing: the data key it is encrypted under, and the bytes in its file. */
import type { Context } from '../../context.ts'
import { blank, cloned, reencrypted } from './files.ts'
import type { Means } from './means.ts'
import { placeIn, placeOf, type DataKey, type SnapshotRecord } from './records.ts'

/** What something is made from. */
export interface Source {
  readonly id: string
  readonly record: SnapshotRecord
}

/**
 * The data key for `id`: a new one, unless it stays under the KMS key of its source; then the data key stays as well, and is
 * encrypted anew for what it belongs to now. Regions have no KMS key in common.
 */
export async function dataKeyFor(
  { keys }: Means,
  id: string,
  keyId: string | undefined,
  source: Source | undefined,
  context: Context,
): Promise<DataKey> {
  const known = source?.record.dataKey
  if (keyId === undefined) return known ? keys.moved(known, id, context) : keys.own(id)
  if (known?.keyArn === undefined || source!.record.region !== context.region) return keys.fresh(keyId, id, context)
  const isSame = keyId === known.keyArn || (await keys.described(keyId, context)).Arn === known.keyArn
  return isSame ? keys.moved(known, id, context) : keys.fresh(keyId, id, context)
}

/** Makes the file of `id`: empty, or with what is in its source, whose ciphertext is as good as new under the same data key. */
export async function fill(
  { files, keys, locks }: Means,
  id: string,
  dataKey: DataKey,
  size: number,
  source: Source | undefined,
  context: Context,
): Promise<void> {
  const place = placeIn(context)
  if (!source) return files.made(place, id, (draft) => blank(draft, size))
  const { record } = source
  await locks.shared(source.id, async () => {
    const from = await files.at(placeOf(record), source.id)
    await files.made(place, id, async (draft) => {
      if (dataKey.id === record.dataKey.id) return cloned(from, draft, size, record.written)
      const there = { ...context, region: record.region }
      const [old, fresh] = [await keys.opened(record.dataKey, there), await keys.opened(dataKey, context)]
      const moving = reencrypted([from, old], [draft, fresh], size, record.written)
      return moving.finally(() => [old, fresh].forEach((key) => key.fill(0)))
    })
  })
}
