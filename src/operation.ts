/**
 * What an operation is: one entry, which says only what AWS's model cannot tell, namely which resources it touches, in
 * which states, what must hold across fields, and what it does. `service.ts` walks them all.
 */
import { hasAlgorithm } from './algorithms.ts'
import type { Alias } from './aliases.ts'
import { arnOf, parseIdentifier } from './arn.ts'
import { after, type Backend, type Eventually, type Recipient } from './backends/backend.ts'
import { isFramed } from './ciphertext.ts'
import type { Clock, Instant } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { fail, KmsError, MissingResource } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Context } from './context.ts'
import type { Decision } from './decision.ts'
import type { Caller } from './identity.ts'
import { isGone, stateOf, withFields, type Key, type Material } from './keys.ts'
import { managedKey, managedServiceOf } from './managed.ts'
import { AWS_LIMITS, type Limits } from './limits.ts'
import type { Inputs, KeyState, KeyUsageType, OperationName, Outputs } from './model/kms.ts'
import type { Regions } from './regions.ts'
import { upToDate } from './rotation.ts'
import type { Secrets } from './secrets.ts'
import { materialOf, type Edit, type Records, type Scope } from './store/cache.ts'

/** One request under way: what it asks, who asks, when, and what it found. Handlers read it and record their edits. */
export class Call<I = unknown> {
  readonly operation: string
  readonly input: I
  readonly caller: Caller
  readonly context: Context
  /** The caller's account in the Region of the endpoint: what identifiers are relative to. */
  readonly scope: Scope
  readonly now: Instant
  readonly records: Records
  readonly backend: Backend
  /** Milliseconds that a key stays Creating or Updating, and a rotation on demand takes. */
  readonly settle: number
  /** Where new ids come from. */
  readonly entropy: Entropy
  readonly secrets: Secrets
  /** Which Regions can be reached. */
  readonly regions: Regions
  /** How much there may be of anything. */
  readonly limits: Limits
  /** Whether there is this principal; undefined when nobody can tell. */
  readonly knows: (arn: string) => boolean | undefined
  /** What the locators found, by the names the entry gave them. */
  key: Key = undefined as never
  source: Key = undefined as never
  destination: Key = undefined as never
  alias: AliasPlace = undefined as never
  principal: Resource = undefined as never
  /** The key material that made the request's ciphertext. */
  material: Material = undefined as never
  /** For whom the answer is, when the request has an attestation document that was believed. */
  recipient: Recipient | undefined
  /** The grant that the request names, if there is one. */
  grant: Grant | undefined
  /** The grant that allowed it, if one had to. */
  parent: Grant | undefined
  /** Ids of grants whose tokens came along. */
  granted: ReadonlySet<string> = NONE
  /** Why it was refused, if it was. */
  decisions: readonly Decision[] | undefined
  /** What is to be committed, all or none, before the answer goes out. */
  edits: Edit[] | undefined

  constructor(operation: string, input: I, context: Context, scope: Scope, world: World) {
    this.operation = operation
    this.input = input
    this.caller = context.caller
    this.context = context
    this.scope = scope
    this.now = world.clock()
    this.records = world.records
    this.backend = world.backend
    this.settle = world.settle
    this.entropy = world.entropy
    this.secrets = world.secrets
    this.regions = world.regions
    this.limits = world.limits ?? AWS_LIMITS
    this.knows = world.knows ?? (() => undefined)
  }

  put(...edits: Edit[]): void {
    this.edits = this.edits ? [...this.edits, ...edits] : edits
  }
}

/** What a call has to do with besides its request. */
export interface World {
  readonly records: Records
  readonly backend: Backend
  readonly clock: Clock
  readonly entropy: Entropy
  readonly secrets: Secrets
  readonly regions: Regions
  readonly settle: number
  /** AWS's when absent. */
  readonly limits?: Limits
  /** Whether there is this principal; undefined in an account of which nobody is known. */
  readonly knows?: (arn: string) => boolean | undefined
}

const NONE: ReadonlySet<string> = new Set()

/** What a policy can name: it has an ARN, and an account owns it. */
export interface Resource {
  readonly arn: string
  readonly account: string
}

/** A question of who may: an action, on a resource or on none in particular. */
export interface Ask {
  readonly action: string
  readonly resource: Resource | undefined
  /** Where, if not in the Region of the call. */
  readonly region?: string
}

/** The place of an alias, taken or free. */
export interface AliasPlace extends Resource {
  readonly name: string
  readonly alias: Alias | undefined
  /** An alias of this name whose key is gone, and which was not swept yet. */
  readonly left: Alias | undefined
}

