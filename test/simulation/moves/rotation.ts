/** New material, by schedule and on demand. */
import { DAY, type Verdict } from '../oracle.ts'
import type { Key, Player } from '../player.ts'

export async function setRotation(player: Player): Promise<void> {
  const check = (key: Key) => player.oracle.rotatable(key, true)
  if (player.random.chance(0.3)) {
    return player.manage('disableKeyRotation', check, {}, ([family]) => {
      family.rotation = undefined
    })
  }
  const period = 90 + player.random.below(300)
  await player.manage('enableKeyRotation', check, { RotationPeriodInDays: period }, ([family]) => {
    family.rotation = { period, next: player.oracle.now + period * DAY }
  })
}

export async function rotate(player: Player): Promise<void> {
  const check = (key: Key) => player.oracle.rotateOnDemand(key)
  await player.manage('rotateKeyOnDemand', check, {}, ([family]) => player.oracle.startRotation(family))
}

export async function rotations(player: Player): Promise<void> {
  const unsupported = 'UnsupportedOperationException'
  await player.manage(
    'listKeyRotations',
    ([{ hmac }]) => (hmac ? unsupported : 'ok'),
    {},
    ([family], answer) => {
      const listed = answer.Rotations as { KeyMaterialId: string }[]
      player.same('Rotations', listed.length, Math.max(0, family.used.length - 1))
      // Rotations of one instant come in any order.
      const ids = new Set(listed.map(({ KeyMaterialId }) => KeyMaterialId))
      const known = family.used.slice(1).flatMap(({ id }) => id ?? [])
      player.same(
        'materials that are not listed',
        known.filter((id) => !ids.has(id)),
        [],
      )
    },
  )
  const check = (key: Key): Verdict =>
    key[0].external && player.oracle.state(...key) === 'PendingImport' ? unsupported : 'ok'
  await player.manage('getKeyRotationStatus', check, {}, ([family, member], answer) => {
    const next = player.oracle.state(family, member).endsWith('Deletion') ? undefined : family.rotation?.next
    player.same('NextRotationDate', (answer.NextRotationDate as Date | undefined)?.getTime(), next)
  })
}
