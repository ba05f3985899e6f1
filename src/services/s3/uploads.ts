/** Multipart uploads: parts sealed under the data key of their upload, each in a file, of which an object is made at the end. */
import { createHash } from 'node:crypto'
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Change } from '../../store/store.ts'
import { Watched } from './bodies.ts'
import { quoted, unquoted } from './conditional.ts'
import { chosen, shownEncryption } from './encryption.ts'
import type { Span } from './files.ts'
import { wipe, type Place } from './keys.ts'
import { toldEncryption } from './leave.ts'
import { inBucket, keep, type Means } from './means.ts'
import { requireKey } from './names.ts'
import { copySource, deferred, description, orRemove } from './objects.ts'
import { rangeIn } from './ranges.ts'
import { all, partName, uploadName, type Part, type Records, type StoredObject, type Upload } from './records.ts'
import { malformedXml } from './refusals.ts'
import type * as Shapes from './shapes.ts'
import { tagsFrom } from './tagging.ts'

const SMALLEST_PART = 5 * 1024 ** 2
const MOST_PARTS = 10_000

interface Uploading extends Place {
  readonly UploadId: string
  readonly upload: Upload
}

export async function createMultipartUpload(
  means: Means,
  input: Shapes.CreateMultipartUploadRequest,
  context: Context,
): Promise<Shapes.CreateMultipartUploadOutput> {
  const { Bucket, Key, ChecksumAlgorithm, ChecksumType } = input
  const { leave, keys, records, world } = means
  const bucket = await leave.object(input, 's3:PutObject', context, toldEncryption(input, context))
  requireKey(Key)
  const tags = await tagsFrom(means, input, context)
  const place = { Bucket, Key, bucket }
  const described = description(input)
  const { dataKeys, encryption } = await keys.fresh(chosen(input, bucket), place, context)
  wipe(dataKeys)
  const checksums = { checksumAlgorithm: ChecksumAlgorithm, checksumType: ChecksumType }
  const upload = { initiated: world.clock(), encryption, ...checksums, ...described, tags }
  const UploadId = await inBucket(records, place, () =>
    records.change(() => {
      const id = world.entropy.hex(32)
      return Promise.resolve({ changes: [records.uploads.put(Bucket, uploadName(Key, id), upload, 0)], result: id })
    }),
  )
  return { Bucket, Key, UploadId, ChecksumAlgorithm, ChecksumType, ...shownEncryption(encryption) }
}

export async function uploadPart(
  means: Means,
  input: Shapes.UploadPartRequest,
  context: Context,
): Promise<Shapes.UploadPartOutput> {
  const uploading = await find(means, input, 's3:PutObject', context)
  const { etag, checksum } = await receive(means, uploading, input, input, context)
  return {
    ETag: quoted(etag),
    ...(checksum && { Checksum: checksum }),
    ...shownEncryption(uploading.upload.encryption),
  }
}

export async function uploadPartCopy(
  means: Means,
  input: Shapes.UploadPartCopyRequest,
  context: Context,
): Promise<Shapes.UploadPartCopyOutput> {
  const { body } = await copySource(means, input, context, ({ size }) => copiedSpan(input.CopySourceRange, size))
  const uploading = await find(means, input, 's3:PutObject', context)
  const { etag, modified } = await receive(means, uploading, input, { Body: deferred(body) }, context)
  return {
    CopyPartResult: { ETag: quoted(etag), LastModified: modified },
    ...shownEncryption(uploading.upload.encryption),
  }
}

/** A range that must be one, within what there is. */
function copiedSpan(range: string | undefined, size: number): Span {
  if (range === undefined) return { start: 0, end: size }
  const [, last] = /^bytes=\d+-(\d+)$/.exec(range) ?? []
  const span = last === undefined ? undefined : rangeIn(range, size)
  if (!span)
    return fail(
      'InvalidArgument',
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    )
  if (Number(last) >= size) fail('InvalidArgument', `Range specified is not valid for source object of size: ${size}`)
  return span
}

/** Takes the body of a part, in the place of what the part was before. */
async function receive(
  means: Means,
  uploading: Uploading,
  { PartNumber }: Shapes.OfPart,
  input: Shapes.Uploading,
  context: Context,
): Promise<Part> {
  const { keys, files, records, world } = means
  const { encryption } = uploading.upload
  if (!Number.isInteger(PartNumber) || PartNumber < 1 || PartNumber > MOST_PARTS)
    fail('InvalidArgument', `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`)
  const body = new Watched(input, encryption.algorithm === 'AES256')
  const dataKeys = await keys.open(encryption, uploading, context)
  const piece = await files.write(body, dataKeys).finally(() => wipe(dataKeys))
  const { checksum } = body
  const part = { ...piece, etag: body.md5() ?? world.entropy.hex(16), modified: world.clock(), checksum }
  const replaced = await orRemove(keepPart(records, uploading, PartNumber, part), files, [piece])
  if (replaced) await files.remove([replaced])
  return part
}

