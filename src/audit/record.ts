/** CloudTrail records, of what the trail was told. */
import { createHash } from 'node:crypto'
import type { Instant } from '../clock.ts'
import type { CloudTrailRecord, TrailResource } from './cloudtrail.ts'
import type { Told } from './told.ts'
import { isoSeconds, strangerOf } from './useridentity.ts'

/** When an event was, and what its ids are made of. */
export interface Occasion {
  readonly number: number
  readonly at: Instant
  /** What the door called the request. */
  readonly requestId?: string | undefined
}

/** The records of one event: of the caller's account, of each account whose keys served it, and of the other Region it concerns. */
export function recordsOf(told: Told, occasion: Occasion, trailId: string): CloudTrailRecord[] {
  const own = recordOf(told, occasion, trailId)
  const owners = told.error || told.service ? [] : ownersOf(told)
  const sharedEventID = idOf(trailId, occasion.number, 'shared')
  const records = [
    owners.length > 0 ? { ...own, sharedEventID } : own,
    ...owners.map((owner) => ({
      ...own,
      userIdentity: strangerOf(own.userIdentity),
      eventID: idOf(trailId, occasion.number, owner),
      recipientAccountId: owner,
      sharedEventID,
    })),
  ]
  if (!told.elsewhere) return records
  const there = recordOf({ ...told, ...told.elsewhere }, occasion, trailId)
  return [...records, { ...there, eventID: idOf(trailId, occasion.number, there.awsRegion) }]
}

/** The id of the event `number` of a trail; of what else there is to tell of it, when `of` says what. */
export function idOf(trailId: string, number: number, of = ''): string {
  const digits = createHash('sha256').update(`${trailId}:${number}:${of}`).digest('hex')
  const variant = '89ab'[Number.parseInt(digits[16]!, 16) % 4]!
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-')
}

/**
 * A record as a line of JSON that does nothing to a terminal that prints it: JSON's own escapes leave in place what
 * controls C1 terminals, ends lines, or turns the direction of writing.
 */
export function textOf(record: CloudTrailRecord): string {
  return JSON.stringify(record).replaceAll(UNSEEN, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const UNSEEN = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g

function recordOf(told: Told, { number, at, requestId }: Occasion, trailId: string): CloudTrailRecord {
  const { error, endpoint, service } = told
  const called = !service || service.asCall
  return {
    eventVersion: '1.11',
    userIdentity: told.identity,
    eventTime: isoSeconds(at),
    eventSource: 'kms.amazonaws.com',
    eventName: told.name,
    awsRegion: told.region,
    sourceIPAddress: told.ip,
    userAgent: told.agent,
    ...(error && { errorCode: error[0], ...(error[1] !== '' && { errorMessage: error[1] }) }),
    requestParameters: told.parameters ?? null,
    responseElements: told.response ?? null,
    ...(told.additional && { additionalEventData: told.additional }),
    ...(called && { requestID: requestId ?? idOf(trailId, number, 'request') }),
    eventID: idOf(trailId, number),
    readOnly: told.readOnly,
    ...(told.resources && { resources: told.resources }),
    eventType: called ? 'AwsApiCall' : 'AwsServiceEvent',
    managementEvent: true,
    recipientAccountId: told.account,
    eventCategory: 'Management',
    ...(endpoint && { vpcEndpointId: endpoint.id, vpcEndpointAccountId: endpoint.account }),
    ...(told.tls && { tlsDetails: told.tls }),
    ...(service?.details && { serviceEventDetails: service.details }),
    ...(told.decisions && { strongroom: { decisions: told.decisions } }),
  }
}

/** Accounts other than the caller's whose keys the event used. */
function ownersOf({ resources, account }: { resources?: Told['resources']; account: string }): string[] {
  const owners = (resources ?? []).map(({ accountId }: TrailResource) => accountId)
  return [...new Set(owners)].filter((owner) => owner !== account)
}
