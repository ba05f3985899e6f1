/** Pages of a list: AWS's server limits, and markers that only the operation which gave them takes back. */
import { fail } from './errors.ts'

interface PageInput {
  readonly Limit?: number | undefined
  readonly Marker?: string | undefined
}

export interface Page {
  /** Items a page holds. */
  readonly limit: number
  /** The place after which it begins; undefined for the first. */
  readonly after: string | undefined
}

/** Reads what page a request wants, of a list that gives `usual` items unasked and `most` at the most. */
export function pageOf(operation: string, { Limit, Marker }: PageInput, usual: number, most: number): Page {
  if (Limit !== undefined && Limit > most) {
    const constraint = `Member must have value less than or equal to ${most}`
    const violation = `Value '${Limit}' at 'limit' failed to satisfy constraint: ${constraint}`
    fail('ValidationException', `1 validation error detected: ${violation}`)
  }
  return { limit: Limit ?? usual, after: Marker === undefined ? undefined : placeOf(operation, Marker) }
}

/** The closing members of a list's answer; `last` is the place of its last item, when more follow. */
export function pageEnd(operation: string, last: string | undefined): { Truncated: boolean; NextMarker?: string } {
  if (last === undefined) return { Truncated: false }
  return { Truncated: true, NextMarker: Buffer.from(`${operation} ${last}`).toString('hex') }
}

function placeOf(operation: string, marker: string): string {
  const bytes = Buffer.from(marker, 'hex')
  const text = bytes.toString()
  const prefix = `${operation} `
  if (bytes.toString('hex') !== marker || !text.startsWith(prefix)) fail('InvalidMarkerException')
  return text.slice(prefix.length)
}
