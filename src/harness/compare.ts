/**
 * Whether one run was faster than another, and by how much: of each figure the interval in which it lies with 95 % confidence,
 * found by drawing the seconds of both runs anew, many times, in blocks, since neighbouring seconds are alike. What lies on both
 * sides of nothing is no difference. Runs of two machines, or of two questions, are not compared.
 */
import type { Environment, Interval, Measured, Pace, Tally } from './measured.ts'

/** The runs are no pair; the message says in which respects. */
export class Incomparable extends Error {}

export type Verdict = 'faster' | 'slower' | 'no difference' | 'undecided'

/** One figure of one operation, in both runs. */
export interface Difference {
  readonly operation: string
  readonly figure: 'throughput' | 'median' | 'p99'
  /** Operations a second, or microseconds. */
  readonly before: number
  readonly after: number
  /** How much faster it became, as parts: 0.1 is faster by 10 %; the ends of the interval. */
  readonly low: number
  readonly high: number
  readonly verdict: Verdict
}

export interface RunComparison {
  readonly differences: readonly Difference[]
  /** What a reader has to know before believing them. */
  readonly remarks: readonly string[]
}

export function compareRuns(before: Measured, after: Measured): RunComparison {
  const reasons = [...machinesApart(before.environment, after.environment), ...questionsApart(before, after)]
  if (reasons.length > 0) throw new Incomparable(`these runs cannot be compared: ${reasons.join('; ')}`)
  const pair = { before, after }
  const names = Object.keys(after.operations).filter((name) => name in before.operations)
  const isMix = names.length > 1
  const differences = [
    ...differencesOf(isMix ? 'all operations' : names[0]!, pair, figuresOf(after.pace)),
    ...(isMix ? names.flatMap((name) => differencesOf(name, pair, ['median', 'p99'], name)) : []),
  ]
  return { differences, remarks: remarksOn(pair) }
}

/** At a rate, throughput is what was asked for. */
const figuresOf = (pace: Pace): readonly Difference['figure'][] =>
  'rate' in pace ? ['median', 'p99'] : ['throughput', 'median', 'p99']

// Whether they may be compared --------------------------------------------------------------------

const TRAITS: Readonly<Partial<Record<keyof Environment, string>>> = {
  cpu: 'another CPU',
  cores: 'another number of cores',
  kernel: 'another kernel',
  node: 'another Node',
  governor: 'another CPU governor',
}

/** In which respects the machines differ; two that agree in all of them are still two. */
function machinesApart(before: Environment, after: Environment): readonly string[] {
  const traits = Object.entries(TRAITS) as [keyof Environment, string][]
  const apart = traits.flatMap(([trait, what]) => differs(what, before[trait], after[trait]))
  return apart.length === 0 && before.machine !== after.machine ? ['another machine of the same make'] : apart
}

function questionsApart(before: Measured, after: Measured): readonly string[] {
  const [was, is] = [before.workload, after.workload]
  return [
    ...differs('another mix of operations', mixOf(before), mixOf(after)),
    ...differs('another size', `${was.size} B`, `${is.size} B`),
    ...differs('another number of context pairs', was.contextPairs, is.contextPairs),
    ...differs('another number of keys', was.keys, is.keys),
    ...differs('another number of principals', was.principals, is.principals),
    ...differs('another distribution', distributionOf(was), distributionOf(is)),
    ...differs('another pace', paceOf(before.pace), paceOf(after.pace)),
  ]
}

function differs(what: string, before: string | number | undefined, after: string | number | undefined): string[] {
  return before === after ? [] : [`${what} (${before ?? 'not told'}, then ${after ?? 'not told'})`]
}

function mixOf({ workload }: Measured): string {
  return workload.operations
    .map(({ name, keySpec, weight }) => `${name} ${keySpec} ${Math.round(weight * 1000) / 10} %`)
    .join(', ')
}

const distributionOf = ({ distribution }: Measured['workload']): string =>
  distribution.kind === 'zipf' ? `zipf ${distribution.exponent}` : distribution.kind

const paceOf = (pace: Pace): string => ('rate' in pace ? `${pace.rate} a second` : `${pace.closed} at a time`)

// How much they differ ----------------------------------------------------------------------------

interface Pair {
  readonly before: Measured
  readonly after: Measured
}

interface Figure {
  readonly isBetterHigh: boolean
  /** Whether a second has it. */
  has(interval: Interval): boolean
  ofInterval(interval: Interval): number
  ofTally(tally: Tally): number
}

const FIGURES: Readonly<Record<Difference['figure'], Figure>> = {
  throughput: {
    isBetterHigh: true,
    has: () => true,
    ofInterval: ({ succeeded }) => succeeded,
    ofTally: ({ perSecond }) => perSecond,
  },
  median: { isBetterHigh: false, has: isAnswered, ofInterval: ({ p50 }) => p50, ofTally: ({ latency }) => latency.p50 },
  p99: { isBetterHigh: false, has: isAnswered, ofInterval: ({ p99 }) => p99, ofTally: ({ latency }) => latency.p99 },
}

/** A second in which nothing succeeded counts, but has no times. */
function isAnswered({ succeeded }: Interval): boolean {
  return succeeded > 0
}

