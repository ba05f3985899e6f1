/** What the acts of the story share: the room, who acts in it, and what they have made so far. */
import type { Person } from '../person.ts'
import type { Strongroom } from '../strongroom.ts'
import type { Teller } from './teller.ts'
import { CLINIC, HOME, PARTNER, PARTNER_READER, roleArn, type Role } from './cast.ts'

/** What is encrypted: each kind under a key of its own. */
export const STORES = ['volumes', 'buckets', 'databases'] as const
export type StoreKind = (typeof STORES)[number]

export interface Stage {
  readonly room: Strongroom
  readonly tell: Teller
  /** The folder that the room keeps everything in. */
  readonly folder: string
  /** ARNs of the keys. */
  readonly keys: Record<StoreKind, string>
}

export interface PatientRecord {
  readonly id: string
  readonly name: string
  readonly finding: string
}

/** The patients; that none of this is ever on disk in the clear is checked, so the words are rare ones. */
export const PATIENTS: readonly PatientRecord[] = [
  { id: '4711', name: 'Quirina Vandersloot', finding: 'tachyarrhythmia, monitored' },
  { id: '4712', name: 'Zebediah Okonkwo-Lindqvist', finding: 'oligodendroglioma, resected' },
  { id: '4713', name: 'Philippa Brzezinski', finding: 'pheochromocytoma, suspected' },
]

/** A role of the clinic at work, at home unless said otherwise. */
export function at({ room }: Pick<Stage, 'room'>, role: Role, region = HOME): Person {
  return room.as({ arn: roleArn(role), account: CLINIC, region })
}

export function partner({ room }: Pick<Stage, 'room'>): Person {
  return room.as({ arn: PARTNER_READER, account: PARTNER, region: HOME })
}

/** The same key at another Region's endpoint. */
export function elsewhere(arn: string, region: string): string {
  return arn.replace(/:kms:[^:]+:/, `:kms:${region}:`)
}
