/** Faults on cue, for trying how callers take them: errors, broken connections and delays, where and as often as is said. */
import { setTimeout } from 'node:timers/promises'
import type { Backend, Eventually } from './backends/backend.ts'
import { faulty, type Whim } from './backends/faulty.ts'
import { NEVER } from './clock.ts'
import { seededEntropy, systemEntropy, type Entropy } from './entropy.ts'
import { KmsError, Unreachable } from './errors.ts'
import { OPERATIONS, type OperationName } from './model/kms.ts'
import type { Call } from './operation.ts'
import { millisOf, type Span } from './schedule.ts'
import type { Gate, Prepared } from './service.ts'

/** What goes wrong, in which calls. A call has to meet all that is said of it. */
export interface Fault {
  readonly operation?: OperationName
  /** A key's id or ARN, or its name as requests have it. */
  readonly key?: string
  /** The caller's account. */
  readonly account?: string
  readonly region?: string
  /** Strikes in the cryptography, after all has been decided, whichever call it is for. */
  readonly backend?: 'hsm'
  /** What AWS would answer: `ThrottlingException`, `KMSInternalException`, `DependencyTimeoutException` … */
  readonly error?: string
  /** The connection breaks, without an answer. */
  readonly drop?: boolean
  /** How much longer it takes, in real time, whether or not it fails in the end: `200ms`. */
  readonly latency?: Span
  /** No answer comes, ever: what waits for one fails when the room closes. */
  readonly hang?: boolean
  /** A byte of what the HSM answers is another: of a ciphertext, a plaintext, a signature. */
  readonly wrong?: boolean
  /** The HSM loses its sessions, as a token does that is unplugged and comes back. */
  readonly forget?: boolean
  /** What happens in the calls that come, one after the other, each as it says; `{}` is left alone. Then the fault is gone. */
  readonly script?: readonly Step[]
  /** How often it strikes, until it is gone; default: until it is removed. */
  readonly times?: number
  /** How many such calls are left alone first. */
  readonly after?: number
  /** How likely it strikes, from 0 to 1. */
  readonly probability?: number
  /** Makes chance the same each time. */
  readonly seed?: number
}

/** What goes wrong in one call. */
export type Step = Pick<Fault, 'error' | 'drop' | 'latency' | 'hang' | 'wrong' | 'forget'>

/** A fault that was added. */
export interface ActiveFault {
  readonly id: number
  readonly fault: Fault
  /** How often it has struck. */
  readonly hits: number
  remove(): void
}

/** Where faults strike: they are put up there as long as there are any, and cost nothing when there are none. */
export interface FaultPlace {
  readonly gates: Gate[]
  backend: Backend
  /** Backends of custom key stores come through `around`, where there is one. */
  readonly keyStores?: { around: ((backend: Backend) => Backend) | undefined }
}

/** What is to happen, and after how many milliseconds. */
interface Blow extends Required<Whim> {
  readonly latency: number
  readonly hang: boolean
  readonly failure: ((region: string) => Error) | undefined
}

export class Faults implements Gate {
  readonly #place: FaultPlace
  readonly #sound: Backend
  #active: Active[] = []
  #count = 0
  readonly #closing = new AbortController()

  constructor(place: FaultPlace) {
    this.#place = place
    this.#sound = place.backend
  }

  /** Throws a TypeError that says what is wrong with a fault. */
  add(fault: Fault): ActiveFault {
    requireFault(fault)
    const active = new Active(++this.#count, fault, () => this.#set(this.#active.filter((each) => each !== active)))
    this.#set([...this.#active, active])
    return active
  }

  list(): readonly ActiveFault[] {
    return this.#active
  }

  clear(): void {
    this.#set([])
  }

  /** Strikes a call before anything is decided about it. */
  admit(entry: Prepared, call: Call): Promise<void> | undefined {
    const struck = this.#strike(
      (fault) => fault.backend === undefined && isAbout(fault, entry, call),
      call.context.region,
    )
    return struck instanceof Promise ? struck.then(() => undefined) : undefined
  }

  /** Fails whatever still waits; no fault strikes any more. */
  close(): void {
    this.clear()
    this.#closing.abort()
  }

