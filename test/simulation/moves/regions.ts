/** Replicas, and which of the related keys is the primary. */
import type { Verdict } from '../oracle.ts'
import { REGIONS, type Key, type Player } from '../player.ts'

export async function replicate(player: Player): Promise<void> {
  const target = player.random.pick(REGIONS)
  const check = (key: Key): Verdict => {
    const [family, { region }] = key
    const admitted = player.oracle.admits(key, 'Enabled')
    if (admitted !== 'ok') return admitted
    if (!family.multi || region !== family.primary) return 'UnsupportedOperationException'
    return family.members.has(target) ? 'AlreadyExistsException' : 'ok'
  }
  const input = { ReplicaRegion: target }
  await player.manage('replicateKey', check, input, ([family]) => player.oracle.replicate(family, target))
}

export async function movePrimary(player: Player): Promise<void> {
  const target = player.random.pick(REGIONS)
  const check = (key: Key): Verdict => {
    const [family, { region }] = key
    const primary = family.multi && region === family.primary
    const other = family.members.get(target)
    if (primary && target === region) return 'ValidationException'
    if (primary && !other) return 'NotFoundException'
    const admitted = player.oracle.admits(key, 'Enabled', 'Updating')
    if (admitted !== 'ok') return admitted
    return primary ? player.oracle.admits([family, other!], 'Enabled', 'Updating') : 'UnsupportedOperationException'
  }
  const input = { PrimaryRegion: target }
  await player.manage('updatePrimaryRegion', check, input, ([family]) => player.oracle.movePrimary(family, target))
}
