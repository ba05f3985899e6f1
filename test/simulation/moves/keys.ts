/** Making keys, looking at them, switching them, and doing away with them. */
import type { Verdict } from '../oracle.ts'
import { REGIONS, type Key, type Player } from '../player.ts'

/** Families there are at a time. */
const FAMILIES = 14

export async function create(player: Player): Promise<void> {
  if (player.oracle.families.length >= FAMILIES) return
  const hmac = player.random.chance(0.15)
  const external = !hmac && player.random.chance(0.25)
  const multi = !external && player.random.chance(0.5)
  const region = player.random.pick(REGIONS)
  const kind = hmac ? { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' } : {}
  const Origin = external ? 'EXTERNAL' : 'AWS_KMS'
  const { KeyMetadata } = await player.ask('ok', region, 'createKey', { ...kind, Origin, MultiRegion: multi })
  player.oracle.create((KeyMetadata as { KeyId: string }).KeyId, region, { hmac, external, multi })
}

export async function describe(player: Player): Promise<void> {
  const { region, name, key } = player.aim()
  const answer = await player.ask(key ? 'ok' : 'NotFoundException', region, 'describeKey', { KeyId: name })
  if (!key) return
  const metadata = answer.KeyMetadata as Record<string, unknown>
  const [family, member] = key
  player.same('KeyState', metadata.KeyState, player.oracle.state(family, member))
  const deletion = (metadata.DeletionDate as Date | undefined)?.getTime()
  player.same('DeletionDate', deletion, metadata.KeyState === 'PendingDeletion' ? member.deletion : undefined)
  player.learn(family.hmac ? undefined : family.used.at(-1), metadata.CurrentKeyMaterialId)
  const related = metadata.MultiRegionConfiguration as { ReplicaKeys: { Region: string }[] } | undefined
  const replicas = [...family.members.keys()].filter((place) => place !== family.primary).sort()
  player.same(
    'ReplicaKeys',
    related?.ReplicaKeys.map(({ Region }) => Region),
    family.multi ? replicas : undefined,
  )
}

export async function disable(player: Player): Promise<void> {
  await player.manage(
    'disableKey',
    (key) => player.oracle.admits(key, 'Enabled', 'Disabled'),
    {},
    ([, member]) => {
      member.enabled = false
    },
  )
}

export async function enable(player: Player): Promise<void> {
  const check = (key: Key) => player.oracle.admits(key, 'Enabled', 'Disabled')
  await player.manage('enableKey', check, {}, (key) => player.oracle.enable(...key))
}

export async function schedule(player: Player): Promise<void> {
  const days = 7 + player.random.below(24)
  const check = (key: Key) => player.oracle.admits(key, 'Enabled', 'Disabled', 'PendingImport', 'Creating')
  const input = { PendingWindowInDays: days }
  await player.manage('scheduleKeyDeletion', check, input, (key) => player.oracle.schedule(...key, days))
}

export async function cancel(player: Player): Promise<void> {
  const check = (key: Key): Verdict =>
    player.oracle.state(...key).endsWith('Deletion') ? 'ok' : 'KMSInvalidStateException'
  await player.manage('cancelKeyDeletion', check, {}, (key) => player.oracle.cancel(...key))
}
