/** Changes of quotas at run time: which there may be, and the record of them, for when the folder is opened again. */
import { fail } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { Kept } from '../store/kept.ts'
import type { Store } from '../store/store.ts'
import { ADJUSTABLE, fits, FIXED, wanted, type Figured, type QuotaProfile } from './figures.ts'

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
  readonly #kept: Kept<{ readonly changes: readonly QuotaChange[] }>
  #changing: Promise<void> = Promise.resolve()

  static async open(store: Store): Promise<Changes> {
    return new Changes(await Kept.open(store, 'quotas'))
  }

  private constructor(kept: Kept<{ readonly changes: readonly QuotaChange[] }>) {
    this.#kept = kept
  }

  get all(): readonly QuotaChange[] {
    return this.#kept.value?.changes ?? []
  }

  /** The same, as somebody would have written it down. */
  get profile(): QuotaProfile {
    const of = (whose: string | undefined) => figured(this.all.filter(({ account }) => account === whose))
    const accounts = new Set(this.all.map(({ account }) => account).filter((account) => account !== undefined))
    return { ...of(undefined), accounts: Object.fromEntries([...accounts].map((account) => [account, of(account)])) }
  }

  /** In the place of an earlier change of the same quota, there and of that account. */
  async set({ quota, value, account, region }: QuotaChange): Promise<void> {
    requireAdjustable(quota)
    requireValue(quota, value)
    requireWhose({ account, region })
    const change = { quota, value, account, region }
    await this.#keep((all) => [...all.filter((each) => !isSame(each, change)), change])
  }

  async reset(named: QuotaNamed): Promise<void> {
    requireAdjustable(named.quota)
    if (!this.all.some((each) => isSame(each, named))) {
      fail('NotFoundException', `\`${named.quota}\` was not changed there.`)
    }
    await this.#keep((all) => all.filter((each) => !isSame(each, named)))
  }

  /** One after the other, so that none is lost. */
  #keep(next: (all: readonly QuotaChange[]) => readonly QuotaChange[]): Promise<void> {
    const done = this.#changing.then(() => this.#kept.put({ changes: next(this.all) }))
    this.#changing = done.catch(() => undefined)
    return done
  }
}

function isSame(one: QuotaNamed, other: QuotaNamed): boolean {
  return one.quota === other.quota && one.account === other.account && one.region === other.region
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
  if (fits(quota, value)) return
  fail('ValidationException', `\`${quota}\` must be ${wanted(quota)}`)
}

function requireWhose({ account, region }: Whose): void {
  if (account !== undefined && !/^\d{12}$/.test(account)) fail('ValidationException', 'an account id has 12 digits')
  if (region !== undefined && !/^([a-z]+-){2,3}\d+$/.test(region)) {
    fail('ValidationException', 'a Region has a name like `us-east-1`')
  }
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
