/** The last act: a key is to be deleted, is saved on the sixth day, and on the second try is gone for good, with all it protected. */
import { REFUGE } from './cast.ts'
import { at, elsewhere, PATIENTS, type Stage } from './stage.ts'
import type { Stored } from './storage.ts'
import { filesWith, SCAN, scanOn } from './things.ts'

export async function gone(stage: Stage, { volume }: Stored): Promise<void> {
  const { tell, keys, room } = stage
  const [application, keeper] = [at(stage, 'application'), at(stage, 'keeper')]
  const schedule = () => keeper.scheduleKeyDeletion({ KeyId: keys.volumes, PendingWindowInDays: 7 })

  tell.act('A key is given up, saved, and given up for good')
  await tell.step('The twin of the key for volumes goes first: a primary key waits for its replicas.', {
    call: `scheduleKeyDeletion at ${REFUGE}, clock.advance('8 days')`,
    act: async () => {
      await at(stage, 'keeper', REFUGE).scheduleKeyDeletion({
        ...{ KeyId: elsewhere(keys.volumes, REFUGE), PendingWindowInDays: 7 },
      })
      await room.clock.advance('8 days')
    },
  })
  await tell.step('The key for volumes is scheduled for deletion, in seven days.', {
    call: 'scheduleKeyDeletion({ PendingWindowInDays: 7 })',
    act: schedule,
    shown: ({ KeyState, DeletionDate }) => `${KeyState}, on ${DeletionDate?.toISOString()}`,
    wrong: ({ KeyState }) => (KeyState === 'PendingDeletion' ? undefined : `it is ${KeyState}`),
  })
  await tell.refusal('From now on the volume cannot be attached.', {
    call: `ebs.attachVolume('${volume}')`,
    code: /./,
    act: () => scanOn(application, volume),
  })
  await tell.step('On the sixth day somebody remembers what is on it: the key is saved, and reads as before.', {
    call: "clock.advance('6 days'), cancelKeyDeletion(), enableKey()",
    act: async () => {
      await room.clock.advance('6 days')
      await keeper.cancelKeyDeletion({ KeyId: keys.volumes })
      await keeper.enableKey({ KeyId: keys.volumes })
      return scanOn(application, volume)
    },
    shown: (scan) => `“${scan.toString().split('\n', 1)[0]!}”`,
    wrong: (scan) => (scan.equals(SCAN) ? undefined : 'the sector is another'),
  })
  await tell.step('When nothing is needed any more, it is scheduled again; nobody comes to its rescue.', {
    call: "scheduleKeyDeletion({ PendingWindowInDays: 7 }), clock.advance('7 days')",
    act: async () => {
      await schedule()
      await room.clock.advance('7 days')
    },
  })
  await tell.refusal('The key is gone.', {
    call: 'describeKey()',
    code: 'NotFoundException',
    act: () => keeper.describeKey({ KeyId: keys.volumes }),
  })
  await tell.refusal('Nobody can bring it back.', {
    call: 'cancelKeyDeletion()',
    code: 'NotFoundException',
    act: () => keeper.cancelKeyDeletion({ KeyId: keys.volumes }),
  })
  await tell.refusal('The volume is there, and will never be read again.', {
    call: `ebs.attachVolume('${volume}')`,
    code: /./,
    act: () => scanOn(application, volume),
  })
  await tell.step('What is left of it on disk has none of the words that were written to it.', {
    call: 'every file of the room, searched',
    act: () =>
      filesWith(
        stage.folder,
        PATIENTS.map(({ name }) => name),
      ),
    shown: ({ searched }) => `${searched} files`,
    wrong: ({ found }) => (found.length === 0 ? undefined : `found in ${found.join(', ')}`),
  })
}
