/** What LookupEvents is asked, and how it refuses what it is asked wrongly. */
import type { Instant } from '../clock.ts'
import { fail } from '../errors.ts'

const ATTRIBUTE_KEYS = [
  'EventId',
  'EventName',
  'ReadOnly',
  'Username',
  'ResourceType',
  'ResourceName',
  'EventSource',
  'AccessKeyId',
] as const

export type AttributeKey = (typeof ATTRIBUTE_KEYS)[number]

export interface Lookup {
  readonly attribute: { readonly key: AttributeKey; readonly value: string } | undefined
  readonly startTime: Instant | undefined
  readonly endTime: Instant | undefined
  /** Asked for Insights events, of which there are none. */
  readonly insight: boolean
  readonly maxResults: number
  readonly nextToken: string | undefined
}

const MOST = 50

export function readLookup(input: unknown): Lookup {
  const request = objectOf(input)
  const category = request.EventCategory ?? undefined
  if (category !== undefined && category !== 'insight') fail('InvalidEventCategoryException', 'Invalid event category.')
  const [startTime, endTime] = [timeOf(request.StartTime), timeOf(request.EndTime)]
  if (startTime !== undefined && endTime !== undefined && startTime > endTime) {
    fail('InvalidTimeRangeException', 'The start time is after the end time.')
  }
  return {
    attribute: attributeOf(request.LookupAttributes),
    startTime,
    endTime,
    insight: category !== undefined,
    maxResults: limitOf(request.MaxResults),
    nextToken: tokenOf(request.NextToken),
  }
}

function limitOf(value: unknown): number {
  if (value === undefined || value === null) return MOST
  if (typeof value !== 'number') fail('SerializationException')
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return value
  return fail('InvalidMaxResultsException', `The maximum of results must be from 1 to ${MOST}, and is ${value}.`)
}

function attributeOf(attributes: unknown): Lookup['attribute'] {
  if (attributes === undefined || attributes === null) return undefined
  if (!Array.isArray(attributes)) fail('SerializationException')
  if (attributes.length === 0) return undefined
  if (attributes.length > 1) invalidAttribute('More than one lookup attribute is specified.')
  const { AttributeKey: key, AttributeValue: value } = objectOf(attributes[0])
  const known = ATTRIBUTE_KEYS.find((name) => name === key) ?? invalidAttribute('The attribute key is invalid.')
  if (typeof value !== 'string' || value === '' || weight(value) > 2000) {
    invalidAttribute('The attribute value must have 1 to 2000 characters.')
  }
  return { key: known, value }
}

/** Some characters count twice (AWS CloudTrail API reference, LookupAttribute). */
const weight = (value: string): number => value.length + (value.match(/[_ ,\n]/g)?.length ?? 0)

function invalidAttribute(why: string): never {
  fail('InvalidLookupAttributesException', why)
}

/** Seconds since 1970 in the protocol; whoever reads it may have made a date of them. */
function timeOf(value: unknown): Instant | undefined {
  if (value === undefined || value === null) return undefined
  const time = value instanceof Date ? value.getTime() : typeof value === 'number' ? value * 1000 : undefined
  if (time === undefined) fail('SerializationException')
  return Math.abs(time) <= LATEST ? time : fail('InvalidTimeRangeException', 'The time is out of range.')
}

/** The furthest a date reaches from 1970, in milliseconds. */
const LATEST = 8.64e15

function tokenOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : fail('SerializationException')
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : fail('SerializationException')
}
