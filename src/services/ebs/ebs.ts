/** Amazon EBS over the KMS: volumes and snapshots, encrypted sector by sector under data keys that attached volumes alone see. */
import type { Context } from '../../context.ts'
import { Locks } from '../locks.ts'
import type { ServiceWorld } from '../world.ts'
import { Attached } from './attached.ts'
import { attachVolume, detachVolume, stopped } from './attachments.ts'
import * as defaults from './defaults.ts'
import { Files } from './files.ts'
import { Keys } from './keys.ts'
import { Leave } from './leave.ts'
import type { Means } from './means.ts'
import { placeIn, Records } from './records.ts'
import type * as Shapes from './shapes.ts'
import { describeSnapshotAttribute, modifySnapshotAttribute } from './sharing.ts'
import { copySnapshot, createSnapshot, deleteSnapshot, describeSnapshots } from './snapshots.ts'
import { createVolume, deleteVolume, describeVolumes } from './volumes.ts'

type Work<I, O> = (means: Means, input: I, context: Context) => Promise<O>

/** The operations, one a method, as EC2 calls them. */
export class Ebs {
  readonly #means: Means
  /** Places, an account in a Region each, that were put in order since the room opened. */
  readonly #ready = new Map<string, Promise<void>>()

  constructor(world: ServiceWorld) {
    const records = new Records(world.store)
    this.#means = {
      ...{ world, records, files: new Files(world), keys: new Keys(world) },
      ...{ leave: new Leave(world), attached: new Attached(world), locks: new Locks() },
    }
  }

  async createVolume(input: Shapes.CreateVolumeRequest, context: Context) {
    return this.#do(createVolume, input, context)
  }

  async describeVolumes(input: Shapes.DescribeVolumesRequest, context: Context) {
    return this.#do(describeVolumes, input, context)
  }

  async deleteVolume(input: Shapes.VolumeNamed, context: Context) {
    return this.#do(deleteVolume, input, context)
  }

  /** Attached volumes are served over NBD: the answer says where, in `NbdUri`. */
  async attachVolume(input: Shapes.AttachVolumeRequest, context: Context) {
    return this.#do(attachVolume, input, context)
  }

  async detachVolume(input: Shapes.AttachVolumeRequest, context: Context) {
    return this.#do(detachVolume, input, context)
  }

  async createSnapshot(input: Shapes.CreateSnapshotRequest, context: Context) {
    return this.#do(createSnapshot, input, context)
  }

  async copySnapshot(input: Shapes.CopySnapshotRequest, context: Context) {
    return this.#do(copySnapshot, input, context)
  }

  async describeSnapshots(input: Shapes.DescribeSnapshotsRequest, context: Context) {
    return this.#do(describeSnapshots, input, context)
  }

  async deleteSnapshot(input: Shapes.SnapshotNamed, context: Context) {
    return this.#do(deleteSnapshot, input, context)
  }

  async modifySnapshotAttribute(input: Shapes.ModifySnapshotAttributeRequest, context: Context) {
    return this.#do(modifySnapshotAttribute, input, context)
  }

  async describeSnapshotAttribute(input: Shapes.DescribeSnapshotAttributeRequest, context: Context) {
    return this.#do(describeSnapshotAttribute, input, context)
  }

  async enableEbsEncryptionByDefault(input: Shapes.Nothing, context: Context) {
    return this.#do(defaults.setEncryption(true), input, context)
  }

  async disableEbsEncryptionByDefault(input: Shapes.Nothing, context: Context) {
    return this.#do(defaults.setEncryption(false), input, context)
  }

  async getEbsEncryptionByDefault(input: Shapes.Nothing, context: Context) {
    return this.#do(defaults.getEncryption, input, context)
  }

  async getEbsDefaultKmsKeyId(input: Shapes.Nothing, context: Context) {
    return this.#do(defaults.getKey, input, context)
  }

  async modifyEbsDefaultKmsKeyId(input: Shapes.KeyNamed, context: Context) {
    return this.#do(defaults.modifyKey, input, context)
  }

  async resetEbsDefaultKmsKeyId(input: Shapes.Nothing, context: Context) {
    return this.#do(defaults.resetKey, input, context)
  }

  /** Detaches all there is, as if every instance stopped. What cannot be put on record now is when the room opens again. */
  async close(): Promise<void> {
    const { attached, world } = this.#means
    for (const place of this.#ready.keys()) {
      await stopped(this.#means, place).catch(() => world.log(`ebs: volumes of ${place} stay on record as attached`))
    }
    await attached.close()
  }

  async #do<I, O>(work: Work<I, O>, input: I, context: Context): Promise<O> {
    await this.#start(placeIn(context))
    return work(this.#means, input, context)
  }

  /** What a crash left attached, or without a record, is put in order before a place is used. */
  async #start(place: string): Promise<void> {
    let start = this.#ready.get(place)
    if (!start) this.#ready.set(place, (start = this.#order(place)))
    await start.catch((error: unknown) => {
      this.#ready.delete(place)
      throw error
    })
  }

  async #order(place: string): Promise<void> {
    const { records, files } = this.#means
    await stopped(this.#means, place)
    const all = [await records.volumes.all(place), await records.snapshots.all(place)].flat()
    await files.sweep(place, new Set(all.map(({ name }) => name)))
  }
}
