/** A trail in a folder of its own, with what ships it: calls to put on record, a clock, and ways to do harm to files. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Hsm, Store as NativeStore } from '../../bindings/node/index.js'
import { Archive } from '../../src/audit/files/archive.ts'
import { compressed, objectsBelow, uncompressed } from '../../src/audit/files/disk.ts'
import { publicKeyOf } from '../../src/audit/files/signing.ts'
import type { Evidence } from '../../src/audit/files/verify.ts'
import { verify } from '../../src/audit/files/verify.ts'
import type { ObservedContext } from '../../src/audit/observed.ts'
import { query, type Filter } from '../../src/audit/query.ts'
import { Trail } from '../../src/audit/trail.ts'
import { nativeBackend } from '../../src/backends/native.ts'
import { systemEntropy } from '../../src/entropy.ts'
import { Roots } from '../../src/roots.ts'
import { EVENTS, TRAIL } from '../../src/store/events.ts'
import { INTERNAL_KEYS } from '../../src/store/internal.ts'
import type { Store } from '../../src/store/store.ts'

export const ACCOUNT = '111122223333'
export const OTHER = '444455556666'
export const START = Date.UTC(2026, 0, 31, 12, 0, 0)
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export interface Use {
  readonly account?: string
  readonly region?: string
  readonly user?: string
  readonly key?: string
  /** The account of the key. */
  readonly owner?: string
  readonly name?: 'Decrypt' | 'Encrypt' | 'DescribeKey' | 'DisableKey'
  readonly error?: Error
  readonly context?: Record<string, string>
  readonly requestId?: string
}

const keyOf = (region: string, owner: string, id: string) => ({
  arn: `arn:aws:kms:${region}:${owner}:key/${id}`,
  account: owner,
  region,
  spec: 'SYMMETRIC_DEFAULT',
  currentId: 'ab'.repeat(32),
})

export class KeptTrail {
  now = START
  readonly folder: string
  readonly store: Store
  readonly archive: Archive
  private readonly trail: Trail
  private readonly contexts = new Map<string, ObservedContext>()

  constructor(folder: string, store: Store, trail: Trail, archive: Archive) {
    this.folder = folder
    this.store = store
    this.trail = trail
    this.archive = archive
  }

  /** Puts one call on record. */
  use({ account = ACCOUNT, region = 'us-east-1', user = 'alice', key = 'k-1', ...use }: Use = {}): void {
    const { name = 'Decrypt', owner = account, error, context = { dept: 'ward' }, requestId } = use
    const input = { KeyId: keyOf(region, owner, key).arn, EncryptionContext: context }
    const call = { input, now: this.now, key: keyOf(region, owner, key) }
    const caller = this.context(account, region, user)
    const observed = requestId === undefined ? caller : { ...caller, requestId }
    if (error) this.trail.failed({ name }, call, observed, error)
    else this.trail.succeeded({ name }, call, observed, {})
  }

  /** Ships what was put on record; a minute passes. */
  async ship(): Promise<number> {
    await this.trail.settled()
    const shipped = await this.archive.ship(this.now)
    this.now += MINUTE
    return shipped
  }

  /** So many shipments of so many records. */
  async ships(shipments: number, records: number, use: Use = {}): Promise<void> {
    for (let i = 0; i < shipments; i++) {
      for (let j = 0; j < records; j++) this.use({ ...use, context: { record: `${i}/${j}` } })
      await this.ship()
    }
  }

  /** The same room, with the files of another folder. */
  in(folder: string): KeptTrail {
    return new KeptTrail(folder, this.store, this.trail, this.archive)
  }

  settled(): Promise<void> {
    return this.trail.settled()
  }

  async objects(below = 'AWSLogs'): Promise<string[]> {
    const names: string[] = []
    for await (const name of objectsBelow(this.folder, below)) names.push(name)
    return names
  }

  async logs(): Promise<string[]> {
    return (await this.objects()).filter((name) => name.includes('/CloudTrail/'))
  }

  async digests(): Promise<string[]> {
    return (await this.objects()).filter((name) => /Digest.*\.gz$/.test(name))
  }

  read(object: string): Promise<Buffer> {
    return readFile(join(this.folder, object))
  }

  write(object: string, bytes: Uint8Array): Promise<void> {
    return writeFile(join(this.folder, object), bytes)
  }

  remove(object: string): Promise<void> {
    return rm(join(this.folder, object))
  }

  /** Changes what a file says, and compresses it again. */
  async edit(object: string, change: (text: string) => string): Promise<void> {
    await this.write(object, await compressed(change(await uncompressed(await this.read(object)))))
  }

  /** What the room finds; with `alone`, what the folder alone shows to whoever has the public key. */
  async verify({ alone = false } = {}) {
    const publicKey = await publicKeyOf(this.store)
    const evidence: Evidence = alone ? { folder: this.folder, publicKey } : { folder: this.folder, store: this.store }
    return verify(evidence)
  }

  async find(filter: Filter = {}, order: 'oldest' | 'newest' = 'oldest') {
    const records = []
    for await (const { record } of query({ store: this.store, folder: this.folder }, filter, order))
      records.push(record)
    return records
  }

  private context(account: string, region: string, user: string): ObservedContext {
    const name = `${account} ${region} ${user}`
    let context = this.contexts.get(name)
    if (!context) this.contexts.set(name, (context = contextOf(account, region, user)))
    return context
  }
}

function contextOf(account: string, region: string, user: string): ObservedContext {
  const caller = {
    type: 'User' as const,
    arn: `arn:aws:iam::${account}:user/${user}`,
    account,
    accessKeyId: `AKIA${user.toUpperCase()}`,
    principalId: `AIDA${user.toUpperCase()}`,
    userName: user,
    session: undefined,
  }
  return { caller, region, origin: { sourceIp: '192.0.2.7', userAgent: 'boto3' } }
}

/** The tables a trail has to do with. */
const SCHEMA = JSON.stringify({
  version: 1,
  tables: [EVENTS, TRAIL, INTERNAL_KEYS].map(({ definition }) => definition),
  migrations: [],
})

/** A store whose methods can be taken apart and put together otherwise. */
function storeOf(store: NativeStore): Store {
  return {
    get: (...asked) => store.get(...asked),
    list: (...asked) => store.list(...asked),
    count: (...asked) => store.count(...asked),
    commit: (changes) => store.commit(changes),
    scrub: () => store.scrub(),
    close: () => store.close(),
  }
}

export interface KeptOptions {
  readonly retainDays?: number
  /** Stands between the trail and its store. */
  readonly through?: (store: Store) => Store
}

export async function kept(t: ExecutionContext, { retainDays, through = (store) => store }: KeptOptions = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-trail-'))
  const hsm = Hsm.create(Buffer.alloc(32, 7))
  const store = storeOf(await NativeStore.open(':memory:', SCHEMA, hsm))
  const backend = nativeBackend(hsm, { roots: new Roots([]), window: 0 })
  const entropy = systemEntropy
  const trail = await Trail.open(store, { mode: 'batched', entropy })
  const archive = new Archive({ store: through(store), backend, entropy, trail, folder, retainDays })
  t.teardown(async () => {
    await store.close()
    await backend.close()
    await rm(folder, { recursive: true, force: true })
  })
  return new KeptTrail(folder, store, trail, archive)
}