/** What a locator looks for, as data: for documents and tests, which cannot look into functions. */
export interface About {
  readonly field: string
  /** Which identifiers the field takes: all four of a key, key ids and ARNs alone, or the name of an alias. */
  readonly forms: 'any' | 'key' | 'alias'
  /** The states in which it admits a key; all when absent. */
  readonly states?: readonly KeyState[]
  readonly usage?: KeyUsageType
  /** The field that names an algorithm; with a usage and without one, it is SYMMETRIC_DEFAULT. */
  readonly algorithm?: string
}

export interface Locator<T extends Resource> {
  readonly about?: About
  find(call: Call): Eventually<T>
  /** Refuses a resource in the wrong state or of the wrong usage; after authorization, as AWS does. */
  admit(found: T, call: Call): void
  /** The policy action asked about, where it is not `kms:` and the operation's name. */
  readonly action?: string
  /** An action on no resource in particular, though the request is about this one. */
  readonly nowhere?: boolean
  /** Says no without saying whether there is such a resource. */
  readonly denial?: (call: Call) => KmsError | undefined
}

type ResourceName = 'key' | 'source' | 'destination' | 'alias' | 'principal'
type Locators = { readonly [K in ResourceName]?: Locator<Call[K]> }
type Located<R extends Locators> = Pick<Call, Extract<keyof R, ResourceName>>
type CallOf<N extends OperationName, R extends Locators> = Omit<Call<Inputs[N]>, ResourceName> & Located<R>

export interface Entry<N extends OperationName, R extends Locators> {
  readonly on: R
  /** It changes records: its edits are committed, and it is run again should somebody else's commit come first. */
  readonly mutates?: boolean
  /** Rules across fields, or stricter than the model. */
  check?(input: Inputs[N]): void
  /** What has to be allowed besides the action on each resource. */
  asks?(call: CallOf<N, R>): Eventually<readonly Ask[]>
  /** Rules between what is asked and what was found; a dry run tells of them, too. */
  require?(call: CallOf<N, R>): void
  run(call: CallOf<N, R>): Eventually<Outputs[N]>
}

/** An entry as the pipeline sees it. */
export interface Operation {
  readonly name: OperationName
  readonly locators: readonly (readonly [ResourceName, Locator<Resource>])[]
  readonly mutates: boolean
  readonly check: ((input: never) => void) | undefined
  readonly asks: ((call: Call) => Eventually<readonly Ask[]>) | undefined
  readonly require: ((call: Call) => void) | undefined
  readonly run: (call: Call) => unknown
}

/** Declares an operation: the name fixes the shapes, `on` names the resources that `run` receives. */
export function operation<N extends OperationName, const R extends Locators>(name: N, entry: Entry<N, R>): Operation {
  return {
    name,
    locators: Object.entries(entry.on) as unknown as Operation['locators'],
    mutates: entry.mutates ?? false,
    check: entry.check,
    asks: entry.asks as unknown as Operation['asks'],
    require: entry.require as unknown as Operation['require'],
    run: entry.run as unknown as Operation['run'],
  }
}

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

/** The key called `name`, in any form, as this call meets it. */
export function find(call: Call, name: string): Eventually<Key> {
  const key = call.records.find(call.scope, name)
  if (!(key instanceof Promise) && call.now < key.calmUntil) return key
  const known = key instanceof Promise && call.context.via ? key.catch((missing) => made(missing, call, name)) : key
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
function met(key: Key | undefined, call: Call): Eventually<Key | undefined> {
  if (key === undefined || call.now < key.calmUntil) return key
  if (isGone(key, call.now)) return undefined
  return key.customKeyStoreId === undefined ? upToDate(key, call) : inStore(key, call)
}

/** A key in a custom key store is there as long as that store is connected. */
async function inStore(key: Key, { records }: Call): Promise<Key> {
  const store = await records.keyStores.find(key.region, key.account, key.customKeyStoreId!)
  return withFields(key, { unavailable: store?.state !== 'CONNECTED' })
}

/** A key that is gone has taken its aliases along. */
function missingKey({ arn, region, account }: Key, name: string): never {
  const named = parseIdentifier(name)
  if (named.kind === 'key') throw new MissingResource(`Key '${arn}' does not exist`, arn, account)
  missingAlias(arnOf(region, account, named.name), account)
}

function missingAlias(arn: string, account: string): never {
  throw new MissingResource(`Alias ${arn} is not found.`, arn, account)
}

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