/** The part that this one takes the place of. */
function keepPart(records: Records, uploading: Uploading, number: number, part: Part): Promise<Part | undefined> {
  const { UploadId } = uploading
  return inBucket(records, uploading, () =>
    records.locks.shared(UploadId, async () => {
      await required(records, uploading, UploadId)
      return records.change(async () => {
        const there = await records.parts.get(UploadId, partName(number))
        return {
          changes: [records.parts.put(UploadId, partName(number), part, there?.version ?? 0)],
          result: there?.value,
        }
      })
    }),
  )
}

/** The parts that are named become the object; files of others are removed. Nothing is encrypted anew. */
export async function completeMultipartUpload(
  means: Means,
  input: Shapes.CompleteMultipartUploadRequest,
  context: Context,
): Promise<Shapes.CompleteMultipartUploadOutput> {
  const { Bucket, Key, UploadId, MultipartUpload } = input
  const { records, files, keys, world } = means
  const uploading = await find(means, input, 's3:PutObject', context)
  const { upload } = uploading
  wipe(await keys.open(upload.encryption, uploading, context))
  const { object, unused, replaced } = await inBucket(records, uploading, () =>
    records.locks.alone(UploadId, async () => {
      const { parts, erasures } = await partsOf(records, uploading)
      const wanted = chosenParts(parts, MultipartUpload?.Parts ?? [])
      const object = { ...objectOf(upload, wanted), modified: world.clock() }
      const replaced = await keep(records, uploading, object, input, erasures)
      const used = new Set(wanted)
      return { object, replaced, unused: [...parts.values()].filter((part) => !used.has(part)) }
    }),
  )
  await files.remove([...unused, ...(replaced?.pieces ?? [])])
  return {
    Bucket,
    Key,
    Location: `/${Bucket}/${Key}`,
    ETag: quoted(object.etag),
    ...shownEncryption(object.encryption),
  }
}

/** The parts that a client lists, which must be as it says they are. */
function chosenParts(parts: ReadonlyMap<number, Part>, listed: readonly Shapes.CompletedPart[]): Part[] {
  if (listed.length === 0 || listed.some(({ PartNumber, ETag }) => !PartNumber || !ETag)) malformedXml()
  if (listed.some(({ PartNumber }, index) => index > 0 && PartNumber <= listed[index - 1]!.PartNumber))
    fail(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
    )
  return listed.map(({ PartNumber, ETag }, index) => {
    const part = parts.get(PartNumber)
    if (part?.etag !== unquoted(ETag))
      fail(
        'InvalidPart',
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      )
    if (part.size < SMALLEST_PART && index < listed.length - 1)
      fail('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size')
    return part
  })
}

function objectOf(upload: Upload, parts: readonly Part[]): Omit<StoredObject, 'modified'> {
  const digests = Buffer.from(parts.map(({ etag }) => etag).join(''), 'hex')
  return {
    ...description(upload),
    size: parts.reduce((sum, { size }) => sum + size, 0),
    etag: `${createHash('md5').update(digests).digest('hex')}-${parts.length}`,
    encryption: upload.encryption,
    tags: upload.tags,
    pieces: parts.map(({ file, size }) => ({ file, size })),
    inParts: true,
  }
}

export async function abortMultipartUpload(means: Means, input: Shapes.OfUpload, context: Context): Promise<object> {
  const { records, files } = means
  const uploading = await find(means, input, 's3:AbortMultipartUpload', context)
  const parts = await inBucket(records, uploading, () =>
    records.locks.alone(input.UploadId, async () => {
      const found = await partsOf(records, uploading)
      await records.commit(found.erasures)
      return found.parts
    }),
  )
  await files.remove([...parts.values()])
  return {}
}

/** All parts of an upload, by their numbers, and what erases them together with it. Throws when it is over. */
export async function partsOf(
  records: Records,
  { Bucket, Key, UploadId }: Shapes.OfUpload,
): Promise<{ parts: ReadonlyMap<number, Part>; erasures: Change[] }> {
  const { version } = await required(records, { Bucket, Key }, UploadId)
  const erasures = [records.uploads.erase(Bucket, uploadName(Key, UploadId), version)]
  const parts = new Map<number, Part>()
  for await (const { name, value, version: of } of all(records.parts, UploadId)) {
    parts.set(Number(name), value)
    erasures.push(records.parts.erase(UploadId, name, of))
  }
  return { parts, erasures }
}

/** The upload, once it is sure that the caller may do `action` to what it is to be. */
export async function find(
  { leave, records }: Means,
  named: Shapes.OfUpload,
  action: string,
  context: Context,
): Promise<Uploading> {
  const { Bucket, Key, UploadId } = named
  const bucket = await leave.object(named, action, context)
  const { value } = await required(records, { Bucket, Key }, UploadId)
  return { Bucket, Key, UploadId, bucket, upload: value }
}

async function required(records: Records, { Bucket, Key }: Shapes.OfObject, UploadId: string) {
  return (
    (await records.uploads.get(Bucket, uploadName(Key, UploadId))) ??
    fail(
      'NoSuchUpload',
      'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    )
  )
}
