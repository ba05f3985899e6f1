/** S3's requests and answers, by AWS's names. Times are epoch milliseconds; ETags carry their quotes, as in AWS's headers. */

export type Body = AsyncIterable<Uint8Array> | Uint8Array | string

export type Algorithm = 'AES256' | 'aws:kms' | 'aws:kms:dsse'

/** `CRC32`, and its value as it is written in the header. */
export interface Checksum {
  readonly algorithm: string
  readonly value: string
}

/** Of which bytes a checksum is: of all, or of the checksums of the parts. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT'

/** The checksum of an object. */
export interface ChecksumShown {
  readonly Checksum?: Checksum
  readonly ChecksumType?: ChecksumType
}

export interface InBucket {
  readonly Bucket: string
  /** The account that the bucket must be of. */
  readonly ExpectedBucketOwner?: string
}

export interface OfObject extends InBucket {
  readonly Key: string
}

export interface OfUpload extends OfObject {
  readonly UploadId: string
}

/** How an object is to be encrypted; what is left out is as the bucket has it. */
export interface EncryptionHeaders {
  readonly ServerSideEncryption?: string
  readonly SSEKMSKeyId?: string
  /** As in the header: the Base64 of a JSON object. */
  readonly SSEKMSEncryptionContext?: string
  readonly BucketKeyEnabled?: boolean
  readonly SSECustomerAlgorithm?: string
}

