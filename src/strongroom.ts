/** A room: the KMS assembled from its options, and its doors. */
import { Front, Hsm } from '../bindings/node/index.js'
import { Audit } from './audit/events.ts'
import { Archive } from './audit/files/archive.ts'
import { trailFolder } from './audit/files/opened.ts'
import { query } from './audit/query.ts'
import { idOf } from './audit/record.ts'
import { Trail } from './audit/trail.ts'
import { Authority } from './authorize.ts'
import { guestBackend, settleIn, tellAbilities } from './backends/guest.ts'
import { nativeBackend } from './backends/native.ts'
import { recipientsOf } from './backends/native/recipients.ts'
import type { Backend, OpenedBackend } from './backends/backend.ts'
import { Client } from './client.ts'
import { cloudtrail } from './cloudtrail/lookup.ts'
import { RoomClock, type Clock } from './clock.ts'
import { Connections } from './connections.ts'
import { explain, type Explained, type Explanation } from './explain.ts'
import { SEED_WARNING, seededEntropy, systemEntropy, type Entropy } from './entropy.ts'
import { Faults } from './faults.ts'
import { toFetch } from './http/fetch.ts'
import { createHandler } from './http/handler.ts'
import type { Handle } from './http/message.ts'
import { SdkHandler } from './http/sdk.ts'
import { listen, type Listener, type ListenOptions } from './http/server.ts'
import { iam } from './iam/iam.ts'
import { admin } from './identities/admin.ts'
import { Identities } from './identities/identities.ts'
import { defaultAccounts, type AccountConfig } from './identity.ts'
import { inProcess, type Principal } from './inprocess.ts'
import type { StrongroomOptions } from './options.ts'
import { Person } from './person.ts'
import { quotasAdmin } from './quotas/admin.ts'
import { Quotas } from './quotas/quotas.ts'
import { Regions } from './regions.ts'
import { Roots } from './roots.ts'
import { Schedule, type Ahead } from './schedule.ts'
import { Secrets } from './secrets.ts'
import { seedFolder, seedOf, type Seed } from './seed.ts'
import type { World } from './operation.ts'
import { Service, type Gate } from './service.ts'
import { Folders } from './services/folders.ts'
import { ec2 } from './services/ebs/query.ts'
import { permit } from './services/leave.ts'
import { rds } from './services/rds/query.ts'
import { s3Door } from './services/s3/http/door.ts'
import { Services } from './services/services.ts'
import { Records } from './store/cache.ts'
import { Erasures } from './store/erasures.ts'
import { Kept } from './store/kept.ts'
import { openSqlite, verifySqlite } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import { sts } from './sts/sts.ts'
import { Upkeep } from './upkeep.ts'
import { adminTokenOf, makeFolder, openExisting, openVault, storePath } from './vault.ts'
import { worldRoutes } from './worldadmin.ts'

/** What a room is made of, but for what options say. */
interface Made {
  readonly store: Store
  readonly entropy: Entropy
  readonly backend: Backend
  /** Gives envelopes for recipients to a backend that has none. */
  readonly enveloping: (backend: Backend) => Backend
  readonly secrets: Secrets
  readonly clock: Clock
  readonly time: RoomClock
  readonly ahead: Kept<Ahead>
  readonly regions: Regions
  readonly identities: Identities
  readonly trail: Trail
  readonly quotas: Quotas
  readonly accounts: readonly AccountConfig[]
  readonly folder: string | undefined
  /** What the admin route asks for; without a folder there is none. */
  readonly adminToken: string | undefined
}

/** What `room.explain` is asked. */
export interface ExplainRequest extends Explained {
  /** The ARN of a principal; a role stands for a session of it. */
  readonly principal: string
  readonly region?: string
}

/** AWS KMS in this process: `const room = await Strongroom.open(); await room.createKey()`. */
export class Strongroom extends Person {
  readonly account: string
  readonly region: string
  /** Users, roles, accounts and their policies, to be looked at and changed. */
  readonly identities: Identities
  /** The time, which can be put ahead: `await room.clock.advance('8 days')`. */
  readonly clock: Schedule
  /** Which Regions are cut off. */
  readonly regions: Regions
  /** How much may be asked, and how much there may be: `room.quotas.set({ quota: 'Symmetric', value: 20000 })`. */
  readonly quotas: Quotas
  /** What goes wrong on cue: `room.faults.add({ operation: 'Decrypt', error: 'ThrottlingException', times: 3 })`. */
  readonly faults: Faults
  /** What happened, as CloudTrail tells it. */
  readonly audit: Audit
  readonly #world: World
  readonly #authority: Authority
  readonly #store: Store
  readonly #keyStores: Connections
  readonly #services: Services
  /** Where services keep their bytes; a room without a folder has one until it closes. */
  readonly #folders: Folders
  readonly #trail: Trail
  readonly #upkeep: Upkeep
  readonly #handle: Handle
  readonly #listeners = new Set<Listener>()
  #ready = true
  #closed: Promise<void> | undefined

