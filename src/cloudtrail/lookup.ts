/**
 * LookupEvents: the events of the last 90 days in the caller's account and Region, newest first, a page at a time. Times
 * come and go as the protocol has them, in seconds since 1970.
 */
import { createHash } from 'node:crypto'
import { after, type Eventually } from '../backends/backend.ts'
import { DAY, type Clock } from '../clock.ts'
import type { Context } from '../context.ts'
import { fail } from '../errors.ts'
import type { CloudTrailRecord, UserIdentity } from '../audit/cloudtrail.ts'
import { query, type Kept } from '../audit/query.ts'
import { textOf } from '../audit/record.ts'
import { readLookup, type AttributeKey, type Lookup } from './request.ts'

/** What looking events up has to do with. */
export interface CloudTrailWorld extends Kept {
  readonly clock: Clock
  /** Throws AccessDeniedException when the caller may not do `action`, which concerns no resource in particular. */
  permit(action: string, context: Context): Eventually<void>
  /** Resolves when all that has happened can be looked up. */
  settled(): Promise<void>
}

export interface LookupEventsResponse {
  readonly Events: readonly LookedUp[]
  readonly NextToken?: string
}

export interface LookedUp {
  readonly EventId: string
  readonly EventName: string
  readonly ReadOnly: string
  readonly AccessKeyId?: string
  /** Seconds since 1970. */
  readonly EventTime: number
  readonly EventSource: string
  readonly Username?: string
  readonly Resources: readonly { readonly ResourceType: string; readonly ResourceName: string }[]
  readonly CloudTrailEvent: string
}

/** The operations of CloudTrail, of which there is one. */
export function cloudtrail(world: CloudTrailWorld) {
  return (name: string, input: unknown, context: Context): Promise<LookupEventsResponse> =>
    name === 'LookupEvents'
      ? lookupEvents(world, readLookup(input), context)
      : fail('UnsupportedOperationException', `${name} is not supported.`)
}

const HISTORY = 90 * DAY

async function lookupEvents(world: CloudTrailWorld, lookup: Lookup, context: Context): Promise<LookupEventsResponse> {
  await after(world.permit('cloudtrail:LookupEvents', context), () => world.settled())
  const place = readToken(lookup, context)
  if (lookup.insight) return { Events: [] }
  const Events: LookedUp[] = []
  let last: Place | undefined
  for await (const { number, record } of matching(world, lookup, context, place)) {
    if (Events.length === lookup.maxResults) return { Events, NextToken: writeToken(last!, lookup, context) }
    Events.push(lookedUp(record))
    last = { number, eventId: record.eventID }
  }
  return { Events }
}

/** Which events of the caller's are asked for, newest first, from after `place`. */
async function* matching(
  world: CloudTrailWorld,
  lookup: Lookup,
  { caller, region }: Context,
  place: Place | undefined,
) {
  const since = Math.max(lookup.startTime ?? 0, world.clock() - HISTORY)
  const filter = { account: caller.account, region, since, until: lookup.endTime }
  let reached = place === undefined
  for await (const found of query(world, filter, 'newest', place?.number)) {
    if (reached && has(found.record, lookup)) yield found
    reached ||= found.record.eventID === place?.eventId
  }
}

const ATTRIBUTES: Readonly<Record<AttributeKey, (record: CloudTrailRecord) => unknown>> = {
  EventId: ({ eventID }) => eventID,
  EventName: ({ eventName }) => eventName,
  ReadOnly: ({ readOnly }) => String(readOnly),
  Username: ({ userIdentity }) => usernameOf(userIdentity),
  ResourceType: ({ resources }) => resources?.map(({ type }) => type),
  ResourceName: ({ resources }) => resources?.map(({ ARN }) => ARN),
  EventSource: ({ eventSource }) => eventSource,
  AccessKeyId: ({ userIdentity }) => userIdentity.accessKeyId,
}

function has(record: CloudTrailRecord, { attribute }: Lookup): boolean {
  if (!attribute) return true
  const value = ATTRIBUTES[attribute.key](record)
  return Array.isArray(value) ? value.includes(attribute.value) : value === attribute.value
}

function lookedUp(record: CloudTrailRecord): LookedUp {
  const { userIdentity, resources = [] } = record
  return {
    EventId: record.eventID,
    EventName: record.eventName,
    ReadOnly: String(record.readOnly),
    AccessKeyId: userIdentity.accessKeyId,
    EventTime: Date.parse(record.eventTime) / 1000,
    EventSource: record.eventSource,
    Username: usernameOf(userIdentity),
    Resources: resources.map(({ type, ARN }) => ({ ResourceType: type, ResourceName: ARN })),
    CloudTrailEvent: textOf(record),
  }
}

/** A user's name, a session's, or `root`. */
function usernameOf({ type, userName, principalId }: UserIdentity): string | undefined {
  if (type === 'Root') return 'root'
  return userName ?? (type === 'AssumedRole' ? principalId?.split(':').slice(1).join(':') : undefined)
}

/** Where a page ended. */
interface Place {
  readonly number: number
  readonly eventId: string
}

/** A token goes with the account, the Region and the parameters it was given for. */
function writeToken({ number, eventId }: Place, lookup: Lookup, context: Context): string {
  return Buffer.from([number, eventId, boundTo(lookup, context)].join(' ')).toString('hex')
}

function readToken(lookup: Lookup, context: Context): Place | undefined {
  const { nextToken } = lookup
  if (nextToken === undefined) return undefined
  const [number, eventId, bound] = TOKEN.exec(Buffer.from(nextToken, 'hex').toString())?.slice(1) ?? []
  if (eventId === undefined || bound !== boundTo(lookup, context)) fail('InvalidNextTokenException', 'Invalid token.')
  return { number: Number(number), eventId }
}

const TOKEN = /^(\d{1,15}) ([0-9a-f-]{36}) ([0-9a-f]{64})$/

function boundTo(lookup: Lookup, { caller, region }: Context): string {
  const parameters = [caller.account, region, { ...lookup, nextToken: undefined }]
  return createHash('sha256').update(JSON.stringify(parameters)).digest('hex')
}