/** How an object is encrypted. */
export interface EncryptionShown {
  readonly ServerSideEncryption: Algorithm
  /** The ARN of the key. */
  readonly SSEKMSKeyId?: string
  readonly BucketKeyEnabled?: boolean
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

export interface Tagged {
  /** As in the header: `a=1&b=2`. */
  readonly Tagging?: string
}

/** What is kept with an object and given back with it. */
export interface Description {
  readonly ContentType?: string
  readonly Metadata?: Readonly<Record<string, string>>
  /** `cache-control`, `content-disposition`, `content-encoding`, `content-language`, `expires` … */
  readonly Headers?: Readonly<Record<string, string>>
}

export interface Preconditions {
  readonly IfMatch?: string
  readonly IfNoneMatch?: string
  readonly IfModifiedSince?: number
  readonly IfUnmodifiedSince?: number
}

/** What a writer demands of the object that is there, at the moment of writing. */
export type WritePreconditions = Pick<Preconditions, 'IfMatch' | 'IfNoneMatch'>

export interface Uploading {
  readonly Body?: Body
  /** The body must be as long as this. */
  readonly ContentLength?: number
  /** What the body was found to have; asked for once it has been read, if it is a function. */
  readonly Checksum?: Checksum | (() => Checksum | undefined)
}

export interface PutObjectRequest
  extends OfObject, Uploading, Description, EncryptionHeaders, WritePreconditions, Tagged {}

export interface PutObjectOutput extends EncryptionShown, ChecksumShown {
  readonly ETag: string
}

export interface GetObjectRequest extends OfObject, Preconditions {
  /** `bytes=0-99` */
  readonly Range?: string
  /** Of an object uploaded in parts. */
  readonly PartNumber?: number
  /** `ENABLED` asks for the checksum. */
  readonly ChecksumMode?: string
}

export interface HeadObjectOutput extends EncryptionShown, ChecksumShown, Description {
  readonly ContentLength: number
  readonly ContentRange?: string
  readonly AcceptRanges: 'bytes'
  readonly ETag: string
  readonly LastModified: number
  readonly ContentType: string
  readonly Metadata: Readonly<Record<string, string>>
  readonly Headers: Readonly<Record<string, string>>
  readonly PartsCount?: number
  /** How many tags it has, if any. */
  readonly TagCount?: number
}

export interface GetObjectOutput extends HeadObjectOutput {
  /** To be read to its end, or returned from. */
  readonly Body: AsyncIterable<Uint8Array>
}

export interface CopySource {
  /** `bucket/key`, percent-encoded as in the header. */
  readonly CopySource: string
  readonly CopySourceIfMatch?: string
  readonly CopySourceIfNoneMatch?: string
  readonly CopySourceIfModifiedSince?: number
  readonly CopySourceIfUnmodifiedSince?: number
  /** The account that the bucket of the source must be of. */
  readonly ExpectedSourceBucketOwner?: string
}

export interface CopyObjectRequest
  extends OfObject, CopySource, Description, EncryptionHeaders, WritePreconditions, Tagged {
  readonly TaggingDirective?: string
  readonly MetadataDirective?: string
  /** What the copy is to have, if not that of its source. */
  readonly ChecksumAlgorithm?: string
}

export interface CopyObjectOutput extends EncryptionShown {
  readonly CopyObjectResult: ChecksumShown & { readonly ETag: string; readonly LastModified: number }
}

export interface DeleteObjectsRequest extends InBucket {
  readonly Delete?: { readonly Objects?: readonly { readonly Key: string }[]; readonly Quiet?: boolean }
}

export interface DeleteObjectsOutput {
  readonly Deleted: { readonly Key: string }[]
  readonly Errors: { readonly Key: string; readonly Code: string; readonly Message: string }[]
}

export interface EncryptionRule {
  readonly ApplyServerSideEncryptionByDefault?: { readonly SSEAlgorithm: string; readonly KMSMasterKeyID?: string }
  readonly BucketKeyEnabled?: boolean
}

export interface EncryptionConfiguration {
  readonly ServerSideEncryptionConfiguration: { readonly Rules: readonly EncryptionRule[] }
}

export interface BucketShown {
  readonly Name: string
  readonly CreationDate: number
  readonly BucketRegion: string
}

interface Listing extends InBucket {
  readonly Prefix?: string
  readonly Delimiter?: string
  readonly MaxKeys?: number
  /** `url`: who writes the answer down has to encode the keys in it. */
  readonly EncodingType?: string
}

export interface ListObjectsV2Request extends Listing {
  readonly ContinuationToken?: string
  readonly StartAfter?: string
  readonly FetchOwner?: boolean
}

export interface ListObjectsRequest extends Listing {
  readonly Marker?: string
}

export interface Listed {
  readonly Key: string
  readonly LastModified: number
  readonly ETag: string
  readonly Size: number
  readonly StorageClass: 'STANDARD'
  readonly Owner?: { readonly ID: string }
}

interface ListingOutput {
  readonly Name: string
  readonly Prefix: string
  readonly Delimiter?: string
  readonly MaxKeys: number
  readonly EncodingType?: string
  readonly IsTruncated: boolean
  readonly Contents: readonly Listed[]
  readonly CommonPrefixes: readonly { readonly Prefix: string }[]
}

export interface ListObjectsV2Output extends ListingOutput {
  readonly KeyCount: number
  readonly ContinuationToken?: string
  readonly NextContinuationToken?: string
  readonly StartAfter?: string
}

export interface ListObjectsOutput extends ListingOutput {
  readonly Marker: string
  readonly NextMarker?: string
}

export interface CreateMultipartUploadRequest extends OfObject, Description, EncryptionHeaders, Tagged {
  readonly ChecksumAlgorithm?: string
  readonly ChecksumType?: string
}

export interface CreateMultipartUploadOutput extends OfUpload, EncryptionShown {
  readonly ChecksumAlgorithm?: string
  readonly ChecksumType?: string
}

export interface OfPart extends OfUpload {
  readonly PartNumber: number
}

export interface UploadPartRequest extends OfPart, Uploading {}

export interface UploadPartOutput extends EncryptionShown {
  readonly ETag: string
  readonly Checksum?: Checksum
}

export interface UploadPartCopyRequest extends OfPart, CopySource {
  /** `bytes=0-99` */
  readonly CopySourceRange?: string
}

export interface UploadPartCopyOutput extends EncryptionShown {
  readonly CopyPartResult: { readonly ETag: string; readonly LastModified: number; readonly Checksum?: Checksum }
}

export interface CompletedPart {
  readonly PartNumber: number
  readonly ETag: string
  readonly Checksum?: Checksum
}

export interface CompleteMultipartUploadRequest extends OfUpload, WritePreconditions {
  /** What the object must have. */
  readonly Checksum?: Checksum
  readonly ChecksumType?: string
  /** How long the object must be. */
  readonly MpuObjectSize?: number
  readonly MultipartUpload?: { readonly Parts?: readonly CompletedPart[] }
}

export interface CompleteMultipartUploadOutput extends OfObject, EncryptionShown, ChecksumShown {
  readonly Location: string
  readonly ETag: string
}

export interface ListPartsRequest extends OfUpload {
  readonly MaxParts?: number
  readonly PartNumberMarker?: number
}

export interface PartShown {
  readonly PartNumber: number
  readonly ETag: string
  readonly Size: number
  readonly LastModified: number
  readonly Checksum?: Checksum
}

export interface ListPartsOutput extends OfUpload {
  readonly PartNumberMarker: number
  readonly NextPartNumberMarker?: number
  readonly MaxParts: number
  readonly IsTruncated: boolean
  readonly Parts: readonly PartShown[]
  readonly StorageClass: string
  readonly ChecksumAlgorithm?: string
  readonly ChecksumType?: string
}

export interface ListMultipartUploadsRequest extends InBucket {
  readonly Prefix?: string
  readonly Delimiter?: string
  readonly KeyMarker?: string
  readonly UploadIdMarker?: string
  readonly MaxUploads?: number
  /** `url`: who writes the answer down has to encode the keys in it. */
  readonly EncodingType?: string
}

export interface UploadShown {
  readonly Key: string
  readonly UploadId: string
  readonly Initiated: number
  readonly StorageClass: 'STANDARD'
}

export interface ListMultipartUploadsOutput extends InBucket {
  readonly Prefix: string
  readonly Delimiter?: string
  readonly KeyMarker: string
  readonly UploadIdMarker: string
  readonly NextKeyMarker?: string
  readonly NextUploadIdMarker?: string
  readonly MaxUploads: number
  readonly EncodingType?: string
  readonly IsTruncated: boolean
  readonly Uploads: readonly UploadShown[]
  readonly CommonPrefixes: readonly { readonly Prefix: string }[]
}

export interface PutObjectTaggingRequest extends OfObject {
  readonly Tagging?: { readonly TagSet?: readonly Tag[] }
}
