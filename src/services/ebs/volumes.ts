/** Volumes: made, shown and deleted. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Recorded } from '../../store/resources.ts'
import { dataKeyFor, fill, type Source } from './made.ts'
import type { Means } from './means.ts'
import { placeIn, type VolumeRecord } from './records.ts'
import { idOf, noSnapshot, noVolume } from './refusals.ts'
import type { CreateVolumeRequest, DescribeVolumesRequest, Volume, VolumeNamed } from './shapes.ts'
import { page, VOLUME_FILTERS, volumeShown } from './shown.ts'
import { keyWanted, shapeOf, tagsFor, zoneIn } from './wanted.ts'

export async function createVolume(means: Means, input: CreateVolumeRequest, context: Context): Promise<Volume> {
  const { ClientToken } = input
  if (ClientToken === undefined) return create(means, input, context)
  return means.locks.alone(`${placeIn(context)} ${ClientToken}`, async () => {
    const all = await means.records.volumes.all(placeIn(context))
    const known = all.find(({ value }) => value.clientToken === ClientToken)
    return known ? shown(means, known) : create(means, input, context)
  })
}

async function create(means: Means, input: CreateVolumeRequest, context: Context): Promise<Volume> {
  const { records, leave, world } = means
  const { region, caller } = context
  const place = placeIn(context)
  const source = input.SnapshotId ? await sourceOf(means, input.SnapshotId, context) : undefined
  const shape = shapeOf(input, source?.record.size)
  const tags = tagsFor('volume', input.TagSpecifications)
  const known = source?.record.dataKey
  // What others share is not left under their keys.
  const keeping = source?.record.account === caller.account ? known?.keyArn : undefined
  const keyId = keyWanted(input, await records.settings(place), known, keeping)
  await leave.to('CreateVolume', [['volume', '*']], context, {
    DryRun: input.DryRun,
    wanted: tags,
    told: {
      'ec2:encrypted': String(keyId !== undefined),
      'ec2:volumesize': String(shape.size),
      'ec2:volumetype': shape.type,
      'ec2:availabilityzone': input.AvailabilityZone,
      'ec2:kmskeyid': keyId,
    },
  })
  const zone = zoneIn(region, input.AvailabilityZone)
  const id = `vol-${world.entropy.hex(9).slice(1)}`
  const dataKey = await dataKeyFor(means, id, keyId, source, context)
  await fill(means, id, dataKey, shape.size, source, context)
  const record: VolumeRecord = {
    region,
    account: caller.account,
    created: world.clock(),
    ...shape,
    zone,
    dataKey,
    written: source ? source.record.written : [],
    tags,
    snapshotId: source?.id ?? '',
    clientToken: input.ClientToken,
  }
  await records.commit(records.volumes.put(place, id, record, 0))
  return volumeShown(id, record, undefined)
}

async function sourceOf({ records }: Means, snapshotId: string, { region, caller }: Context): Promise<Source> {
  const id = idOf('snapshot', snapshotId)
  return { id, record: (await records.snapshot(region, caller.account, id))?.value ?? noSnapshot(id) }
}

export async function describeVolumes(
  means: Means,
  input: DescribeVolumesRequest,
  context: Context,
): Promise<{ Volumes: readonly Volume[]; NextToken?: string }> {
  await means.leave.to('DescribeVolumes', [], context, input)
  const all = await means.records.volumes.all(placeIn(context))
  const wanted = input.VolumeIds?.map((id) => idOf('volume', id)) ?? []
  const missing = wanted.find((id) => !all.some(({ name }) => name === id))
  if (missing !== undefined) noVolume(missing)
  const named = wanted.length > 0 ? all.filter(({ name }) => wanted.includes(name)) : all
  const { shown: Volumes, NextToken } = page(
    named.map((found) => shown(means, found)),
    VOLUME_FILTERS,
    ({ VolumeId }) => VolumeId,
    input,
  )
  return { Volumes, NextToken }
}

export async function deleteVolume(means: Means, input: VolumeNamed, context: Context): Promise<object> {
  const { records, files, leave, locks } = means
  const id = idOf('volume', input.VolumeId)
  const place = placeIn(context)
  return locks.alone(id, async () => {
    const found = await records.volumes.get(place, id)
    await leave.to('DeleteVolume', [['volume', id]], context, { ...input, tags: found?.value.tags })
    const { value, version } = found ?? noVolume(id)
    if (value.attachment) fail('VolumeInUse', `Volume ${id} is currently attached to ${value.attachment.instanceId}`)
    await records.commit(records.volumes.erase(place, id, version))
    await files.removed(place, id)
    return {}
  })
}

function shown({ attached }: Means, { name, value }: Recorded<VolumeRecord>): Volume {
  return volumeShown(name, value, attached.uri(name))
}
