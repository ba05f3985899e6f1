/** Time. */
import { DAY } from '../oracle.ts'
import type { Player } from '../player.ts'

export async function wait(player: Player): Promise<void> {
  const millis = player.random.pick([60_000, 3_600_000, DAY, 8 * DAY, 30 * DAY, 100 * DAY])
  const living = new Set(player.oracle.families.map(({ id }) => id))
  player.oracle.passTo(player.oracle.now + millis)
  player.trail.push(`time goes on by ${millis / DAY} days`)
  for (const { id } of player.oracle.families) living.delete(id)
  player.gone.push(...living)
  if (player.gone.length > 5) player.gone.splice(0, player.gone.length - 5)
  // Whether or not it is swept must make no difference.
  if (player.random.chance(0.3)) await player.room.sweep()
}
