/**
 * The pipeline: the only place that knows the order of steps. Shape, rules across fields, resources, authorization,
 * state and usage, dry run, the operation itself, commit. What need not wait does not: with its keys at hand, an
 * operation that changes nothing is answered without a promise.
 */
import assert from 'node:assert/strict'
import { authorize, denied } from './authorize.ts'
import type { Backend, Eventually } from './backends/backend.ts'
import type { Clock } from './clock.ts'
import type { Entropy } from './entropy.ts'
import { fail, MissingResource } from './errors.ts'
import { requireGrantTokens } from './granttoken.ts'
import type { Caller } from './identity.ts'
import type { Key } from './keys.ts'
import { OPERATIONS as MODEL, SHAPES, type RecipientInfo } from './model/kms.ts'
import { validator } from './model/validate.ts'
import { Call, type Locator, type Operation, type Resource } from './operation.ts'
import { OPERATIONS } from './operations/index.ts'
import { attested } from './recipient.ts'
import { Secrets } from './secrets.ts'
import type { Records } from './store/cache.ts'
import { isConflict } from './store/store.ts'

/** Who calls, and at which Region's endpoint. */
export interface Context {
  readonly caller: Caller
  readonly region: string
  /** What the door calls the request, if it calls it anything. */
  readonly requestId?: string
}

/** What requests of several operations bring along. */
interface Presented {
  readonly GrantTokens?: readonly string[]
  readonly Recipient?: RecipientInfo
}

/** How often an operation is run again because another one's commit came first; each round, one of them gets through. */
const ATTEMPTS = 1000

/** An entry with what the pipeline asks of the model, looked up once. */
export interface Prepared extends Operation {
  readonly validate: (input: unknown) => void
  readonly actions: readonly string[]
  /** GetKeyLastUsage tells of it. */
  readonly tracked: boolean
}

export class Service {
  private readonly records: Records
  private readonly backend: Backend
  private readonly clock: Clock
  private readonly settle: number
  private readonly entropy: Entropy
  private readonly secrets: Secrets

  /** `settle`: milliseconds that a key stays Creating or Updating, and a rotation on demand takes. */
  constructor(records: Records, backend: Backend, clock: Clock, settle: number, entropy: Entropy) {
    this.records = records
    this.backend = backend
    this.clock = clock
    this.settle = settle
    this.entropy = entropy
    this.secrets = new Secrets(records.store, backend, entropy)
  }

  /** Runs the operation AWS calls `name`. Throws, or rejects with, a KmsError for everything AWS would refuse. */
  call(name: string, input: unknown, context: Context): unknown {
    return this.run(prepared(name), input, context)
  }

  run(entry: Prepared, input: unknown, context: Context): unknown {
    entry.validate(input)
    entry.check?.(input as never)
    return entry.mutates ? this.change(entry, input, context) : this.answer(entry, input, context)
  }

  private answer(entry: Prepared, input: unknown, context: Context): unknown {
    const call = this.open(entry, input, context)
    const located = this.locate(entry, call, 0)
    return located === undefined
      ? this.perform(entry, call, context)
      : located.then(() => this.perform(entry, call, context))
  }

