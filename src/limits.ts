/** Resource quotas that AWS raises when asked: how much there may be of anything. Those it never raises stand where they hold. */
import { GRANTS_PER_KEY } from './grants.ts'
import { KEY_STORES_PER_ACCOUNT } from './keystores.ts'

/** As they are until somebody asks. */
export const LIMITS = {
  /** Customer managed keys of an account in a Region, whatever their state. */
  Keys: 100_000,
  AliasesPerKey: 50,
  GrantsPerKey: GRANTS_PER_KEY,
  /** Of an account in a Region. */
  CustomKeyStores: KEY_STORES_PER_ACCOUNT,
} as const

export type Limit = keyof typeof LIMITS

/** How much there may be in an account and Region. */
export interface Limits {
  most(limit: Limit, region: string, account: string): number
}

export const AWS_LIMITS: Limits = { most: (limit) => LIMITS[limit] }
