/**
 * The pipeline: the only place that knows the order of steps. Shape, rules across fields, resources, authorization,
 * state and usage, dry run, the operation itself, commit, record. What need not wait does not: with its keys at hand, an
 * operation that changes nothing is answered without a promise.
 */
import assert from 'node:assert/strict'
import type { Trail } from './audit/trail.ts'
import { refusal, type Authority } from './authorize.ts'
import { after, type Eventually } from './backends/backend.ts'
import type { Context } from './context.ts'
import { fail, MissingResource, Unreachable } from './errors.ts'
import { tokensOf } from './granttoken.ts'
import type { Key } from './keys.ts'
import { OPERATIONS as MODEL, SHAPES, type RecipientInfo } from './model/kms.ts'
import { validator } from './model/validate.ts'
import { Call, type Ask, type Locator, type Operation, type Resource, type World } from './operation.ts'
import { OPERATIONS } from './operations/index.ts'
import { attested } from './recipient.ts'
import type { Regions } from './regions.ts'
import type { Records } from './store/cache.ts'
import { isConflict } from './store/store.ts'

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
  /** It knows a dry run. */
  readonly rehearses: boolean
  /** How many requests of AWS's it does at once, each of which goes on record; one, when absent. */
  readonly count?: ((input: never) => number) | undefined
}

/** What may stand in the way of a call once its keys are found, before anything is decided: quotas, and faults on cue. */
export interface Gate {
  /** Throws what the caller is to be told; undefined lets it through, and a promise does so later. */
  admit(entry: Prepared, call: Call): Promise<void> | undefined
  /** Hears of a call that is refused before: it is malformed, or there is no such key. Throws what is to be told instead. */
  refused?(entry: Prepared, call: Call): void
}

/** What a service is made of. */
export interface Parts extends World {
  readonly authority: Authority
  /** Undefined when nothing is to be put on record. */
  readonly trail: Trail | undefined
  readonly regions: Regions
  /** In the order they are passed; more may be put up while the service runs. */
  readonly gates: readonly Gate[]
}

export class Service {
  private readonly parts: Parts
  private readonly records: Records
  private readonly authority: Authority
  private readonly trail: Trail | undefined

  constructor(parts: Parts) {
    this.parts = parts
    this.records = parts.records
    this.authority = parts.authority
    this.trail = parts.trail
  }

  /** Runs the operation AWS calls `name`. Throws, or rejects with, a KmsError for everything AWS would refuse. */
  call(name: string, input: unknown, context: Context): unknown {
    return this.run(prepared(name), input, context)
  }

  run(entry: Prepared, input: unknown, context: Context): unknown {
    this.parts.regions.reach(context.region)
    // What cannot be put on record does not happen.
    const fault = this.trail?.fault()
    if (fault) throw fault
    return entry.mutates ? this.change(entry, input, context) : this.answer(entry, input, context)
  }

  private answer(entry: Prepared, input: unknown, context: Context): unknown {
    const call = this.open(entry, input, context)
    try {
      const output = this.attempt(entry, call, true)
      if (!(output instanceof Promise)) return this.answered(entry, call, output)
      return output.then(
        (done: unknown) => this.answered(entry, call, done),
        (error: unknown) => this.failed(entry, call, error),
      )
    } catch (error) {
      return this.failed(entry, call, error)
    }
  }

