/** What is made of a snapshot, or of nothing: the data key it is encrypted under, and the bytes in its file. */
import type { Context } from '../../context.ts'
import { blank, cloned, reencrypted } from './files.ts'
import type { Means } from './means.ts'
import { placeIn, placeOf, type DataKey, type SnapshotRecord } from './records.ts'
import { noSnapshot } from './refusals.ts'

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
  means: Means,
  id: string,
  dataKey: DataKey,
  size: number,
  source: Source | undefined,
  context: Context,
): Promise<void> {
  const { files, records, locks } = means
  const place = placeIn(context)
  if (!source) return files.made(place, id, (draft) => blank(draft, size))
  const { record } = source
  await locks.shared(source.id, async () => {
    // It may have been deleted meanwhile.
    if (!(await records.snapshots.get(placeOf(record), source.id))) noSnapshot(source.id)
    const from = await files.at(placeOf(record), source.id)
    await files.made(place, id, (draft) =>
      dataKey.id === record.dataKey.id
        ? cloned(from, draft, size, record.written)
        : moved(means, [from, record], [draft, dataKey], size, context),
    )
  })
}

/** Encrypts anew in the name of the caller, who has to be allowed to decrypt both data keys, each in its own Region. */
async function moved(
  { keys }: Means,
  [from, record]: readonly [string, SnapshotRecord],
  [to, dataKey]: readonly [string, DataKey],
  size: number,
  context: Context,
): Promise<void> {
  const old = await keys.opened(record.dataKey, { ...context, region: record.region })
  try {
    const fresh = await keys.opened(dataKey, context)
    await reencrypted([from, old], [to, fresh], size, record.written).finally(() => fresh.fill(0))
  } finally {
    old.fill(0)
  }
}
