/** A trail over a store that fails on cue, and people and keys to tell of. */
import type { ExecutionContext } from 'ava'
import type { CloudTrailRecord } from '../../src/audit/cloudtrail.ts'
import type { ObservedCall, ObservedCaller, ObservedContext, ObservedKey } from '../../src/audit/observed.ts'
import { stored, type Numbered } from '../../src/audit/reader.ts'
import { Trail, type TrailOptions } from '../../src/audit/trail.ts'
import { systemEntropy } from '../../src/entropy.ts'
import type { Change, Row, Store, Value } from '../../src/store/store.ts'

export const HERE = '111122223333'
export const THERE = '444455556666'
export const NOON = Date.UTC(2026, 0, 31, 12, 34, 56)

export const alice: ObservedCaller = {
  type: 'User',
  arn: `arn:aws:iam::${HERE}:user/alice`,
  account: HERE,
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  principalId: 'AIDACKCEVSQ6C2EXAMPLE',
  userName: 'alice',
  session: undefined,
}

export const byAlice: ObservedContext = {
  caller: alice,
  region: 'us-east-1',
  requestId: 'request-1',
  origin: { sourceIp: '127.0.0.1', userAgent: 'aws-cli/2' },
}

export function keyIn(account: string, id = 'k1', more: Partial<ObservedKey> = {}): ObservedKey {
  const arn = `arn:aws:kms:us-east-1:${account}:key/${id}`
  return { arn, account, region: 'us-east-1', spec: 'SYMMETRIC_DEFAULT', currentId: `material-of-${id}`, ...more }
}

export const KEY = keyIn(HERE)

export function calling(input: object, found: Partial<ObservedCall> = { key: KEY }): ObservedCall {
  return { input, now: NOON, ...found }
}

export const encrypting = (context?: Record<string, string>): ObservedCall =>
  calling({ KeyId: 'alias/orders', Plaintext: Buffer.from('secret'), EncryptionContext: context })

/** A store in memory, which refuses, or keeps one waiting, when it is told to. */
export class CueStore implements Store {
  readonly tables = new Map<string, Map<string, { key: Value[]; row: Row }>>()
  readonly commits: Change[][] = []
  /** What the next commits reject with: before they have changed anything, or after. */
  refuses: 'before' | 'after' | undefined
  /** What the next commits wait for. */
  gate: Promise<void> | undefined

  async commit(changes: Change[]): Promise<number> {
    this.commits.push(changes)
    const { refuses } = this
    await this.gate
    if (refuses === 'before') throw new Error('no space left')
    for (const { table, key, expect } of changes) {
      const version = this.table(table).get(JSON.stringify(key))?.row.version ?? 0
      if (version !== expect) throw Object.assign(new Error('conflict'), { code: 'Conflict' })
    }
    for (const { table, key, values, expect } of changes) {
      if (values) this.table(table).set(JSON.stringify(key), { key, row: { values, version: expect + 1 } })
      else this.table(table).delete(JSON.stringify(key))
    }
    if (refuses === 'after') throw new Error('the answer was lost')
    return this.commits.length
  }

  get(table: string, key: Value[]): Promise<Row | null> {
    return Promise.resolve(this.table(table).get(JSON.stringify(key))?.row ?? null)
  }

  list(table: string, _: string, __: Value[], after: Value[] | null, limit: number): Promise<Row[]> {
    const from = (after?.[0] ?? -Infinity) as number
    const rows = [...this.table(table).values()].filter(({ key }) => (key[0] as number) > from)
    const sorted = rows.toSorted((a, b) => (a.key[0] as number) - (b.key[0] as number))
    return Promise.resolve(sorted.slice(0, limit).map(({ row }) => row))
  }

  count(table: string): Promise<number> {
    return Promise.resolve(this.table(table).size)
  }

  scrub(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private table(name: string): Map<string, { key: Value[]; row: Row }> {
    const table = this.tables.get(name) ?? new Map<string, { key: Value[]; row: Row }>()
    this.tables.set(name, table)
    return table
  }
}

export interface Trailed {
  readonly store: CueStore
  readonly trail: Trail
}

export async function trailed(
  t: ExecutionContext,
  options: Partial<TrailOptions> = {},
  store = new CueStore(),
): Promise<Trailed> {
  const trail = await Trail.open(store, { mode: 'batched', entropy: systemEntropy, ...options })
  t.teardown(() => trail.close().catch(() => undefined))
  return { store, trail }
}

export async function all(store: Store, after?: number, until?: number): Promise<Numbered[]> {
  const found: Numbered[] = []
  for await (const numbered of stored(store, after, until)) found.push(numbered)
  return found
}

/** What is on record once all is settled. */
export async function onRecord({ store, trail }: Trailed): Promise<CloudTrailRecord[]> {
  await trail.settled()
  return (await all(store)).map(({ record }) => record)
}

/** Commits what `edits` are, and tells them. */
export async function committed(store: Store, edits: ReturnType<Trail['edit']>): Promise<void> {
  await store.commit(edits.map(({ change }) => change))
  for (const edit of edits) edit.recorded(true)
}

/** Everything the store holds of events, as text. */
export function chunkText(store: CueStore): string {
  const rows = [...(store.tables.get('events')?.values() ?? [])].map(({ row }) => row.values.at(-1) as Uint8Array)
  return Buffer.concat(rows).toString()
}