  /** Opens a room. Throws before anything is changed when the folder is in use, damaged, or sealed under another secret. */
  static async open(options: StrongroomOptions = {}): Promise<Strongroom> {
    if (options.backend && options.seed !== undefined)
      throw new TypeError('no `seed` makes the keys of a device repeat')
    const guest = await options.backend?.open()
    try {
      return await Strongroom.#open(options, guest)
    } catch (error) {
      await guest?.backend.close()
      throw error
    }
  }

  static async #open(options: StrongroomOptions, guest: OpenedBackend | undefined): Promise<Strongroom> {
    const { data, memory = data === undefined, slots, onDamage } = options
    const { deviceRate, deviceBurst, slotRate, slotBurst } = options
    if (!memory && data === undefined) throw new TypeError('a room needs `data`, a folder, or `memory: true`')
    const trust = {
      roots: new Roots(options.attestationRoots ?? []),
      window: (options.attestationWindow ?? 300) * 1000,
    }
    const folder = memory ? undefined : data
    const seed = await seedFor(folder, options.seed)
    if (seed) options.log?.(SEED_WARNING)
    const pregenerate = options.pregenerate as Record<string, number> | undefined
    const device = { slots, deviceRate, deviceBurst, slotRate, slotBurst, pregenerate, seed: seed?.device }
    const hsm =
      folder === undefined
        ? Hsm.create(crypto.getRandomValues(new Uint8Array(32)), device)
        : await openVault(folder, options.rootSecret, device)
    let store: Store | undefined
    try {
      store = await openSqlite(folder === undefined ? ':memory:' : storePath(folder), hsm, { onDamage })
      const entropy = seed ? seededEntropy(seed.ids) : systemEntropy
      await settleIn(store, guest)
      if (guest) tellAbilities(guest.abilities, options.log ?? (() => undefined))
      const enveloping = (other: Backend) => ({ ...other, recipients: recipientsOf(other, hsm, trust) })
      const backend = guest
        ? guestBackend(enveloping(guest.backend), folder !== undefined, () => hsm.close())
        : nativeBackend(hsm, trust)
      const secrets = new Secrets(store, backend, entropy)
      const ahead = await Kept.open<Ahead>(store, 'clock')
      const time = new RoomClock(clockOf(options), ahead.value?.ahead)
      const clock = time.now
      const regions = new Regions({ clock, kept: await Kept.open(store, 'regions') })
      const accounts = options.accounts ?? defaultAccounts(options.account)
      const { organization, simulatedMfa } = options
      const identities = await Identities.open({
        ...{ store, secrets, entropy, clock },
        ...{ accounts, organization, simulatedMfa },
      })
      const keep = folder === undefined ? (options.auditRecords ?? 100_000) : undefined
      const trail = await Trail.open(store, { mode: options.audit ?? 'batched', entropy, keep })
      const quotas = await Quotas.open(options.quotas ?? 'off', store)
      const adminToken = folder === undefined ? undefined : await adminTokenOf(folder)
      const room = new Strongroom(
        {
          ...{ store, entropy, backend, secrets, clock, time, ahead, regions, identities, trail, quotas },
          ...{ accounts, folder, adminToken, enveloping },
        },
        options,
      )
      await room.#keyStores.resume()
      await room.sweep()
      return room
    } catch (error) {
      await store?.close()
      hsm.close()
      throw error
    }
  }

  /** Checks all that is stored in the folder `data`, without serving it. Rejects with a `code` that says what is wrong. */
  static async verify(data: string, rootSecret?: Uint8Array): Promise<{ rows: number; revision: number }> {
    const hsm = await openExisting(data, rootSecret, {})
    try {
      return await verifySqlite(storePath(data), hsm)
    } finally {
      hsm.close()
    }
  }

  private constructor(made: Made, options: StrongroomOptions) {
    const { store, entropy, backend, secrets, clock, regions, identities, trail, quotas, accounts } = made
    const log = options.log ?? (() => undefined)
    const records = new Records(
      store,
      options.cacheKeys ?? 65_536,
      (material) => backend.release(material),
      (event) => trail.serviceEvent(event),
      new Erasures({
        ...{ store, log },
        eraserOf: (id) =>
          id === undefined
            ? backend.erase && ((token) => backend.erase!(token))
            : (token) => keyStores.erase(id, token),
        withdraw: backend.importer?.withdraw,
      }),
    )
    const keyStores: Connections = new Connections({
      ...{ records, secrets, entropy, backend, enveloping: made.enveloping, clock: clockOf(options) },
      ...{ clusters: options.clusters, xks: options.xks },
    })
    const authority = new Authority(records, identities, options.grantDelayMillis ?? 0)
    const settle = options.settleMillis ?? 0
    const knows = (arn: string) => identities.knows(arn)
    const world = { records, backend, keyStores, clock, entropy, secrets, regions, settle, limits: quotas, knows }
    const gates: Gate[] = quotas.throttles ? [quotas] : []
    const parts = { ...world, authority, trail, gates }
    const service = new Service(parts)
    const folders = new Folders(made.folder)
    const services = new Services({
      ...{ store, clock, entropy, log },
      folder: (name) => folders.of(name),
      kms: (context, via, caller = context.caller) =>
        new Client(service, { ...context, caller, via, requestId: undefined }),
      seal: (purpose, secret) => secrets.seal(`service:${purpose}`, secret),
      unseal: (purpose, sealed) => secrets.open(`service:${purpose}`, sealed),
      reach: (region) => regions.reach(region),
      permit: async (wanted, context, told) => {
        regions.reach(context.region)
        await permit(wanted, context, { authority, world }, told)
      },
    })
    const account = options.account ?? accounts[0]?.id ?? '000000000000'
    const region = options.region ?? 'us-east-1'
    super(service, inProcess(identities, { account, region }), services)
    this.account = account
    this.region = region
    this.identities = identities
    this.#store = store
    this.#keyStores = keyStores
    this.#trail = trail
    this.#authority = authority
    this.regions = regions
    this.quotas = quotas
    this.faults = new Faults(parts)
    for (const fault of options.faults ?? []) this.faults.add(fault)
    this.#services = services
    this.#folders = folders
    this.#world = world
    if (trail.mode !== 'off')
      records.lastUsage.names = {
        eventId: (number) => trail.eventIdOf(number),
        requestId: (number) => idOf(trail.id, number, 'request'),
      }
    const kept = { store, folder: made.folder === undefined ? undefined : trailFolder(made.folder) }
    this.audit = new Audit(trail, () => query(kept, {}, 'oldest'))
    const { folder } = kept
    const { auditDays: retainDays } = options
    const archive =
      folder === undefined ? undefined : new Archive({ store, backend, entropy, trail, folder, retainDays })
    const upkeep = new Upkeep({ ...world, identities, archive, services })
    this.#upkeep = upkeep
    regions.whenBack(() => upkeep.sweep())
    this.clock = new Schedule({ time: made.time, kept: made.ahead, upkeep })
    const door = { identities, log, now: () => new Date(clock()), reach: (name: string) => regions.reach(name) }
    this.#handle = createHandler({
      ...door,
      service,
      streaming: s3Door(services.s3, door),
      ready: () => this.#ready,
      cloudtrail: cloudtrail({
        ...kept,
        clock,
        permit: (action, context) => permit({ action, resource: undefined }, context, { authority, world }),
        settled: () => trail.settled(),
      }),
      queries: { iam: iam(identities), sts: sts(identities), ec2: ec2(services.ebs), rds: rds(services.rds) },
      ...(made.adminToken !== undefined && {
        admin: {
          token: made.adminToken,
          routes: {
            identities: (method: string, body: string) => admin(identities, method, body),
            quotas: quotasAdmin(quotas),
            ...worldRoutes(this),
          },
        },
      }),
    })
  }

  /** The same room in the name of somebody else, or at another Region's endpoint. */
  as(principal: Principal): Person {
    const { account = this.account, region = this.region } = principal
    return new Person(this.service, inProcess(this.identities, { ...principal, account, region }), this.#services)
  }

  /** Why `principal` may, or may not, do `action` to `key`: every statement that was considered, and what decided. */
  explain({ principal, region = this.region, ...explained }: ExplainRequest): Promise<Explanation> {
    const context = inProcess(this.identities, { arn: principal, account: this.account, region })
    return explain(explained, context, this.#authority, this.#world)
  }

  /** The room as a web server's function; requests must be signed. */
  fetch(request: Request): Promise<Response> {
    return toFetch(this.#handle)(request)
  }

  /** For `new KMSClient({ requestHandler: room.requestHandler() })`: the AWS SDK without a socket. */
  requestHandler(): SdkHandler {
    return new SdkHandler(this.#handle)
  }

  /** Serves HTTP, or HTTPS, on loopback. */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    const front: ListenOptions['front'] = (...given) => Front.listen(...given)
    const listener = await listen(this.#handle, { front, ...options })
    this.#listeners.add(listener)
    return listener
  }

  /**
   * Does what dates call for, without waiting for somebody to ask: erases keys past their deletion, with materials and
   * aliases and grants, destroys imported material that has expired, rotates keys, ends grants and sessions. Writes down
   * when keys were last used, and files what is on record. How many keys it erased.
   */
  sweep(): Promise<number> {
    return this.#upkeep.sweep()
  }

  /** Stops serving, waits for what is under way, closes the store and wipes the HSM; once, however often it is called. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#ready = false
    this.faults.close()
    await Promise.all([...this.#listeners].map((listener) => listener.close()))
    await this.#services.close()
    await this.#keyStores.close()
    // Should the store refuse, the last uses are lost, as in a crash; that keeps nobody from closing.
    await this.#world.records.lastUsage.flush().catch(() => undefined)
    await this.#trail.close().catch(() => undefined)
    this.audit.end()
    await this.#store.close()
    await this.#world.backend.close()
    await this.#folders.close()
  }
}

async function seedFor(folder: string | undefined, seed: number | undefined): Promise<Seed | undefined> {
  if (folder !== undefined) return seedFolder(folder, await makeFolder(folder), seed)
  return seed === undefined ? undefined : seedOf(seed)
}

function clockOf({ now }: StrongroomOptions): Clock {
  return now ? () => now().getTime() : Date.now
}
