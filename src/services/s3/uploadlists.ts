/** Lists of uploads under way, and of their parts. */
import type { Context } from '../../context.ts'
import { quoted } from './conditional.ts'
import { commonPrefix, limitOf } from './listing.ts'
import type { Means } from './means.ts'
import { all, keyIn, partName, uploadIdIn } from './records.ts'
import type * as Shapes from './shapes.ts'
import { find } from './uploads.ts'

export async function listParts(
  means: Means,
  input: Shapes.ListPartsRequest,
  context: Context,
): Promise<Shapes.ListPartsOutput> {
  const { Bucket, Key, UploadId, PartNumberMarker = 0, MaxParts } = input
  const { upload } = await find(means, input, 's3:ListMultipartUploadParts', context)
  const limit = limitOf(MaxParts, 'max-parts')
  const found = await means.records.parts.list(UploadId, partName(PartNumberMarker), limit + 1)
  const Parts = found.slice(0, limit).map(({ name, value: { etag, size, modified, checksum } }) => ({
    PartNumber: Number(name),
    ETag: quoted(etag),
    Size: size,
    LastModified: modified,
    ...(checksum && { Checksum: checksum }),
  }))
  const IsTruncated = found.length > limit
  return {
    ...{ Bucket, Key, UploadId, PartNumberMarker, MaxParts: limit, IsTruncated, Parts, StorageClass: 'STANDARD' },
    ...(IsTruncated && { NextPartNumberMarker: Parts.at(-1)?.PartNumber ?? PartNumberMarker }),
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumType,
  }
}

/** In the order of their keys, and of their ids where several are to be the same object. */
export async function listMultipartUploads(
  { leave, records }: Means,
  input: Shapes.ListMultipartUploadsRequest,
  context: Context,
): Promise<Shapes.ListMultipartUploadsOutput> {
  const { Bucket, Prefix = '', Delimiter, KeyMarker = '', UploadIdMarker = '', MaxUploads } = input
  const told = { 's3:prefix': input.Prefix, 's3:delimiter': Delimiter }
  await leave.bucket(input, 's3:ListBucketMultipartUploads', context, told)
  const limit = limitOf(MaxUploads, 'max-uploads')
  const Uploads: Shapes.UploadShown[] = []
  const prefixes = new Set<string>()
  let last = { KeyMarker, UploadIdMarker }
  let IsTruncated = false
  for await (const { name, value } of all(records.uploads, Bucket)) {
    const upload = { Key: keyIn(name), UploadId: uploadIdIn(name) }
    if (!upload.Key.startsWith(Prefix) || !isAfter(upload, KeyMarker, UploadIdMarker)) continue
    const common = commonPrefix(upload.Key, Prefix, Delimiter)
    if (common !== undefined && (prefixes.has(common) || common === KeyMarker)) continue
    if ((IsTruncated = Uploads.length + prefixes.size === limit)) break
    if (common === undefined) Uploads.push({ ...upload, Initiated: value.initiated, StorageClass: 'STANDARD' })
    else prefixes.add(common)
    last = { KeyMarker: common ?? upload.Key, UploadIdMarker: common === undefined ? upload.UploadId : '' }
  }
  return {
    ...{ Bucket, Prefix, Delimiter, KeyMarker, UploadIdMarker, MaxUploads: limit, IsTruncated, Uploads },
    EncodingType: input.EncodingType,
    CommonPrefixes: [...prefixes].map((prefix) => ({ Prefix: prefix })),
    ...(IsTruncated && { NextKeyMarker: last.KeyMarker, NextUploadIdMarker: last.UploadIdMarker }),
  }
}

/** Without an id all uploads of the marker's key come before it. */
function isAfter({ Key, UploadId }: { Key: string; UploadId: string }, key: string, uploadId: string): boolean {
  const order = Buffer.compare(Buffer.from(Key), Buffer.from(key))
  return order > 0 || (order === 0 && uploadId !== '' && UploadId > uploadId)
}
