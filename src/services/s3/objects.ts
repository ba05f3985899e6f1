/** Objects: put, read, copied and deleted. */
import type { Context } from '../../context.ts'
import { fail, KmsError } from '../../errors.ts'
import { MOST_AT_ONCE, Watched } from './bodies.ts'
import { quoted, requireCopyable, requireReadable } from './conditional.ts'
import { chosen, shownEncryption } from './encryption.ts'
import type { Files, Span } from './files.ts'
import { toldEncryption } from './leave.ts'
import { wipe, type Place } from './keys.ts'
import { find, inBucket, keep, type Found, type Means } from './means.ts'
import { parseCopySource, requireKey } from './names.ts'
import { requireAlgorithm, shownChecksum } from './partchecksums.ts'
import { rangeIn, shownRange } from './ranges.ts'
import type { Piece, StoredObject } from './records.ts'
import { internalError, malformedXml } from './refusals.ts'
import type * as Shapes from './shapes.ts'
import { tagsFrom } from './tagging.ts'

export async function putObject(
  means: Means,
  input: Shapes.PutObjectRequest,
  context: Context,
): Promise<Shapes.PutObjectOutput> {
  const { Bucket, Key } = input
  const bucket = await means.leave.object(input, 's3:PutObject', context, toldEncryption(input, context))
  requireKey(Key)
  const tags = await tagsFrom(means, input, context)
  const place = { Bucket, Key, bucket }
  const described = description(input)
  const object = await written(means, place, input, context)
  await keepWritten(means, place, { ...object, ...described, tags }, input)
  return { ETag: quoted(object.etag), ...shownEncryption(object.encryption), ...shownChecksum(object) }
}

/** A body in a file of its own, encrypted as the request and the bucket say. */
async function written(
  { keys, files, world }: Means,
  place: Place,
  input: Shapes.Uploading & Shapes.EncryptionHeaders,
  context: Context,
  checksumAlgorithm?: string,
): Promise<StoredObject> {
  const choice = chosen(input, place.bucket)
  const body = new Watched(input, choice.algorithm === 'AES256', checksumAlgorithm)
  const { dataKeys, encryption } = await keys.fresh(choice, place, context)
  try {
    const piece = await files.write(body, dataKeys)
    // What the KMS encrypts shows no digest of its plaintext.
    const etag = body.md5() ?? world.entropy.hex(16)
    return { size: piece.size, etag, modified: world.clock(), encryption, pieces: [piece], checksum: body.checksum }
  } finally {
    wipe(dataKeys)
  }
}

/** Keeps what was written and removes the files of what it took the place of; or removes its own. */
async function keepWritten(
  { records, files }: Means,
  place: Place,
  object: StoredObject,
  preconditions: Shapes.WritePreconditions,
): Promise<void> {
  const kept = inBucket(records, place, () => keep(records, place, object, preconditions))
  const replaced = await orRemove(kept, files, object.pieces)
  if (replaced) await files.remove(replaced.pieces)
}

/** Removes what was written for a commit that was refused. Of one that failed nobody knows: the next start's sweep does. */
export async function orRemove<T>(kept: Promise<T>, files: Files, pieces: readonly Piece[]): Promise<T> {
  try {
    return await kept
  } catch (error) {
    if (error instanceof KmsError) await files.remove(pieces)
    throw error
  }
}

export async function getObject(
  means: Means,
  input: Shapes.GetObjectRequest,
  context: Context,
): Promise<Shapes.GetObjectOutput> {
  for (;;) {
    const found = await find(means, input, 's3:GetObject', context)
    requireReadable(found.object, input)
    const span = spanOf(found.object, input)
    const body = await readable(means, found, span ?? { start: 0, end: found.object.size }, context)
    if (body) return { ...shown(found.object, input, span), Body: body }
  }
}

/** No KMS key is asked for, unless for a checksum, which tells of the plaintext. */
export async function headObject(
  means: Means,
  input: Shapes.GetObjectRequest,
  context: Context,
): Promise<Shapes.HeadObjectOutput> {
  const found = await find(means, input, 's3:GetObject', context)
  const { object } = found
  requireReadable(object, input)
  const span = spanOf(object, input)
  if (asksChecksum(object, input) && object.encryption.kms) {
    wipe(await means.keys.open(object.encryption, found, context))
  }
  return shown(object, input, span)
}

/** What is in `span`; undefined when the object was replaced or deleted after it was found. */
async function readable(
  { keys, files, records, world }: Means,
  found: Found,
  span: Span,
  context: Context,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { object, Bucket, Key } = found
  const dataKeys = await keys.open(object.encryption, found, context)
  try {
    return await files.read(object.pieces, span, dataKeys)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const there = await records.objects.get(Bucket, Key)
    if (there?.value.pieces[0]?.file !== object.pieces[0]?.file) return undefined
    world.log(`s3: file ${object.pieces[0]?.file} is missing`)
    throw internalError(error)
  }
}

