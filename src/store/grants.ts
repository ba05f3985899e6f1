/** Grants in the store: by key, by grantee, by who may retire them, by what they were asked for as. */
import { arnOf } from '../arn.ts'
import { granting, type GrantQuestion } from '../granting.ts'
import { markOf, marksOf, type Grant } from '../grants.ts'
import type { GrantConstraints, GrantOperation } from '../model/kms.ts'
import { table } from './rows.ts'
import type { Change, Row, Store, Value } from './store.ts'

export const GRANTS = table({
  name: 'grants',
  columns: [
    { name: 'region', type: 'TEXT' },
    { name: 'account', type: 'TEXT' },
    { name: 'key_id', type: 'TEXT' },
    { name: 'id', type: 'TEXT' },
    { name: 'name', type: 'TEXT' },
    { name: 'created', type: 'INTEGER' },
    { name: 'expires', type: 'INTEGER' },
    { name: 'issuer', type: 'TEXT' },
    { name: 'grantee', type: 'TEXT' },
    { name: 'retiring', type: 'TEXT' },
    { name: 'operations', type: 'TEXT' },
    { name: 'constraints', type: 'TEXT', null: true },
    { name: 'request', type: 'TEXT' },
    { name: 'mark', type: 'TEXT' },
  ],
  key: ['region', 'account', 'key_id', 'id'],
  indexes: [
    { name: 'grants_by_grantee', columns: ['region', 'account', 'key_id', 'grantee'] },
    { name: 'grants_by_mark', columns: ['region', 'account', 'key_id', 'grantee', 'mark'] },
    { name: 'grants_by_retiring', columns: ['region', 'retiring'] },
    { name: 'grants_by_expiry', columns: ['expires'] },
    // Unique, so that of two who ask for one grant at once, the second finds the first's.
    { name: 'grants_by_request', columns: ['region', 'account', 'key_id', 'request'], unique: true },
  ],
})

/** What tells a key from all others, whether or not it is still there. */
export interface KeyName {
  readonly region: string
  readonly account: string
  readonly id: string
}

/** Where a grant stands among those a principal may retire, in every account of a Region. */
export type GrantPlace = readonly [account: string, keyId: string, id: string]

export class Grants {
  private readonly store: Store

  constructor(store: Store) {
    this.store = store
  }

  async get(key: KeyName, id: string): Promise<Grant | undefined> {
    const row = await this.store.get('grants', [...primary(key), id])
    return row ? grantFrom(row) : undefined
  }

  async askedFor(key: KeyName, request: string): Promise<Grant | undefined> {
    const rows = await this.store.list('grants', 'grants_by_request', [...primary(key), request], null, 1)
    return rows.map(grantFrom)[0]
  }

  /** Grants of a key, or those of one grantee, in the order of their ids, from after the id `after`. */
  async list(key: KeyName, grantee: string | undefined, after: string | undefined, limit: number): Promise<Grant[]> {
    const from = after === undefined ? null : [after]
    const rows =
      grantee === undefined
        ? await this.store.list('grants', '', primary(key), from, limit)
        : await this.store.list('grants', 'grants_by_grantee', [...primary(key), grantee], from, limit)
    return rows.map(grantFrom)
  }

  /** Grants in a Region that `principal` may retire, from after `after`. */
  async retirable(region: string, principal: string, after: GrantPlace | undefined, limit: number): Promise<Grant[]> {
    const from = after === undefined ? null : [...after]
    const rows = await this.store.list('grants', 'grants_by_retiring', [region, principal], from, limit)
    return rows.map(grantFrom)
  }

  /** Grants of a key to any of these, if they are few enough to be kept at hand; however many others there are. */
  async few(key: KeyName, grantees: readonly string[]): Promise<Grant[] | undefined> {
    const found = await Promise.all(grantees.map((grantee) => this.list(key, grantee, undefined, FEW + 1)))
    return found.some(({ length }) => length > FEW) ? undefined : found.flat()
  }

