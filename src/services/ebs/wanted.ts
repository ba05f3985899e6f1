/** What a request asks for, made sure of: tags, sizes, and how what is made is to be encrypted. */
import { fail } from '../../errors.ts'
import { missing, invalid } from './refusals.ts'
import type { DataKey, Settings } from './records.ts'
import type { CreateVolumeRequest, EncryptionWanted, Tag, TagSpecification } from './shapes.ts'

/** The AWS managed key, when nothing else is chosen. */
export const MANAGED_KEY = 'alias/aws/ebs'

/** Volumes of each type: how large they may be in GiB, and how fast they are when nothing is said. */
const TYPES: Readonly<Record<string, { sizes: readonly [number, number]; iops?: number; throughput?: number }>> = {
  gp2: { sizes: [1, 16_384] },
  gp3: { sizes: [1, 16_384], iops: 3000, throughput: 125 },
  io1: { sizes: [4, 16_384] },
  io2: { sizes: [4, 16_384] },
  st1: { sizes: [125, 16_384] },
  sc1: { sizes: [125, 16_384] },
  standard: { sizes: [1, 1024] },
}

export interface Shape {
  readonly size: number
  readonly type: string
  readonly iops?: number
  readonly throughput?: number
}

/** The shape of a volume; `least` is the size of the snapshot that it is made from. */
export function shapeOf({ Size, VolumeType = 'gp2', Iops, Throughput }: CreateVolumeRequest, least?: number): Shape {
  const size = Size ?? least ?? missing('size/snapshot')
  const type = Object.hasOwn(TYPES, VolumeType)
    ? TYPES[VolumeType]!
    : fail('UnknownVolumeType', `Unsupported volume type '${VolumeType}' for volume creation.`)
  const [smallest, largest] = type.sizes
  if (!Number.isSafeInteger(size) || size < smallest || size > largest) {
    invalid(
      'size',
      size,
      `Volume of ${size}GiB is not within ${smallest}GiB and ${largest}GiB for volume type ${VolumeType}.`,
    )
  }
  if (least !== undefined && size < least) {
    invalid('size', size, `Volume of ${size}GiB is smaller than snapshot, expect size >= ${least}GiB.`)
  }
  const iops = VolumeType === 'gp2' ? Math.min(16_000, Math.max(100, 3 * size)) : (Iops ?? type.iops)
  if (iops === undefined && VolumeType.startsWith('io')) missing('iops')
  return { size, type: VolumeType, iops, throughput: Throughput ?? type.throughput }
}

/** A zone of the Region. */
export function zoneIn(region: string, zone: string | undefined): string {
  if (!zone) missing('zone')
  if (!/^[a-z]$/.test(zone.slice(region.length)) || !zone.startsWith(region)) {
    fail('InvalidZone.NotFound', `The zone '${zone}' does not exist.`)
  }
  return zone
}

/** The tags for what is to be made. */
export function tagsFor(kind: 'volume' | 'snapshot', specifications: readonly TagSpecification[] = []): readonly Tag[] {
  const odd = specifications.find(({ ResourceType }) => ResourceType !== kind)
  if (odd) invalid('resourceType', odd.ResourceType ?? '', `'${kind}' is what is made.`)
  const tags = specifications.flatMap(({ Tags = [] }) => Tags)
  if (tags.length > 50) fail('TagLimitExceeded', 'More than the maximum of 50 tags per resource was specified.')
  for (const { Key } of tags) {
    if (!Key) missing('Tag.Key')
    if (Key.startsWith('aws:')) invalid('tagKey', Key, "Tag keys starting with 'aws:' are reserved for internal use")
  }
  return tags.map(({ Key, Value = '' }) => ({ Key, Value }))
}

/**
 * The KMS key for what is to be made of `source`, or of nothing; undefined when it is not to be encrypted. What is made of
 * what is encrypted is encrypted, whatever one says: under `keeping` if that is given, unless another is chosen.
 */
export function keyWanted(
  { Encrypted, KmsKeyId }: EncryptionWanted,
  { encrypts, keyArn }: Settings,
  source: DataKey | undefined,
  keeping: string | undefined,
): string | undefined {
  if (!Encrypted && !encrypts && source?.keyArn === undefined) {
    if (KmsKeyId === undefined) return undefined
    fail('InvalidParameterDependency', 'The parameter KmsKeyId requires the parameter Encrypted to be set.')
  }
  return KmsKeyId ?? keeping ?? keyArn ?? MANAGED_KEY
}
