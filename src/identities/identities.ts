/**
 * Everybody there is. All of it is at hand; a change is durable before it is seen, and seen at once from then on, since every
 * caller is a snapshot of one state of all identities, numbered by `epoch`.
 */
import { inspect } from 'node:util'
import { NEVER, type Clock, type Instant } from '../clock.ts'
import type { CallerPolicies, Source } from '../decision.ts'
import type { Entropy } from '../entropy.ts'
import { fail } from '../errors.ts'
import type { AccountConfig, Caller, Credential, Organization, OrganizationConfig } from '../identity.ts'
import { parseIdentityPolicy, parseTrustPolicy } from '../policy/document.ts'
import type { Secrets } from '../secrets.ts'
import { eraseIdentity, putIdentity } from '../store/identities.ts'
import type { Change, Store } from '../store/store.ts'
import { roleCaller, rootCaller, sessionCaller, userCaller, type Directory } from './callers.ts'
import { entitiesOf } from './declared.ts'
import { arnOfEntity, type Entity, type EntityOf, type Kind } from './entities.ts'
import { awsManagedPolicy } from './managed.ts'
import { membershipsOf, type Membership } from './organization.ts'
import {
  eraseOrganization,
  placeOf,
  putOrganization,
  readEntities,
  readOrganization,
  sealedOf,
  shownOf,
} from './stored.ts'

export interface IdentitiesOptions {
  readonly store: Store
  readonly secrets: Secrets
  readonly entropy: Entropy
  readonly clock: Clock
  /** What is configured: it holds from the start, whatever was changed under the same names before. */
  readonly accounts: readonly AccountConfig[]
  readonly organization?: OrganizationConfig | undefined
  /** Takes any six digits for the code of a device, which proves nothing: for tests of policies that ask for one. */
  readonly simulatedMfa?: boolean | undefined
}

/** What a change comes to. */
export interface Edits {
  readonly put?: readonly Entity[]
  readonly remove?: readonly Entity[]
}

interface Held {
  readonly entity: Entity
  /** Of its row; 0 for what was configured and has none. */
  readonly version: number
}

export class Identities implements Directory {
  readonly entropy: Entropy
  readonly clock: Clock
  readonly simulatedMfa: boolean
  /** Counts the changes: what was derived of identities in another epoch may not hold. */
  epoch = 1
  readonly #store: Store
  readonly #secrets: Secrets
  readonly #held = new Map<string, Held>()
  #members: ReadonlyMap<string, Membership> = new Map()
  #organization: OrganizationConfig | undefined
  /** Of the row that keeps the organization; 0 when there is none. */
  #organized = 0
  readonly #accounts = new Set<string>()
  /** Callers of this epoch, by the ARNs and access keys they were asked for by. */
  #callers = new Map<string, Caller>()
  #credentials = new Map<string, Credential>()
  #changing: Promise<unknown> = Promise.resolve()

  static async open(options: IdentitiesOptions): Promise<Identities> {
    const identities = new Identities(options)
    for (const { entity, version } of await readEntities(options.store, options.secrets))
      identities.#hold(entity, version)
    const stored = await readOrganization(options.store)
    identities.#organized = stored?.version ?? 0
    identities.#enroll(options.organization ?? stored?.organization)
    for (const { id } of options.accounts) identities.#accounts.add(id)
    for (const entity of entitiesOf(options.accounts, identities)) {
      requireDocuments(entity)
      identities.#hold(entity, identities.#versionOf(entity))
    }
    return identities
  }

  private constructor({ store, secrets, entropy, clock, simulatedMfa = false }: IdentitiesOptions) {
    this.simulatedMfa = simulatedMfa
    this.#store = store
    this.#secrets = secrets
    this.entropy = entropy
    this.clock = clock
  }

  /** Whose access key it is, with what proves it. A session that is over is still known as such. */
  find(accessKeyId: string): Credential | undefined {
    const known = this.#credentials.get(accessKeyId)
    if (known) return known
    // Strangers leave no trace here: only what there is is kept.
    const found = this.#credential(accessKeyId)
    if (found) this.#credentials.set(accessKeyId, found)
    return found
  }

  /** The root of any account. */
  root(account: string): Caller {
    return this.#caller(account, () => rootCaller(this, account))
  }

