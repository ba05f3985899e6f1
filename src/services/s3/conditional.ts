/** Conditional requests (RFC 9110, 13) as S3 answers them. */
import { fail } from '../../errors.ts'
import { noSuchKey } from './refusals.ts'
import type { StoredObject } from './records.ts'
import type { CopySource, Preconditions, WritePreconditions } from './shapes.ts'

type Facts = Pick<StoredObject, 'etag' | 'modified'>

/** Throws PreconditionFailed, or NotModified, unless the object is as its reader wants it. */
export function requireReadable(object: Facts, wanted: Preconditions): void {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = wanted
  // A tag says more than a date: where both are given, the date is not asked.
  if (IfMatch === undefined ? isAfter(object, IfUnmodifiedSince) : !matches(IfMatch, object)) preconditionFailed()
  if (IfNoneMatch === undefined ? isNotAfter(object, IfModifiedSince) : matches(IfNoneMatch, object))
    fail('NotModified', 'Not Modified')
}

/** The same for the source of a copy, of which nothing is ever not modified. */
export function requireCopyable(object: Facts, source: CopySource): void {
  const { CopySourceIfMatch: match, CopySourceIfNoneMatch: noneMatch } = source
  const { CopySourceIfModifiedSince: since, CopySourceIfUnmodifiedSince: until } = source
  if (match === undefined ? isAfter(object, until) : !matches(match, object)) preconditionFailed()
  if (noneMatch === undefined ? isNotAfter(object, since) : matches(noneMatch, object)) preconditionFailed()
}

/** Throws unless what there is, if anything, may be replaced. */
export function requireWritable(object: Facts | undefined, { IfMatch, IfNoneMatch }: WritePreconditions): void {
  if (IfNoneMatch !== undefined && object && matches(IfNoneMatch, object)) preconditionFailed()
  if (IfMatch === undefined) return
  if (!object) noSuchKey()
  if (!matches(IfMatch, object)) preconditionFailed()
}

export function quoted(etag: string): string {
  return `"${etag}"`
}

export function unquoted(etag: string): string {
  return etag.trim().replace(/^(?:W\/)?"(.*)"$/, '$1')
}

function matches(tags: string, { etag }: Facts): boolean {
  return tags.trim() === '*' || tags.split(',').some((tag) => unquoted(tag) === etag)
}

/** Headers tell whole seconds. */
const seconds = (instant: number): number => Math.floor(instant / 1000)

function isAfter({ modified }: Facts, date: number | undefined): boolean {
  return date !== undefined && seconds(modified) > seconds(date)
}

function isNotAfter({ modified }: Facts, date: number | undefined): boolean {
  return date !== undefined && seconds(modified) <= seconds(date)
}

function preconditionFailed(): never {
  fail('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold')
}
