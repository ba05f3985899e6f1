/** Act four: a year passes, the keys rotate by themselves, and old records still read. */
import { at, type Stage, STORES } from './stage.ts'
import { everythingReads } from './readers.ts'
import type { Stored } from './storage.ts'

export async function aYearLater(stage: Stage, stored: Stored): Promise<void> {
  const { tell, keys, room } = stage
  const keeper = at(stage, 'keeper')
  tell.act('A year passes')
  await tell.step('After 366 days every key has rotated, on its day, in both Regions.', {
    call: "clock.advance('366 days')",
    act: () => room.clock.advance('366 days'),
    shown: () => `it is ${room.clock.now().toISOString().slice(0, 10)}`,
  })
  for (const kind of STORES) {
    await tell.step(`The key for ${kind} has a second material.`, {
      call: `listKeyRotations('alias/clinic-${kind}')`,
      act: () => keeper.listKeyRotations({ KeyId: keys[kind] }),
      shown: ({ Rotations = [] }) =>
        Rotations.map(({ RotationDate, RotationType }) => `${RotationType} on ${dateOf(RotationDate)}`).join(', '),
      wrong: ({ Rotations = [] }) => (Rotations.length === 1 ? undefined : `${Rotations.length} rotations`),
    })
  }
  await everythingReads(stage, stored, 'With the new material current, the application')
}

function dateOf(date: Date | undefined): string {
  return date?.toISOString().slice(0, 10) ?? 'no date'
}
