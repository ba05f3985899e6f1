/**
 * What happened, from wherever it is kept: records in the store and in log files, as one sequence. Each is told once, also
 * while shipments take records from the one to the other.
 */
import type { Instant } from '../clock.ts'
import { noteOf, type Chunk } from '../store/events.ts'
import { chunksAfter } from '../store/events.ts'
import type { Store } from '../store/store.ts'
import type { CloudTrailRecord, UserIdentity } from './cloudtrail.ts'
import { ordered, shipments, type Order } from './files/shipments.ts'
import { readChunk, TRAIL_ID } from './reader.ts'

/** Where to look: either, or both. */
export interface Kept {
  readonly store?: Store
  /** Of the trail's files. */
  readonly folder?: string
}

/** All that is given must hold. */
export interface Filter {
  readonly account?: string
  readonly region?: string
  /** The id or ARN of a key. */
  readonly key?: string
  readonly since?: Instant
  readonly until?: Instant
  readonly eventName?: string
  /** The ARN, name or id of a user, of a role or of a role's session; an account; a service. */
  readonly principal?: string
  readonly accessKeyId?: string
}

export interface Found {
  /** Of the event, while it is in the store; of the first event of its shipment from then on. Goes with the order of time. */
  readonly number: number
  readonly record: CloudTrailRecord
}

/** Records in the order in which they were written down, or against it; of events up to the number `through`. */
export async function* query(
  { store, folder }: Kept,
  filter: Filter = {},
  order: Order = 'oldest',
  through = Infinity,
): AsyncGenerator<Found> {
  // What is in the store now is read from there, whether or not it is shipped meanwhile: compact as it is, it is held on to.
  const chunks = store ? await chunksOf(store, through) : []
  const trailId = (store && (await noteOf(store, TRAIL_ID))?.value) ?? ''
  const shipped = Math.min(through, (chunks[0]?.first ?? Infinity) - 1)
  const sources = [
    fromFiles(folder, { ...filter, through: shipped }, order),
    fromChunks(chunks, trailId, filter, order),
  ]
  for (const source of ordered(sources, order)) {
    for await (const found of source) if (found.number <= through && matches(found.record, filter)) yield found
  }
}

/** Events are dated to the second they happened in. */
const SECOND = 1000

export function matches(record: CloudTrailRecord, filter: Filter): boolean {
  const time = Date.parse(record.eventTime)
  if (filter.since !== undefined && time + SECOND <= filter.since) return false
  if (filter.until !== undefined && time > filter.until) return false
  return TESTS.every(([name, test]) => filter[name] === undefined || test(record, filter[name]))
}

type Test = (record: CloudTrailRecord, wanted: string) => boolean

const TESTS: readonly (readonly [name: Exclude<keyof Filter, 'since' | 'until'>, test: Test])[] = [
  ['account', ({ recipientAccountId }, wanted) => recipientAccountId === wanted],
  ['region', ({ awsRegion }, wanted) => awsRegion === wanted],
  ['key', isAbout],
  ['eventName', ({ eventName }, wanted) => eventName === wanted],
  ['principal', ({ userIdentity }, wanted) => namesOf(userIdentity).includes(wanted)],
  ['accessKeyId', ({ userIdentity }, wanted) => userIdentity.accessKeyId === wanted],
]

/** A key that served, or one that was asked for in vain. */
function isAbout({ resources = [], requestParameters }: CloudTrailRecord, key: string): boolean {
  const served = resources.some(({ ARN }) => ARN === key || ARN.endsWith(`:key/${key}`))
  const { keyId } = requestParameters ?? {}
  return served || keyId === key || (typeof keyId === 'string' && keyId.endsWith(`:key/${key}`))
}

function namesOf({ arn, principalId, userName, accountId, invokedBy, sessionContext }: UserIdentity): unknown[] {
  const issuer = sessionContext?.sessionIssuer as UserIdentity | undefined
  const account = arn === undefined || arn.endsWith(':root') ? accountId : undefined
  return [arn, principalId, userName, account, invokedBy, issuer?.arn, issuer?.userName]
}

async function chunksOf(store: Store, through: number): Promise<Chunk[]> {
  const chunks: Chunk[] = []
  for await (const chunk of chunksAfter(store, 0)) {
    if (chunk.first > through) break
    chunks.push(chunk)
  }
  return chunks
}

async function* fromFiles(
  folder: string | undefined,
  range: Parameters<typeof shipments>[1],
  order: Order,
): AsyncGenerator<Found> {
  if (folder === undefined) return
  for await (const { first, records } of shipments(folder, range, order)) {
    for (const record of records) yield { number: first, record }
  }
}

async function* fromChunks(
  chunks: Chunk[],
  trailId: string,
  { since = -Infinity, until = Infinity }: Filter,
  order: Order,
): AsyncGenerator<Found> {
  for (const chunk of ordered(chunks, order)) {
    if (chunk.latest >= since && chunk.earliest < until + SECOND) yield* ordered([...readChunk(chunk, trailId)], order)
  }
}
