/** New material for old keys: EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, ListKeyRotations, RotateKeyOnDemand. */
import { NEVER, DAY } from '../clock.ts'
import { fail } from '../errors.ts'
import { isPresent, isPrimary, stateOf, type Key, type Material } from '../keys.ts'
import type { KeyState, RotationsListEntry } from '../model/kms.ts'
import { existing } from '../locators.ts'
import { operation, type Locator } from '../operation.ts'
import { pageEnd, pageOf } from '../paging.ts'
import { isReachable, refuseReplica, relatedKeys, shared } from '../related.ts'
import { freshMaterial, ON_DEMAND_ROTATIONS, rotate, underway } from '../rotation.ts'
import { edits } from '../store/cache.ts'
import { withFields } from '../keys.ts'

const DEFAULT_PERIOD = 365
/** How near the next automatic rotation may be, and RotateKeyOnDemand still be refused. */
const TOO_NEAR = 20 * 60_000

export const enableKeyRotation = operation('EnableKeyRotation', {
  on: { key: scheduled() },
  mutates: true,
  async run(call) {
    const { key, records, now } = call
    // Whether an earlier period outlives a call without one is unconfirmed; the default is what AWS documents.
    const periodInDays = call.input.RotationPeriodInDays ?? DEFAULT_PERIOD
    const rotation = { periodInDays, next: now + periodInDays * DAY }
    call.put(...(await shared(records, key, now, { rotation })))
  },
})

export const disableKeyRotation = operation('DisableKeyRotation', {
  on: { key: scheduled() },
  mutates: true,
  async run(call) {
    const { key, records, now } = call
    if (key.rotation) call.put(...(await shared(records, key, now, { rotation: undefined })))
  },
})

export const getKeyRotationStatus = operation('GetKeyRotationStatus', {
  on: {
    key: {
      ...existing('KeyId'),
      admit(key, { now }) {
        refuseCustomKeyStore(key)
        if (stateOf(key, now) === 'PendingImport') refuseOrigin(key)
      },
    },
  },
  run({ key, now }) {
    const state = stateOf(key, now)
    // While a key waits for its deletion its status reads false; what it was comes back when that is cancelled.
    const rotation = state.endsWith('Deletion') ? undefined : key.rotation
    const started = underway(key)?.rotated?.started
    return {
      KeyId: key.arn,
      KeyRotationEnabled: rotation !== undefined,
      RotationPeriodInDays: rotation?.periodInDays,
      NextRotationDate: rotation && new Date(rotation.next),
      OnDemandRotationStartDate: started === undefined ? undefined : new Date(started),
    }
  },
})

export const listKeyRotations = operation('ListKeyRotations', {
  on: {
    key: {
      ...existing('KeyId'),
      admit(key) {
        refuseCustomKeyStore(key)
        refuseAsymmetric(key)
      },
    },
  },
  run({ input, key, now }) {
    const page = pageOf('ListKeyRotations', input, 100, 1000)
    const wanted = input.IncludeKeyMaterial === 'ALL_KEY_MATERIAL' ? isListed : isCompleted
    const found = key.materials.filter((material) => wanted(material, key)).toSorted(byDate)
    const from = page.after === undefined ? 0 : found.findIndex(({ id }) => id === page.after) + 1
    if (page.after !== undefined && from === 0) fail('InvalidMarkerException')
    const shown = found.slice(from, from + page.limit)
    const more = from + page.limit < found.length
    return {
      Rotations: shown.map((material) => entryOf(key, material, now)),
      ...pageEnd('ListKeyRotations', more ? shown.at(-1)!.id : undefined),
    }
  },
})

export const rotateKeyOnDemand = operation('RotateKeyOnDemand', {
  on: { key: rotatable(['Enabled', 'Updating']) },
  mutates: true,
  async run(call) {
    const { key, records, now, settle } = call
    refuseTooOften(key, now)
    const material = key.origin === 'EXTERNAL' ? waiting(key, now) : await freshMaterial(key, call)
    const counted = withFields(key, { onDemandRotations: key.onDemandRotations + 1 })
    if (settle === 0 && isReachable(key, call)) {
      call.put(...(await rotate(counted, [{ material, at: now, type: 'ON_DEMAND' }], call)))
      return { KeyId: key.arn }
    }
    const rotated = { at: now + settle, type: 'ON_DEMAND', started: now } as const
    for (const member of await relatedKeys(records, key, now)) {
      const own = member.materials.find(({ id }) => id === material.id) ?? { ...material, opened: { slot: 0 } }
      const pending: Material = { ...own, state: 'PENDING_ROTATION', rotated }
      const materials = [...member.materials.filter(({ id }) => id !== own.id), pending]
      const next = withFields(member, { materials, onDemandRotations: counted.onDemandRotations })
      call.put(edits.putKey(next), edits.putMaterial(next, pending))
    }
    return { KeyId: key.arn }
  },
})