/** With fewer seconds than these, how much they vary is not known. */
const SECONDS = 5

/**
 * Seconds are known of all operations together. Where one of several is asked for, its own figure is in the middle, and the
 * spread is that of all: what disturbs a second disturbs whatever runs in it.
 */
function differencesOf(
  operation: string,
  { before, after }: Pair,
  figures: readonly Difference['figure'][],
  name?: string,
): readonly Difference[] {
  const [was, is] = [before, after].map((run) => (name === undefined ? run.total : run.operations[name]!))
  return figures.map((figure) => {
    const { isBetterHigh, has, ofInterval, ofTally } = FIGURES[figure]
    const values = { before: ofTally(was!), after: ofTally(is!) }
    const [first, second] = [before, after].map(({ intervals }) => intervals.filter(has).map(ofInterval))
    if (Math.min(first!.length, second!.length) < SECONDS || values.before <= 0 || values.after <= 0)
      return { operation, figure, ...values, low: NaN, high: NaN, verdict: 'undecided' }
    const [from, to] = isBetterHigh ? [first!, second!] : [second!, first!]
    const middle = isBetterHigh ? values.after / values.before : values.before / values.after
    const scale = middle / (mean(to) / mean(from))
    const [low, high] = ratioInterval(from, to).map((ratio) => ratio * scale - 1) as [number, number]
    return { operation, figure, ...values, low, high, verdict: verdictOf(low, high) }
  })
}

const verdictOf = (low: number, high: number): Verdict => (low > 0 ? 'faster' : high < 0 ? 'slower' : 'no difference')

const DRAWS = 2000
const CONFIDENCE = 0.95

/** The interval in which the mean of `to` over that of `from` lies; the same for the same numbers. */
export function ratioInterval(from: readonly number[], to: readonly number[]): readonly [number, number] {
  const random = randomFrom(1)
  const ratios = Array.from({ length: DRAWS }, () => mean(redrawn(to, random)) / mean(redrawn(from, random)))
  ratios.sort((one, other) => one - other)
  const at = (part: number): number => ratios[Math.round(part * (DRAWS - 1))]!
  return [at((1 - CONFIDENCE) / 2), at((1 + CONFIDENCE) / 2)]
}

/** As many values, in blocks of neighbours that begin anywhere; the last is followed by the first. */
function redrawn(values: readonly number[], random: () => number): readonly number[] {
  const block = Math.max(1, Math.round(Math.cbrt(values.length)))
  let start = 0
  return values.map((_, i) => {
    if (i % block === 0) start = Math.floor(random() * values.length)
    return values[(start + (i % block)) % values.length]!
  })
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length

/** Numbers from 0 to 1, the same ones for a seed: a multiplicative generator modulo the prime 2^31 - 1. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return (state - 1) / 2_147_483_646
  }
}

// What else there is to know ----------------------------------------------------------------------

function remarksOn(pair: Pair): readonly string[] {
  return (Object.entries(pair) as [keyof Pair, Measured][]).flatMap(([which, { generator, total, intervals }]) => [
    ...(generator.limited ? [`the ${WHICH[which]} run was limited by what made the load, not by the target`] : []),
    ...(total.failed > 0
      ? [`in the ${WHICH[which]} run ${total.failed} requests failed, which are not in the times`]
      : []),
    ...(intervals.length < SECONDS
      ? [`the ${WHICH[which]} run has ${intervals.length} seconds; ${SECONDS} at least tell how much they vary`]
      : []),
  ])
}

const WHICH: Readonly<Record<keyof Pair, string>> = { before: 'first', after: 'second' }

// In words ----------------------------------------------------------------------------------------

/** A sentence for each difference, then the remarks. */
export function toldComparison({ differences, remarks }: RunComparison): string {
  return [...differences.map(sentence), ...remarks.map((remark) => `note: ${remark}`)]
    .map((line) => `${line}\n`)
    .join('')
}

function sentence({ operation, figure, before, after, low, high, verdict }: Difference): string {
  const said = {
    faster: () => `faster by ${percents(low, high)}`,
    slower: () => `slower by ${percents(-high, -low)}`,
    'no difference': () => {
      const doubt = high - low > WIDE ? ', but seconds vary too much to see a small one' : ''
      return `no difference${doubt} (between ${percent(low)} and ${percent(high)})`
    },
    undecided: () => 'too little was measured to tell',
  }[verdict]()
  return `${operation}, ${figure}: ${said}; ${amount(figure, before)} before, ${amount(figure, after)} after`
}

/** What lies in an interval wider than this may be a difference that matters. */
const WIDE = 0.2

/** `12–15 %`, with a digit more where they are near each other. */
function percents(from: number, to: number): string {
  const digits = to < 0.1 ? 1 : 0
  return `${(from * 100).toFixed(digits)}–${(to * 100).toFixed(digits)} %`
}

const percent = (part: number): string => `${part < 0 ? '−' : '+'}${Math.abs(part * 100).toFixed(1)} %`

function amount(figure: Difference['figure'], value: number): string {
  if (figure === 'throughput') return `${Math.round(value)}/s`
  return value >= 1000 ? `${(value / 1000).toFixed(2)} ms` : `${value.toFixed(1)} µs`
}
