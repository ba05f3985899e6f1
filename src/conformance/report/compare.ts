/** What changed between two reports, and whether they are of the same device at all. */
import type { Severity } from '../check.ts'
import type { Capability, Report, Throughput, Verdict } from '../report.ts'

/** One thing that tells devices apart. */
export interface Trait {
  readonly name: string
  readonly before: string
  readonly after: string
  readonly same: boolean
}

export interface Change {
  readonly id: string
  readonly title: string
  readonly severity: Severity
  /** Undefined where a report does not know the check. */
  readonly before: Verdict | undefined
  readonly after: Verdict | undefined
}

export interface Comparison {
  readonly before: { readonly started: string; readonly strongroom: string; readonly complete: boolean }
  /** The module and the token are the same in every trait. */
  readonly identical: boolean
  readonly traits: readonly Trait[]
  readonly better: readonly Change[]
  readonly worse: readonly Change[]
  /** Told now and not before, and the other way round. */
  readonly fresh: readonly Change[]
  readonly gone: readonly Change[]
  readonly unchanged: number
  readonly capabilities: readonly {
    readonly spec: string
    readonly algorithm: string
    readonly before: Capability['support'] | undefined
    readonly after: Capability['support'] | undefined
  }[]
  /** What became faster or slower by more than measuring again would make it; `ratio` is after to before. */
  readonly throughput: readonly {
    readonly what: string
    readonly before: number
    readonly after: number
    readonly ratio: number
  }[]
}

/** How bad a verdict is; what tells nothing has no rank. */
const RANKS: Partial<Record<Verdict, number>> = { passed: 0, failed: 1, hung: 2, crashed: 3 }

/** The part by which two measurements of the same device differ on a busy machine. */
const NOISE = 0.2

export function compare(before: Report, after: Report): Comparison {
  const traits = traitsOf(before, after)
  const changes = changesOf(before, after)
  const of = (...kinds: readonly Kind[]): readonly Change[] =>
    changes.filter((change) => kinds.includes(kindOf(change)))
  return {
    before: { started: before.started, strongroom: before.strongroom, complete: before.complete },
    identical: traits.every(({ same }) => same),
    traits,
    better: of('better'),
    worse: of('worse'),
    fresh: of('fresh'),
    gone: of('gone'),
    unchanged: of('unchanged').length,
    capabilities: capabilities(before, after),
    throughput: throughput(before, after),
  }
}

type Kind = 'better' | 'worse' | 'fresh' | 'gone' | 'unchanged'

function kindOf({ before, after }: Change): Kind {
  const [was, is] = [before && RANKS[before], after && RANKS[after]]
  if (was === is) return 'unchanged'
  if (was === undefined) return 'fresh'
  if (is === undefined) return 'gone'
  return is < was ? 'better' : 'worse'
}

function changesOf(before: Report, after: Report): readonly Change[] {
  return pairs(before.results, after.results, ({ id }) => id).map(([was, is]) => {
    const { id, title, severity } = (is ?? was)!
    return { id, title, severity, before: was?.verdict, after: is?.verdict }
  })
}

function capabilities(before: Report, after: Report): Comparison['capabilities'] {
  return pairs(before.capabilities, after.capabilities, ({ spec, algorithm }) => `${spec} ${algorithm}`)
    .map(([was, is]) => {
      const { spec, algorithm } = (is ?? was)!
      return { spec, algorithm, before: was?.support, after: is?.support }
    })
    .filter((each) => each.before !== each.after)
}

function throughput(before: Report, after: Report): Comparison['throughput'] {
  return pairs(before.throughput, after.throughput, nameOf).flatMap(([was, is]) => {
    if (!was || !is || was.operationsPerSecond <= 0) return []
    const ratio = is.operationsPerSecond / was.operationsPerSecond
    if (ratio < 1 + NOISE && ratio > 1 / (1 + NOISE)) return []
    return [{ what: nameOf(is), before: was.operationsPerSecond, after: is.operationsPerSecond, ratio }]
  })
}

function nameOf({ mechanism, subject, key, threads }: Throughput): string {
  return `${mechanism}, ${subject}, ${key} key, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
}

/** Each thing of either list with the one of the same name in the other, in the order of the second. */
function pairs<T>(
  before: readonly T[],
  after: readonly T[],
  name: (each: T) => string,
): [T | undefined, T | undefined][] {
  const [was, is] = [before, after].map((list) => new Map(list.map((each) => [name(each), each])))
  const names = new Set([...is!.keys(), ...was!.keys()])
  return [...names].map((each) => [was!.get(each), is!.get(each)])
}

const TRAITS: Readonly<Record<string, (report: Report) => string>> = {
  'Module (SHA-256)': ({ module }) => module.sha256,
  'Library version': ({ module }) => module.libraryVersion,
  'Cryptoki version': ({ module }) => module.cryptokiVersion,
  'Token manufacturer': ({ token }) => token.manufacturer,
  'Token model': ({ token }) => token.model,
  'Token serial number': ({ token }) => token.serial,
  'Token label': ({ token }) => token.label,
  'Hardware version': ({ token }) => token.hardwareVersion,
  'Firmware version': ({ token }) => token.firmwareVersion,
}

function traitsOf(before: Report, after: Report): readonly Trait[] {
  return Object.entries(TRAITS).map(([name, of]) => {
    const [was, is] = [of(before), of(after)]
    return { name, before: was, after: is, same: was === is }
  })
}
