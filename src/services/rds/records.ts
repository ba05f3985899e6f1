/** What RDS has on record: instances and snapshots of an account in a Region, and whom snapshots are shared with. */
import { partitionOf } from '../../arn.ts'
import type { Context } from '../../context.ts'
import { Resources } from '../../store/resources.ts'
import type { Change, Store } from '../../store/store.ts'

/** The key that the files of an instance, or a snapshot, are encrypted under. */
export interface DataKey {
  /** As the KMS returned it, in hex. */
  readonly sealed: string
  readonly keyArn: string
  /** Its encryption context: of whose storage it is. */
  readonly dbId: string
  readonly ebsId: string
  /** The key is an AWS managed one, which nobody else can be let use. */
  readonly isManaged: boolean
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

/** What an instance hands down to its snapshots, and they to what is restored from them. */
interface Lineage {
  readonly master: string
  readonly database: string
  /** In GiB. */
  readonly size: number
  readonly dataKey: DataKey
}

export interface InstanceRecord extends Lineage {
  /** `db-` and 26 letters and digits; its files are in a folder of that name. */
  readonly id: string
  readonly created: number
  readonly class: string
  readonly port: number
  readonly isProtected: boolean
  readonly tags?: readonly Tag[]
  /** By which RDS uses the data key. */
  readonly grantId: string
  readonly state: 'available' | 'stopped' | 'inaccessible'
  /** When the key was found to be out of reach, and whether it is so for good. */
  readonly since?: number
  readonly isLost?: boolean
}

export interface SnapshotRecord extends Lineage {
  /** `snap-` and 17 digits; its files are in a folder of that name. */
  readonly id: string
  readonly created: number
  readonly port: number
  readonly instance: { readonly name: string; readonly id: string; readonly created: number }
  /** The ARN of what it was copied from. */
  readonly source?: string
  /** Accounts that may copy it. */
  readonly sharedWith: readonly string[]
  readonly tags?: readonly Tag[]
}

/** A place there are instances in. */
type Marked = Readonly<Record<string, never>>

export class Records {
  readonly instances: Resources<InstanceRecord>
  readonly snapshots: Resources<SnapshotRecord>
  readonly #places: Resources<Marked>
  /** ARNs of snapshots, in the place of each account that one is shared with. */
  readonly shared: Resources<Marked>
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.instances = new Resources(store, 'rds:db')
    this.snapshots = new Resources(store, 'rds:snapshot')
    this.shared = new Resources(store, 'rds:snapshot-shared')
    this.#places = new Resources(store, 'rds:place')
  }

  commit(...changes: Change[]): Promise<number> {
    return this.#store.commit(changes)
  }

  /** Remembers that there is something in a place, so that all of it is found again. */
  async mark(place: string): Promise<void> {
    if (!(await this.#places.get('', place))) await this.commit(this.#places.put('', place, {}, 0))
  }

  /** All places there has been something in. */
  async places(): Promise<string[]> {
    return (await this.#places.all('')).map(({ name }) => name)
  }
}

/** Instances and snapshots are an account's, in a Region. */
export function placeOf(region: string, account: string): string {
  return `${region}/${account}`
}

export function placeIn({ region, caller }: Context): string {
  return placeOf(region, caller.account)
}

/** `arn:aws:rds:us-east-1:111122223333:db:patients` */
export function arnOf(kind: 'db' | 'snapshot', place: string, name: string): string {
  const [region = '', account = ''] = place.split('/')
  return `arn:${partitionOf(region)}:rds:${region}:${account}:${kind}:${name}`
}

/** What the ARN of an instance or a snapshot says. */
interface Named {
  readonly kind: 'db' | 'snapshot'
  readonly region: string
  readonly account: string
  readonly name: string
}

export function parseArn(text: string): Named | undefined {
  const [, region, account, kind, name] = /^arn:[\w-]+:rds:([\w-]+):(\d{12}):(db|snapshot):(.+)$/.exec(text) ?? []
  return name === undefined ? undefined : { kind: kind as Named['kind'], region: region!, account: account!, name }
}
