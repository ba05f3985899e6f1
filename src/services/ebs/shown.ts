/** Volumes and snapshots as EC2 shows them, and those of them that filters let through. */
import type { Attachment, SnapshotRecord, VolumeRecord } from './records.ts'
import { fail } from '../../errors.ts'
import { fits, globOf, WILDCARDS, type Glob } from '../../policy/match.ts'
import { invalid } from './refusals.ts'
import type { Filter, Listing, Snapshot, Volume, VolumeAttachment } from './shapes.ts'

export function volumeShown(VolumeId: string, record: VolumeRecord, uri: string | undefined): Volume {
  const { attachment, dataKey } = record
  return {
    VolumeId,
    Size: record.size,
    AvailabilityZone: record.zone,
    State: attachment ? 'in-use' : 'available',
    VolumeType: record.type,
    Iops: record.iops,
    Throughput: record.throughput,
    SnapshotId: record.snapshotId,
    CreateTime: new Date(record.created),
    Encrypted: dataKey.keyArn !== undefined,
    KmsKeyId: dataKey.keyArn,
    MultiAttachEnabled: false,
    Attachments: attachment ? [attachmentShown(VolumeId, attachment, 'attached', uri)] : [],
    Tags: record.tags,
  }
}

export function attachmentShown(
  VolumeId: string,
  { instanceId, device, since }: Attachment,
  State: VolumeAttachment['State'],
  NbdUri?: string,
): VolumeAttachment {
  return {
    VolumeId,
    InstanceId: instanceId,
    Device: device,
    State,
    AttachTime: new Date(since),
    DeleteOnTermination: false,
    NbdUri,
  }
}

export function snapshotShown(SnapshotId: string, record: SnapshotRecord): Snapshot {
  const { dataKey } = record
  const isEncrypted = dataKey.keyArn !== undefined
  return {
    SnapshotId,
    VolumeId: record.volumeId,
    VolumeSize: record.size,
    State: 'completed',
    Progress: '100%',
    StartTime: new Date(record.created),
    OwnerId: record.account,
    Description: record.description,
    Encrypted: isEncrypted,
    KmsKeyId: dataKey.keyArn,
    DataEncryptionKeyId: isEncrypted ? dataKey.id : undefined,
    Tags: record.tags,
  }
}

type Read<T> = (shown: T) => readonly (string | undefined)[]
type Tagged = Pick<Volume, 'Tags'>

const one =
  <T>(member: keyof T): Read<T> =>
  (shown) => [String(shown[member])]
const attached =
  (member: keyof VolumeAttachment): Read<Volume> =>
  ({ Attachments }) =>
    Attachments.map((attachment) => String(attachment[member]))

export const VOLUME_FILTERS: Readonly<Record<string, Read<Volume>>> = {
  'attachment.device': attached('Device'),
  'attachment.instance-id': attached('InstanceId'),
  'attachment.status': attached('State'),
  'availability-zone': one('AvailabilityZone'),
  encrypted: one('Encrypted'),
  size: one('Size'),
  'snapshot-id': one('SnapshotId'),
  status: one('State'),
  'volume-id': one('VolumeId'),
  'volume-type': one('VolumeType'),
}

export const SNAPSHOT_FILTERS: Readonly<Record<string, Read<Snapshot>>> = {
  description: one('Description'),
  encrypted: one('Encrypted'),
  'owner-id': one('OwnerId'),
  progress: one('Progress'),
  'snapshot-id': one('SnapshotId'),
  status: one('State'),
  'volume-id': one('VolumeId'),
  'volume-size': one('VolumeSize'),
}

/** A page of what all filters let through, `all` being in the order of their ids. */
export function page<T extends Tagged>(
  all: readonly T[],
  filters: Readonly<Record<string, Read<T>>>,
  idOf: (shown: T) => string,
  { Filters = [], MaxResults, NextToken }: Listing,
): { shown: readonly T[]; NextToken?: string } {
  if (MaxResults !== undefined && (!Number.isSafeInteger(MaxResults) || MaxResults < 5)) {
    invalid('maxResults', MaxResults, 'Expecting a value greater than 5.')
  }
  const tests = Filters.map((filter) => testOf(filter, filters))
  const rest = all.filter((shown) => (NextToken ? idOf(shown) > NextToken : true) && tests.every((test) => test(shown)))
  const shown = rest.slice(0, Math.min(MaxResults ?? Infinity, 1000))
  return { shown, NextToken: shown.length < rest.length ? idOf(shown.at(-1)!) : undefined }
}

function testOf<T extends Tagged>(
  { Name = '', Values = [] }: Filter,
  filters: Readonly<Record<string, Read<T>>>,
): (shown: T) => boolean {
  const read = Object.hasOwn(filters, Name) ? filters[Name]! : tagReader(Name)
  const patterns = Values.map(patternOf)
  return (shown) => read(shown).some((value) => patterns.some((pattern) => value !== undefined && fits(pattern, value)))
}

function tagReader(name: string): Read<Tagged> {
  if (name === 'tag-key') return ({ Tags }) => Tags.map(({ Key }) => Key)
  if (!name.startsWith('tag:')) fail('InvalidParameterValue', `The filter '${name}' is invalid`)
  const key = name.slice('tag:'.length)
  return ({ Tags }) => Tags.filter(({ Key }) => Key === key).map(({ Value }) => Value)
}

/** `*` and `?` stand for what they stand for in file names, unless there is a backslash before them. */
function patternOf(text: string): Glob {
  const pieces = text.match(/\\.|[\s\S]/g) ?? []
  return globOf(pieces.map((piece) => WILDCARDS.get(piece) ?? piece.slice(-1)))
}
