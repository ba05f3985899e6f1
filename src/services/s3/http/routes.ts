/** Which operation a request asks for, by its method, what it is about and the sub-resource in its query. */
import type { Context } from '../../../context.ts'
import { fail } from '../../../errors.ts'
import type { RequestHead } from '../../../http/message.ts'

/** What the path is about. */
export interface Place {
  readonly Bucket?: string
  readonly Key?: string
}

/** How an operation is asked and answered. Members that no row speaks of travel as fields.ts says. */
interface Row {
  readonly call: string
  /** What the body is: the object's bytes, a document that becomes a member, or a text. */
  readonly takes?: 'bytes' | { readonly document: string; readonly member: string } | { readonly text: string }
  /** A checksum in the head is of the object, and not of the body. */
  readonly checks?: 'object'
  /** The root of the document that is answered with; without one, members travel as header fields. */
  readonly gives?: string
  /** The one member that the document is made of; default all that are not header fields everywhere. */
  readonly of?: string
  /** Members that are header fields here, though there is a document. */
  readonly fields?: readonly string[]
  readonly status?: number
}

const NO_CONTENT = 204
const document = (document: string, member = document) => ({ document, member })

const ROUTES = {
  'GET service': { call: 'listBuckets', gives: 'ListAllMyBucketsResult' },

  'PUT bucket': { call: 'createBucket', takes: document('CreateBucketConfiguration') },
  'HEAD bucket': { call: 'headBucket' },
  'DELETE bucket': { call: 'deleteBucket', status: NO_CONTENT },
  'GET bucket': { call: 'listObjects', gives: 'ListBucketResult' },
  'GET bucket?list-type': { call: 'listObjectsV2', gives: 'ListBucketResult' },
  'GET bucket?location': { call: 'getBucketLocation', gives: 'LocationConstraint', of: 'LocationConstraint' },
  'GET bucket?uploads': { call: 'listMultipartUploads', gives: 'ListMultipartUploadsResult' },
  'POST bucket?delete': { call: 'deleteObjects', takes: document('Delete'), gives: 'DeleteResult' },

  'PUT bucket?encryption': { call: 'putBucketEncryption', takes: document('ServerSideEncryptionConfiguration') },
  'GET bucket?encryption': {
    call: 'getBucketEncryption',
    gives: 'ServerSideEncryptionConfiguration',
    of: 'ServerSideEncryptionConfiguration',
  },
  'DELETE bucket?encryption': { call: 'deleteBucketEncryption', status: NO_CONTENT },

  'PUT bucket?policy': { call: 'putBucketPolicy', takes: { text: 'Policy' }, status: NO_CONTENT },
  'GET bucket?policy': { call: 'getBucketPolicy', of: 'Policy' },
  'DELETE bucket?policy': { call: 'deleteBucketPolicy', status: NO_CONTENT },

  'PUT object': { call: 'putObject', takes: 'bytes' },
  'GET object': { call: 'getObject' },
  'HEAD object': { call: 'headObject' },
  'DELETE object': { call: 'deleteObject', status: NO_CONTENT },
  'PUT object from another': { call: 'copyObject', gives: 'CopyObjectResult', of: 'CopyObjectResult' },

  'PUT object?tagging': { call: 'putObjectTagging', takes: document('Tagging') },
  'GET object?tagging': { call: 'getObjectTagging', gives: 'Tagging' },
  'DELETE object?tagging': { call: 'deleteObjectTagging', status: NO_CONTENT },

  'POST object?uploads': {
    call: 'createMultipartUpload',
    gives: 'InitiateMultipartUploadResult',
    fields: ['ChecksumAlgorithm', 'ChecksumType'],
  },
  'PUT object?uploadId': { call: 'uploadPart', takes: 'bytes' },
  'PUT object?uploadId from another': { call: 'uploadPartCopy', gives: 'CopyPartResult', of: 'CopyPartResult' },
  'POST object?uploadId': {
    call: 'completeMultipartUpload',
    takes: document('CompleteMultipartUpload', 'MultipartUpload'),
    checks: 'object',
    gives: 'CompleteMultipartUploadResult',
  },
  'GET object?uploadId': { call: 'listParts', gives: 'ListPartsResult' },
  'DELETE object?uploadId': { call: 'abortMultipartUpload', status: NO_CONTENT },
} as const satisfies Readonly<Record<string, Row>>

type Call = (typeof ROUTES)[keyof typeof ROUTES]['call']

export type Route = Row & { readonly call: Call }

/** What a door needs of S3. */
export type Operations = Readonly<Record<Call, (input: never, context: Context) => Promise<object>>>

/** Names in the query that make a request one about something else than the bucket or object itself. */
const SUBRESOURCES = new Set([
  ...['acl', 'versioning', 'versions', 'versionId', 'attributes', 'torrent', 'restore', 'select'],
  ...['lifecycle', 'cors', 'website', 'logging', 'notification', 'replication', 'requestPayment', 'accelerate'],
  ...['analytics', 'inventory', 'metrics', 'intelligent-tiering', 'ownershipControls', 'publicAccessBlock'],
  ...['object-lock', 'legal-hold', 'retention', 'policyStatus', 'session', 'metadataTable', 'renameObject', 'abac'],
  ...['metadataConfiguration', 'append', 'annotation'],
  ...Object.keys(ROUTES).flatMap((route) => /\?([\w-]+)/.exec(route)?.[1] ?? []),
])

export function routeOf({ method, headers }: RequestHead, { Bucket, Key }: Place, query: URLSearchParams): Route {
  const place = Bucket === undefined ? 'service' : Key === undefined ? 'bucket' : 'object'
  // There are no versions; `null` is what an object without them has.
  const asked = [...new Set(query.keys())].filter((name) => SUBRESOURCES.has(name) && query.get(name) !== 'null')
  const about = asked.length > 0 ? `?${asked.join('&')}` : ''
  const from = headers['x-amz-copy-source'] !== undefined && method === 'PUT' ? ' from another' : ''
  const name = `${method} ${place}${about}${from}`
  if (Object.hasOwn(ROUTES, name)) return ROUTES[name as keyof typeof ROUTES]
  if (about !== '') fail('NotImplemented', 'A header you provided implies functionality that is not implemented')
  fail('MethodNotAllowed', 'The specified method is not allowed against this resource.')
}

/** `bucket.s3.localhost`, and what SDKs make of a bucket and AWS's own endpoints. */
const VIRTUAL_HOST =
  /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-][a-z0-9.-]*)?\.(?:localhost|amazonaws\.com(?:\.cn)?)(?::\d+)?$/

/** The bucket of a host's name, or the first segment; all that follows is the key, whatever it looks like. */
export function placeOf({ url, headers }: RequestHead): Place {
  const [path = ''] = url.split('?', 1)
  const bucket = VIRTUAL_HOST.exec(headers['host'] ?? '')?.[1]
  const [, first = '', rest] = /^\/([^/]*)(?:\/(.*))?$/s.exec(bucket === undefined ? path : `/${bucket}${path}`) ?? []
  if (first === '') return {}
  return { Bucket: decoded(first), ...(rest ? { Key: decoded(rest) } : {}) }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    fail('InvalidURI', "Couldn't parse the specified URI.")
  }
}
