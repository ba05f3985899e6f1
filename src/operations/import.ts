/** Key material from outside: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial. */
import { offered, orUnmade, type Imported } from '../backends/backend.ts'
import { DAY, NEVER, type Instant } from '../clock.ts'
import { fail } from '../errors.ts'
import { isPresent, isPrimary, newMaterial, stateOf, withFields, type Key, type Material } from '../keys.ts'
import type { ImportKeyMaterialRequest, KeyState } from '../model/kms.ts'
import { existing } from '../locators.ts'
import { operation, type Call, type Locator } from '../operation.ts'
import { refuseReplica, relatedKeys } from '../related.ts'
import { edits } from '../store/cache.ts'
import { canWrap } from '../wrapping.ts'

/** How long the parameters of an import are good. */
const TOKEN_LIFE = DAY
/** How far ahead material may expire. */
const LONGEST = 365 * DAY

export const getParametersForImport = operation('GetParametersForImport', {
  on: { key: external(['Enabled', 'Disabled', 'PendingImport']) },
  require({ input: { WrappingAlgorithm, WrappingKeySpec }, key }) {
    if (!canWrap(key.spec, WrappingAlgorithm, WrappingKeySpec, key.region)) {
      fail(
        'UnsupportedOperationException',
        `WrappingAlgorithm ${WrappingAlgorithm} and WrappingKeySpec ${WrappingKeySpec} are not supported for key spec ${key.spec}.`,
      )
    }
  },
  async run({ input, key, backend, now }) {
    const expiry = now + TOKEN_LIFE
    const importer = offered(backend.importer)
    const { token, publicKey } = await importer.parameters(key, input.WrappingKeySpec, input.WrappingAlgorithm, expiry)
    return { KeyId: key.arn, ImportToken: token, PublicKey: publicKey, ParametersValidTo: new Date(expiry) }
  },
})

