/**
 * A digest as CloudTrail writes it: the hashes of the log files of one shipment, and of the digest before it. What is
 * CloudTrail's can be checked by CloudTrail's own tools; what is ours stands under `strongroom`, where they do not look.
 */
import { createHash } from 'node:crypto'
import type { Instant } from '../../clock.ts'
import { BUCKET, digestObject, seconds, type Chain } from './names.ts'

export interface Digest {
  readonly awsAccountId: string
  readonly digestStartTime: string
  readonly digestEndTime: string
  readonly digestS3Bucket: string
  readonly digestS3Object: string
  readonly digestPublicKeyFingerprint: string
  readonly digestSignatureAlgorithm: 'SHA256withRSA'
  readonly newestEventTime: string | null
  readonly oldestEventTime: string | null
  readonly previousDigestS3Bucket: string | null
  readonly previousDigestS3Object: string | null
  readonly previousDigestHashValue: string | null
  readonly previousDigestHashAlgorithm: 'SHA-256' | null
  readonly previousDigestSignature: string | null
  readonly logFiles: readonly LogEntry[]
  readonly strongroom?: { readonly removed: Removed }
}

/** A log file, in the digest of its shipment. */
export interface LogEntry {
  readonly s3Bucket: string
  readonly s3Object: string
  /** Of what is compressed, as CloudTrail has it. */
  readonly hashValue: string
  readonly hashAlgorithm: 'SHA-256'
  readonly newestEventTime: string
  readonly oldestEventTime: string
  readonly strongroom: {
    /** Of the file as it lies. */
    readonly fileHashValue: string
    /** 16 hexadecimal digits a record, so that the first changed one can be told: the hash of the file is what binds. */
    readonly records: string
  }
}

/** What was removed, its time having passed: everything up to a digest, which the chain from then on may lack. */
export interface Removed {
  readonly through: { readonly digestS3Object: string; readonly hashValue: string }
  readonly digests: number
  readonly logFiles: readonly { readonly s3Object: string; readonly hashValue: string }[]
}

/** Where a chain ends: what the next digest, and the room, know of the last one. */
export interface Tail {
  readonly object: string
  /** Of the digest uncompressed. */
  readonly hash: string
  readonly signature: string
  readonly end: Instant
}

/** One log file, with its records in the order of their events. */
export interface Log {
  readonly object: string
  readonly records: readonly { readonly text: string; readonly time: string }[]
}

export interface Written {
  readonly object: string
  readonly text: string
  readonly signing: string
  readonly end: Instant
}

/** The digest that follows `tail`. Its end is in whole seconds, and after that of the one before, as their names must differ. */
export function nextDigest(
  chain: Chain,
  tail: Tail | undefined,
  at: Instant,
  fingerprint: string,
  logFiles: readonly LogEntry[],
  removed: Removed | undefined,
): Written {
  const end = Math.max(at - (at % 1000), (tail?.end ?? 0) + 1000)
  const object = digestObject(chain, end)
  const oldest = least(logFiles.map(({ oldestEventTime }) => oldestEventTime))
  const digest: Digest = {
    awsAccountId: chain.account,
    digestStartTime: tail ? seconds(tail.end) : (oldest ?? seconds(end)),
    digestEndTime: seconds(end),
    digestS3Bucket: BUCKET,
    digestS3Object: object,
    digestPublicKeyFingerprint: fingerprint,
    digestSignatureAlgorithm: 'SHA256withRSA',
    newestEventTime: most(logFiles.map(({ newestEventTime }) => newestEventTime)) ?? null,
    oldestEventTime: oldest ?? null,
    previousDigestS3Bucket: tail ? BUCKET : null,
    previousDigestS3Object: tail?.object ?? null,
    previousDigestHashValue: tail?.hash ?? null,
    previousDigestHashAlgorithm: tail ? 'SHA-256' : null,
    previousDigestSignature: tail?.signature ?? null,
    logFiles,
    ...(removed && { strongroom: { removed } }),
  }
  const text = JSON.stringify(digest)
  return { object, text, signing: stringToSign(digest, text), end }
}

/** What CloudTrail signs of a digest (user guide, Custom implementations of log file integrity validation). */
export function stringToSign(digest: Digest, text: string): string {
  const { digestEndTime, digestS3Bucket, digestS3Object, previousDigestSignature } = digest
  return [digestEndTime, `${digestS3Bucket}/${digestS3Object}`, sha256(text), previousDigestSignature ?? 'null'].join(
    '\n',
  )
}

export function logText({ records }: Log): string {
  return `{"Records":[${records.map(({ text }) => text).join()}]}`
}

export function logEntry(log: Log, text: string, file: Uint8Array): LogEntry {
  const times = log.records.map(({ time }) => time)
  return {
    s3Bucket: BUCKET,
    s3Object: log.object,
    hashValue: sha256(text),
    hashAlgorithm: 'SHA-256',
    newestEventTime: most(times)!,
    oldestEventTime: least(times)!,
    strongroom: { fileHashValue: sha256(file), records: log.records.map(({ text }) => recordMark(text)).join('') },
  }
}

const MARK = 16

export const recordMark = (text: string): string => sha256(text).slice(0, MARK)

export function marksOf({ strongroom: { records } }: LogEntry): string[] {
  return records.match(/.{16}/g) ?? []
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

// Times of this one form are in the order of their letters.
const least = (times: readonly string[]): string | undefined =>
  times.reduce<string | undefined>((a, b) => (a! < b ? a : b), undefined)
const most = (times: readonly string[]): string | undefined =>
  times.reduce<string | undefined>((a, b) => (a! > b ? a : b), undefined)
