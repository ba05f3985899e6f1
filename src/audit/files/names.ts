/** Where the trail's files lie and what they are called: as CloudTrail has it in a bucket, below the folder of the trail. */
import { createHash } from 'node:crypto'
import type { Instant } from '../../clock.ts'

/** Files of an account in a Region; each such pair has its own chain of digests. */
export interface Chain {
  readonly account: string
  readonly region: string
}

/** A log file, by its name. */
export interface LogName {
  readonly object: string
  /** When it was shipped, to the minute: nothing in it happened after that minute. */
  readonly at: Instant
  /** The number of the first event of its shipment: the same in all files that were shipped together. */
  readonly first: number
}

/**
 * The chain a record belongs to. A Region is whatever a caller signed for, and becomes part of a path: one that looks like
 * none is told by its hash.
 */
export function chainOf(account: string, region: string): Chain {
  const plain = /^[a-z0-9-]{1,64}$/.test(region)
  return { account, region: plain ? region : `other-${createHash('sha256').update(region).digest('hex').slice(0, 32)}` }
}

export const LOGS = 'CloudTrail'
export const DIGESTS = 'CloudTrail-Digest'

/** Names say so for CloudTrail's sake: whoever looks for digests by them asks for a bucket and a trail. */
export const BUCKET = 'strongroom'

export const PUBLIC_KEY = 'digest-public-key.pem'

/** Beside a digest: what S3 keeps as metadata of the object. */
export const signatureOf = (digest: string): string => `${digest}.sig`

export function logObject({ account, region }: Chain, at: Instant, first: number): string {
  const unique = String(first).padStart(16, '0')
  return `${folderOf(LOGS, { account, region })}/${dayOf(at)}/${account}_${LOGS}_${region}_${minute(at)}_${unique}.json.gz`
}

export function digestObject({ account, region }: Chain, end: Instant): string {
  const name = [account, DIGESTS, region, BUCKET, region, second(end)].join('_')
  return `${folderOf(DIGESTS, { account, region })}/${dayOf(end)}/${name}.json.gz`
}

export function folderOf(kind: typeof LOGS | typeof DIGESTS, { account, region }: Chain): string {
  return `AWSLogs/${account}/${kind}/${region}`
}

/** What the name of a log file says; undefined when it is none that is ours, in its place. */
export function readLogName(object: string): (LogName & Chain) | undefined {
  const [, account = '', region = '', time = '', unique = ''] = LOG.exec(object) ?? []
  const at = instantOf(time)
  const name = { object, account, region, at, first: Number(unique) }
  return at === at && logObject(name, at, name.first) === object ? name : undefined
}

const LOG = /^AWSLogs\/(\d{12})\/CloudTrail\/([a-z0-9-]+)\/.*_(\d{8}T\d{4}Z)_(\d{16})\.json\.gz$/

/** Whether `object` is the name of a digest of `chain`, in its place. */
export function isDigestName(object: string, chain: Chain): boolean {
  const end = instantOf(/_(\d{8}T\d{6}Z)\.json\.gz$/.exec(object)?.[1] ?? '')
  return end === end && digestObject(chain, end) === object
}

/** `2026/01/31`, the folder of a day. */
export function dayOf(at: Instant): string {
  return iso(at).slice(0, 10).replaceAll('-', '/')
}

/** `2026-01-31T12:34:56Z` */
export const seconds = (at: Instant): string => `${iso(at).slice(0, 19)}Z`

const iso = (at: Instant): string => new Date(at).toISOString()
const second = (at: Instant): string => seconds(at).replaceAll(/[-:]/g, '')
const minute = (at: Instant): string => `${second(at).slice(0, 13)}Z`

/** NaN for what is no time. */
function instantOf(compact: string): Instant {
  const [, year, month, day, hour, minutes, rest = '00'] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?Z$/.exec(compact) ?? []
  return Date.parse(`${year}-${month}-${day}T${hour}:${minutes}:${rest}Z`)
}
