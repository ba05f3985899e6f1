/** What operations are about: how each finds the keys and aliases that a request names, and in which states it takes them. */
import { hasAlgorithm } from './algorithms.ts'
import { parseIdentifier } from './arn.ts'
import { after, type Eventually } from './backends/backend.ts'
import { isFramed } from './ciphertext.ts'
import { fail, KmsError } from './errors.ts'
import { find, met, missingAlias } from './find.ts'
import { isGone, stateOf, type Key, type Material } from './keys.ts'
import type { KeyState, KeyUsageType } from './model/kms.ts'
import type { AliasPlace, Call, Locator } from './operation.ts'
import { materialOf } from './store/cache.ts'
import { NOT_CONNECTED } from './xks/problems.ts'

/**
 * A key to do cryptography with: named in any form, enabled, of this usage, and with the algorithm that the request
 * names in the field `algorithm`.
 */
export function usable(field: string, usage: KeyUsageType, algorithm?: string, action?: string): Locator<Key> {
  return {
    about: { field, forms: 'any', states: ['Enabled', 'Updating'], usage, algorithm },
    action,
    find: (call) => find(call, text(call, field)),
    admit(key, call) {
      refuseUnlessEnabled(key, call)
      if (key.usage !== usage) {
        fail(
          'InvalidKeyUsageException',
          `${key.arn} key usage is ${key.usage} which is not valid for ${call.operation}.`,
        )
      }
      requireAlgorithm(key, call, algorithm)
    },
  }
}

/** A key to manage, named by its id or key ARN alone, in one of these states, or in any. */
export function existing(field: string, states?: readonly KeyState[], action?: string): Locator<Key> {
  return {
    about: { field, forms: 'key', states },
    action,
    find(call) {
      const name = text(call, field)
      if (parseIdentifier(name).kind === 'alias') fail('NotFoundException', `Invalid keyId '${name}'`)
      return find(call, name)
    },
    admit: (key, call) => refuseUnless(key, call, states),
  }
}

/** A key to look at, named in any form, in one of these states, or in any. */
export function visible(field: string, states?: readonly KeyState[]): Locator<Key> {
  return {
    about: { field, forms: 'any', states },
    find: (call) => find(call, text(call, field)),
    admit: (key, call) => refuseUnless(key, call, states),
  }
}

/** The place of an alias in the caller's account, which must be free, or taken. */
export function aliasPlace(wanted: 'free' | 'taken'): Locator<AliasPlace> {
  return {
    about: { field: 'AliasName', forms: 'alias' },
    async find(call) {
      const name = text(call, 'AliasName')
      const { scope, records, now } = call
      const found = await records.alias(scope, name)
      const key = found && (await records.key(scope.realm.region, scope.account, found.target))
      const alive = key && !isGone(key, now)
      const alias = alive ? found : undefined
      return { arn: scope.arn(name), account: scope.account, name, alias, left: alive ? undefined : found }
    },
    admit({ alias, arn, account }) {
      if (wanted === 'free' && alias) fail('AlreadyExistsException', `An alias with the name ${arn} already exists`)
      if (wanted === 'taken' && !alias) missingAlias(arn, account)
    },
  }
}

/**
 * The key that made `input.CiphertextBlob`: the one `field` names, or else the one the ciphertext itself names, which
 * that of an asymmetric key does not.
 */
export function ciphertextKey(field: 'KeyId' | 'SourceKeyId', algorithm: string, action?: string): Locator<Key> {
  return {
    about: { field, forms: 'any', states: ['Enabled', 'Updating'], usage: 'ENCRYPT_DECRYPT', algorithm },
    action,
    find(call) {
      const name = (call.input as Record<string, string | undefined>)[field]
      if (name !== undefined && name !== null) return find(call, name)
      const blob = framedOf(call)
      if (blob === undefined) fail('ValidationException', `${field} is required with IGNORE_CIPHERTEXT.`)
      const found = call.records.findByCiphertext(call.scope.realm, blob)
      if (found && !(found instanceof Promise) && call.now < found.calmUntil) return found
      const present = after(found, (key) => met(key, call))
      return after(present, (key) => key ?? refuseCiphertext()) as Eventually<Key>
    },
    denial: (call) => ((call.input as Record<string, unknown>)[field] ? undefined : unknownCiphertext()),
    admit(key, call) {
      refuseUnlessEnabled(key, call)
      if (key.usage !== 'ENCRYPT_DECRYPT') fail('IncorrectKeyException', INCORRECT_KEY)
      requireAlgorithm(key, call, algorithm)
      call.material = materialFor(key, call)
    },
  }
}

