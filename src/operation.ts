/**
 * What an operation is: one entry, which says only what AWS's model cannot tell, namely which resources it touches, in
 * which states, what must hold across fields, and what it does. `service.ts` walks them all.
 */
import type { Alias } from './aliases.ts'
import type { Backend, Eventually, Recipient } from './backends/backend.ts'
import type { Clock, Instant } from './clock.ts'
import type { Context } from './context.ts'
import type { Decision } from './decision.ts'
import type { Entropy } from './entropy.ts'
import type { KmsError } from './errors.ts'
import type { Grant } from './grants.ts'
import type { Caller } from './identity.ts'
import type { Key, Material } from './keys.ts'
import type { KeyStore, Properties } from './keystores.ts'
import { AWS_LIMITS, type Limits } from './limits.ts'
import type { Inputs, KeyState, KeyUsageType, OperationName, Outputs } from './model/kms.ts'
import type { Regions } from './regions.ts'
import type { Secrets } from './secrets.ts'
import type { Edit, Records, Scope } from './store/cache.ts'

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
  readonly keyStores: KeyStoreBackends | undefined
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
  /** The custom key store that the request is about, if there is one. */
  keyStore: KeyStore | undefined
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
    this.keyStores = world.keyStores
    this.settle = world.settle
    this.entropy = world.entropy
    this.secrets = world.secrets
    this.regions = world.regions
    this.limits = world.limits ?? AWS_LIMITS
    this.knows = world.knows ?? (() => undefined)
  }

  /** Where `key` is: most are where the KMS has its own. */
  backendOf(key: Key): Backend {
    return key.customKeyStoreId === undefined ? this.backend : this.keyStores!.backendOf(key, this)
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
  /** Where custom key stores lead; nowhere when absent. */
  readonly keyStores?: KeyStoreBackends
  /** AWS's when absent. */
  readonly limits?: Limits
  /** Whether there is this principal; undefined in an account of which nobody is known. */
  readonly knows?: (arn: string) => boolean | undefined
}

/** What those outside are told of a call. */
export type Asking = Pick<Call, 'operation' | 'caller' | 'context' | 'entropy'>

/** A custom key store to be, among the `others` of its account in a Region; `before`, when it is there already. */
export interface WantedKeyStore extends Properties {
  readonly region: string
  readonly secret: string
  readonly others: readonly KeyStore[]
  readonly before?: KeyStore
}

/** What is behind custom key stores: clusters and external key managers, as far as they are connected. */
export interface KeyStoreBackends {
  /** Where a key of a connected store is, for what this call does. Throws KMSInvalidStateException when nothing is there. */
  backendOf(key: Key, call: Asking): Backend
  /** Where new keys of a connected store are made, and random bytes. */
  backendIn(store: KeyStore): Backend
  /** Refuses what a store is to be of when it is not there, or not as it should be. */
  examine(wanted: WantedKeyStore, call: Asking): Promise<void>
  /** Refuses an external key that is not there, or is none to encrypt with. */
  requireKey(store: KeyStore, xksKeyId: string, call: Asking): Promise<void>
  /** Begins to do what the store's state says is under way; hears of each state once it is durable. */
  follow(store: KeyStore): void
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