  /** Who has this ARN: a root, a user, a role's session, or a role, for which a session is made up. */
  principal(arn: string): Caller {
    return this.#caller(arn, () => this.#named(arn) ?? fail('NotFoundException', `There is no principal ${arn}.`))
  }

  /** Whether there is this user or role; undefined in an account of which nobody is known. */
  knows(arn: string): boolean | undefined {
    const [, service, account, kind, name = ''] =
      /^arn:[\w-]+:(iam|sts)::(\d{12}):(user|role|assumed-role)\/(?:.*\/)?([^/]+)/.exec(arn) ?? []
    if (account === undefined) return true
    const everybody = [...this.entities('user', account), ...this.entities('role', account)]
    if (everybody.length === 0) return undefined
    // The role of a session stands before the session's own name.
    if (service === 'sts') return this.entity('role', account, arn.split('/')[1] ?? '') !== undefined
    const found = kind === 'user' || kind === 'role' ? this.entity(kind, account, name) : undefined
    return found !== undefined && arnOfEntity(found) === arn
  }

  resourceControl(account: string): readonly Source[] {
    return this.#members.get(account)?.resourceControl ?? []
  }

  serviceControl(account: string): CallerPolicies['serviceControl'] {
    return this.#members.get(account)?.serviceControl ?? []
  }

  organizationOf(account: string): Organization | undefined {
    return this.#members.get(account)?.organization
  }

  /** The organization as it was written down. */
  get organization(): OrganizationConfig | undefined {
    return this.#organization
  }

  /**
   * Makes `organization` the one there is, in the place of another; or has none. A room that is opened with one in its options has
   * that one again.
   */
  async organize(organization: OrganizationConfig | undefined): Promise<void> {
    if (organization) membershipsOf(organization)
    const next = this.#changing.then(async () => {
      const change = organization ? putOrganization(organization, this.#organized) : eraseOrganization(this.#organized)
      if (organization || this.#organized > 0) await this.#store.commit([change])
      this.#organized = organization ? this.#organized + 1 : 0
      this.#enroll(organization)
      this.#renew()
    })
    this.#changing = next.catch(() => undefined)
    await next
  }

  /** The accounts that were configured, or in which there is anybody, in the order of their ids. */
  accounts(): readonly string[] {
    return [...this.#accounts].toSorted()
  }

  entity<K extends Kind>(kind: K, account: string, name: string): EntityOf<K> | undefined {
    return this.#held.get(idOf([kind, account, name]))?.entity as EntityOf<K> | undefined
  }

  /** All of a kind in an account, in the order of their names. */
  entities<K extends Kind>(kind: K, account: string): readonly EntityOf<K>[] {
    const all = [...this.#held.values()].map(({ entity }) => entity)
    const found = all.filter((each): each is EntityOf<K> => each.kind === kind && each.account === account)
    return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The text of a managed policy, the customer's or AWS's own. */
  managedPolicy(arn: string): string | undefined {
    const [, account, name] = /^arn:[\w-]+:iam::(\d{12}):policy\/(?:.+\/)?([^/]+)$/.exec(arn) ?? []
    const policy = account === undefined ? undefined : this.entity('policy', account, name!)
    if (!policy || arnOfEntity(policy) !== arn) return awsManagedPolicy(arn)
    return policy.versions.find(({ id }) => id === policy.defaultVersion)?.document
  }

  /** Makes the edits that `edit` asks for, one change after another: durable first, then visible. */
  change(edit: (now: Instant) => Edits): Promise<void> {
    const next = this.#changing.then(() => this.#change(edit(this.clock())))
    // Whoever asked hears of a failure; the next change begins from what there is.
    this.#changing = next.catch(() => undefined)
    return next
  }

  /** Adds what these accounts say to what there is, in the place of whatever has the same name. */
  declare(accounts: readonly AccountConfig[]): Promise<void> {
    return this.change(() => {
      for (const { id } of accounts) this.#accounts.add(id)
      return { put: entitiesOf(accounts, this) }
    })
  }

  /** Forgets sessions that are over. */
  sweep(now: Instant): Promise<void> {
    const over = [...this.#held.values()].filter(({ entity }) => entity.kind === 'session' && entity.expires <= now)
    return over.length === 0 ? Promise.resolve() : this.change(() => ({ remove: over.map(({ entity }) => entity) }))
  }

  /** Printing an instance, by accident or in a crash report, shows how many there are and nothing of them. */
  [inspect.custom](): string {
    return `Identities(${this.#held.size})`
  }

  async #change({ put = [], remove = [] }: Edits): Promise<void> {
    put.forEach(requireDocuments)
    const changes: Change[] = []
    for (const entity of put) {
      const sealed = await sealedOf(entity, this.#secrets)
      const version = this.#versionOf(entity)
      changes.push(putIdentity({ place: placeOf(entity), document: JSON.stringify(shownOf(entity)), sealed, version }))
    }
    for (const entity of remove) {
      const version = this.#versionOf(entity)
      if (version > 0) changes.push(eraseIdentity(placeOf(entity), version))
    }
    if (changes.length > 0) await this.#store.commit(changes)
    for (const entity of put) this.#hold(entity, this.#versionOf(entity) + 1)
    for (const entity of remove) this.#held.delete(idOf(placeOf(entity)))
    // A session more or less makes nobody else another.
    if ([...put, ...remove].every(({ kind }) => kind === 'session')) {
      for (const { name } of [...put, ...remove]) this.#credentials.delete(name)
      return
    }
    this.#renew()
  }

  #enroll(organization: OrganizationConfig | undefined): void {
    this.#organization = organization
    this.#members = organization ? membershipsOf(organization) : new Map()
  }

  /** What was made of identities as they were, holds no more. */
  #renew(): void {
    this.epoch++
    this.#callers = new Map()
    this.#credentials = new Map()
  }

  #hold(entity: Entity, version: number): void {
    this.#accounts.add(entity.account)
    this.#held.set(idOf(placeOf(entity)), { entity, version })
  }

  #versionOf(entity: Entity): number {
    return this.#held.get(idOf(placeOf(entity)))?.version ?? 0
  }

