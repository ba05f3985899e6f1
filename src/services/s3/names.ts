/** What buckets and objects may be called, and the ARNs they go by. */
import { partitionOf } from '../../arn.ts'
import { fail } from '../../errors.ts'

export const bucketArn = (region: string, bucket: string): string => `arn:${partitionOf(region)}:s3:::${bucket}`

export const objectArn = (region: string, bucket: string, key: string): string => `${bucketArn(region, bucket)}/${key}`

/** S3 user guide, general purpose bucket naming rules. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const NO_BUCKETS = [
  /\.\./,
  /^\d+\.\d+\.\d+\.\d+$/,
  /^(xn--|sthree-|amzn-s3-demo-)/,
  /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/,
]

/** Throws InvalidBucketName for a name that no bucket can have. */
export function requireBucketName(bucket: string): void {
  if (!BUCKET.test(bucket) || NO_BUCKETS.some((pattern) => pattern.test(bucket)))
    fail('InvalidBucketName', 'The specified bucket is not valid.')
}

const LONGEST_KEY = 1024

/** Throws for what can be no object's key. */
export function requireKey(key: string): void {
  if (key === '' || !key.isWellFormed()) fail('InvalidURI', "Couldn't parse the specified URI.")
  if (Buffer.byteLength(key) > LONGEST_KEY) fail('KeyTooLongError', 'Your key is too long')
}

/** Bucket and key of a CopySource. */
export function parseCopySource(source: string): { Bucket: string; Key: string } {
  const [, Bucket, Key] = /^\/?([^/]+)\/(.+)$/s.exec(decoded(source.replace(/\?versionId=.*$/, ''))) ?? notASource()
  return { Bucket: Bucket!, Key: Key! }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return notASource()
  }
}

function notASource(): never {
  fail('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey')
}