/** A key whose schedule can be set: symmetric, made by KMS in its own store, and not a replica. */
function scheduled(): Locator<Key> {
  const rest = rotatable(['Enabled', 'Updating'])
  return {
    ...rest,
    admit(key, call) {
      if (key.origin === 'EXTERNAL' && stateOf(key, call.now) === 'PendingImport') refuseOrigin(key)
      rest.admit(key, call)
      if (key.origin === 'EXTERNAL') refuseOrigin(key)
    },
  }
}

/** A key that can get new material: symmetric, not of a custom key store, and not a replica. */
function rotatable(states: readonly KeyState[]): Locator<Key> {
  const rest = existing('KeyId', states)
  return {
    ...rest,
    admit(key, call) {
      refuseCustomKeyStore(key)
      rest.admit(key, call)
      refuseAsymmetric(key)
      if (key.multiRegion && !isPrimary(key)) refuseReplica(key)
    },
  }
}

function refuseCustomKeyStore(key: Key): void {
  if (key.customKeyStoreId !== undefined) fail('UnsupportedOperationException')
}

function refuseAsymmetric(key: Key): void {
  if (key.spec !== 'SYMMETRIC_DEFAULT') fail('UnsupportedOperationException')
}

function refuseOrigin(key: Key): never {
  fail('UnsupportedOperationException', `${key.arn} origin is ${key.origin} which is not valid for this operation.`)
}

function refuseTooOften(key: Key, now: number): void {
  if (key.onDemandRotations >= ON_DEMAND_ROTATIONS) {
    fail(
      'LimitExceededException',
      `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${key.arn}`,
    )
  }
  if (underway(key)) fail('ConflictException', `${key.arn} is being rotated.`)
  if (key.rotation && key.rotation.next - now <= TOO_NEAR)
    fail('ConflictException', `${key.arn} is about to be rotated.`)
}

/** The imported material that waits for its rotation, and has not expired over it. */
function waiting(key: Key, now: number): Material {
  const found = key.materials.find((material) => material.state === 'PENDING_ROTATION' && isPresent(material, now))
  return (
    found ?? fail('KMSInvalidStateException', `No available key material pending rotation for the key: ${key.arn}.`)
  )
}

function isCompleted({ state, rotated }: Material): boolean {
  return rotated !== undefined && state !== 'PENDING_ROTATION'
}

/** All materials, but for one that KMS is still making. */
function isListed(material: Material, key: Key): boolean {
  return key.origin === 'EXTERNAL' || material.state !== 'PENDING_ROTATION'
}

/** The first, then those that came by rotation, then what waits. */
function byDate(a: Material, b: Material): number {
  const rank = ({ state, rotated }: Material) =>
    state.startsWith('PENDING') ? NEVER : state === 'CURRENT' ? NEVER - 1 : (rotated?.at ?? 0)
  return rank(a) - rank(b) || a.created - b.created || (a.id < b.id ? -1 : 1)
}

/** Dates are there for completed rotations alone, and what was imported says whether it is there, and until when. */
function entryOf(key: Key, material: Material, now: number): RotationsListEntry {
  const { id, state, description, expires } = material
  const imported = key.origin === 'EXTERNAL'
  const present = imported && isPresent(material, now)
  const rotated = isCompleted(material) ? material.rotated : undefined
  return {
    KeyId: key.arn,
    KeyMaterialId: id,
    KeyMaterialDescription: imported && description ? description : undefined,
    ImportState: imported ? (present ? 'IMPORTED' : 'PENDING_IMPORT') : undefined,
    KeyMaterialState: state,
    ExpirationModel: present
      ? expires === NEVER
        ? 'KEY_MATERIAL_DOES_NOT_EXPIRE'
        : 'KEY_MATERIAL_EXPIRES'
      : undefined,
    ValidTo: present && expires !== NEVER ? new Date(expires) : undefined,
    RotationDate: rotated && new Date(rotated.at),
    RotationType: rotated?.type,
  }
}
