/** Grants: CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant. */
import { arnOf, parseIdentifier } from '../arn.ts'
import { fail } from '../errors.ts'
import {
  entryOf,
  grantOf,
  granteeOf,
  isAlive,
  ownerOf,
  requireFit,
  requireGrant,
  requireGrantId,
  retiringOf,
} from '../grants.ts'
import { readGrantToken, writeGrantToken, type GrantName } from '../granttoken.ts'
import { NEVER } from '../clock.ts'
import { isGone, type Key } from '../keys.ts'
import type { ListRetirableGrantsRequest, RetireGrantRequest, RevokeGrantRequest } from '../model/kms.ts'
import { find } from '../find.ts'
import { existing } from '../locators.ts'
import { operation, type Call, type Locator, type Resource } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { edits } from '../store/cache.ts'
import { eraseGrant, putGrant, type GrantPlace } from '../store/grants.ts'

/** So near to the limit, grants of a key are made one at a time. */
const NEAR_THE_LIMIT = 1000

const key = existing('KeyId')

export const createGrant = operation('CreateGrant', {
  on: { key: existing('KeyId', ['Enabled', 'Unavailable', 'Updating']) },
  mutates: true,
  check: requireGrant,
  require: ({ input, key }) => requireFit(input, key),
  async run(call) {
    const { input, key, caller, records, now, entropy, secrets, limits } = call
    const asked = grantOf(input, key, entropy.hex(32), caller.account, now, call.context.grantExpiresIn)
    // What was made by the leave of a grant ends with it at the latest.
    const wanted = { ...asked, expires: Math.min(asked.expires, call.parent?.expires ?? NEVER) }
    const found = await records.grants.askedFor(key, wanted.request)
    const known = found && isAlive(found, now) ? found : undefined
    if (found && !known) call.put(eraseGrant(found))
    if (!known) {
      const count = await records.grants.count(key)
      const most = limits.most('GrantsPerKey', key.region, key.account)
      if (count >= most) {
        fail('LimitExceededException', `The key ${key.arn} has reached its quota of ${most} grants.`)
      }
      call.put(putGrant(wanted))
      if (count > most - NEAR_THE_LIMIT) call.put(edits.putKey(key))
    }
    const grant = known ?? wanted
    return { GrantId: grant.id, GrantToken: await writeGrantToken(grant, secrets) }
  },
})

export const listGrants = operation('ListGrants', {
  on: { key },
  check(input) {
    granteeOf(input)
    if (input.GrantId) requireGrantId(input.GrantId)
  },
  async run({ input, key, records, now }) {
    const page = pageOf('ListGrants', input, 50, 100)
    const grantee = granteeOf(input)
    if (input.GrantId) {
      const grant = await records.grants.get(key, input.GrantId)
      if (!grant || !isAlive(grant, now)) missingGrant(input.GrantId)
      const shown = grantee === undefined || grant.grantee === grantee
      return { Grants: shown ? [entryOf(grant)] : [], Truncated: false }
    }
    const found = await records.grants.list(key, grantee, page.after, page.limit + 1)
    const shown = found.slice(0, page.limit)
    return {
      Grants: shown.filter((grant) => isAlive(grant, now)).map(entryOf),
      ...pageEnd('ListGrants', found.length > page.limit ? shown.at(-1)!.id : undefined),
    }
  },
})

export const listRetirableGrants = operation('ListRetirableGrants', {
  on: { principal: ownPrincipal() },
  check(input) {
    if (retiringOf(input) === undefined) {
      fail('ValidationException', 'You must specify a RetiringPrincipal or a RetiringServicePrincipal.')
    }
  },
  async run({ input, scope, records, now }) {
    const page = pageOf('ListRetirableGrants', input, 50, 100)
    const { region } = scope.realm
    const found = await records.grants.retirable(region, retiringOf(input)!, placeIn(page.after), page.limit + 1)
    const rows = found.slice(0, page.limit)
    // A grant goes with its key, whether or not either was swept yet.
    const keys = await Promise.all(rows.map(async ({ account, keyId }) => records.key(region, account, keyId)))
    const shown = rows.filter((grant, i) => keys[i] && !isGone(keys[i], now) && isAlive(grant, now))
    const last = rows.at(-1)
    return {
      Grants: shown.map(entryOf),
      ...pageEnd(
        'ListRetirableGrants',
        found.length > page.limit ? [last!.account, last!.keyId, last!.id].join(' ') : undefined,
      ),
    }
  },
})