  #set(active: Active[]): void {
    this.#active = active
    const { gates } = this.#place
    const [inBackend, inCalls] = [true, false].map((is) =>
      active.some(({ fault }) => (fault.backend !== undefined) === is),
    )
    if (gates.includes(this) !== inCalls) {
      if (inCalls) gates.push(this)
      else gates.splice(gates.indexOf(this), 1)
    }
    const strike = () => this.#strike((fault) => fault.backend !== undefined, '')
    this.#place.backend = inBackend ? faulty(this.#sound, strike) : this.#sound
    if (this.#place.keyStores) this.#place.keyStores.around = inBackend ? (each) => faulty(each, strike) : undefined
  }

  /** Those that strike do so in the order they were added, up to the first that lets nothing through. */
  #strike(wanted: (fault: Fault) => boolean, region: string): Eventually<Whim | undefined> {
    let latency = 0
    let [wrong, forgets] = [false, false]
    for (const active of this.#active) {
      const blow: Blow | undefined = wanted(active.fault) ? active.strike() : undefined
      if (!blow) continue
      latency += blow.latency
      wrong ||= blow.wrong
      forgets ||= blow.forgets
      if (blow.hang) return this.#wait(NEVER)
      if (!blow.failure) continue
      if (latency === 0) throw blow.failure(region)
      return this.#wait(latency).then(() => {
        throw blow.failure!(region)
      })
    }
    const whim = wrong || forgets ? { wrong, forgets } : undefined
    return latency === 0 ? whim : this.#wait(latency).then(() => whim)
  }

  /** Waits so long, unless the room closes. */
  async #wait(millis: number): Promise<undefined> {
    const { signal } = this.#closing
    // What never comes keeps no process alive.
    const ref = millis < LONGEST
    try {
      for (let left = millis; left > 0; left -= LONGEST)
        await setTimeout(Math.min(left, LONGEST), undefined, { signal, ref })
    } catch (cause) {
      throw new KmsError('KMSInternalException', '', { cause })
    }
  }
}

/** A fault with its fortunes. */
class Active implements ActiveFault {
  readonly id: number
  readonly fault: Fault
  readonly remove: () => void
  hits = 0
  #seen = 0
  readonly #entropy: Entropy

  constructor(id: number, fault: Fault, remove: () => void) {
    this.id = id
    this.fault = fault
    this.remove = remove
    this.#entropy = fault.seed === undefined ? systemEntropy : seededEntropy(`fault ${fault.seed}`)
  }

