/**
 * The process that has the module in it. It is told which token, then one job after the other, and may be brought down by any of
 * them: whoever started it watches it. Nothing of what it needs to get in comes by its arguments or its environment.
 */
import { resolve } from 'node:path'
import type { KeySpec } from '../model/kms.ts'
import { capabilitiesOf } from './capabilities.ts'
import type { Check } from './check.ts'
import { Finding, Inapplicable } from './finding.ts'
import { CKM, CKR } from './cryptoki/numbers.ts'
import { nameOf } from './cryptoki/memory.ts'
import { Module, type Traced } from './cryptoki/module.ts'
import { Device, type Place } from './device.ts'
import { checksOf } from './plan.ts'
import { Recorder } from './recorder.ts'
import type { Capability, Report, Throughput, Verdict } from './report.ts'
import { measure } from './throughput.ts'
import { describeModule, describeToken, initialize, slotOf, Unusable, type Choice } from './token.ts'

/** What it is told first. */
export interface Opening extends Choice {
  readonly module: string
  readonly pin: string
  readonly soPin?: string | undefined
  /** The URL of another module that exports CHECKS. */
  readonly checks?: string | undefined
  /** The file that the last calls are kept in. */
  readonly recorder: string
}

export type Job =
  | { readonly check: string }
  | { readonly capabilities: KeySpec }
  | { readonly throughput: number; readonly seconds: number; readonly writes: boolean }

/** `driver` asks for a profile of our own driver's, which has to have the module for itself: nothing else is asked of that process. */
export type Order = { readonly open: Opening } | { readonly driver: Opening } | { readonly job: Job }

export interface Opened {
  readonly module: Omit<Report['module'], 'path' | 'sha256'>
  readonly token: Report['token']
}

/** What came of a check that came to an end. */
export interface Outcome {
  readonly verdict: Exclude<Verdict, 'crashed' | 'hung' | 'skipped'>
  readonly expected?: string
  readonly observed?: string
  readonly remark?: string
  readonly milliseconds: number
  readonly trace: readonly Traced[]
}

export type Product = Outcome | readonly Capability[] | readonly Throughput[]

export type Answer =
  | { readonly opened: Opened }
  | { readonly profile: unknown }
  /** What came of the job, and whether the module is as it was before. */
  | { readonly product: Product; readonly isClean: boolean }
  | { readonly problem: string }

class Bench {
  readonly #module: Module
  readonly #place: Place
  readonly #checks: ReadonlyMap<string, Check>
  readonly #recorder: Recorder
  readonly #listener: Module['onCall']

  static async open(opening: Opening): Promise<{ bench: Bench; opened: Opened }> {
    const checks = await checksOf(opening.checks)
    const recorder = new Recorder(opening.recorder)
    const module = new Module(resolve(opening.module))
    module.onCall = (traced) => recorder.note(traced)
    const rv = initialize(module)
    if (rv !== CKR.OK) throw new Unusable(`C_Initialize answered ${nameOf(CKR, 'CKR', rv)}`)
    const place: Place = { slot: slotOf(module, opening), pin: opening.pin, soPin: opening.soPin }
    const device = new Device(module, place)
    login(device)
    const bench = new Bench(module, place, checks, recorder)
    return { bench, opened: { module: describeModule(module), token: describeToken(device) } }
  }

  private constructor(module: Module, place: Place, checks: readonly Check[], recorder: Recorder) {
    this.#module = module
    this.#place = place
    this.#checks = new Map(checks.map((check) => [check.id, check]))
    this.#recorder = recorder
    this.#listener = module.onCall
  }

  async do(job: Job): Promise<Answer> {
    this.#recorder.forget()
    // A device asks for each mechanism anew, which nobody wants to read, and which takes its time to be written down.
    this.#module.onCall = undefined
    const device = new Device(this.#module, this.#place)
    this.#module.onCall = this.#listener
    const product = await this.#product(job, device)
    device.tidy()
    return { product, isClean: isUsable(device) }
  }

  async #product(job: Job, device: Device): Promise<Product> {
    if ('check' in job) return this.#outcome(this.#checks.get(job.check)!, device)
    if ('capabilities' in job) return capabilitiesOf(device, job.capabilities)
    this.#module.onCall = undefined
    try {
      return await measure(device, job)
    } finally {
      this.#module.onCall = this.#listener
    }
  }

  async #outcome(check: Check, device: Device): Promise<Outcome> {
    const lacking = (check.needs ?? []).find((name) => !device.announces(CKM[name]))
    if (lacking !== undefined) {
      const remark = `the token does not announce CKM_${lacking}`
      return { verdict: 'inapplicable', remark, milliseconds: 0, trace: [] }
    }
    const began = performance.now()
    const found = await ending(() => check.run(device))
    const milliseconds = Math.round((performance.now() - began) * 10) / 10
    return { ...found, milliseconds, trace: found.verdict === 'failed' ? this.#recorder.last() : [] }
  }
}

async function ending(act: () => void | Promise<void>): Promise<Omit<Outcome, 'milliseconds' | 'trace'>> {
  try {
    await act()
    return { verdict: 'passed' }
  } catch (error) {
    if (error instanceof Inapplicable) return { verdict: 'inapplicable', remark: error.message }
    if (error instanceof Finding) {
      const { expected, observed, message } = error
      const says = message.startsWith('expected ') ? {} : { remark: message }
      return { verdict: 'failed', expected, observed, ...says }
    }
    const observed = `the check broke off: ${error instanceof Error ? error.message : 'for no known reason'}`
    return { verdict: 'failed', expected: 'a check that comes to an end', observed }
  }
}

/** Tries the PIN once, lest every check tries a wrong one until it is locked. */
function login(device: Device): void {
  const { rv, handle } = device.open()
  const answer = rv === CKR.OK ? device.login(handle) : rv
  device.tidy()
  if (answer !== CKR.OK) throw new Unusable(`the token did not let us in: ${nameOf(CKR, 'CKR', answer)}`)
}

/** Whether the next check finds the module as the last one did. */
function isUsable(device: Device): boolean {
  const { rv } = device.open()
  device.call('C_CloseAllSessions', device.slot)
  return rv === CKR.OK
}

function answer(said: Answer): void {
  process.send!(said)
}

let bench: Bench | undefined

async function obey(order: Order): Promise<Answer> {
  // Our driver is not for who tries the module by itself.
  if ('driver' in order) return { profile: await (await import('./driver.ts')).profileOf(order.driver) }
  if ('job' in order) return bench!.do(order.job)
  const begun = await Bench.open(order.open)
  bench = begun.bench
  return { opened: begun.opened }
}

// The terminal's Ctrl-C is for whoever started us, who ends us in its own time.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
process.on('disconnect', () => process.exit())
process.on('message', (order: Order) => {
  obey(order).then(answer, (error: unknown) => {
    answer({ problem: error instanceof Error ? error.message : 'it failed for no known reason' })
  })
})
