/** Snapshots: taken, shown, copied, shared and deleted. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Recorded } from '../../store/resources.ts'
import { isConflict } from '../../store/store.ts'
import type { Found, Means } from './means.ts'
import { paged } from './paging.ts'
import { arnOf, parseArn, placeIn, placeOf, type InstanceRecord, type SnapshotRecord, type Tag } from './records.ts'
import { combination, invalid, invalidState, nameIn } from './refusals.ts'
import type * as shapes from './shapes.ts'
import { shownSnapshot } from './shown.ts'
import { tagsIn } from './tags.ts'

export class Snapshots {
  readonly #means: Means

  constructor(means: Means) {
    this.#means = means
  }

  async create(input: shapes.CreateDBSnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    const place = placeIn(context)
    const name = nameIn('DBSnapshotIdentifier', input.DBSnapshotIdentifier)
    const of = nameIn('DBInstanceIdentifier', input.DBInstanceIdentifier)
    await this.#means.permit('CreateDBSnapshot', 'db', of, context)
    await this.#means.permit('CreateDBSnapshot', 'snapshot', name, context)
    const tags = tagsIn(input.Tags)
    return this.#means.alone('db', place, of, async () => {
      const record = await this.take(name, await this.#means.instance(place, of), context, tags)
      return { DBSnapshot: shownSnapshot(place, name, record) }
    })
  }

  /** A copy of an instance's files, encrypted as they are. */
  async take(
    text: string,
    { name, value }: Recorded<InstanceRecord>,
    context: Context,
    tags: readonly Tag[] = [],
  ): Promise<SnapshotRecord> {
    const { engines, storage, world } = this.#means
    const status = this.#means.statusOf(value)
    if (status !== 'available' && status !== 'stopped') {
      invalidState(`Instance ${name} is not in available state: it is ${status}.`)
    }
    const { master, database, size, dataKey, port, id, created } = value
    const lineage = { master, database, size, dataKey, port, instance: { name, id, created } }
    return this.#made(nameIn('DBSnapshotIdentifier', text), context, async (snapshotId) => {
      await storage.copy(id, snapshotId, engines.of(id))
      return { ...lineage, id: snapshotId, created: world.clock(), sharedWith: [], tags }
    })
  }

  async describe(input: shapes.DescribeDBSnapshotsRequest, context: Context): Promise<shapes.ManySnapshots> {
    const { DBSnapshotIdentifier: name, DBInstanceIdentifier: of, SnapshotType: type, IncludeShared = false } = input
    await this.#means.permit('DescribeDBSnapshots', 'snapshot', name, context)
    const own = type === 'shared' ? [] : await this.#own(name, context)
    const shared = type === 'shared' || IncludeShared ? await this.#shared(context) : []
    const all = [...own, ...shared].filter(
      ({ record }) => of === undefined || record.instance.name === of.toLowerCase(),
    )
    const { items, Marker } = paged(all, input)
    return {
      DBSnapshots: items.map((found) =>
        shownSnapshot(found.place, found.name, found.record, found.place !== placeIn(context)),
      ),
      Marker,
    }
  }

  async copy(input: shapes.CopyDBSnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    const name = nameIn('DBSnapshotIdentifier', input.TargetDBSnapshotIdentifier)
    const from = { ...context, caller: context.caller, region: input.SourceRegion ?? context.region }
    const source = await this.found(input.SourceDBSnapshotIdentifier, from)
    await this.#means.permit('CopyDBSnapshot', 'snapshot', arnOf('snapshot', source.place, source.name), context)
    await this.#means.permit('CopyDBSnapshot', 'snapshot', name, context)
    const isElsewhere = source.place !== placeIn(context)
    if (isElsewhere && !input.KmsKeyId) {
      combination('KmsKeyId is required to copy an encrypted snapshot from another Region or account.')
    }
    const tags = tagsIn(input.Tags)
    const record = await this.#made(name, context, async (id) => {
      return { ...(await this.#copied(source, id, input.KmsKeyId, context)), tags }
    })
    return { DBSnapshot: shownSnapshot(placeIn(context), name, record) }
  }

  async modifyAttribute(input: shapes.ModifyDBSnapshotAttributeRequest, context: Context): Promise<shapes.Attributes> {
    const name = nameIn('DBSnapshotIdentifier', input.DBSnapshotIdentifier)
    await this.#means.permit('ModifyDBSnapshotAttribute', 'snapshot', name, context)
    const { AttributeName, ValuesToAdd = [], ValuesToRemove = [] } = input
    if (AttributeName !== 'restore') invalid(`The attribute ${AttributeName ?? ''} is not supported.`)
    if (ValuesToAdd.includes('all')) combination('Encrypted snapshots cannot be shared with everybody.')
    if (!ValuesToAdd.every((account) => /^\d{12}$/.test(account)))
      invalid('Snapshots are shared with accounts: 12 digits.')
    const { place, record, version } = await this.#mine(name, context)
    if (ValuesToAdd.length > 0 && record.dataKey.isManaged) {
      combination('Sharing snapshots encrypted with default service key for RDS is currently not supported.')
    }
    const sharedWith = [...new Set([...record.sharedWith, ...ValuesToAdd])].filter((it) => !ValuesToRemove.includes(it))
    const next = { ...record, sharedWith }
    const { records } = this.#means
    const listed = await this.#listings(place, name, record.sharedWith, sharedWith)
    await records.commit(records.snapshots.put(place, name, next, version), ...listed)
    return { DBSnapshotAttributesResult: attributesOf(name, next) }
  }

  async describeAttributes(input: shapes.SnapshotRequest, context: Context): Promise<shapes.Attributes> {
    const name = nameIn('DBSnapshotIdentifier', input.DBSnapshotIdentifier)
    await this.#means.permit('DescribeDBSnapshotAttributes', 'snapshot', name, context)
    return { DBSnapshotAttributesResult: attributesOf(name, (await this.#mine(name, context)).record) }
  }

  async delete(input: shapes.SnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    const name = nameIn('DBSnapshotIdentifier', input.DBSnapshotIdentifier)
    await this.#means.permit('DeleteDBSnapshot', 'snapshot', name, context)
    const { place, record, version } = await this.#mine(name, context)
    const { records, storage } = this.#means
    const listed = await this.#listings(place, name, record.sharedWith, [])
    await records.commit(records.snapshots.erase(place, name, version), ...listed)
    await storage.remove(record.id)
    return { DBSnapshot: { ...shownSnapshot(place, name, record), Status: 'deleted' } }
  }

  /** What an identifier names, which has to be there. */
  found(identifier: string | undefined, context: Context): Promise<Found> {
    const text = identifier ?? ''
    return this.#means.snapshot(parseArn(text) ? text : nameIn('DBSnapshotIdentifier', text), context)
  }

  /** Under the same key the files are the same; under another they are encrypted anew. */
  async #copied(source: Found, id: string, keyId: string | undefined, context: Context): Promise<SnapshotRecord> {
    const { keys, storage, world } = this.#means
    const { record, place, name } = source
    const copy = { ...record, id, created: world.clock(), sharedWith: [], source: arnOf('snapshot', place, name) }
    if (!keyId) {
      await storage.copy(record.id, id)
      return copy
    }
    const chosen = await keys.chosen(keyId, context)
    const { dbId } = record.dataKey
    const granted = await keys.granted(chosen.arn, dbId, context)
    const opened: Uint8Array[] = []
    try {
      const dataKey = await keys.fresh(chosen, { dbId, ebsId: id }, granted, context)
      const [region = ''] = place.split('/')
      opened.push(await keys.lent(record.dataKey, { ...context, caller: context.caller, region }))
      opened.push(await keys.opened(dataKey, context, granted.GrantToken))
      await storage.encryptAnew(record.id, id, opened[0]!, opened[1]!)
      return { ...copy, dataKey }
    } finally {
      for (const key of opened) key.fill(0)
      await keys.retired({ keyArn: chosen.arn, dbId }, granted.GrantId!, context)
    }
  }

  /** What makes a snapshot, unless there is one of the name. Of what fails, nothing is left. */
  async #made(name: string, context: Context, make: (id: string) => Promise<SnapshotRecord>): Promise<SnapshotRecord> {
    const place = placeIn(context)
    const { records, storage } = this.#means
    if (await records.snapshots.get(place, name)) exists(name)
    const id = this.#means.ebsId('snap')
    try {
      const record = await make(id)
      await records.mark(place)
      await records.commit(records.snapshots.put(place, name, record, 0))
      return record
    } catch (error) {
      await storage.remove(id)
      if (isConflict(error)) exists(name)
      throw error
    }
  }

  async #mine(name: string, context: Context): Promise<Found> {
    return this.#means.snapshot(arnOf('snapshot', placeIn(context), name), context)
  }

  async #own(name: string | undefined, context: Context): Promise<Found[]> {
    if (name) return [await this.found(name, context)]
    const place = placeIn(context)
    const all = await this.#means.records.snapshots.all(place)
    return all.map(({ value, ...found }) => ({ place, record: value, ...found }))
  }

  async #shared(context: Context): Promise<Found[]> {
    const listed = await this.#means.records.shared.all(placeIn(context))
    return Promise.all(listed.map(({ name: arn }) => this.#means.snapshot(arn, context)))
  }

  /** The changes that list a snapshot with those it is shared with now, and no longer with others. */
  async #listings(place: string, name: string, before: readonly string[], now: readonly string[]) {
    const { shared } = this.#means.records
    const arn = arnOf('snapshot', place, name)
    const [region = ''] = place.split('/')
    const added = now.filter((account) => !before.includes(account))
    const removed = before.filter((account) => !now.includes(account))
    const ended = await Promise.all(removed.map((account) => shared.get(placeOf(region, account), arn)))
    return [
      ...added.map((account) => shared.put(placeOf(region, account), arn, {}, 0)),
      ...removed.flatMap((account, i) =>
        ended[i] ? [shared.erase(placeOf(region, account), arn, ended[i].version)] : [],
      ),
    ]
  }
}

function exists(name: string): never {
  fail(
    'DBSnapshotAlreadyExists',
    `Cannot create the snapshot because a snapshot with the identifier ${name} already exists.`,
  )
}

function attributesOf(name: string, { sharedWith }: SnapshotRecord): shapes.DBSnapshotAttributesResult {
  return {
    DBSnapshotIdentifier: name,
    DBSnapshotAttributes: [{ AttributeName: 'restore', AttributeValues: [...sharedWith] }],
  }
}
