/** Identities in the store: a document each, without its secrets, which are sealed apart. */
import type { Secrets } from '../secrets.ts'
import type { OrganizationConfig } from '../identity.ts'
import { eraseIdentity, identityFrom, putIdentity, type Place } from '../store/identities.ts'
import type { Change, Store } from '../store/store.ts'
import { secretsOf, type Entity, type Kind } from './entities.ts'

const PURPOSE = 'identity'
const AT_A_TIME = 1000

export interface Stored {
  readonly entity: Entity
  readonly version: number
}

/** Everybody on record. */
export async function readEntities(store: Store, secrets: Secrets): Promise<Stored[]> {
  const all: Stored[] = []
  for (let after: Place | null = null; ;) {
    const rows = await store.list('identities', '', [], after && [...after], AT_A_TIME)
    for (const { place, document, sealed, version } of rows.map(identityFrom)) {
      const [kind, account, name] = place
      after = place
      if (kind === ORGANIZATION[0]) continue
      const shown = JSON.parse(document) as Entity
      const hidden = sealed ? (JSON.parse(Buffer.from(await secrets.open(PURPOSE, sealed)).toString()) as object) : {}
      all.push({ entity: { ...shown, ...hidden, kind: kind as Kind, account, name } as Entity, version })
    }
    if (rows.length < AT_A_TIME) return all
  }
}

export function placeOf({ kind, account, name }: Entity): Place {
  return [kind, account, name]
}

/** All of an entity that may be seen. */
export function shownOf(entity: Entity): object {
  const hidden = new Set(Object.keys(secretsOf(entity) ?? {}))
  return Object.fromEntries(Object.entries(entity).filter(([name]) => !hidden.has(name)))
}

export async function sealedOf(entity: Entity, secrets: Secrets): Promise<Uint8Array | undefined> {
  const hidden = secretsOf(entity)
  return hidden && secrets.seal(PURPOSE, Buffer.from(JSON.stringify(hidden)))
}

/** The one row that is no entity's. */
const ORGANIZATION: Place = ['organization', '', '']

export async function readOrganization(
  store: Store,
): Promise<{ readonly organization: OrganizationConfig; readonly version: number } | undefined> {
  const row = await store.get('identities', [...ORGANIZATION])
  if (!row) return undefined
  return { organization: JSON.parse(identityFrom(row).document) as OrganizationConfig, version: row.version }
}

export function putOrganization(organization: OrganizationConfig, version: number): Change {
  return putIdentity({ place: ORGANIZATION, document: JSON.stringify(organization), sealed: undefined, version })
}

export function eraseOrganization(version: number): Change {
  return eraseIdentity(ORGANIZATION, version)
}