export const importKeyMaterial = operation('ImportKeyMaterial', {
  on: { key: external(['Enabled', 'Disabled', 'PendingImport', 'Updating']) },
  mutates: true,
  check({ ExpirationModel, ValidTo }) {
    const expires = (ExpirationModel ?? 'KEY_MATERIAL_EXPIRES') === 'KEY_MATERIAL_EXPIRES'
    if (expires && !ValidTo) {
      fail('ValidationException', 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
    }
    if (!expires && ValidTo) {
      fail('ValidationException', `A validTo date must not be set if the ExpirationModel is ${ExpirationModel}`)
    }
  },
  require({ input, key, now }) {
    requireDate(input.ValidTo, now)
    if (key.spec !== 'SYMMETRIC_DEFAULT') refuseChoices(key, input)
    if (!isNew(key, input)) return
    if (input.KeyMaterialId)
      fail('ValidationException', 'KeyMaterialId cannot be set if the ImportType is NEW_KEY_MATERIAL')
    if (key.multiRegion && !isPrimary(key)) refuseReplica(key)
  },
  async run(call) {
    const { input, key, backend, now } = call
    const importer = offered(backend.importer)
    const imported = await importer.import(key, input.ImportToken, input.EncryptedKeyMaterial, now)
    const known = key.materials.find(({ id }) => id === imported.id)
    const check = () =>
      isNew(key, input) ? requireRoom(key, imported, known) : requireSame(imported, known, input.KeyMaterialId)
    await orUnmade(check, imported, backend)
    const material: Material = {
      ...(known ?? fresh(key, imported, now)),
      token: imported.token,
      expires: input.ValidTo?.getTime() ?? NEVER,
      description: input.KeyMaterialDescription ?? known?.description ?? '',
      opened: { slot: 0 },
    }
    if (isWaiting(material)) await share(call, material)
    else {
      // What a key lacked is there again, and AWS enables it whatever it was before.
      const enabled = key.enabled || stateOf(key, now) === 'PendingImport'
      const currentId = key.currentId || material.id
      const publicKey = key.publicKey ?? imported.publicKey
      put(call, withFields(key, { enabled, currentId, publicKey }), material)
    }
    return { KeyId: key.arn, KeyMaterialId: materialIdOf(key, material) }
  },
})

export const deleteImportedKeyMaterial = operation('DeleteImportedKeyMaterial', {
  on: { key: external(['Enabled', 'Disabled', 'PendingImport', 'PendingDeletion', 'PendingReplicaDeletion']) },
  mutates: true,
  async run(call) {
    const { input, key, records, now } = call
    const named = input.KeyMaterialId ?? key.currentId
    const material = key.materials.find(({ id }) => id === named)
    if (!material) {
      // A key that nothing was ever imported into has nothing to lose.
      if (key.materials.length === 0) return { KeyId: key.arn }
      fail('NotFoundException', `Key material '${named}' does not exist`)
    }
    if (isWaiting(material) && (!key.multiRegion || isPrimary(key))) {
      // Never used, it is no part of the key, nor of any related one.
      for (const member of await relatedKeys(records, key, now)) take(call, member, material.id)
    } else if (material.token) put(call, key, { ...material, token: undefined, expires: NEVER, opened: { slot: 0 } })
    return { KeyId: key.arn, KeyMaterialId: materialIdOf(key, material) }
  },
})

/** A key made for imported material, in one of these states; of any other, all but a passing state counts less than that. */
function external(states: readonly KeyState[]): Locator<Key> {
  const rest = existing('KeyId', states)
  return {
    ...rest,
    admit(key, call) {
      const state = stateOf(key, call.now)
      if (state === 'Creating' || state === 'Updating') rest.admit(key, call)
      if (key.origin !== 'EXTERNAL') {
        fail(
          'UnsupportedOperationException',
          `${key.arn} origin is ${key.origin} which is not valid for this operation.`,
        )
      }
      rest.admit(key, call)
    },
  }
}

/** AWS's words for a date out of bounds are unconfirmed. */
function requireDate(date: Date | undefined, now: Instant): void {
  if (!date) return
  if (date.getTime() <= now) fail('ValidationException', 'The validTo date must be in the future')
  if (date.getTime() > now + LONGEST) fail('ValidationException', 'The validTo date must be within 365 days')
}

/** Asymmetric and HMAC keys have one material for life, so that there is nothing to choose. */
function refuseChoices(key: Key, input: ImportKeyMaterialRequest): void {
  for (const member of ['ImportType', 'KeyMaterialId', 'KeyMaterialDescription'] as const) {
    if ((input[member] ?? undefined) !== undefined) {
      fail('ValidationException', `${member} is not supported for key spec ${key.spec}`)
    }
  }
}

/** The first import is of new material, and later ones of the same, unless they say otherwise. */
function isNew(key: Key, { ImportType }: ImportKeyMaterialRequest): boolean {
  return ImportType ? ImportType === 'NEW_KEY_MATERIAL' : key.materials.length === 0
}

/** New material must be new, and alone in waiting for its rotation. */
function requireRoom(key: Key, { id }: Imported, known: Material | undefined): void {
  const other = key.materials.find((material) => isWaiting(material) && material.id !== id)
  if (other) {
    fail(
      'KMSInvalidStateException',
      `New key material (id: ${id}) cannot be imported into KMS key ${key.id}, because another key material (id: ${other.id}) is pending rotation.`,
    )
  }
  if (known && !isWaiting(known)) {
    fail('IncorrectKeyMaterialException', 'The key material is already associated with the KMS key.')
  }
}

function requireSame({ id }: Imported, known: Material | undefined, named: string | undefined): void {
  if (!known) fail('IncorrectKeyMaterialException', 'The key material was never imported into the KMS key before.')
  if (named && named !== id) {
    fail('IncorrectKeyMaterialException', 'The key material is not the one that KeyMaterialId identifies.')
  }
}

/** The first material is current at once; any later one waits. */
function fresh(key: Key, { id, token }: Imported, now: Instant): Material {
  const material = newMaterial(id, token, now)
  return key.materials.length === 0 ? material : { ...material, state: 'PENDING_ROTATION' }
}

function isWaiting({ state }: Material): boolean {
  return state.startsWith('PENDING')
}

/** Imported `material` of a set of related keys may become current once each of them has it; until then, each knows of it. */
async function share(call: Pick<Call, 'key' | 'records' | 'now' | 'put'>, material: Material): Promise<void> {
  const { key, records, now } = call
  const absent = { ...material, token: undefined, expires: NEVER, version: 0 }
  const rows = (await relatedKeys(records, key, now)).map((member) => {
    const own = member.materials.find(({ id }) => id === material.id) ?? { ...absent, opened: { slot: 0 } }
    return { member, row: member.region === key.region ? material : own }
  })
  const state = rows.every(({ row }) => isPresent(row, now))
    ? 'PENDING_ROTATION'
    : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
  for (const { member, row } of rows) put(call, member, { ...row, state })
}

/** Stores `key` with `material`, be it new or another version of one it has. */
function put(call: Pick<Call, 'put'>, key: Key, material: Material): void {
  const former = key.materials.find(({ id }) => id === material.id)
  const others = key.materials.filter((each) => each !== former)
  const next = withFields(key, { materials: [...others, material] })
  call.put(edits.putKey(next), edits.putMaterial(next, material, former))
}

/** Takes a material out of a key that has it. */
function take(call: Pick<Call, 'put'>, key: Key, id: string): void {
  const material = key.materials.find((each) => each.id === id)
  if (!material) return
  const next = withFields(key, { materials: key.materials.filter((each) => each !== material) })
  call.put(edits.putKey(next), edits.eraseMaterial(key, material))
}

/** AWS tells the key material of symmetric keys alone. */
function materialIdOf(key: Key, material: Material): string | undefined {
  return key.spec === 'SYMMETRIC_DEFAULT' ? material.id : undefined
}
