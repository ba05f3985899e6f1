/** Snapshots: made of volumes or of other snapshots, shown, and deleted. */
import type { Context } from '../../context.ts'
import { cloned } from './files.ts'
import { dataKeyFor, fill } from './made.ts'
import type { Means } from './means.ts'
import { placeIn, placeOf, type SnapshotRecord } from './records.ts'
import { given, idOf, invalid, noSnapshot, noVolume } from './refusals.ts'
import { requireOwn } from './sharing.ts'
import type {
  CopySnapshotRequest,
  CreateSnapshotRequest,
  DescribeSnapshotsRequest,
  Snapshot,
  SnapshotNamed,
  Tag,
} from './shapes.ts'
import { page, SNAPSHOT_FILTERS, snapshotShown } from './shown.ts'
import { keyWanted, tagsFor } from './wanted.ts'
import type { Ranges } from './written.ts'

/** AWS's name for the volume of a copy, which is none. */
const NO_VOLUME = 'vol-ffffffff'

/** What is in the volume now, under the same data key: nothing is asked of the KMS. */
export async function createSnapshot(means: Means, input: CreateSnapshotRequest, context: Context): Promise<Snapshot> {
  const { records, files, leave, locks, attached, world } = means
  const volumeId = idOf('volume', input.VolumeId)
  const place = placeIn(context)
  const tags = tagsFor('snapshot', input.TagSpecifications)
  return locks.alone(volumeId, async () => {
    const found = await records.volumes.get(place, volumeId)
    const on = [['volume', volumeId] as const, ['snapshot', '*'] as const]
    await leave.to('CreateSnapshot', on, context, { DryRun: input.DryRun, wanted: tags, tags: found?.value.tags })
    const volume = found?.value ?? noVolume(volumeId)
    const { size, dataKey, region, account } = volume
    const id = newId(means)
    const from = await files.at(place, volumeId)
    const copy = async (known: Ranges | undefined) => {
      await files.made(place, id, (draft) => cloned(from, draft, size, known))
      return known
    }
    const written = await (attached.still(volumeId, copy) ?? copy(volume.written))
    const { Description: description = '' } = input
    const made = { region, account, size, dataKey, written, created: world.clock() }
    return committed(means, id, { ...made, volumeId, description, tags, sharedWith: [] })
  })
}

/** Into the Region of the call, under a key there. */
export async function copySnapshot(
  means: Means,
  input: CopySnapshotRequest,
  context: Context,
): Promise<{ SnapshotId: string; Tags: readonly Tag[] }> {
  const { records, leave, world } = means
  const { region, caller } = context
  const sourceRegion = given(input.SourceRegion, 'sourceRegion')
  const sourceId = idOf('snapshot', input.SourceSnapshotId, 'sourceSnapshotId')
  const tags = tagsFor('snapshot', input.TagSpecifications)
  await leave.to('CopySnapshot', [['snapshot', '*']], context, { DryRun: input.DryRun, wanted: tags })
  const record = (await records.snapshot(sourceRegion, caller.account, sourceId))?.value ?? noSnapshot(sourceId)
  if (input.Encrypted === false && record.dataKey.keyArn !== undefined) {
    invalid('encrypted', 'false', 'A copy of an encrypted snapshot is encrypted.')
  }
  const source = { id: sourceId, record }
  const keyId = keyWanted(input, await records.settings(placeIn(context)), record.dataKey, undefined)
  const id = newId(means)
  const dataKey = await dataKeyFor(means, id, keyId, source, context)
  await fill(means, id, dataKey, record.size, source, context)
  await committed(means, id, {
    ...{ region, account: caller.account, created: world.clock(), tags, sharedWith: [] },
    ...{ size: record.size, dataKey, written: record.written },
    volumeId: NO_VOLUME,
    description: input.Description ?? `[Copied ${sourceId} from ${sourceRegion}]`,
  })
  return { SnapshotId: id, Tags: tags }
}

export async function describeSnapshots(
  means: Means,
  input: DescribeSnapshotsRequest,
  context: Context,
): Promise<{ Snapshots: readonly Snapshot[]; NextToken?: string }> {
  await means.leave.to('DescribeSnapshots', [], context, input)
  const all = await visible(means, context)
  const wanted = input.SnapshotIds?.map((id) => idOf('snapshot', id)) ?? []
  const missing = wanted.find((id) => !all.some(({ name }) => name === id))
  if (missing !== undefined) noSnapshot(missing)
  const self = context.caller.account
  const isAsked = (accounts: readonly string[] = [], of: readonly string[]) =>
    accounts.length === 0 || accounts.some((account) => of.includes(account === 'self' ? self : account))
  const named = all.filter(
    ({ name, value: { account, sharedWith } }) =>
      (wanted.length === 0 || wanted.includes(name)) &&
      isAsked(input.OwnerIds, [account]) &&
      isAsked(input.RestorableByUserIds, [account, ...sharedWith]),
  )
  const { shown: Snapshots, NextToken } = page(
    named.map(({ name, value }) => snapshotShown(name, value)),
    SNAPSHOT_FILTERS,
    ({ SnapshotId }) => SnapshotId,
    input,
  )
  return { Snapshots, NextToken }
}

/** Those of the account, and those shared with it, in the order of their ids. */
async function visible({ records }: Means, context: Context) {
  const { region } = context
  const place = placeIn(context)
  const own = await records.snapshots.all(place)
  const shared = await records.shared.all(place)
  const others = await Promise.all(
    shared.map(({ name, value: { account } }) => records.snapshots.get(placeOf({ region, account }), name)),
  )
  return [...own, ...others.filter((found) => found !== undefined)].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

export async function deleteSnapshot(means: Means, input: SnapshotNamed, context: Context): Promise<object> {
  const { records, files, leave, locks } = means
  const { region, caller } = context
  const id = idOf('snapshot', input.SnapshotId)
  return locks.alone(id, async () => {
    const found = await records.snapshot(region, caller.account, id)
    await leave.to('DeleteSnapshot', [['snapshot', id]], context, { DryRun: input.DryRun, tags: found?.value.tags })
    const { value, version } = found ?? noSnapshot(id)
    requireOwn(id, value, context)
    const places = value.sharedWith.map((account) => placeOf({ region, account }))
    const shares = await Promise.all(
      places.map(async (place) => ({ place, share: await records.shared.get(place, id) })),
    )
    const unshared = shares.flatMap(({ place, share }) =>
      share ? [records.shared.erase(place, id, share.version)] : [],
    )
    await records.commit(records.snapshots.erase(placeOf(value), id, version), ...unshared)
    await files.removed(placeOf(value), id)
    return {}
  })
}

async function committed({ records }: Means, id: string, record: SnapshotRecord): Promise<Snapshot> {
  await records.commit(records.snapshots.put(placeOf(record), id, record, 0))
  return snapshotShown(id, record)
}

function newId({ world }: Means): string {
  return `snap-${world.entropy.hex(9).slice(1)}`
}
