/** What RDS's operations share: records and files, keys and engines, and one at a time for each instance and snapshot. */
import type { Context } from '../../context.ts'
import type { Recorded } from '../../store/resources.ts'
import { Locks } from '../locks.ts'
import type { ServiceWorld } from '../world.ts'
import { Engines } from './engines.ts'
import { Keys } from './keys.ts'
import { arnOf, parseArn, placeIn, placeOf, Records, type InstanceRecord, type SnapshotRecord } from './records.ts'
import { noInstance, noSnapshot } from './refusals.ts'
import { statusOf } from './shown.ts'
import { Storage } from './storage.ts'

/** A snapshot, and whose it is. */
export interface Found {
  readonly place: string
  readonly name: string
  readonly record: SnapshotRecord
  readonly version: number
}

export class Means {
  readonly world: ServiceWorld
  readonly records: Records
  readonly storage: Storage
  readonly keys: Keys
  readonly engines: Engines
  readonly #locks = new Locks()

  constructor(world: ServiceWorld) {
    this.world = world
    this.records = new Records(world.store)
    this.storage = new Storage(world)
    this.keys = new Keys(world)
    this.engines = new Engines(this.storage, world)
  }

  /** Leave to do `action` to an instance or a snapshot of the caller's; to any of them without a name. */
  async permit(action: string, kind: 'db' | 'snapshot', name: string | undefined, context: Context): Promise<void> {
    const { account } = context.caller
    const arn = name?.startsWith('arn:') ? name : arnOf(kind, placeIn(context), name ?? '*')
    await this.world.permit({ action: `rds:${action}`, resource: { arn, account } }, context)
  }

  /** Nothing else is done to what is called so in the place meanwhile. */
  alone<T>(kind: 'db' | 'snapshot', place: string, name: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.alone(`${kind} ${place}/${name}`, work)
  }

  async instance(place: string, name: string): Promise<Recorded<InstanceRecord>> {
    return (await this.records.instances.get(place, name)) ?? noInstance(name)
  }

  /** A snapshot of the caller's own by its name or ARN, or one that is shared with it by its ARN. */
  async snapshot(identifier: string, context: Context): Promise<Found> {
    const { account } = context.caller
    const here = { kind: 'snapshot', region: context.region, account, name: identifier.toLowerCase() }
    const { kind, name, ...at } = parseArn(identifier) ?? here
    if (kind !== 'snapshot') noSnapshot(identifier)
    const found = await this.snapshotIn(placeOf(at.region, at.account), name, identifier)
    if (at.account !== account && !found.record.sharedWith.includes(account)) noSnapshot(identifier)
    return found
  }

  async snapshotIn(place: string, name: string, asked = name): Promise<Found> {
    const found = (await this.records.snapshots.get(place, name)) ?? noSnapshot(asked)
    return { place, name, record: found.value, version: found.version }
  }

  statusOf(record: InstanceRecord): string {
    return statusOf(record, this.engines.of(record.id) !== undefined, this.world.clock())
  }

  /** `db-` and 26 of the letters and digits there are. */
  resourceId(): string {
    const digits = BigInt(`0x${this.world.entropy.hex(17)}`)
      .toString(36)
      .toUpperCase()
    return `db-${digits.slice(-ID_LENGTH).padStart(ID_LENGTH, '0')}`
  }

  /** `vol-` or `snap-`, and 17 hexadecimal digits. */
  ebsId(kind: 'vol' | 'snap'): string {
    return `${kind}-${this.world.entropy.hex(9).slice(0, 17)}`
  }
}

const ID_LENGTH = 26
