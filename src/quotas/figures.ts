/** The figures: what each quota is for whom and where, by AWS's book, by the one architects still quote, or by a file. */
import { LIMITS } from '../limits.ts'
import { POLICY_BYTES } from '../policies.ts'
import { ON_DEMAND_ROTATIONS } from '../rotation.ts'
import { TAGS_PER_KEY } from '../tags.ts'
import { CUSTOM_KEY_STORE, PAIRS_IN_CHINA, REQUESTS } from './groups.ts'

/** Quotas by name. */
export type Figures = Readonly<Record<string, number>>

/** Figures for everybody, for Regions, and for accounts: everywhere, or in a Region. What says more wins. */
export interface Figured {
  readonly quotas?: Figures
  readonly regions?: Readonly<Record<string, Figures>>
}

/** What somebody wrote down: where nothing is said, `base` is what there is. */
export interface QuotaProfile extends Figured {
  /** Default `aws`. */
  readonly base?: Book
  readonly accounts?: Readonly<Record<string, Figured>>
}

export type Book = 'aws' | 'classic'

/** Quotas that can be raised, with what they are for most. */
export const ADJUSTABLE: Figures = { ...REQUESTS, ...LIMITS }

/** Quotas AWS raises for nobody. */
export const FIXED: Figures = {
  CustomKeyStore: CUSTOM_KEY_STORE,
  TagsPerKey: TAGS_PER_KEY,
  PolicyBytes: POLICY_BYTES,
  OnDemandRotationsPerKey: ON_DEMAND_ROTATIONS,
}

/** Whether a quota can be changed to `value`; thousandths of a request a second are told apart. */
export function fits(name: string, value: number): boolean {
  const [least, most] = rangeOf(name)
  return Number.isFinite(value) && value >= least && value <= most && (!isResource(name) || Number.isInteger(value))
}

/** The same in words. */
export function wanted(name: string): string {
  const [least, most] = rangeOf(name)
  return `${isResource(name) ? 'a whole number' : 'a number of requests a second'} from ${least} to ${most}`
}

function rangeOf(name: string): readonly [number, number] {
  if (!isResource(name)) return [0.001, 1_000_000_000]
  return [0, name === 'CustomKeyStores' ? 1000 : 1_000_000_000]
}

/** Quotas of how much there is, and not of how often one asks. */
export function isResource(name: string): boolean {
  return Object.hasOwn(LIMITS, name) || (Object.hasOwn(FIXED, name) && name !== 'CustomKeyStore')
}

/** Regions with more of the symmetric quota than others. */
const LARGER = ['us-east-2', 'ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1', 'eu-central-1', 'eu-west-2']
const LARGEST = ['us-east-1', 'us-west-2', 'eu-west-1']
const CHINA = ['cn-north-1', 'cn-northwest-1']

const BOOKS: Readonly<Record<Book, QuotaProfile>> = {
  aws: { quotas: ADJUSTABLE, regions: bySize(20_000, 100_000) },
  classic: { quotas: { ...ADJUSTABLE, Symmetric: 5500, RSA: 500, ECC: 300 }, regions: bySize(10_000, 30_000) },
}

function bySize(larger: number, largest: number): Record<string, Figures> {
  return {
    ...inEach(LARGER, { Symmetric: larger }),
    ...inEach(LARGEST, { Symmetric: largest }),
    ...inEach(CHINA, PAIRS_IN_CHINA),
  }
}

function inEach(regions: readonly string[], figures: Figures): Record<string, Figures> {
  return Object.fromEntries(regions.map((region) => [region, figures]))
}

/** The figures of a profile, to be looked up: what was written down, and what a book says. */
export function booksOf(profile: QuotaProfile): readonly QuotaProfile[] {
  return [profile, BOOKS[profile.base ?? 'aws']]
}

/** What the first of `profiles` that knows says of a quota. */
export function figureIn(profiles: readonly QuotaProfile[], name: string, region: string, account: string): number {
  for (const { quotas, regions, accounts } of profiles) {
    const own = accounts?.[account]
    const said = own?.regions?.[region]?.[name] ?? own?.quotas?.[name] ?? regions?.[region]?.[name] ?? quotas?.[name]
    if (said !== undefined) return said
  }
  throw new TypeError(`there is no quota ${name}`)
}
