/** Keys as a call meets them: what was due on them by then is done first, and what is past its end is missing. */
import { arnOf, parseIdentifier } from './arn.ts'
import { after, type Eventually } from './backends/backend.ts'
import { MissingResource } from './errors.ts'
import { isGone, withFields, type Key } from './keys.ts'
import { managedKey, managedServiceOf } from './managed.ts'
import type { Call } from './operation.ts'
import { upToDate } from './rotation.ts'

/** The key called `name`, in any form, as this call meets it. */
export function find(call: Call, name: string): Eventually<Key> {
  const key = call.records.find(call.scope, name)
  if (!(key instanceof Promise) && call.now < key.calmUntil) return key
  const known =
    key instanceof Promise && call.context.via ? key.catch((missing: unknown) => made(missing, call, name)) : key
  return after(known, (found) =>
    after(met(found, call), (present) => present ?? missingKey(found, name)),
  ) as Eventually<Key>
}

/** The key AWS manages for a service, made because that service asks for it; `missing` is thrown for any other. */
function made(missing: unknown, call: Call, name: string): Promise<Key> {
  const service = missing instanceof MissingResource ? managedServiceOf(name, call.scope) : undefined
  if (service === undefined) throw missing
  return managedKey(service, call)
}

/**
 * A key as this call meets it: what was due on it by now is done first. Past its deletion date it is missing, whether or
 * not its rows were swept.
 */
export function met(key: Key | undefined, call: Call): Eventually<Key | undefined> {
  if (key === undefined || call.now < key.calmUntil) return key
  if (isGone(key, call.now)) return undefined
  return key.customKeyStoreId === undefined ? upToDate(key, call) : inStore(key, call)
}

/** A key in a custom key store is there as long as that store is connected. */
async function inStore(key: Key, { records }: Call): Promise<Key> {
  const store = await records.keyStores.find(key.region, key.account, key.customKeyStoreId!)
  const unavailable = store?.state !== 'CONNECTED'
  const clusterId = store?.cluster?.id
  // What is decided about a key, and told of it, is kept with it: as long as it is the same, it is one object.
  const before = MET.get(key)
  if (before?.unavailable === unavailable && before.clusterId === clusterId) return before
  const present = withFields(key, { unavailable, clusterId })
  MET.set(key, present)
  return present
}

const MET = new WeakMap<Key, Key>()

/** A key that is gone has taken its aliases along. */
function missingKey({ arn, region, account }: Key, name: string): never {
  const named = parseIdentifier(name)
  if (named.kind === 'key') throw new MissingResource(`Key '${arn}' does not exist`, arn, account)
  missingAlias(arnOf(region, account, named.name), account)
}

export function missingAlias(arn: string, account: string): never {
  throw new MissingResource(`Alias ${arn} is not found.`, arn, account)
}
