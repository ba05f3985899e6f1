/** The words and signs that verdicts and severities are told by: never by colour alone. */
import type { Severity } from '../../check.ts'
import type { Capability, Verdict } from '../../report.ts'
import { markup, type Markup } from '../../../page/markup.ts'

export const VERDICTS: Readonly<
  Record<Verdict, { readonly sign: string; readonly word: string; readonly means: string }>
> = {
  crashed: { sign: '✸', word: 'crashed', means: 'the process of the module ended' },
  hung: { sign: '◷', word: 'hung', means: 'a call did not come back' },
  failed: { sign: '✕', word: 'failed', means: 'it does not hold' },
  passed: { sign: '✓', word: 'passed', means: 'it holds' },
  inapplicable: { sign: '–', word: 'inapplicable', means: 'the token does not have what it is about' },
  skipped: { sign: '·', word: 'skipped', means: 'it was not tried' },
}

export const SUPPORT: Readonly<Record<Capability['support'], { readonly sign: string; readonly means: string }>> = {
  native: { sign: '●', means: 'in the token' },
  emulated: { sign: '◐', means: 'partly outside of it' },
  impossible: { sign: '○', means: 'not at all' },
}

export const MEANINGS: Readonly<Record<Severity, string>> = {
  critical: 'keys or data are at risk',
  major: 'a KMS cannot be built on it',
  minor: 'it is in the way',
  note: 'a remark',
}

export function verdictBadge(verdict: Verdict): Markup {
  const { sign, word } = VERDICTS[verdict]
  return markup`<span class="badge ${verdict}"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

export function severityBadge(severity: Severity): Markup {
  return markup`<span class="badge severity ${severity}">${severity}</span>`
}
