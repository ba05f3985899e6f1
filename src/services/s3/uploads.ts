/** Multipart uploads: parts sealed under the data key of their upload, each in a file, of which an object is made at the end. */
import { createHash } from 'node:crypto'
import type { Context } from '../../context.ts'
import { fail, KmsError } from '../../errors.ts'
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
import { checksumOfParts, checksumWanted, requireChecksum, requireListed, shownChecksum } from './partchecksums.ts'
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
  const { Bucket, Key } = input
  const { leave, keys, records, world } = means
  const bucket = await leave.object(input, 's3:PutObject', context, toldEncryption(input, context))
  requireKey(Key)
  const checksums = checksumWanted(input.ChecksumAlgorithm, input.ChecksumType)
  const tags = await tagsFrom(means, input, context)
  const place = { Bucket, Key, bucket }
  const described = description(input)
  const { dataKeys, encryption } = await keys.fresh(chosen(input, bucket), place, context)
  wipe(dataKeys)
  const upload = { initiated: world.clock(), encryption, ...checksums, ...described, tags }
  const UploadId = await inBucket(records, place, () =>
    records.change(() => {
      const id = world.entropy.hex(32)
      return Promise.resolve({ changes: [records.uploads.put(Bucket, uploadName(Key, id), upload, 0)], result: id })
    }),
  )
  const { checksumAlgorithm: ChecksumAlgorithm, checksumType: ChecksumType } = checksums
  return { Bucket, Key, UploadId, ChecksumAlgorithm, ChecksumType, ...shownEncryption(encryption) }
}

export async function uploadPart(
  means: Means,
  input: Shapes.UploadPartRequest,
  context: Context,
): Promise<Shapes.UploadPartOutput> {
  const uploading = await find(means, input, 's3:PutObject', context)
  requireChecksum(uploading.upload, input.Checksum)
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
  const { etag, modified, checksum } = await receive(means, uploading, input, { Body: deferred(body) }, context)
  return {
    CopyPartResult: { ETag: quoted(etag), LastModified: modified, ...(checksum && { Checksum: checksum }) },
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
  const { encryption, checksumAlgorithm } = uploading.upload
  if (!Number.isInteger(PartNumber) || PartNumber < 1 || PartNumber > MOST_PARTS)
    fail('InvalidArgument', `Part number must be an integer between 1 and ${MOST_PARTS}, inclusive`)
  const body = new Watched(input, encryption.algorithm === 'AES256', checksumAlgorithm)
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

/** To complete an upload again is to be told again what became of it, as long as that is there. */
export async function completeMultipartUpload(
  means: Means,
  input: Shapes.CompleteMultipartUploadRequest,
  context: Context,
): Promise<Shapes.CompleteMultipartUploadOutput> {
  const { Bucket, Key } = input
  const object = await completed(means, input, context).catch((error: unknown) => madeBefore(means, input, error))
  return {
    ...{ Bucket, Key, Location: `/${Bucket}/${Key}`, ETag: quoted(object.etag) },
    ...shownChecksum(object),
    ...shownEncryption(object.encryption),
  }
}

/** The parts that are named become the object; files of others are removed. Nothing is encrypted anew. */
async function completed(
  means: Means,
  input: Shapes.CompleteMultipartUploadRequest,
  context: Context,
): Promise<StoredObject> {
  const { records, files, keys, world } = means
  const uploading = await find(means, input, 's3:PutObject', context)
  const { upload, UploadId } = uploading
  const dataKeys = await keys.open(upload.encryption, uploading, context)
  const work = async () => {
    const { parts, erasures } = await partsOf(records, uploading)
    const wanted = chosenParts(upload, parts, listedIn(input))
    const made = objectOf(uploading, wanted, input)
    const read = () => files.read(made.pieces, { start: 0, end: made.size }, dataKeys)
    const object = { ...made, ...(await checksumOfParts(upload, wanted, input, read)), modified: world.clock() }
    const replaced = await keep(records, uploading, object, input, erasures)
    const used = new Set(wanted)
    const unused = [...parts.values()].filter((part) => !used.has(part))
    return { object, left: [...unused, ...(replaced?.pieces ?? [])] }
  }
  const done = inBucket(records, uploading, () => records.locks.alone(UploadId, work))
  const { object, left } = await done.finally(() => wipe(dataKeys))
  await files.remove(left)
  return object
}

/** The object that an upload became, if it was of these parts; or else what was amiss. */
async function madeBefore(
  { records }: Means,
  input: Shapes.CompleteMultipartUploadRequest,
  error: unknown,
): Promise<StoredObject> {
  if (!(error instanceof KmsError && error.code === 'NoSuchUpload')) throw error
  const object = (await records.objects.get(input.Bucket, input.Key))?.value
  if (object?.uploadId !== input.UploadId || object.etag !== etagOf(listedIn(input))) throw error
  return object
}

function listedIn({ MultipartUpload }: Shapes.CompleteMultipartUploadRequest): readonly Shapes.CompletedPart[] {
  const listed = MultipartUpload?.Parts ?? []
  if (listed.length === 0 || listed.some(({ PartNumber, ETag }) => !PartNumber || !ETag)) malformedXml()
  return listed
}

/** The parts that a client lists, which must be as it says they are. */
function chosenParts(
  upload: Upload,
  parts: ReadonlyMap<number, Part>,
  listed: readonly Shapes.CompletedPart[],
): Part[] {
  if (listed.some(({ PartNumber }, index) => index > 0 && PartNumber <= listed[index - 1]!.PartNumber))
    fail(
      'InvalidPartOrder',
      'The list of parts was not in ascending order. The parts list must be specified in order by part number.',
    )
  return listed.map((one, index) => {
    requireListed(upload, one)
    const part = parts.get(one.PartNumber)
    if (!part || !isAsListed(part, one))
      fail(
        'InvalidPart',
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
      )
    if (part.size < SMALLEST_PART && index < listed.length - 1)
      fail('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size')
    return part
  })
}

function isAsListed({ etag, checksum }: Part, { ETag, Checksum }: Shapes.CompletedPart): boolean {
  const sameSum = checksum?.algorithm === Checksum?.algorithm && checksum?.value === Checksum?.value
  return etag === unquoted(ETag) && (!Checksum || sameSum)
}

function objectOf(
  { upload, UploadId }: Uploading,
  parts: readonly Part[],
  { MpuObjectSize }: Shapes.CompleteMultipartUploadRequest,
): Omit<StoredObject, 'modified'> {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  if (MpuObjectSize !== undefined && MpuObjectSize !== size)
    fail(
      'InvalidRequest',
      `The provided 'x-amz-mp-object-size' header value ${MpuObjectSize} does not match what was computed: ${size}`,
    )
  return {
    ...description(upload),
    size,
    etag: etagOf(parts.map(({ etag }) => ({ ETag: etag }))),
    encryption: upload.encryption,
    tags: upload.tags,
    pieces: parts.map(({ file, size }) => ({ file, size })),
    uploadId: UploadId,
  }
}

/** The MD5 of the MD5s of the parts, or of what stands for these, and how many they are. */
function etagOf(parts: readonly Pick<Shapes.CompletedPart, 'ETag'>[]): string {
  const digests = Buffer.from(parts.map(({ ETag }) => unquoted(ETag)).join(''), 'hex')
  return `${createHash('md5').update(digests).digest('hex')}-${parts.length}`
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
