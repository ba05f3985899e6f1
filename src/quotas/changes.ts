/** Changes of quotas at run time: which there may be, and the record of them, for when the folder is opened again. */
import { fail } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { Resources } from '../store/resources.ts'
import { isConflict, type Store } from '../store/store.ts'
import { ADJUSTABLE, FIXED, isResource, RANGE, type Figured, type QuotaProfile } from './figures.ts'

/** Whose quotas, and where; everybody's, and everywhere, when it is not said. */
export interface Whose {
  readonly account?: string | undefined
  readonly region?: string | undefined
}

/** One quota, for whom and where. */
export interface QuotaNamed extends Whose {
  /** `Symmetric`, `RSA`, `CreateKey`, `GenerateDataKeyPair/RSA_2048`, `Keys`, … */
  readonly quota: string
}

/** What a quota is changed to: requests per second, or how many there may be. */
export interface QuotaChange extends QuotaNamed {
  readonly value: number
}

export class Changes {
  readonly #store: Store
  readonly #records: Resources<QuotaChange>
  /** By name, as they are on record. */
  readonly #all = new Map<string, QuotaChange>()

  constructor(store: Store) {
    this.#store = store
    this.#records = new Resources(store, 'kms:quota')
  }

  async load(): Promise<void> {
    let after: string | undefined
    do {
      const page = await this.#records.list('', after, 1000)
      for (const { name, value } of page) this.#all.set(name, value)
      after = page.at(-1)?.name
    } while (after !== undefined)
  }

  get all(): readonly QuotaChange[] {
    return [...this.#all.values()]
  }

  /** The same, as somebody would have written it down. */
  get profile(): QuotaProfile {
    const of = (whose: string | undefined) => figured(this.all.filter(({ account }) => account === whose))
    const accounts = new Set(this.all.map(({ account }) => account).filter((account) => account !== undefined))
    return { ...of(undefined), accounts: Object.fromEntries([...accounts].map((account) => [account, of(account)])) }
  }

  async set({ quota, value, account, region }: QuotaChange): Promise<void> {
    requireAdjustable(quota)
    requireValue(quota, value)
    requireWhose({ account, region })
    const change = { quota, value, account, region }
    await this.#keep(nameOf(change), change)
  }

  async reset({ quota, account, region }: QuotaNamed): Promise<void> {
    requireAdjustable(quota)
    const name = nameOf({ quota, account, region })
    if (!this.#all.has(name)) fail('NotFoundException', `\`${quota}\` was not changed there.`)
    await this.#keep(name, undefined)
  }

  async #keep(name: string, change: QuotaChange | undefined): Promise<void> {
    const version = (await this.#records.get('', name))?.version ?? 0
    const edit = change ? this.#records.put('', name, change, version) : this.#records.erase('', name, version)
    try {
      await this.#store.commit([edit])
    } catch (error) {
      // Somebody else changed it at the same time.
      if (isConflict(error)) return this.#keep(name, change)
      throw error
    }
    if (change) this.#all.set(name, change)
    else this.#all.delete(name)
  }
}

export function requireQuota(quota: string): void {
  if (Object.hasOwn(ADJUSTABLE, quota) || Object.hasOwn(FIXED, quota)) return
  const known = [...Object.keys(ADJUSTABLE), ...Object.keys(FIXED)]
  fail('NotFoundException', `There is no quota \`${quota}\`${nearest(quota, known)}`)
}

function requireAdjustable(quota: string): void {
  requireQuota(quota)
  if (Object.hasOwn(FIXED, quota)) {
    fail('ValidationException', `\`${quota}\` is ${FIXED[quota]}; AWS raises it for nobody.`)
  }
}

function requireValue(quota: string, value: number): void {
  const [least, most] = RANGE
  const isWhole = isResource(quota)
  const fits = isWhole ? Number.isInteger(value) && value >= 0 : Number.isFinite(value) && value >= least
  if (fits && value <= most) return
  const what = isWhole ? `a whole number from 0 to ${most}` : `a number of requests a second from ${least} to ${most}`
  fail('ValidationException', `\`${quota}\` must be ${what}`)
}

function requireWhose({ account, region }: Whose): void {
  if (account !== undefined && !/^\d{12}$/.test(account)) fail('ValidationException', 'an account id has 12 digits')
  if (region !== undefined && !/^([a-z]+-){2,3}\d+$/.test(region)) {
    fail('ValidationException', 'a Region has a name like `us-east-1`')
  }
}

function nameOf({ quota, account = '*', region = '*' }: QuotaNamed): string {
  return `${account} ${region} ${quota}`
}

/** Changes for everybody, or for one account. */
function figured(changes: readonly QuotaChange[]): Figured {
  const figures: Record<string, number> = {}
  const regions: Record<string, Record<string, number>> = {}
  for (const { quota, value, region } of changes) {
    const place = region === undefined ? figures : (regions[region] ??= {})
    place[quota] = value
  }
  return { quotas: figures, regions }
}
