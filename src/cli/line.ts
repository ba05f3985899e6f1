/** An event in one line for people: who did what, when, and how it ended. Nothing in it reaches the terminal as a command. */
import type { CloudTrailRecord } from '../audit/cloudtrail.ts'

/** Time, principal, operation, outcome, keys if they are wanted, encryption context, source address. */
export function lineOf(record: CloudTrailRecord, keys = true): string {
  const { eventTime, eventName, errorCode, resources = [], sourceIPAddress } = record
  const ids = resources.map(({ ARN }) => ARN.replace(/^.*:key\//, '')).join(',')
  return [
    eventTime,
    visible(principalOf(record)),
    visible(eventName),
    visible(errorCode ?? 'ok'),
    ...(keys ? [visible(ids || '-')] : []),
    contextOf(record),
    visible(sourceIPAddress),
  ].join('  ')
}

/** The most that is known: an ARN, an account, a service. */
function principalOf({ userIdentity: { arn, accountId, invokedBy, principalId } }: CloudTrailRecord): string {
  return arn ?? invokedBy ?? accountId ?? principalId ?? '-'
}

function contextOf({ requestParameters }: CloudTrailRecord): string {
  const pairs = CONTEXTS.flatMap((name) => Object.entries((requestParameters?.[name] ?? {}) as Record<string, string>))
  return pairs.map(([key, value]) => `${visible(key)}=${visible(value)}`).join(',') || '-'
}

const CONTEXTS = ['encryptionContext', 'sourceEncryptionContext', 'destinationEncryptionContext']

/** Text as it is when nothing in it is invisible, or a quotation mark; otherwise quoted, with what is invisible spelled out. */
export function visible(text: string): string {
  return /^[^\p{C}\p{Z}"\\]+$/u.test(text) ? text : `"${spelled(text.replace(/["\\]/g, '\\$&'))}"`
}

/** Text with what is invisible, or would move a cursor, spelled out. */
export function spelled(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}