  #caller(name: string, make: () => Caller): Caller {
    let caller = this.#callers.get(name)
    if (!caller) this.#callers.set(name, (caller = make()))
    return caller
  }

  #named(arn: string): Caller | undefined {
    const [, service, account, resource = ''] = /^arn:[\w-]+:(iam|sts)::(\d{12}):(.+)$/.exec(arn) ?? []
    if (account === undefined) return undefined
    const [kind, ...path] = resource.split('/')
    if (service === 'sts') {
      const role = kind === 'assumed-role' && path.length === 2 ? this.entity('role', account, path[0]!) : undefined
      return role && roleCaller(this, role, path[1]!)
    }
    if (resource === 'root') return this.root(account)
    const name = path.at(-1) ?? ''
    const found = kind === 'user' || kind === 'role' ? this.entity(kind, account, name) : undefined
    if (!found || arnOfEntity(found) !== arn) return undefined
    return found.kind === 'user' ? userCaller(this, found) : roleCaller(this, found, 'in-process')
  }

  #credential(id: string): Credential | undefined {
    for (const account of this.#accounts) {
      const key = this.entity('accessKey', account, id)
      if (key) {
        const user = key.user === '' ? undefined : this.entity('user', account, key.user)
        if (!key.active || (key.user !== '' && !user)) return undefined
        const caller = user ? userCaller(this, user, id) : rootCaller(this, account, id)
        return { secret: key.secret, sessionToken: key.sessionToken, expires: NEVER, caller }
      }
      const session = this.entity('session', account, id)
      const caller = session && sessionCaller(this, session)
      if (caller) return { secret: session.secret, sessionToken: session.token, expires: session.expires, caller }
    }
    return undefined
  }
}

function idOf(place: readonly string[]): string {
  return place.join(' ')
}

/** Refuses what is attached to somebody and cannot be read: MalformedPolicyDocument. */
function requireDocuments(entity: Entity): void {
  if (entity.kind === 'user' || entity.kind === 'role' || entity.kind === 'group') {
    Object.values(entity.policies).forEach(parseIdentityPolicy)
  }
  if (entity.kind === 'role') parseTrustPolicy(entity.trust)
  if (entity.kind === 'policy') entity.versions.forEach(({ document }) => parseIdentityPolicy(document))
}
