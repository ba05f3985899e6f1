/** Aliases, and grants. */
import type { Verdict } from '../oracle.ts'
import { NAMES, REGIONS, type Key, type Player } from '../player.ts'

export async function alias(player: Player): Promise<void> {
  const AliasName = player.random.pick(NAMES)
  const region = player.random.pick(REGIONS)
  const holder = player.oracle.find(region, AliasName)
  if (player.random.chance(0.3)) {
    await player.ask(holder ? 'ok' : 'NotFoundException', region, 'deleteAlias', { AliasName })
    holder?.[1].aliases.delete(AliasName)
    return
  }
  const { name: id, key } = player.aim({ region, aliases: false })
  const free = player.random.chance(0.5)
  const doomed = key && player.oracle.state(...key).endsWith('Deletion') ? 'KMSInvalidStateException' : undefined
  const unlike = holder && key && holder[0].hmac !== key[0].hmac ? 'ValidationException' : undefined
  const verdict: Verdict = !key
    ? 'NotFoundException'
    : free
      ? holder
        ? 'AlreadyExistsException'
        : (doomed ?? 'ok')
      : !holder
        ? 'NotFoundException'
        : (doomed ?? unlike ?? 'ok')
  await player.ask(verdict, region, free ? 'createAlias' : 'updateAlias', { AliasName, TargetKeyId: id })
  if (verdict !== 'ok') return
  holder?.[1].aliases.delete(AliasName)
  key![1].aliases.add(AliasName)
}

export async function grant(player: Player): Promise<void> {
  const grant = { GranteePrincipal: 'arn:aws:iam::000000000000:root', Operations: ['DescribeKey'] }
  const check = (key: Key) => player.oracle.admits(key, 'Enabled', 'Updating')
  await player.manage('createGrant', check, grant, ([, member], answer) => member.grants.add(answer.GrantId as string))
  await player.manage(
    'listGrants',
    () => 'ok',
    { Limit: 100 },
    ([, member], answer) => {
      const listed = (answer.Grants as { GrantId: string }[]).map(({ GrantId }) => GrantId)
      if (member.grants.size <= 100) player.same('Grants', listed.sort().join(), [...member.grants].sort().join())
    },
  )
  const key = player.random.pick(player.keys().filter(([, member]) => member.grants.size > 0))
  if (!key) return
  const GrantId = player.random.pick([...key[1].grants])
  await player.ask('ok', key[1].region, 'revokeGrant', { KeyId: key[0].id, GrantId })
  key[1].grants.delete(GrantId)
}
