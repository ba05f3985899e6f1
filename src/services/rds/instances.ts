/** Instances: made, started and stopped, shown and deleted. */
import type { Context } from '../../context.ts'
import { fail } from '../../errors.ts'
import type { Recorded } from '../../store/resources.ts'
import { isConflict } from '../../store/store.ts'
import type { Chosen, Storage } from './keys.ts'
import type { Found, Means } from './means.ts'
import { filterOf } from './filters.ts'
import { paged } from './paging.ts'
import { placeIn, type DataKey, type InstanceRecord } from './records.ts'
import { combination, invalidState, nameIn } from './refusals.ts'
import type * as shapes from './shapes.ts'
import { RECOVERABLE, shownInstance } from './shown.ts'
import type { Snapshots } from './snapshots.ts'
import { tagsIn } from './tags.ts'
import { changesOf, keptOf, portOf, settingsOf } from './wanted.ts'
import type { Watch } from './watch.ts'
import type { Task } from './worker.ts'

const CLASS = 'db.t4g.micro'

export class Instances {
  readonly #means: Means
  readonly #watch: Watch
  readonly #snapshots: Snapshots

  constructor(means: Means, watch: Watch, snapshots: Snapshots) {
    this.#means = means
    this.#watch = watch
    this.#snapshots = snapshots
  }

