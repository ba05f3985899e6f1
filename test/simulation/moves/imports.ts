/** Material from outside, brought and taken away. */
import { parcel } from '../../helpers/import.ts'
import { DAY } from '../oracle.ts'
import type { Key, Player } from '../player.ts'

const BYTES = ['one', 'two', 'three'].map((name) => name.padEnd(32, '.'))

export async function importMaterial(player: Player): Promise<void> {
  const key = player.random.pick(player.keys().filter(([{ external }]) => external))
  if (!key) return
  const [{ id, waiting, used }, { region }] = key
  const admitted = player.oracle.admits(key, 'Enabled', 'Disabled', 'PendingImport')
  if (admitted === 'ok' && !(player.parcels.has(id) && player.random.chance(0.3))) {
    const bytes = player.random.chance(0.6) ? missing(player, key) : player.random.pick(BYTES)
    const request = await parcel(player.room.as({ region }), id, new TextEncoder().encode(bytes))
    player.parcels.set(id, { request, bytes, until: player.oracle.now + DAY })
  }
  const packed = player.parcels.get(id)
  if (!packed) return
  const isNew = used.length === 0 || (!waiting && player.random.chance(0.5))
  const expires = player.oracle.now + (1 + player.random.below(300)) * DAY
  const lasting = player.random.chance(0.5)
  const input = {
    ...packed.request,
    ImportType: isNew ? 'NEW_KEY_MATERIAL' : 'EXISTING_KEY_MATERIAL',
    ...(lasting ? {} : { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo: new Date(expires) }),
  }
  const late = packed.until <= player.oracle.now ? 'ExpiredImportTokenException' : undefined
  const until = lasting ? Number.MAX_SAFE_INTEGER : expires
  const verdict = admitted === 'ok' ? (late ?? player.oracle.import(key, packed.bytes, isNew, until)) : admitted
  await player.ask(verdict, region, 'importKeyMaterial', input)
}

/** What was imported and is not there any more; anything when all of it is. */
function missing(player: Player, [{ used }]: Key): string {
  return used.find(({ present }) => !present)?.imported ?? player.random.pick(BYTES)
}

export async function deleteMaterial(player: Player): Promise<void> {
  const key = player.random.pick(player.keys().filter(([{ external, used }]) => external && used.length > 0))
  if (!key) return
  const [family, { region }] = key
  const known = [...family.used, ...(family.waiting ? [family.waiting] : [])].filter(({ id }) => id !== undefined)
  const material = player.random.chance(0.5) ? player.random.pick(known) : undefined
  const input = { KeyId: family.id, KeyMaterialId: material?.id }
  await player.ask('ok', region, 'deleteImportedKeyMaterial', input)
  player.oracle.deleteMaterial(family, material ?? family.used.at(-1)!)
}
