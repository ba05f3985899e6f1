/** Names for keys: CreateAlias, UpdateAlias, DeleteAlias, ListAliases. */
import { SPECS } from '../algorithms.ts'
import type { Alias } from '../aliases.ts'
import { parseIdentifier } from '../arn.ts'
import { fail } from '../errors.ts'
import { isGone, KEPT } from '../keys.ts'
import { PREDEFINED_ALIASES } from '../managed.ts'
import { aliasPlace, existing } from '../locators.ts'
import { operation, type Ask, type Call } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { edits } from '../store/cache.ts'

export const createAlias = operation('CreateAlias', {
  on: { alias: aliasPlace('free'), key: existing('TargetKeyId', KEPT) },
  mutates: true,
  check: requireOwnName,
  async run(call) {
    const { alias, key, now } = call
    await requireRoom(call)
    const { region, account, id: target } = key
    const left = alias.left?.version ?? 0
    // The key is written, too, unchanged: so two of its aliases cannot be made at once, nor one while it is deleted.
    call.put(
      edits.putAlias({ region, account, name: alias.name, target, created: now, updated: now, version: left }),
      edits.putKey(key),
    )
  },
})

export const updateAlias = operation('UpdateAlias', {
  on: { alias: aliasPlace('taken'), key: existing('TargetKeyId', KEPT) },
  mutates: true,
  check: requireOwnName,
  asks: (call) => asksOfTarget('kms:UpdateAlias', call),
  async run(call) {
    const { alias: place, key, now, records, scope } = call
    const alias = place.alias!
    const current = await records.find(scope, alias.target)
    if (SPECS[current.spec].family !== SPECS[key.spec].family || current.usage !== key.usage) {
      fail('ValidationException', `Alias ${place.arn} cannot be moved to a key of another type or usage.`)
    }
    if (alias.target !== key.id) await requireRoom(call)
    call.put(edits.putAlias({ ...alias, target: key.id, updated: now }), edits.putKey(key))
  },
})

export const deleteAlias = operation('DeleteAlias', {
  on: { alias: aliasPlace('taken') },
  mutates: true,
  check: requireOwnName,
  asks: (call) => asksOfTarget('kms:DeleteAlias', call),
  run(call) {
    call.put(edits.eraseAlias(call.alias.alias!))
  },
})

export const listAliases = operation('ListAliases', {
  on: {},
  async run(call) {
    const { input, scope, records, now } = call
    const page = pageOf('ListAliases', input, 50, 100)
    const target = input.KeyId === undefined ? undefined : await targetOf(input.KeyId, call)
    const rows = await records.aliases(scope, target, page.after, page.limit + 1)
    const found = target === undefined ? withPredefined(rows, page.after) : rows
    const listed = found.slice(0, page.limit)
    // An alias goes with its key, whether or not either was swept yet.
    const alive = await Promise.all(
      listed.map(async (alias) => !('target' in alias) || !isGone(await records.find(scope, alias.target), now)),
    )
    const shown = listed.filter((_, i) => alive[i])
    const Aliases = shown.map((alias) => ({
      AliasName: alias.name,
      AliasArn: scope.arn(alias.name),
      ...('target' in alias && {
        TargetKeyId: alias.target,
        CreationDate: new Date(alias.created),
        LastUpdatedDate: new Date(alias.updated),
      }),
    }))
    return { Aliases, ...pageEnd('ListAliases', found.length > page.limit ? listed.at(-1)!.name : undefined) }
  },
})

/** A key may have one more alias. */
async function requireRoom({ key, records, limits }: Pick<Call, 'key' | 'records' | 'limits'>): Promise<void> {
  const most = limits.most('AliasesPerKey', key.region, key.account)
  if ((await records.countAliases(key)) < most) return
  fail('LimitExceededException', `The key ${key.arn} has reached its quota of ${most} aliases.`)
}

/** An alias that is moved or deleted is taken from its key, which has to allow it. */
async function asksOfTarget(
  action: string,
  { alias: { alias }, records }: Pick<Call, 'alias' | 'records'>,
): Promise<Ask[]> {
  const key = alias && (await records.key(alias.region, alias.account, alias.target))
  return key ? [{ action, resource: key }] : []
}

/** The aliases of a page, and among them the names of services that have no key yet. */
function withPredefined(rows: readonly Alias[], after = ''): (Alias | Pick<Alias, 'name'>)[] {
  const taken = new Set(rows.map(({ name }) => name))
  const vacant = PREDEFINED_ALIASES.filter((name) => name > after && !taken.has(name)).map((name) => ({ name }))
  return [...rows, ...vacant].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function targetOf(identifier: string, { records, scope }: Pick<Call, 'records' | 'scope'>): Promise<string> {
  if (parseIdentifier(identifier).kind === 'alias') fail('NotFoundException', `Invalid keyId '${identifier}'`)
  return (await records.find(scope, identifier)).id
}

/** The name must be an alias name, of the customer's own; the target no alias. */
function requireOwnName({ AliasName, TargetKeyId }: { AliasName: string; TargetKeyId?: string }): void {
  if (!AliasName.startsWith('alias/') || AliasName === 'alias/') {
    // AWS sends its own address along with this sentence; seen in recorded answers.
    const page = 'https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html'
    fail('ValidationException', `Alias must start with the prefix "alias/". Please see ${page}`)
  }
  if (AliasName.startsWith('alias/aws/')) fail('NotAuthorizedException')
  if (TargetKeyId !== undefined && /^alias\/|:alias\//.test(TargetKeyId)) {
    fail('ValidationException', 'Aliases must refer to keys. Not aliases')
  }
}
