/**
 * Quotas, by account and Region: requests are throttled as AWS throttles them, if that is asked for, and how much there may
 * be of anything is told. Each figure can be changed while the room is open, and stays so.
 */
import { KmsError } from '../errors.ts'
import type { Limit, Limits } from '../limits.ts'
import type { Call } from '../operation.ts'
import type { Gate, Prepared } from '../service.ts'
import type { Scope } from '../store/cache.ts'
import type { Store } from '../store/store.ts'
import { Buckets } from './buckets.ts'
import { Changes, requireQuota, type QuotaChange, type QuotaNamed, type Whose } from './changes.ts'
import { ADJUSTABLE, booksOf, figureIn, FIXED, isResource, type Book, type QuotaProfile } from './figures.ts'
import { CUSTOM_KEY_STORE, GROUPS, groupOf, planOf, type Draw } from './groups.ts'

/** `off` throttles nobody; how much there may be of anything is limited all the same. */
export type QuotaSetting = 'off' | Book | QuotaProfile

/** A quota as it is now. */
export interface QuotaFigure {
  readonly quota: string
  readonly value: number
  readonly unit: 'per second' | 'at most'
  /** Whether it can be changed. */
  readonly adjustable: boolean
}

export class Quotas implements Gate, Limits {
  /** Whether requests are throttled. */
  readonly throttles: boolean
  readonly #changes: Changes
  readonly #written: readonly QuotaProfile[]
  /** What was changed, then what was written down, then AWS's figures. */
  #profiles: readonly QuotaProfile[] = []
  readonly #accounts = new Map<Scope, Buckets>()
  readonly #keyStores = new Map<string, Buckets>()
  /** Whose buckets were asked for last. */
  #scope: Scope | undefined
  #buckets: Buckets | undefined

  /** With the changes that the store has on record. */
  static async open(setting: QuotaSetting, store: Store): Promise<Quotas> {
    return new Quotas(setting, await Changes.open(store))
  }

  private constructor(setting: QuotaSetting, changes: Changes) {
    this.throttles = setting !== 'off'
    this.#changes = changes
    this.#written = booksOf(typeof setting === 'object' ? setting : { base: setting === 'classic' ? setting : 'aws' })
    this.#reprice()
  }

  /** Counts a request against the caller's quotas, or throws ThrottlingException. On the hot path: makes nothing. */
  admit(entry: Prepared, call: Call): undefined {
    const plan = planOf(entry)
    const count = entry.count === undefined ? 1 : entry.count(call.input as never)
    const { key } = call
    const group = plan.isByKey && key.customKeyStoreId === undefined ? groupOf(key) : plan.group
    if (group === undefined) this.#draw(plan.draws(call, count), call, count)
    else if (!this.#of(call.scope).take(group, count, call.now)) throttle()
    return undefined
  }

  /** A request that failed early was one all the same. */
  refused(entry: Prepared, call: Call): void {
    this.#draw(planOf(entry).draws(call, 1), call, 1)
  }

  most(limit: Limit, region: string, account: string): number {
    return figureIn(this.#profiles, limit, region, account)
  }

  /** What a quota is for an account in a Region; for any account, or any Region, of which nothing in particular is said. */
  get({ quota, region = '', account = '' }: QuotaNamed): number {
    requireQuota(quota)
    return FIXED[quota] ?? figureIn(this.#profiles, quota, region, account)
  }

  /** All of them. */
  list({ region, account }: Whose = {}): QuotaFigure[] {
    return [...Object.keys(ADJUSTABLE), ...Object.keys(FIXED)].map((quota) => ({
      quota,
      value: this.get({ quota, region, account }),
      unit: isResource(quota) ? 'at most' : 'per second',
      adjustable: Object.hasOwn(ADJUSTABLE, quota),
    }))
  }

  /** What was changed at run time. */
  get changes(): readonly QuotaChange[] {
    return this.#changes.all
  }

  /** Changes a quota, from now on and for when the folder is opened again, whatever was written down of it. */
  async set(change: QuotaChange): Promise<void> {
    await this.#changes.set(change)
    this.#reprice()
  }

  /** Takes a change back. */
  async reset(named: QuotaNamed): Promise<void> {
    await this.#changes.reset(named)
    this.#reprice()
  }

  #reprice(): void {
    this.#profiles = [this.#changes.profile, ...this.#written]
    for (const [scope, buckets] of this.#accounts) {
      this.#figures(scope).forEach((perSecond, group) => buckets.change(group, perSecond))
    }
  }

  #figures({ realm, account }: Scope): number[] {
    return GROUPS.map((quota) => figureIn(this.#profiles, quota, realm.region, account))
  }

  #of(scope: Scope): Buckets {
    if (scope === this.#scope) return this.#buckets!
    let buckets = this.#accounts.get(scope)
    if (buckets === undefined) this.#accounts.set(scope, (buckets = new Buckets(this.#figures(scope))))
    this.#scope = scope
    this.#buckets = buckets
    return buckets
  }

  /** Draws on several buckets: on all, or on none. */
  #draw(draws: readonly Draw[], call: Call, count: number): void {
    const { scope, now, records } = call
    const drawn = draws.map(({ group, count, region }) => ({
      buckets: this.#of(region === undefined ? scope : records.scope(region, scope.account)),
      ...{ group, count },
    }))
    const stores = this.#keyStoresOf(call).map(([id, buckets]) => ({ id, buckets, group: 0, count }))
    const all: readonly ((typeof drawn)[number] & { readonly id?: string })[] = [...drawn, ...stores]
    const full = all.find(({ buckets, group, count }) => !buckets.has(group, count, now))
    if (full) throttle(full.id)
    for (const { buckets, group, count } of all) buckets.take(group, count, now)
  }

  /** The buckets of the custom key stores whose keys are used. */
  #keyStoresOf({ key, source, destination }: Call): [id: string, buckets: Buckets][] {
    const keys = [key, source, destination] as readonly (Call['key'] | undefined)[]
    const ids = new Set(keys.map((each) => each?.customKeyStoreId).filter((id) => id !== undefined))
    return [...ids].map((id) => {
      let buckets = this.#keyStores.get(id)
      if (buckets === undefined) this.#keyStores.set(id, (buckets = new Buckets([CUSTOM_KEY_STORE])))
      return [id, buckets]
    })
  }
}

/** AWS names the custom key store whose quota it was; how, is a guess. */
function throttle(keyStore?: string): never {
  const whose = keyStore === undefined ? '' : ` for the custom key store ${keyStore}`
  throw new KmsError(
    'ThrottlingException',
    `You have exceeded the rate at which you may call KMS${whose}. Reduce the frequency of your calls.`,
  )
}
