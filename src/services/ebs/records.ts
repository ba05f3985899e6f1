/** What EBS has on record: volumes and snapshots of an account in a Region, whom snapshots are shared with, what is the default. */
import type { Context } from '../../context.ts'
import { Resources, type Recorded } from '../../store/resources.ts'
import type { Change, Store } from '../../store/store.ts'
import type { Tag } from './shapes.ts'
import type { Ranges } from './written.ts'

/** The key that a file's sectors are encrypted under. */
export interface DataKey {
  /** As the KMS returned it, or sealed as EBS's own where `keyArn` is absent; in hex. */
  readonly sealed: string
  /** The KMS key that encrypts it; what is not encrypted as AWS has it, is so under a key of EBS's own. */
  readonly keyArn?: string
  /** `aws:ebs:id` in its encryption context. */
  readonly ebsId: string
  /** Stays as long as the key does, however it is encrypted. */
  readonly id: string
}

interface Made {
  readonly region: string
  readonly account: string
  readonly created: number
  /** In GiB. */
  readonly size: number
  readonly dataKey: DataKey
  /** What of the file was written; of a volume that is attached, and of one that no longer is since a crash, nobody knows. */
  readonly written?: Ranges
  readonly tags: readonly Tag[]
}

export interface VolumeRecord extends Made {
  readonly zone: string
  readonly type: string
  readonly iops?: number
  readonly throughput?: number
  /** '' for none. */
  readonly snapshotId: string
  readonly clientToken?: string
  readonly attachment?: Attachment
}

export interface Attachment {
  readonly instanceId: string
  readonly device: string
  readonly since: number
  /** By which EC2 decrypts the data key; none for a volume that is not encrypted. */
  readonly grantId?: string
}

export interface SnapshotRecord extends Made {
  readonly volumeId: string
  readonly description: string
  /** Accounts that may make volumes of it. */
  readonly sharedWith: readonly string[]
}

/** What an account has chosen for a Region. */
export interface Settings {
  readonly encrypts: boolean
  /** Undefined: the AWS managed key. */
  readonly keyArn?: string
}

/** Whom a snapshot belongs to that is kept elsewhere. */
interface Owner {
  readonly account: string
}

const SETTINGS = 'settings'

export class Records {
  readonly volumes: Resources<VolumeRecord>
  readonly snapshots: Resources<SnapshotRecord>
  /** In the place of each account that a snapshot is shared with. */
  readonly shared: Resources<Owner>
  readonly #settings: Resources<Settings>
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
    this.volumes = new Resources(store, 'ec2:volume')
    this.snapshots = new Resources(store, 'ec2:snapshot')
    this.shared = new Resources(store, 'ec2:snapshot-shared')
    this.#settings = new Resources(store, 'ec2:ebs-settings')
  }

  commit(...changes: Change[]): Promise<number> {
    return this.#store.commit(changes)
  }

  /** A snapshot of the caller's account, or one that another shares with it. */
  async snapshot(region: string, account: string, id: string): Promise<Recorded<SnapshotRecord> | undefined> {
    const own = await this.snapshots.get(placeOf({ region, account }), id)
    if (own) return own
    const owner = await this.shared.get(placeOf({ region, account }), id)
    return owner && this.snapshots.get(placeOf({ region, account: owner.value.account }), id)
  }

  async settings(place: string): Promise<Settings> {
    return (await this.#settings.get(place, SETTINGS))?.value ?? { encrypts: false }
  }

  async set(place: string, change: Partial<Settings>): Promise<void> {
    const known = await this.#settings.get(place, SETTINGS)
    const settings = { encrypts: false, ...known?.value, ...change }
    await this.commit(this.#settings.put(place, SETTINGS, settings, known?.version ?? 0))
  }
}

/** Volumes and snapshots are an account's, in a Region. */
export function placeOf({ region, account }: { readonly region: string; readonly account: string }): string {
  return `${region}/${account}`
}

export function placeIn({ region, caller }: Context): string {
  return placeOf({ region, account: caller.account })
}
