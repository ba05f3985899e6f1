/** The story of a clinic, from its first key to its last: what a KMS is for, told and checked step by step on a fresh room. */
import { ACCOUNTS, CLINIC, HOME } from './cast.ts'
import { gone } from './deletion.ts'
import { threeKeys } from './keys.ts'
import { partnerForADay } from './partner.ts'
import { readers } from './readers.ts'
import { anotherRegion } from './regions.ts'
import type { Strongroom } from '../strongroom.ts'
import type { Stage } from './stage.ts'
import { storage } from './storage.ts'
import { Teller } from './teller.ts'
import { aYearLater } from './years.ts'

/** What a room for the story is opened with. */
export const CAST = { accounts: ACCOUNTS, account: CLINIC, region: HOME }

/** Tells the story in `room`, whose files are in `folder`; how many steps it had. Throws StoryError at the first that fails. */
export async function tellStory(room: Strongroom, folder: string, out: (text: string) => unknown): Promise<number> {
  const tell = new Teller(out, room.audit)
  const stage: Stage = { room, tell, folder, keys: { volumes: '', buckets: '', databases: '' } }
  await threeKeys(stage)
  const stored = await storage(stage)
  await readers(stage, stored)
  await aYearLater(stage, stored)
  await anotherRegion(stage, stored)
  await partnerForADay(stage)
  await gone(stage, stored)
  out(`\nThe end: ${tell.steps} steps, and each came out as told.\n`)
  return tell.steps
}