  async create(input: shapes.CreateDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    const name = nameIn('DBInstanceIdentifier', input.DBInstanceIdentifier)
    await this.#means.permit('CreateDBInstance', 'db', name, context)
    const { master, ...settings } = settingsOf(input)
    return this.#made(name, context, async () => {
      const chosen = await this.#means.keys.chosen(input.KmsKeyId, context)
      return this.#build(name, chosen, context, {
        settings: { ...settings, master: master.user },
        dataKey: (storage, granted) => this.#means.keys.fresh(chosen, storage, granted, context),
        task: { master },
      })
    })
  }

  /** A snapshot's files, under its key: what is restored has the same master and password. */
  async restore(input: shapes.RestoreDBInstanceFromDBSnapshotRequest, context: Context): Promise<shapes.OneInstance> {
    const { keys, storage } = this.#means
    const name = nameIn('DBInstanceIdentifier', input.DBInstanceIdentifier)
    await this.#means.permit('RestoreDBInstanceFromDBSnapshot', 'db', name, context)
    const snapshot = await this.#snapshots.found(input.DBSnapshotIdentifier, context)
    await this.#means.permit('RestoreDBInstanceFromDBSnapshot', 'snapshot', snapshot.name, context)
    requireOwn(snapshot, context)
    const tags = tagsIn(input.Tags)
    const { master, database, size, dataKey, port } = snapshot.record
    return this.#made(name, context, async () => {
      const chosen = await keys.chosen(dataKey.keyArn, context)
      const wanted = { port: portOf(input.Port) ?? port, isProtected: input.DeletionProtection ?? false, tags }
      return this.#build(name, chosen, context, {
        settings: { ...wanted, master, database, size, class: input.DBInstanceClass ?? CLASS },
        dataKey: (place, granted) => keys.moved(dataKey, place, granted, context),
        prepare: (id) => storage.copy(snapshot.record.id, id),
        task: {},
      })
    })
  }

  async describe(input: shapes.DescribeDBInstancesRequest, context: Context): Promise<shapes.ManyInstances> {
    const place = placeIn(context)
    const name = input.DBInstanceIdentifier && nameIn('DBInstanceIdentifier', input.DBInstanceIdentifier)
    await this.#means.permit('DescribeDBInstances', 'db', name, context)
    const { records } = this.#means
    const isWanted = filterOf(input.Filters)
    const all = name ? [await this.#means.instance(place, name)] : await records.instances.all(place)
    const { items, Marker } = paged(all.filter(isWanted), input)
    const seen = await Promise.all(items.map((found) => this.#watch.look(place, found, context)))
    return { DBInstances: seen.map((found) => this.#shown(place, found)), Marker }
  }

  /**
   * At once, since nobody here waits for a maintenance window. A new password waits until no transaction is open; whether an
   * instance is protected can be said of one that does not run, too, or nobody could delete one whose key is gone.
   */
  async modify(input: shapes.ModifyDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    const { MasterUserPassword: password } = input
    let isSet: Promise<void> | undefined
    const modified = await this.#change('ModifyDBInstance', input, context, async (place, found) => {
      const changes = changesOf(input, found.value)
      const verifier = password === undefined ? undefined : keptOf(password)
      const isMore = verifier !== undefined || Object.keys(changes).some((name) => name !== 'isProtected')
      if (isMore) requireAvailable(found, this.#means.statusOf(found.value))
      const kept = await this.#watch.keep(place, found, changes)
      const { id, master } = found.value
      if (verifier !== undefined) isSet = this.#means.engines.of(id)!.setPassword({ user: master, verifier })
      return kept
    })
    await isSet
    return modified
  }

  start(input: shapes.InstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#change('StartDBInstance', input, context, async (place, found) => {
      const status = this.#means.statusOf(found.value)
      if (status !== 'stopped' && status !== RECOVERABLE) {
        invalidState(`Instance ${found.name} is not stopped: it is ${status}.`)
      }
      return this.#watch.start(place, found, context)
    })
  }

  stop(input: shapes.StopDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#change('StopDBInstance', input, context, async (place, found) => {
      requireAvailable(found, this.#means.statusOf(found.value))
      if (input.DBSnapshotIdentifier) await this.#snapshots.take(input.DBSnapshotIdentifier, found, context)
      const stopped = await this.#watch.keep(place, found, { state: 'stopped' })
      await this.#means.engines.stop(found.value.id)
      return stopped
    })
  }

  delete(input: shapes.DeleteDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    const { SkipFinalSnapshot = false, FinalDBSnapshotIdentifier: last } = input
    return this.#change(
      'DeleteDBInstance',
      input,
      context,
      async (place, found) => {
        const { records, engines, storage, keys } = this.#means
        const { id, dataKey, grantId, isProtected } = found.value
        if (isProtected) {
          combination('Cannot delete protected DB Instance, please disable deletion protection and try again.')
        }
        if (SkipFinalSnapshot && last)
          combination(
            'FinalDBSnapshotIdentifier can not be specified when deleting a DB Instance with SkipFinalSnapshot.',
          )
        if (!SkipFinalSnapshot) {
          if (!last) combination('FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.')
          await this.#snapshots.take(last, found, context)
        }
        await records.commit(records.instances.erase(place, found.name, found.version))
        await engines.stop(id)
        await storage.remove(id)
        await keys.retired(dataKey, grantId, context)
        return found
      },
      'deleting',
    )
  }

  /** One instance, with nobody else at it. */
  async #change(
    action: string,
    input: shapes.InstanceRequest,
    context: Context,
    act: (place: string, found: Recorded<InstanceRecord>) => Promise<Recorded<InstanceRecord>>,
    status?: string,
  ): Promise<shapes.OneInstance> {
    const place = placeIn(context)
    const name = nameIn('DBInstanceIdentifier', input.DBInstanceIdentifier)
    await this.#means.permit(action, 'db', name, context)
    return this.#means.alone('db', place, name, async () => {
      const found = await act(place, await this.#means.instance(place, name))
      return { DBInstance: this.#shown(place, found, status) }
    })
  }

  /** What makes an instance, unless there is one of the name. */
  #made(name: string, context: Context, make: () => Promise<InstanceRecord>): Promise<shapes.OneInstance> {
    const place = placeIn(context)
    const { records } = this.#means
    return this.#means.alone('db', place, name, async () => {
      if (await records.instances.get(place, name)) exists()
      const value = await make()
      return { DBInstance: this.#shown(place, { name, value, version: 1 }) }
    })
  }

  /** Its grant, its data key, its files, its engine; its record last. Of what fails, nothing is left. */
  async #build(name: string, { arn: keyArn }: Chosen, context: Context, plan: Plan): Promise<InstanceRecord> {
    const { keys, engines, storage, records, world } = this.#means
    const place = placeIn(context)
    const where = { dbId: this.#means.resourceId(), ebsId: this.#means.ebsId('vol') }
    const id = where.dbId
    const granted = await keys.granted(keyArn, id, context)
    try {
      const dataKey = await plan.dataKey(where, granted)
      await plan.prepare?.(id)
      const key = await keys.opened(dataKey, context, granted.GrantToken)
      const { port, database } = plan.settings
      const engine = await engines.start(id, key, context.region, { ...plan.task, database, port })
      const made = { id, dataKey, created: world.clock(), grantId: granted.GrantId!, state: 'available' as const }
      const record: InstanceRecord = { ...plan.settings, ...made, port: engine.port }
      await records.mark(place)
      await records.commit(records.instances.put(place, name, record, 0))
      return record
    } catch (error) {
      await engines.stop(id)
      await storage.remove(id)
      await keys.retired({ keyArn, dbId: id }, granted.GrantId!, context)
      if (isConflict(error)) exists()
      throw error
    }
  }

  #shown(place: string, { name, value }: Recorded<InstanceRecord>, status = this.#means.statusOf(value)) {
    return shownInstance(place, name, value, status)
  }
}

/** What an instance is to be. */
interface Plan {
  readonly settings: Pick<InstanceRecord, 'master' | 'database' | 'size' | 'class' | 'port' | 'isProtected' | 'tags'>
  readonly dataKey: (storage: Storage, granted: { GrantId?: string; GrantToken?: string }) => Promise<DataKey>
  /** Brings its files, unless they are to be made. */
  readonly prepare?: (id: string) => Promise<void>
  readonly task: Pick<Task, 'master'>
}

function exists(): never {
  fail('DBInstanceAlreadyExists', 'DB instance already exists')
}

function requireAvailable({ name }: Recorded<InstanceRecord>, status: string): void {
  if (status !== 'available') invalidState(`Instance ${name} is not in available state: it is ${status}.`)
}

/** AWS has shared snapshots copied first, under a key of one's own, before anything is restored from them. */
function requireOwn({ place }: Found, context: Context): void {
  if (place !== placeIn(context)) {
    fail(
      'InvalidDBSnapshotState',
      'Copy a snapshot of another account or Region under a key of your own, and restore the copy.',
    )
  }
}