  private async change(entry: Prepared, input: unknown, context: Context): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const call = this.open(entry, input, context)
      try {
        const output = await this.attempt(entry, call, attempt === 1)
        if (!call.edits) return await this.answered(entry, call, output)
        const recorded = this.trail?.edit(entry, call, context, output) ?? []
        await this.records.commit([...call.edits, ...recorded])
        return output
      } catch (error) {
        if (!isConflict(error) || attempt === ATTEMPTS) return this.failed(entry, call, error)
      }
    }
  }

  private open(entry: Prepared, input: unknown, context: Context): Call {
    const scope = this.records.scope(context.region, context.caller.account)
    return new Call(entry.name, input, context, scope, this.parts)
  }

  /** `first` unless somebody else's commit came between: what was let through a gate once does not pass it again. */
  private attempt(entry: Prepared, call: Call, first: boolean): unknown {
    let located: Promise<void> | undefined
    try {
      entry.validate(call.input)
      entry.check?.(call.input as never)
      located = this.locate(entry, call, 0)
    } catch (error) {
      return this.turnAway(entry, call, first, error)
    }
    if (located === undefined) return this.enter(entry, call, first)
    return located.then(
      () => this.enter(entry, call, first),
      (error: unknown) => this.turnAway(entry, call, first, error),
    )
  }

  /** Who is refused before the gates has come to them all the same. */
  private turnAway(entry: Prepared, call: Call, first: boolean, error: unknown): never {
    if (first) for (const gate of this.parts.gates) gate.refused?.(entry, call)
    throw error
  }

  private enter(entry: Prepared, call: Call, first: boolean): unknown {
    return first && this.parts.gates.length > 0 ? this.pass(entry, call, 0) : this.perform(entry, call)
  }

  /** Passes the gates from the `from`th on. */
  private pass(entry: Prepared, call: Call, from: number): unknown {
    const { gates } = this.parts
    for (let i = from; i < gates.length; i++) {
      const held = gates[i]!.admit(entry, call)
      if (held !== undefined) return held.then(() => this.pass(entry, call, i + 1))
    }
    return this.perform(entry, call)
  }

  /** Finds the resources from the `from`th on; a promise only when one has to be awaited. */
  private locate(entry: Prepared, call: Call, from: number): Promise<void> | undefined {
    for (let i = from; i < entry.locators.length; i++) {
      const [name, locator] = entry.locators[i]!
      const found = this.find(locator, call, entry.actions[i]!)
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

  private find(locator: Locator<Resource>, call: Call, action: string): Eventually<Resource> {
    const concealed = (error: unknown) => this.conceal(error, locator, call, action)
    try {
      const found = locator.find(call)
      return found instanceof Promise ? found.catch(concealed) : found
    } catch (error) {
      return concealed(error)
    }
  }

  /** A missing resource of another account is denied as an existing one would be. */
  private conceal(error: unknown, locator: Locator<Resource>, call: Call, action: string): Eventually<never> {
    if (!(error instanceof MissingResource) || error.account === call.caller.account) throw error
    const { arn, account } = error
    const asked = this.permitOne({ action, resource: { arn, account } }, call, locator)
    // Nobody is allowed what is not there; should a policy of all accounts' keys have said yes, it is missing all the same.
    const missing = (): never => {
      throw error
    }
    return asked instanceof Promise ? asked.then(missing) : missing()
  }

  private perform(entry: Prepared, call: Call): unknown {
    const { GrantTokens: tokens, Recipient: recipient } = call.input as Presented
    if (recipient && !call.recipient) return this.attest(recipient, entry, call)
    if (tokens === undefined || tokens === null || tokens.length === 0) return this.decide(entry, call)
    return tokensOf(tokens, call.secrets).then((granted) => {
      call.granted = granted
      return this.decide(entry, call)
    })
  }

  /** Believes the recipient of an answer before anything is decided, for policies ask what it is; and sees it served. */
  private async attest(recipient: RecipientInfo, entry: Prepared, call: Call): Promise<unknown> {
    call.recipient = await attested(recipient, call)
    const output = await this.perform(entry, call)
    // What was meant for it alone must never go out in the clear instead.
    assert(
      (output as { CiphertextForRecipient?: unknown }).CiphertextForRecipient,
      `${entry.name} answers no recipient`,
    )
    return output
  }

  private decide(entry: Prepared, call: Call): unknown {
    const permitted = this.permit(entry, call, 0)
    return permitted === undefined ? this.proceed(entry, call) : permitted.then(() => this.proceed(entry, call))
  }

  /** Asks leave for what is done to each resource from the `from`th on, then for the rest. Most is known without asking. */
  private permit(entry: Prepared, call: Call, from: number): Promise<void> | undefined {
    const { locators, actions } = entry
    for (let i = from; i < locators.length; i++) {
      const [name, locator] = locators[i]!
      const action = actions[i]!
      const found = call[name]
      const access = (found as Partial<Key>).access
      if (access !== undefined && this.authority.isStanding(call, action, access)) continue
      // What an account lists of its own is no resource; what it would list of another's, it may not.
      const resource = locator.nowhere && found.account === call.caller.account ? undefined : found
      const asked = this.permitOne({ action, resource }, call, locator)
      if (asked instanceof Promise) return asked.then(() => this.permit(entry, call, i + 1))
    }
    if (locators.length > 0 && entry.asks === undefined) return undefined
    return this.permitMore(entry, call)
  }

  private async permitMore({ locators, asks, name }: Prepared, call: Call): Promise<void> {
    const own = locators.length === 0 ? [{ action: `kms:${name}`, resource: undefined }] : []
    for (const ask of [...own, ...((await asks?.(call)) ?? [])]) await this.permitOne(ask, call, undefined)
  }

  private permitOne(ask: Ask, call: Call, locator: Locator<Resource> | undefined): Eventually<void> {
    return after(this.authority.decide(ask, call), (decision) => {
      if (decision.allowed) return
      call.decisions = [decision]
      throw locator?.denial?.(call) ?? refusal(ask, call, decision)
    })
  }

  private proceed(entry: Prepared, call: Call): unknown {
    for (const [name, locator] of entry.locators) locator.admit(call[name], call)
    entry.require?.(call)
    if (entry.rehearses && (call.input as { DryRun?: boolean }).DryRun) {
      fail('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.')
    }
    return entry.run(call)
  }

  /** Puts a success on record, and notes the keys of a cryptographic one. */
  private answered(entry: Prepared, call: Call, output: unknown): unknown {
    const { trail } = this
    const number = trail?.succeeded(entry, call, call.context, output)
    for (let more = entry.count?.(call.input as never) ?? 1; more > 1; more--) {
      trail?.succeeded(entry, call, call.context, output)
    }
    const { requestId } = call.context
    if (entry.tracked) {
      for (let i = 0; i < entry.locators.length; i++) {
        this.records.lastUsage.note(call[entry.locators[i]![0]] as Key, call.operation, call.now, requestId, number)
      }
    }
    return trail?.mode === 'strict' ? trail.settled().then(() => output) : output
  }

  private failed(entry: Prepared, call: Call, error: unknown): Eventually<never> {
    // Whoever got no answer has reached nobody.
    if (error instanceof Unreachable) throw error
    const { trail } = this
    trail?.failed(entry, call, call.context, error)
    if (trail?.mode !== 'strict') throw error
    return trail.settled().then(() => {
      throw error
    })
  }
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

/** Adds to an entry what the pipeline wants to know beforehand; what is not its `own` is the model's. */
export function prepareEntry(entry: Operation, own: Pick<Partial<Prepared>, 'validate' | 'count'> = {}): Prepared {
  return {
    ...entry,
    count: own.count,
    validate: own.validate ?? validator(entry.name),
    actions: entry.locators.map(([, locator]) => locator.action ?? `kms:${entry.name}`),
    tracked: TRACKED.has(entry.name),
    rehearses: 'DryRun' in (SHAPES[MODEL[entry.name].input] as { members: object }).members,
  }
}
