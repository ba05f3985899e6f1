/** Members of requests and answers that travel as header fields or in the query, by AWS's names for both. */
import { fail } from '../../../errors.ts'
import { notImplemented } from '../refusals.ts'
import { algorithmOf } from './checksummembers.ts'

type Fields = Readonly<Record<string, string>>
type Members = Readonly<Record<string, unknown>>

/** How a text on the wire is a value here. */
interface Kind {
  readonly read: (text: string, name: string) => unknown
  readonly write: (value: never) => string
}

const text: Kind = { read: (text) => text, write: (value) => String(value) }
const flag: Kind = { read: (text) => text.toLowerCase() === 'true', write: (value) => String(value) }
const number: Kind = { read: numberIn, write: (value) => String(value) }
const size: Kind = { read: sizeIn, write: (value) => String(value) }
/** A date that cannot be read is as if it were not there, as HTTP has it. */
const time: Kind = { read: (text) => dateIn(text), write: (value) => new Date(value).toUTCString() }

const SSE = 'x-amz-server-side-encryption'

const HEADERS: Readonly<Record<string, readonly [field: string, kind: Kind]>> = {
  AcceptRanges: ['accept-ranges', text],
  BucketKeyEnabled: [`${SSE}-bucket-key-enabled`, flag],
  BucketRegion: ['x-amz-bucket-region', text],
  ChecksumAlgorithm: ['x-amz-checksum-algorithm', text],
  ChecksumMode: ['x-amz-checksum-mode', text],
  ChecksumType: ['x-amz-checksum-type', text],
  ContentLength: ['content-length', number],
  ContentRange: ['content-range', text],
  ContentType: ['content-type', text],
  CopySource: ['x-amz-copy-source', text],
  CopySourceIfMatch: ['x-amz-copy-source-if-match', text],
  CopySourceIfModifiedSince: ['x-amz-copy-source-if-modified-since', time],
  CopySourceIfNoneMatch: ['x-amz-copy-source-if-none-match', text],
  CopySourceIfUnmodifiedSince: ['x-amz-copy-source-if-unmodified-since', time],
  CopySourceRange: ['x-amz-copy-source-range', text],
  ETag: ['etag', text],
  ExpectedBucketOwner: ['x-amz-expected-bucket-owner', text],
  ExpectedSourceBucketOwner: ['x-amz-source-expected-bucket-owner', text],
  IfMatch: ['if-match', text],
  IfModifiedSince: ['if-modified-since', time],
  IfNoneMatch: ['if-none-match', text],
  IfUnmodifiedSince: ['if-unmodified-since', time],
  LastModified: ['last-modified', time],
  Location: ['location', text],
  MpuObjectSize: ['x-amz-mp-object-size', size],
  MetadataDirective: ['x-amz-metadata-directive', text],
  PartsCount: ['x-amz-mp-parts-count', number],
  Range: ['range', text],
  SSECustomerAlgorithm: [`${SSE}-customer-algorithm`, text],
  SSEKMSEncryptionContext: [`${SSE}-context`, text],
  SSEKMSKeyId: [`${SSE}-aws-kms-key-id`, text],
  ServerSideEncryption: [SSE, text],
  TagCount: ['x-amz-tagging-count', number],
  Tagging: ['x-amz-tagging', text],
  TaggingDirective: ['x-amz-tagging-directive', text],
}

const QUERY: Readonly<Record<string, readonly [field: string, kind: Kind]>> = {
  ContinuationToken: ['continuation-token', text],
  Delimiter: ['delimiter', text],
  EncodingType: ['encoding-type', text],
  FetchOwner: ['fetch-owner', flag],
  KeyMarker: ['key-marker', text],
  Marker: ['marker', text],
  MaxKeys: ['max-keys', number],
  MaxParts: ['max-parts', number],
  MaxUploads: ['max-uploads', number],
  PartNumber: ['partNumber', number],
  PartNumberMarker: ['part-number-marker', number],
  Prefix: ['prefix', text],
  StartAfter: ['start-after', text],
  UploadId: ['uploadId', text],
  UploadIdMarker: ['upload-id-marker', text],
}