export const retireGrant = operation('RetireGrant', {
  on: { key: grantedKey(nameInRetirement) },
  mutates: true,
  check({ GrantToken, KeyId, GrantId }) {
    const isOne = GrantToken ? !KeyId && !GrantId : KeyId && GrantId
    if (!isOne) {
      fail('ValidationException', 'You must specify either a GrantToken, or a KeyId and a GrantId.')
    }
    if (GrantId) requireGrantId(GrantId)
  },
  run: (call) => call.put(eraseGrant(call.grant!)),
})

export const revokeGrant = operation('RevokeGrant', {
  on: { key: grantedKey(({ input }: Call<RevokeGrantRequest>) => input) },
  mutates: true,
  check: ({ GrantId }) => requireGrantId(GrantId),
  run: (call) => call.put(eraseGrant(call.grant!)),
})

/** A key and one of its grants, as a request names them. */
type Named = Pick<RevokeGrantRequest, 'KeyId' | 'GrantId'>

/** The key of a grant, in any state. The grant is looked up with it, since a dry run tells, too, that there is none. */
function grantedKey<I>(nameIn: (call: Call<I>) => Named | Promise<Named>): Locator<Key> {
  return {
    about: { field: 'KeyId', forms: 'key' },
    async find(call) {
      const { KeyId, GrantId } = await nameIn(call as Call<I>)
      if (parseIdentifier(KeyId).kind === 'alias') fail('NotFoundException', `Invalid keyId '${KeyId}'`)
      const found = await find(call, KeyId)
      const grant = await call.records.grants.get(found, GrantId)
      call.grant = grant && isAlive(grant, call.now) ? grant : undefined
      return found
    },
    admit(_, { grant, input }) {
      if (!grant) missingGrant((input as Partial<Named>).GrantId)
    },
  }
}

async function nameInRetirement({ input, scope, secrets }: Call<RetireGrantRequest>): Promise<Named> {
  if (!input.GrantToken) {
    // AWS's pages disagree whether a bare key id will do; the member's own says ARN.
    if (!input.KeyId!.startsWith('arn:')) fail('InvalidArnException', `Invalid arn ${input.KeyId!}`)
    return { KeyId: input.KeyId!, GrantId: input.GrantId! }
  }
  const name: GrantName = await readGrantToken(input.GrantToken, secrets)
  // What was granted in another Region is not known here.
  if (name.region !== scope.realm.region) fail('InvalidGrantTokenException')
  return { KeyId: arnOf(name.region, name.account, `key/${name.keyId}`), GrantId: name.id }
}

/** Whose grants are asked for: a principal of the caller's own account, or a service, which is nobody's. */
function ownPrincipal(): Locator<Resource> {
  return {
    nowhere: true,
    find({ input, caller }) {
      const arn = retiringOf(input as ListRetirableGrantsRequest)!
      return { arn, account: ownerOf(arn) ?? caller.account }
    },
    admit: () => undefined,
  }
}

function placeIn(after: string | undefined): GrantPlace | undefined {
  if (after === undefined) return undefined
  const [account, keyId, id, ...rest] = after.split(' ')
  return account && keyId && id && rest.length === 0 ? [account, keyId, id] : fail('InvalidMarkerException')
}

function missingGrant(id: string | undefined): never {
  fail(
    'NotFoundException',
    id === undefined ? 'The grant of the grant token is not found.' : `Grant ID ${id} is not found.`,
  )
}
