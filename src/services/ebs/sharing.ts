/** Who besides its account may make volumes of a snapshot. Of one that is encrypted, they need its KMS key as well. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import { isAccountId } from '../../policy/principal.ts'
import type { Change } from '../../store/store.ts'
import type { Means } from './means.ts'
import { placeOf, type SnapshotRecord } from './records.ts'
import { given, idOf, invalid, missing, noSnapshot } from './refusals.ts'
import type { DescribeSnapshotAttributeRequest, ModifySnapshotAttributeRequest } from './shapes.ts'

const PERMISSION = 'createVolumePermission'

interface Sharing {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export async function modifySnapshotAttribute(
  means: Means,
  input: ModifySnapshotAttributeRequest,
  context: Context,
): Promise<object> {
  const { records, leave, locks } = means
  const { region, caller } = context
  const id = idOf('snapshot', input.SnapshotId)
  return locks.alone(id, async () => {
    const found = await records.snapshot(region, caller.account, id)
    const about = { DryRun: input.DryRun, tags: found?.value.tags }
    await leave.to('ModifySnapshotAttribute', [['snapshot', id]], context, about)
    const { value, version } = found ?? noSnapshot(id)
    requireOwn(id, value, context)
    const { add, remove } = sharingIn(input)
    await requireShareable(means, value, add, context)
    const kept = value.sharedWith.filter((account) => !remove.includes(account))
    const sharedWith = [...new Set([...kept, ...add])].filter((account) => account !== value.account)
    await records.commit(
      records.snapshots.put(placeOf(value), id, { ...value, sharedWith }, version),
      ...(await toldTo(means, id, value, sharedWith)),
    )
    return {}
  })
}

export async function describeSnapshotAttribute(
  { records, leave }: Means,
  input: DescribeSnapshotAttributeRequest,
  context: Context,
): Promise<{ SnapshotId: string; CreateVolumePermissions: readonly { UserId: string }[] }> {
  const { region, caller } = context
  const id = idOf('snapshot', input.SnapshotId)
  const found = await records.snapshot(region, caller.account, id)
  const about = { DryRun: input.DryRun, tags: found?.value.tags }
  await leave.to('DescribeSnapshotAttribute', [['snapshot', id]], context, about)
  const { value } = found ?? noSnapshot(id)
  requireOwn(id, value, context)
  requireAttribute(given(input.Attribute, 'attribute'))
  return { SnapshotId: id, CreateVolumePermissions: value.sharedWith.map((UserId) => ({ UserId })) }
}

/** Whom a snapshot is shared with may use it, and no more. */
export function requireOwn(id: string, { account }: SnapshotRecord, { caller }: Context): void {
  if (account !== caller.account) fail('AuthFailure', `Not authorized for snapshot '${id}'`)
}

function requireAttribute(name = PERMISSION): void {
  if (name !== PERMISSION) invalid('attribute', name, `'${PERMISSION}' is what there is.`)
}

/** The two ways in which a request can say it. */
function sharingIn(input: ModifySnapshotAttributeRequest): Sharing {
  requireAttribute(input.Attribute)
  const { OperationType, UserIds = [], GroupNames = [], CreateVolumePermission: { Add = [], Remove = [] } = {} } = input
  if (UserIds.length > 0 && OperationType !== 'add' && OperationType !== 'remove') {
    invalid('operationType', OperationType ?? '', "'add' and 'remove' are what there is.")
  }
  if (GroupNames.length > 0 || [...Add, ...Remove].some(({ Group }) => Group)) {
    fail('OperationNotPermitted', 'Snapshots are shared with accounts here, and not with everybody.')
  }
  const named = (permissions: readonly { UserId?: string }[]) => permissions.map(({ UserId = '' }) => UserId)
  const add = [...named(Add), ...(OperationType === 'add' ? UserIds : [])]
  const remove = [...named(Remove), ...(OperationType === 'remove' ? UserIds : [])]
  const odd = [...add, ...remove].find((account) => !isAccountId(account))
  if (odd !== undefined) fail('InvalidUserID.Malformed', `Invalid user id: "${odd}"`)
  if (add.length + remove.length === 0) missing('userId')
  return { add, remove }
}

/** Nobody else could use the key that AWS manages for the account. */
async function requireShareable(
  { keys }: Means,
  { dataKey: { keyArn } }: SnapshotRecord,
  add: readonly string[],
  context: Context,
): Promise<void> {
  if (add.length === 0 || keyArn === undefined) return
  const { KeyManager } = await keys.described(keyArn, context)
  if (KeyManager === 'AWS') {
    fail('OperationNotPermitted', 'Encrypted snapshots with EBS default key cannot be shared')
  }
}

/** What changes in the places of those who gain the snapshot, or lose it. */
async function toldTo(
  { records }: Means,
  id: string,
  { region, account, sharedWith: before }: SnapshotRecord,
  after: readonly string[],
): Promise<Change[]> {
  const place = (other: string) => placeOf({ region, account: other })
  const gained = after.filter((other) => !before.includes(other))
  const lost = before.filter((other) => !after.includes(other))
  const known = await Promise.all(lost.map((other) => records.shared.get(place(other), id)))
  return [
    ...gained.map((other) => records.shared.put(place(other), id, { account }, 0)),
    ...known.flatMap((share, i) => (share ? [records.shared.erase(place(lost[i]!), id, share.version)] : [])),
  ]
}
