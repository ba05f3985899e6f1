/** One game: a seed, a room in memory, so many operations. The same seed plays the same game. */
import { Strongroom } from '../../src/index.ts'
import * as imports from './moves/imports.ts'
import * as keys from './moves/keys.ts'
import * as names from './moves/names.ts'
import * as regions from './moves/regions.ts'
import * as rotation from './moves/rotation.ts'
import * as time from './moves/time.ts'
import * as use from './moves/use.ts'
import { Oracle } from './oracle.ts'
import { Player } from './player.ts'
import { Random } from './random.ts'

const MOVES = { ...keys, ...use, ...rotation, ...imports, ...regions, ...names, ...time }

/** How often each move comes; imports seldom, since each wants an RSA key. */
const WEIGHTS: Readonly<Record<keyof typeof MOVES, number>> = {
  ...{ create: 6, describe: 14, disable: 3, enable: 8, schedule: 4, cancel: 5 },
  ...{ encrypt: 14, decrypt: 20, reEncrypt: 5, mac: 2 },
  ...{ setRotation: 4, rotate: 5, rotations: 4 },
  ...{ importMaterial: 1.2, deleteMaterial: 0.6 },
  ...{ replicate: 6, movePrimary: 3 },
  ...{ alias: 6, grant: 3, wait: 4 },
}

/** Plays; how often each operation ended how. Throws at the first answer the oracle had not foreseen. */
export async function simulate(seed: number, operations: number): Promise<Map<string, number>> {
  const random = new Random(seed)
  const oracle = new Oracle(Date.UTC(2026, 0, 1), random.pick([0, 0, 60_000, 7_200_000]))
  const now = () => new Date(oracle.now)
  // Few records at hand, in some games, so that they are read again and again.
  const cacheKeys = random.pick([2, 65_536])
  const room = await Strongroom.open({ memory: true, seed, settleMillis: oracle.settle, cacheKeys, now })
  const player = new Player(room, oracle, random)
  try {
    while (player.played < operations) {
      await MOVES[oracle.families.length < 4 ? 'create' : random.weighted(WEIGHTS)](player)
    }
    return player.counts
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    const trail = player.trail.join('\n  ')
    throw new Error(`seed ${seed}, operation ${player.played}: ${problem}; before that\n  ${trail}\n`, { cause })
  } finally {
    await room.close()
  }
}
