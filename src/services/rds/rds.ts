/**
 * Amazon RDS over the KMS: instances of PostgreSQL whose files are encrypted, sector by sector, under a data key that KMS
 * guards. Without that key an instance does not start, and does not go on.
 */
import type { Context } from '../../context.ts'
import type { ServiceWorld } from '../world.ts'
import { Instances } from './instances.ts'
import { Means } from './means.ts'
import type * as shapes from './shapes.ts'
import { Snapshots } from './snapshots.ts'
import { Tags } from './tags.ts'
import { Watch } from './watch.ts'

export class Rds {
  readonly #means: Means
  readonly #watch: Watch
  readonly #snapshots: Snapshots
  readonly #instances: Instances
  readonly #tags: Tags
  /** Looks after all instances: starts what should run, and stops what cannot reach its key. Not for callers to ask. */
  readonly sweep = (): Promise<void> => this.#watch.sweep()
  /** Stops all engines, and wipes their keys. Not for callers to ask, either. */
  readonly close = (): Promise<void> => this.#means.engines.close()

  constructor(world: ServiceWorld) {
    this.#means = new Means(world)
    this.#watch = new Watch(this.#means)
    this.#snapshots = new Snapshots(this.#means)
    this.#instances = new Instances(this.#means, this.#watch, this.#snapshots)
    this.#tags = new Tags(this.#means)
  }

  createDBInstance(input: shapes.CreateDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#instances.create(input, context)
  }

  describeDBInstances(input: shapes.DescribeDBInstancesRequest, context: Context): Promise<shapes.ManyInstances> {
    return this.#instances.describe(input, context)
  }

  modifyDBInstance(input: shapes.ModifyDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#instances.modify(input, context)
  }

  startDBInstance(input: shapes.InstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#instances.start(input, context)
  }

  stopDBInstance(input: shapes.StopDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#instances.stop(input, context)
  }

  deleteDBInstance(input: shapes.DeleteDBInstanceRequest, context: Context): Promise<shapes.OneInstance> {
    return this.#instances.delete(input, context)
  }

  addTagsToResource(input: shapes.AddTagsRequest, context: Context): Promise<object> {
    return this.#tags.add(input, context)
  }

  removeTagsFromResource(input: shapes.RemoveTagsRequest, context: Context): Promise<object> {
    return this.#tags.remove(input, context)
  }

  listTagsForResource(input: shapes.ListTagsRequest, context: Context): Promise<shapes.TagListMessage> {
    return this.#tags.list(input, context)
  }

  createDBSnapshot(input: shapes.CreateDBSnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    return this.#snapshots.create(input, context)
  }

  describeDBSnapshots(input: shapes.DescribeDBSnapshotsRequest, context: Context): Promise<shapes.ManySnapshots> {
    return this.#snapshots.describe(input, context)
  }

  copyDBSnapshot(input: shapes.CopyDBSnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    return this.#snapshots.copy(input, context)
  }

  modifyDBSnapshotAttribute(
    input: shapes.ModifyDBSnapshotAttributeRequest,
    context: Context,
  ): Promise<shapes.Attributes> {
    return this.#snapshots.modifyAttribute(input, context)
  }

  describeDBSnapshotAttributes(input: shapes.SnapshotRequest, context: Context): Promise<shapes.Attributes> {
    return this.#snapshots.describeAttributes(input, context)
  }

  deleteDBSnapshot(input: shapes.SnapshotRequest, context: Context): Promise<shapes.OneSnapshot> {
    return this.#snapshots.delete(input, context)
  }

  restoreDBInstanceFromDBSnapshot(
    input: shapes.RestoreDBInstanceFromDBSnapshotRequest,
    context: Context,
  ): Promise<shapes.OneInstance> {
    return this.#instances.restore(input, context)
  }
}
