/** Volumes at instances: attached by a grant that lets EC2 decrypt the data key, which EC2 retires when they are detached. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Recorded } from '../../store/resources.ts'
import type { Means } from './means.ts'
import { placeIn, placeOf, type VolumeRecord } from './records.ts'
import { given, idOf, invalid, noVolume } from './refusals.ts'
import type { AttachVolumeRequest, VolumeAttachment } from './shapes.ts'
import { attachmentShown } from './shown.ts'

/** Instances are names alone: there are none here, and the volume is whoever's who opens its socket. */
export async function attachVolume(
  means: Means,
  input: AttachVolumeRequest,
  context: Context,
): Promise<VolumeAttachment> {
  const { records, keys, leave, locks, attached, world } = means
  const id = idOf('volume', input.VolumeId)
  const instanceId = idOf('instance', input.InstanceId)
  const device = given(input.Device, 'device')
  const place = placeIn(context)
  const attach = async (): Promise<VolumeAttachment> => {
    const found = await records.volumes.get(place, id)
    const on = [['volume', id] as const, ['instance', instanceId] as const]
    await leave.to('AttachVolume', on, context, { DryRun: input.DryRun, tags: found?.value.tags })
    const { value, version } = found ?? noVolume(id)
    if (value.attachment) fail('VolumeInUse', `${id} is already attached to an instance`)
    await requireFree(means, place, instanceId, device)
    const { dataKey } = value
    const grantId = await keys.granted(id, dataKey, instanceId, context)
    const attachment = { instanceId, device, since: world.clock(), grantId }
    try {
      const file = await means.files.at(place, id)
      const key = await keys.attached(id, dataKey, instanceId, context)
      await attached.serve(id, file, key, value.written)
      const record = { ...value, attachment, written: undefined }
      await records.commit(records.volumes.put(place, id, record, version))
    } catch (error) {
      await attached.end(id)
      await keys.retired(dataKey, attachment, value)
      throw error
    }
    return attachmentShown(id, attachment, 'attached', attached.uri(id))
  }
  return locks.alone(instanceId, () => locks.alone(id, attach))
}

async function requireFree({ records }: Means, place: string, instanceId: string, device: string): Promise<void> {
  const all = await records.volumes.all(place)
  const isTaken = all.some(
    ({ value: { attachment } }) => attachment?.instanceId === instanceId && attachment.device === device,
  )
  if (isTaken) invalid('device', device, `Attachment point ${device} is already in use`)
}

export async function detachVolume(
  means: Means,
  input: AttachVolumeRequest,
  context: Context,
): Promise<VolumeAttachment> {
  const { records, leave, locks } = means
  const id = idOf('volume', input.VolumeId)
  return locks.alone(id, async () => {
    const found = await records.volumes.get(placeIn(context), id)
    const attachment = found?.value.attachment
    const on = [['volume', id] as const, ['instance', attachment?.instanceId ?? '*'] as const]
    await leave.to('DetachVolume', on, context, { DryRun: input.DryRun, tags: found?.value.tags })
    if (!found) noVolume(id)
    if (!attachment) fail('IncorrectState', `Volume '${id}' is in the 'available' state.`)
    if (!isMeant(attachment.instanceId, input.InstanceId) || !isMeant(attachment.device, input.Device)) {
      const where = `instance '${input.InstanceId ?? attachment.instanceId}' at '${input.Device ?? attachment.device}'`
      fail('InvalidAttachment.NotFound', `Volume '${id}' is not attached to ${where}.`)
    }
    await released(means, found)
    return attachmentShown(id, attachment, 'detached')
  })
}

function isMeant(actual: string, asked: string | undefined): boolean {
  return asked === undefined || asked === '' || asked === actual
}

/** Detaches what is attached in a place, as happens to instances that stop: those of a room that was closed, or has crashed. */
export async function stopped(means: Means, place: string): Promise<void> {
  for (const { name, value } of await means.records.volumes.all(place)) {
    if (!value.attachment) continue
    await means.locks.alone(name, async () => {
      const found = await means.records.volumes.get(place, name)
      if (found?.value.attachment) await released(means, found)
    })
  }
}

/** In this order: who stops half-way leaves a volume that counts as attached, and is released when the room opens again. */
async function released({ attached, keys, records }: Means, found: Recorded<VolumeRecord>): Promise<void> {
  const { attachment, ...value } = found.value
  const written = await attached.end(found.name)
  await keys.retired(value.dataKey, attachment!, value)
  await records.commit(records.volumes.put(placeOf(value), found.name, { ...value, written }, found.version))
}