  strike(): Blow | undefined {
    const { script, times = script?.length ?? Infinity, after = 0, probability = 1, backend } = this.fault
    if (++this.#seen <= after || this.hits >= times || !this.#chance(probability)) return undefined
    const step = script ? script[this.hits % script.length]! : this.fault
    if (++this.hits === times) this.remove()
    const { latency = 0, hang = false, wrong = false, forget: forgets = false } = step
    return { latency: millisOf(latency), hang, wrong, forgets, failure: failureOf(step, script ? undefined : backend) }
  }

  #chance(probability: number): boolean {
    return probability >= 1 || Number.parseInt(this.#entropy.hex(4), 16) < probability * 2 ** 32
  }
}

function failureOf(step: Step, backend: Fault['backend']): Blow['failure'] {
  const { error, drop, latency, hang, wrong, forget } = step
  if (drop) return (region) => new Unreachable(region, 'ECONNRESET')
  // A device of which nothing is said but that it is at fault is broken.
  const isBroken = backend !== undefined && latency === undefined && !hang && !wrong && !forget
  const code = error ?? (isBroken ? 'KMSInternalException' : undefined)
  return code === undefined ? undefined : () => new KmsError(code, MESSAGES[code])
}

/** The longest that a timer takes, in milliseconds. */
const LONGEST = 2 ** 31 - 1

const MESSAGES: Readonly<Record<string, string>> = {
  ThrottlingException: 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
}

function isAbout({ operation, key, account, region }: Fault, { name }: Prepared, call: Call): boolean {
  if (operation !== undefined && operation !== name) return false
  if (account !== undefined && account !== call.caller.account) return false
  if (region !== undefined && region !== call.context.region) return false
  return key === undefined || isWith(key, call)
}

function isWith(name: string, { key, source, destination, input }: Call): boolean {
  const { KeyId, SourceKeyId, DestinationKeyId } = input as Record<string, unknown>
  if ([KeyId, SourceKeyId, DestinationKeyId].includes(name)) return true
  return [key, source, destination].some((each: { id: string; arn: string } | undefined) => {
    return each !== undefined && (each.id === name || each.arn === name)
  })
}

// What may be said --------------------------------------------------------------------------------

const isText = (value: unknown) => typeof value === 'string' && value !== ''
const isSwitch = (value: unknown) => typeof value === 'boolean'
const isCount = (least: number) => (value: unknown) => Number.isSafeInteger(value) && (value as number) >= least

/** Each member of a fault: what it takes, in words. */
const MEMBERS: Readonly<Record<keyof Fault, readonly [is: (value: unknown) => boolean, takes: string]>> = {
  operation: [(value) => isText(value) && Object.hasOwn(OPERATIONS, value as string), 'the name of an operation'],
  key: [isText, "a key's id, ARN or name"],
  account: [(value) => /^\d{12}$/.test(String(value)), 'an account, 12 digits'],
  region: [isText, 'the name of a Region'],
  backend: [(value) => value === 'hsm', '`hsm`'],
  error: [(value) => /^[A-Z]\w*(Exception|Failure)$/.test(String(value)), 'the name of an exception'],
  drop: [isSwitch, 'true or false'],
  latency: [(value) => millisOf(value as Span) >= 0, 'a span of time'],
  hang: [isSwitch, 'true or false'],
  wrong: [isSwitch, 'true or false'],
  forget: [isSwitch, 'true or false'],
  script: [
    (value) => Array.isArray(value) && value.length > 0 && value.every(isStep),
    'a list of what goes wrong in turn',
  ],
  times: [isCount(1), 'a whole number from 1 on'],
  after: [isCount(0), 'a whole number'],
  probability: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
  seed: [isCount(0), 'a whole number'],
}

/** What a step may say, each as a fault does. */
const STEP = new Set(['error', 'drop', 'latency', 'hang', 'wrong', 'forget'])

function isStep(step: unknown): boolean {
  if (typeof step !== 'object' || step === null) return false
  return Object.entries(step).every(([name, value]) => STEP.has(name) && MEMBERS[name as keyof Step][0](value))
}

/** Throws a TypeError that says what is wrong with a fault. */
export function requireFault(fault: Fault): void {
  for (const [name, value] of Object.entries(fault)) {
    if (value === undefined) continue
    if (!Object.hasOwn(MEMBERS, name)) throw new TypeError(`\`${name}\` is nothing a fault has`)
    const [is, takes] = MEMBERS[name as keyof Fault]
    if (!is(value)) throw new TypeError(`\`${name}\` of a fault takes ${takes}`)
  }
  const { backend, operation, key, account, region, script } = fault
  const steps = script ?? [fault]
  const scoped = operation ?? key ?? account ?? region
  if (backend !== undefined && (scoped !== undefined || steps.some(({ drop }) => drop))) {
    throw new TypeError('a fault of a backend strikes whoever calls, and breaks no connection')
  }
  if (backend === undefined && steps.some(({ wrong = false, forget = false }) => wrong || forget)) {
    throw new TypeError('only a backend gives a `wrong` answer, or is made to `forget`')
  }
  if (script && [...STEP].some((name) => fault[name as keyof Step] !== undefined)) {
    throw new TypeError('a `script` says all that goes wrong')
  }
  const { error, drop = false, latency, hang = false } = fault
  const says = error !== undefined || latency !== undefined || drop || hang
  if (backend === undefined && !script && !says) {
    throw new TypeError('a fault has an `error`, a `latency`, or `drop: true`, or hangs')
  }
  if (steps.some(({ error, drop }) => error !== undefined && drop)) {
    throw new TypeError('a broken connection brings no `error`')
  }
}
