/** However time goes by, in one jump or in many small steps, with calls in between or without, it ends in the same state. */
import test from 'ava'
import type { Strongroom } from '../../src/index.ts'
import type { Random } from '../simulation/random.ts'
import { look, played, type Passing } from './timeline.ts'

const jump: Passing = (room, to) => room.clock.set(to)

/** Moves the clock in steps of minutes to months, and does something after each. */
const inSteps =
  (between: (room: Strongroom, random: Random) => Promise<unknown>): Passing =>
  async (room, to, random) => {
    while (room.clock.now().getTime() < to) {
      const step = Math.round(10 ** (5 + 5 * random.next()))
      await room.clock.set(Math.min(to, room.clock.now().getTime() + step))
      await between(room, random)
    }
  }

const SEEDS = [1, 2, 3, 4]

const PASSINGS: Readonly<Record<string, Passing>> = {
  'small steps': inSteps(async () => {}),
  'small steps with calls in between': inSteps(look),
  'small steps with sweeps in between': inSteps((room) => room.sweep()),
}

for (const seed of SEEDS) {
  for (const [name, passing] of Object.entries(PASSINGS)) {
    test(`timeline ${seed} ends after ${name} as after one jump`, async (t) => {
      const one = await played(seed, jump)
      const many = await played(seed, passing)
      t.deepEqual(many, one)
      t.true(one.happened.length > 5, `${one.happened.length} events`)
    })
  }
}

test('the timelines bring about everything that has a date', async (t) => {
  const events = new Set<string>()
  for (const seed of SEEDS) {
    for (const event of (await played(seed, jump)).happened)
      events.add((JSON.parse(event) as { eventName: string }).eventName)
  }
  t.deepEqual([...events].toSorted(), [
    'DeleteExpiredKeyMaterial',
    'DeleteKey',
    'ExpireGrant',
    'RotateKey',
    'SynchronizeMultiRegionKey',
  ])
})
