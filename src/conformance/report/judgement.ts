/** What a report comes to: whether a token is fit to carry a KMS, in one sentence, and the reasons for it. */
import type { Severity } from '../check.ts'
import type { Report, Result } from '../report.ts'
import { grouped, kinOf } from './areas.ts'

export type Fitness = 'fit' | 'fit with emulation' | 'unfit' | 'undecided'

export interface Judgement {
  readonly fitness: Fitness
  readonly sentence: string
  readonly reasons: readonly string[]
}

export const SEVERITIES: readonly Severity[] = ['critical', 'major', 'minor', 'note']

/** Whether something was found that does not hold. */
export function isBad({ verdict }: Result): boolean {
  return verdict === 'failed' || verdict === 'crashed' || verdict === 'hung'
}

const SENTENCES: Readonly<Record<Fitness, string>> = {
  fit: 'This token is fit to carry a KMS.',
  'fit with emulation': 'This token is fit to carry a KMS, which does part of the work outside of it.',
  unfit: 'This token is unfit to carry a KMS.',
  undecided: 'The run was stopped before it could tell whether this token is fit to carry a KMS.',
}

export function judge(report: Report): Judgement {
  const fitness = fitnessOf(report)
  return {
    fitness,
    sentence: SENTENCES[fitness],
    reasons: [...obstacles(report), ...REMARKS.flatMap((of) => of(report))],
  }
}

function fitnessOf(report: Report): Fitness {
  if (obstacles(report).length > 0) return 'unfit'
  if (!report.complete || !report.results.some(({ verdict }) => verdict === 'passed')) return 'undecided'
  return report.capabilities.some(({ support }) => support === 'emulated') ? 'fit with emulation' : 'fit'
}

/** What each by itself makes a token unfit: keys at risk, or no key of the kind that every KMS has. */
function obstacles({ results, capabilities }: Report): string[] {
  const critical = results.filter((result) => isBad(result) && result.severity === 'critical')
  const lacking = capabilities.filter(({ spec, support }) => spec === 'SYMMETRIC_DEFAULT' && support === 'impossible')
  return [
    ...lacking.map(({ algorithm, how }) => `SYMMETRIC_DEFAULT: ${algorithm} is impossible${how ? ` (${how})` : ''}`),
    ...(critical.length === 0
      ? []
      : [`keys or data are at risk: ${count(critical.length, 'critical check')} did not hold (${some(critical)})`]),
  ]
}

/** As many as a sentence has room for, kin together. */
function some(results: readonly Result[]): string {
  const kin = grouped(results, kinOf).map(([name, own]) =>
    own.length === 1 ? own[0]!.id : `${name}, ${own.length} times`,
  )
  return [...kin.slice(0, 6), ...(kin.length > 6 ? ['and others'] : [])].join('; ')
}

const REMARKS: readonly ((report: Report) => string[])[] = [
  ({ results }) => {
    const down = results.filter(({ verdict }) => verdict === 'crashed' || verdict === 'hung')
    return down.length === 0
      ? []
      : [`${count(down.length, 'check')} brought the module down or never came back: run it with --isolate`]
  },
  ({ results }) => {
    const major = results.filter((result) => isBad(result) && result.severity === 'major')
    return major.length === 0 ? [] : [`${count(major.length, 'failure')} that a KMS has to work around`]
  },
  ({ capabilities }) => {
    const of = (kind: string): number => capabilities.filter(({ support }) => support === kind).length
    if (capabilities.length === 0) return ['what a KMS can do with its keys was not tried']
    return [
      `of ${count(capabilities.length, 'use')} of a key, ${of('native')} native, ${of('emulated')} emulated, ${of('impossible')} impossible`,
    ]
  },
  ({ complete }) => (complete ? [] : ['the report is partial: the run was stopped before its end']),
  ({ writes }) => (writes ? [] : ['nothing was stored: what only stored keys show was not checked (--write)']),
]

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