export async function copyObject(
  means: Means,
  input: Shapes.CopyObjectRequest,
  context: Context,
): Promise<Shapes.CopyObjectOutput> {
  const { Bucket, Key, MetadataDirective = 'COPY', TaggingDirective = 'COPY' } = input
  const { found, body } = await copySource(means, input, context)
  const source = found.object
  if (source.size > MOST_AT_ONCE)
    fail(
      'InvalidRequest',
      'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    )
  const isItself = found.Bucket === Bucket && found.Key === Key
  if (isItself && MetadataDirective === 'COPY' && input.ServerSideEncryption === undefined)
    fail(
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  const told = toldEncryption(input, context)
  const bucket = await means.leave.object(input, 's3:PutObject', context, told)
  requireKey(Key)
  const tags = TaggingDirective === 'REPLACE' ? await tagsFrom(means, input, context) : source.tags
  const place = { Bucket, Key, bucket }
  const described = description(MetadataDirective === 'REPLACE' ? input : source)
  const { algorithm, Checksum } = copiedChecksum(source, input)
  const object = await written(means, place, { ...input, Body: deferred(body), Checksum }, context, algorithm)
  await keepWritten(means, place, { ...object, ...described, tags }, input)
  const CopyObjectResult = { ETag: quoted(object.etag), LastModified: object.modified, ...shownChecksum(object) }
  return { CopyObjectResult, ...shownEncryption(object.encryption) }
}

/** What a copy's checksum is of, and the checksum itself, where the source has it. */
function copiedChecksum({ checksum, checksumType }: StoredObject, { ChecksumAlgorithm }: Shapes.CopyObjectRequest) {
  if (ChecksumAlgorithm !== undefined) requireAlgorithm(ChecksumAlgorithm)
  const algorithm = ChecksumAlgorithm ?? checksum?.algorithm
  const isSame = checksum?.algorithm === algorithm && checksumType !== 'COMPOSITE'
  return { algorithm, Checksum: isSame ? checksum : undefined }
}

/** The object that is to be copied, and a way to its bytes. */
export async function copySource(
  means: Means,
  input: Shapes.CopySource,
  context: Context,
  spanIn: (object: StoredObject) => Span = ({ size }) => ({ start: 0, end: size }),
): Promise<{ found: Found; body: () => Promise<AsyncIterable<Uint8Array>> }> {
  const source = parseCopySource(input.CopySource)
  const named = { ...source, ExpectedBucketOwner: input.ExpectedSourceBucketOwner }
  // A source may be in another Region, where then its key is asked for.
  const { region } = (await means.records.bucket(named.Bucket)).value
  const there = { ...context, caller: context.caller, region }
  const found = await find(means, named, 's3:GetObject', there)
  requireCopyable(found.object, input)
  const body = async () =>
    (await readable(means, found, spanIn(found.object), there)) ?? (await means.leave.missing(named, there))
  return { found, body }
}

export async function* deferred(body: () => Promise<AsyncIterable<Uint8Array>>): AsyncGenerator<Uint8Array> {
  yield* await body()
}

/** Deleting what there is not is no error, as in AWS. */
export async function deleteObject(means: Means, input: Shapes.OfObject, context: Context): Promise<object> {
  await means.leave.object(input, 's3:DeleteObject', context)
  const { Bucket, Key } = input
  const { records, files } = means
  const erased = await records.change(async () => {
    const there = await records.objects.get(Bucket, Key)
    return { changes: there ? [records.objects.erase(Bucket, Key, there.version)] : [], result: there?.value }
  })
  if (erased) await files.remove(erased.pieces)
  return {}
}

const MOST_DELETED = 1000

export async function deleteObjects(
  means: Means,
  { Delete, ...named }: Shapes.DeleteObjectsRequest,
  context: Context,
): Promise<Shapes.DeleteObjectsOutput> {
  await means.leave.found(named, context)
  const { Objects = [], Quiet = false } = Delete ?? {}
  if (Objects.length === 0 || Objects.length > MOST_DELETED || Objects.some(({ Key }) => !Key)) malformedXml()
  const Deleted: { Key: string }[] = []
  const Errors: { Key: string; Code: string; Message: string }[] = []
  for (const { Key } of Objects) {
    try {
      await deleteObject(means, { ...named, Key }, context)
      if (!Quiet) Deleted.push({ Key })
    } catch (error) {
      if (!(error instanceof KmsError)) throw error
      Errors.push({ Key, Code: error.code, Message: error.message })
    }
  }
  return { Deleted, Errors }
}

const MOST_METADATA = 2048

/** What is kept of a request, or of a copied object, besides the bytes. */
export function description({ ContentType, Metadata = {}, Headers = {} }: Shapes.Description): Shapes.Description {
  if (Buffer.byteLength(Object.entries(Metadata).flat().join('')) > MOST_METADATA)
    fail('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size')
  return { ContentType: ContentType ?? 'binary/octet-stream', Metadata, Headers }
}

/** The range, or the part, that is wanted; undefined for all of it. */
function spanOf({ size, pieces }: StoredObject, { Range, PartNumber }: Shapes.GetObjectRequest): Span | undefined {
  if (PartNumber === undefined) return rangeIn(Range, size)
  const piece = pieces[PartNumber - 1]
  if (!piece) fail('InvalidPartNumber', 'The requested partnumber is not satisfiable')
  const start = pieces.slice(0, PartNumber - 1).reduce((sum, { size: each }) => sum + each, 0)
  return { start, end: start + piece.size }
}

function asksChecksum({ checksum }: StoredObject, { ChecksumMode }: Shapes.GetObjectRequest): boolean {
  return checksum !== undefined && ChecksumMode === 'ENABLED'
}

function shown(object: StoredObject, input: Shapes.GetObjectRequest, span: Span | undefined): Shapes.HeadObjectOutput {
  const { size, etag, modified, pieces, uploadId, tags } = object
  return {
    ...shownEncryption(object.encryption),
    ...(description(object) as Required<Shapes.Description>),
    AcceptRanges: 'bytes',
    ContentLength: span ? span.end - span.start : size,
    ...(span && span.end > span.start && { ContentRange: shownRange(span, size) }),
    ETag: quoted(etag),
    LastModified: modified,
    // A checksum is one of all of it.
    ...(asksChecksum(object, input) && !span && shownChecksum(object)),
    ...(tags?.length && { TagCount: tags.length }),
    ...(input.PartNumber !== undefined && uploadId !== undefined && { PartsCount: pieces.length }),
  }
}