  private async change(entry: Prepared, input: unknown, context: Context): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const call = this.open(entry, input, context)
      await this.locate(entry, call, 0)
      const output = await this.perform(entry, call, context)
      try {
        if (call.edits) await this.records.commit(call.edits)
        return output
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS) throw error
      }
    }
  }

  private open(entry: Prepared, input: unknown, { caller, region }: Context): Call {
    const scope = this.records.scope(region, caller.account)
    return new Call(
      entry.name,
      input,
      caller,
      scope,
      this.clock(),
      this.records,
      this.backend,
      this.settle,
      this.entropy,
      this.secrets,
    )
  }

  /** Finds the resources from the `from`th on; a promise only when one has to be awaited. */
  private locate(entry: Prepared, call: Call, from: number): Promise<void> | undefined {
    for (let i = from; i < entry.locators.length; i++) {
      const [name, locator] = entry.locators[i]!
      const found = find(locator, call, entry.actions[i]!)
      if (found instanceof Promise) {
        return found.then((resource) => {
          call[name] = resource as never
          return this.locate(entry, call, i + 1)
        })
      }
      call[name] = found as never
    }
    return undefined
  }

  private perform(entry: Prepared, call: Call, context: Context): unknown {
    const { GrantTokens: tokens, Recipient: recipient } = call.input as Presented
    if (recipient && !call.recipient) return this.attest(recipient, entry, call, context)
    if (tokens === undefined || tokens === null || tokens.length === 0) return this.decide(entry, call, context)
    return requireGrantTokens(tokens, this.secrets).then(() => this.decide(entry, call, context))
  }

  /** Believes the recipient of an answer before anything is decided, for policies ask what it is; and sees it served. */
  private async attest(recipient: RecipientInfo, entry: Prepared, call: Call, context: Context): Promise<unknown> {
    call.recipient = await attested(recipient, call)
    const output = await this.perform(entry, call, context)
    // What was meant for it alone must never go out in the clear instead.
    assert(
      (output as { CiphertextForRecipient?: unknown }).CiphertextForRecipient,
      `${entry.name} answers no recipient`,
    )
    return output
  }

  private decide(entry: Prepared, call: Call, context: Context): unknown {
    const { locators, actions } = entry
    for (let i = 0; i < locators.length; i++) {
      const [name, locator] = locators[i]!
      const found = call[name]
      if (found.account !== call.caller.account) {
        const denial = locator.denial?.(call)
        if (denial) throw denial
      }
      authorize(call.caller, actions[i]!, found)
    }
    for (const [name, locator] of locators) locator.admit(call[name], call)
    entry.require?.(call)
    if ((call.input as { DryRun?: boolean }).DryRun) {
      fail('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.')
    }
    const output = entry.run(call)
    if (!entry.tracked) return output
    if (output instanceof Promise) return output.then((done: unknown) => this.track(done, entry, call, context))
    return this.track(output, entry, call, context)
  }

  /** Notes the keys of a cryptographic operation that has succeeded. */
  private track<T>(output: T, { locators }: Prepared, call: Call, { requestId }: Context): T {
    for (let i = 0; i < locators.length; i++) {
      this.records.lastUsage.note(call[locators[i]![0]] as Key, call.operation, call.now, requestId)
    }
    return output
  }
}

function find(locator: Locator<Resource>, call: Call, action: string): Eventually<Resource> {
  try {
    const found = locator.find(call)
    return found instanceof Promise ? found.catch((error: unknown) => conceal(error, call, action)) : found
  } catch (error) {
    return conceal(error, call, action)
  }
}

/** A missing resource of another account is denied as an existing one would be. */
function conceal(error: unknown, { caller }: Call, action: string): never {
  if (error instanceof MissingResource && error.account !== caller.account) throw denied(caller, action, error.arn)
  throw error
}

/** Cryptographic operations: each of them has keys and nothing else for its resources. */
const TRACKED = new Set<string>(SHAPES.KeyLastUsageTrackingOperation.enum)

const PREPARED = new Map<string, Prepared>()

/** The entry of an operation, ready to run; the typed refusal of one that AWS, or strongroom, does not have. */
export function prepared(name: string): Prepared {
  return PREPARED.get(name) ?? prepare(name)
}

function prepare(name: string): Prepared {
  if (!Object.hasOwn(MODEL, name)) fail('UnknownOperationException')
  const entry = OPERATIONS.get(name) ?? fail('UnsupportedOperationException', `${name} is not supported yet.`)
  const ready = prepareEntry(entry)
  PREPARED.set(name, ready)
  return ready
}

/** Adds to an entry what the pipeline wants to know beforehand; `validate` is the model's unless the entry has another. */
export function prepareEntry(entry: Operation, validate?: (input: unknown) => void): Prepared {
  return {
    ...entry,
    validate: validate ?? validator(entry.name),
    actions: entry.locators.map(([, locator]) => locator.action ?? `kms:${entry.name}`),
    tracked: TRACKED.has(entry.name),
  }
}