/** The algorithm a request names, or leaves to its default, must be one the key has. */
function requireAlgorithm(key: Key, call: Call, field: string | undefined): void {
  const algorithm = (field === undefined ? undefined : text(call, field)) ?? 'SYMMETRIC_DEFAULT'
  if (algorithm === 'SYMMETRIC_DEFAULT' && key.spec === 'SYMMETRIC_DEFAULT') return
  if (hasAlgorithm(key.spec, key.usage, algorithm)) return
  fail('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`)
}

/** The material that made the request's ciphertext; the current one when that is left out of account. */
function materialFor(key: Key, call: Call): Material {
  const blob = key.spec === 'SYMMETRIC_DEFAULT' ? framedOf(call) : ciphertextOf(call)
  // An asymmetric key has one material for life, and its ciphertexts, often made outside, name none.
  if (blob === undefined || key.spec !== 'SYMMETRIC_DEFAULT') return key.current!
  return materialOf(key, blob) ?? fail('IncorrectKeyException', INCORRECT_KEY)
}

const INCORRECT_KEY = 'The key ID in the request does not identify a CMK that can perform this operation.'

/** One sentence for a key that is not there, is not here, or is not the caller's. */
function unknownCiphertext(): KmsError {
  return new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  )
}

function refuseCiphertext(): never {
  throw unknownCiphertext()
}

interface WithCiphertext {
  readonly CiphertextBlob?: Uint8Array
  readonly DryRun?: boolean
  readonly DryRunModifiers?: readonly string[]
}

/** The ciphertext of the request, which must be framed as ours are. */
function framedOf(call: Call): Uint8Array | undefined {
  const blob = ciphertextOf(call)
  return blob === undefined || isFramed(blob) ? blob : fail('InvalidCiphertextException')
}

/** The ciphertext of the request; undefined when a dry run asks to leave it out of account. */
function ciphertextOf(call: Call): Uint8Array | undefined {
  const { CiphertextBlob: blob, DryRun, DryRunModifiers } = call.input as WithCiphertext
  if (DryRun && DryRunModifiers?.includes('IGNORE_CIPHERTEXT')) return undefined
  if (!blob) {
    const message = "Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null"
    fail('ValidationException', `1 validation error detected: ${message}`)
  }
  return blob
}

const text = (call: Call, field: string): string => (call.input as Record<string, string>)[field]!

/** Cryptography wants a key that is Enabled, or Updating; most are calm, and then one look at the dates tells. */
function refuseUnlessEnabled(key: Key, { now }: Call): void {
  if (key.calmFrom <= now && now < key.calmUntil) return
  const state = stateOf(key, now)
  if (state !== 'Enabled' && state !== 'Updating') refuseState(key, state)
}

function refuseUnless(key: Key, { now }: Call, states: readonly KeyState[] | undefined): void {
  const state = stateOf(key, now)
  if (states && !states.includes(state)) refuseState(key, state, states)
}

/** What AWS says of a state that does not allow the operation (facts: key states; those of Creating and Updating are guesses). */
function refuseState(key: Key, state: KeyState, wanted?: readonly KeyState[]): never {
  if (wanted?.every((each) => each.startsWith('Pending'))) {
    fail('KMSInvalidStateException', `${key.arn} is not pending deletion.`)
  }
  if (state === 'Disabled') fail('DisabledException', `${key.arn} is disabled.`)
  if (state === 'Unavailable' && key.xksKeyId !== undefined) fail('KMSInvalidStateException', NOT_CONNECTED)
  fail('KMSInvalidStateException', `${key.arn} is ${WORDS[state]}.`)
}

const WORDS: Readonly<Record<KeyState, string>> = {
  Creating: 'creating',
  Enabled: 'enabled',
  Disabled: 'disabled',
  PendingDeletion: 'pending deletion',
  PendingImport: 'pending import',
  PendingReplicaDeletion: 'pending deletion',
  Unavailable: 'unavailable',
  Updating: 'updating',
}
