/**
 * What the records of one chunk have in common, written once and found again by identity: the same caller, the same way,
 * the same keys, the same parameters but for the maps among them. It lasts as long as the chunk, and so holds on to
 * nothing for longer.
 */
import type { Journal } from './journal.ts'
import type { ObservedCall, ObservedContext } from './observed.ts'
import type { Row } from './parameters.ts'
import { frameOf, successOf } from './told.ts'

interface Template {
  readonly number: number
  readonly row: Row
  readonly caller: unknown
  readonly origin: unknown
  readonly via: unknown
  readonly region: string
  readonly key: unknown
  readonly destination: unknown
  readonly material: unknown
  /** What the request says of its scalar parameters, in the order of the row's. */
  readonly scalars: readonly unknown[]
}

/** How many are told apart for one key before they are begun anew: looking for one is a walk. */
const FOR_A_KEY = 32

export class Templates {
  private readonly journal: Journal
  private readonly found = new Map<unknown, Template[]>()
  private last: Template | undefined

  constructor(journal: Journal) {
    this.journal = journal
  }

  /** The template of a frequent operation that succeeded, complete but for the maps of its parameters. */
  of(row: Row, call: ObservedCall, context: ObservedContext, output: unknown): number {
    const { last } = this
    if (last && fits(last, row, call, context)) return last.number
    return (this.last = this.look(row, call, context) ?? this.make(row, call, context, output)).number
  }

  /** The template of one that says nothing yet but who called for what, and how. */
  frame(row: Row, context: ObservedContext): number {
    const known = this.found.get(row)?.find((each) => isFrom(each, row, context))
    return (known ?? this.keep(row, row, context, UNKNOWN, () => this.journal.template(frameOf(row, context)))).number
  }

  /** Forgets all: the next chunk begins without. */
  clear(): void {
    this.found.clear()
    this.last = undefined
  }

  private look(row: Row, call: ObservedCall, context: ObservedContext): Template | undefined {
    return this.found.get(subjectOf(call))?.find((each) => fits(each, row, call, context))
  }

  private make(row: Row, call: ObservedCall, context: ObservedContext, output: unknown): Template {
    const parameters = row.request.filter((member) => !row.maps.includes(member))
    return this.keep(subjectOf(call), row, context, call, () =>
      this.journal.template({ ...frameOf(row, context), ...successOf(row, call, output, parameters) }),
    )
  }

  private keep(
    under: unknown,
    row: Row,
    { caller, origin, via, region }: ObservedContext,
    { key, source, destination, material, input }: ObservedCall,
    write: () => number,
  ): Template {
    const request = (input ?? {}) as Readonly<Record<string, unknown>>
    const scalars = row.scalars.map((member) => request[member])
    const number = write()
    const template = { number, row, caller, origin, via, region, key: key ?? source, destination, material, scalars }
    const others = this.found.get(under) ?? []
    this.found.set(under, others.length < FOR_A_KEY ? [...others, template] : [template])
    return template
  }
}

const UNKNOWN: ObservedCall = { input: undefined, now: 0 }

function subjectOf({ key, source }: ObservedCall): unknown {
  return key ?? source
}

function fits(template: Template, row: Row, call: ObservedCall, context: ObservedContext): boolean {
  if (!isFrom(template, row, context)) return false
  if (template.key !== (call.key ?? call.source) || template.material !== call.material) return false
  if (template.destination !== call.destination) return false
  const input = call.input as Readonly<Record<string, unknown>>
  const { scalars } = template
  const names = row.scalars
  for (let i = 0; i < names.length; i++) if (input[names[i]!] !== scalars[i]) return false
  return true
}

function isFrom(template: Template, row: Row, { caller, origin, via, region }: ObservedContext): boolean {
  return (
    template.row === row &&
    template.caller === caller &&
    template.origin === origin &&
    template.region === region &&
    template.via === via
  )
}