/** What is kept with an object as it was sent. */
const KEPT = ['cache-control', 'content-disposition', 'content-encoding', 'content-language', 'expires']
const METADATA = 'x-amz-meta-'

/** Fields that ask for what there is not, unless they say one of these. */
const UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
  'x-amz-bucket-object-lock-enabled': ['false'],
  'x-amz-object-lock-legal-hold': ['OFF'],
  'x-amz-object-lock-mode': [],
  'x-amz-storage-class': ['STANDARD'],
  'x-amz-website-redirect-location': [],
}
/** A bucket's owner owns all that is in it, so that lists of who may do what have nothing to say. */
const ACCESS_LISTS = ['private', 'bucket-owner-full-control']

function requireSupported(headers: Fields): void {
  for (const [name, harmless] of Object.entries(UNSUPPORTED)) {
    const value = headers[name]
    if (value !== undefined && !harmless.includes(value)) notImplemented(name)
  }
  const isGrant = Object.keys(headers).some((name) => name.startsWith('x-amz-grant-'))
  if (isGrant || !ACCESS_LISTS.includes(headers['x-amz-acl'] ?? 'private'))
    fail('AccessControlListNotSupported', 'The bucket does not allow ACLs')
}

/** The members that a request's query and header fields say. */
export function membersOf(query: URLSearchParams, headers: Fields): Record<string, unknown> {
  requireSupported(headers)
  const members: Record<string, unknown> = {}
  for (const [member, [name, kind]] of Object.entries(QUERY)) {
    const value = query.get(name)
    if (value !== null) members[member] = kind.read(value, name)
  }
  for (const [member, [name, kind]] of Object.entries(HEADERS)) {
    const value = headers[name]
    if (value !== undefined && member !== 'ContentLength') members[member] = kind.read(value, name)
  }
  return { ...members, Headers: kept(headers), Metadata: metadata(headers) }
}

function kept(headers: Fields): Fields {
  const fields = KEPT.map((name): [string, string] => [name, headers[name] ?? ''])
  return Object.fromEntries(
    fields
      // How the request was sent is no property of the object.
      .map(([name, value]) => [name, name === 'content-encoding' ? value.replace(/^aws-chunked(,\s*|$)/, '') : value])
      .filter(([, value]) => value !== ''),
  ) as Fields
}

function metadata(headers: Fields): Fields {
  const own = Object.entries(headers).filter(([name]) => name.startsWith(METADATA) && name !== METADATA)
  return Object.fromEntries(own.map(([name, value]) => [name.slice(METADATA.length), value]))
}

/** The header fields that say these members of an answer; members that have no field are left out. */
export function headersOf({ Headers, Metadata, ...members }: Members): Record<string, string> {
  const fields = Object.entries(members).flatMap(([member, value]) => {
    const [name, kind] = Object.hasOwn(HEADERS, member) ? HEADERS[member]! : checksumField(member)
    return value === undefined || name === undefined ? [] : [[name, kind.write(value as never)]]
  })
  const own = Object.entries((Metadata ?? {}) as Fields).map(([name, value]) => [METADATA + name, value])
  return { ...(Headers as Fields | undefined), ...(Object.fromEntries([...own, ...fields]) as Fields) }
}

function checksumField(member: string): [name: string | undefined, kind: Kind] {
  const algorithm = algorithmOf(member)
  return [algorithm && `x-amz-checksum-${algorithm.toLowerCase()}`, text]
}

/** Header fields of an answer that a request for an object asks to be otherwise. */
export function overrides(query: URLSearchParams): Fields {
  const fields = ['content-type', ...KEPT].map((name) => [name, query.get(`response-${name}`)])
  return Object.fromEntries(fields.filter(([, value]) => value !== null)) as Fields
}

function numberIn(text: string, name: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0x7fffffff)
    fail('InvalidArgument', `Provided ${name} not an integer or within integer range`)
  return Number(text)
}

function sizeIn(text: string, name: string): number {
  if (!/^\d{1,15}$/.test(text)) fail('InvalidRequest', `Value for ${name} header is invalid: '${text}'`)
  return Number(text)
}

function dateIn(text: string): number | undefined {
  const millis = Date.parse(text)
  return Number.isNaN(millis) ? undefined : millis
}