  /** The grant that allows it, out of a crowd: looked for wherever the request meets the constraints of what is there. */
  async allowing(key: KeyName, question: GrantQuestion): Promise<Grant | undefined> {
    for (const [index, equal] of placesOf(key, question)) {
      let after: Value[] | null = null
      for (;;) {
        const rows: Row[] = await this.store.list('grants', index, equal, after, FEW)
        const page = rows.map(grantFrom)
        const grant = granting(page, question)
        if (grant) return grant
        if (page.length < FEW) break
        after = [page.at(-1)!.id]
      }
    }
    return undefined
  }

  /** Grants of all keys whose end has come by `now`, soonest first, from the one after `after` on. */
  async expired(now: number, after: Grant | undefined, limit: number): Promise<Grant[]> {
    const from = after ? [after.expires, after.region, after.account, after.keyId, after.id] : null
    const rows = await this.store.list('grants', 'grants_by_expiry', [], from, limit)
    return rows.map(grantFrom).filter(({ expires }) => expires <= now)
  }

  count(key: KeyName): Promise<number> {
    return this.store.count('grants', '', primary(key))
  }

  /** Erases all grants of a key, so many at a time. */
  async eraseAll(key: KeyName): Promise<void> {
    for (;;) {
      const grants = await this.list(key, undefined, undefined, AT_A_TIME)
      if (grants.length === 0) return
      await this.store.commit(grants.map((grant) => eraseGrant(grant).change))
    }
  }
}

const AT_A_TIME = 1000
const FEW = 100

/** Parts of indexes to look in. DescribeKey meets constraints without the context that they name; so it has to look everywhere. */
function placesOf(key: KeyName, question: GrantQuestion): (readonly [index: string, equal: Value[]])[] {
  const names = question.grantees.map((grantee) => [...primary(key), grantee])
  if (question.operation === 'DescribeKey') return names.map((name) => ['grants_by_grantee', name])
  const { EncryptionContextEquals: whole, EncryptionContextSubset: part } = question.child?.Constraints ?? {}
  const context = question.child ? (whole ?? part) : question.encryptionContext
  const marks = marksOf(context ?? {}, question.sourceArn)
  return names.flatMap((name) => marks.map((mark) => ['grants_by_mark', [...name, mark]] as const))
}

/** A change of a grant; decisions about its key depend on it. */
interface GrantEdit {
  readonly change: Change
  /** The key's ARN. */
  readonly granted: string
}

export function putGrant(grant: Grant): GrantEdit {
  const { region, account, keyId, id, name, created, expires, issuer, grantee, retiring, request, version } = grant
  const values = GRANTS.row({
    region,
    account,
    key_id: keyId,
    id,
    name,
    created,
    expires,
    issuer,
    grantee,
    retiring,
    operations: JSON.stringify(grant.operations),
    constraints: grant.constraints === undefined ? null : JSON.stringify(grant.constraints),
    request,
    mark: markOf(grant.constraints),
  })
  return {
    change: { table: 'grants', key: [region, account, keyId, id], values, expect: version },
    granted: keyOf(grant),
  }
}

export function eraseGrant(grant: Grant): GrantEdit {
  const { region, account, keyId, id, version } = grant
  return { change: { table: 'grants', key: [region, account, keyId, id], expect: version }, granted: keyOf(grant) }
}

function keyOf({ region, account, keyId }: Grant): string {
  return arnOf(region, account, `key/${keyId}`)
}

function grantFrom(row: Row): Grant {
  const column = GRANTS.reader(row)
  const constraints = column<string | null>('constraints')
  return {
    region: column('region'),
    account: column('account'),
    keyId: column('key_id'),
    id: column('id'),
    name: column('name'),
    created: column('created'),
    expires: column('expires'),
    issuer: column('issuer'),
    grantee: column('grantee'),
    retiring: column('retiring'),
    operations: JSON.parse(column('operations')) as GrantOperation[],
    constraints: constraints === null ? undefined : (JSON.parse(constraints) as GrantConstraints),
    request: column('request'),
    version: row.version,
  }
}

function primary({ region, account, id }: KeyName): Value[] {
  return [region, account, id]
}
