/** What the command line needs of all this, behind one import: it brings the package along that calls modules. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checksOf, planOf, type Planned } from './plan.ts'
import { compare } from './report/compare.ts'
import { html } from './report/html.ts'
import { isBad } from './report/judgement.ts'
import { junit } from './report/junit.ts'
import { tap } from './report/tap.ts'
import type { Report, Verdict } from './report.ts'
import { appear } from '../whole.ts'

export { run, type Target } from './runner.ts'
export { REPORT_SCHEMA } from './schema.ts'
export { Unusable } from './token.ts'

/** What is to be tried, of our checks or those that the module at a URL exports. */
export async function planned(checks: string | undefined, patterns?: readonly string[]): Promise<readonly Planned[]> {
  return planOf(await checksOf(checks), patterns)
}

/** Writes the report in all its forms. */
export async function write(folder: string, report: Report, earlier: Report | undefined): Promise<void> {
  await mkdir(folder, { recursive: true })
  const compared = earlier && compare(earlier, report)
  const forms = {
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
    'report.html': html(report, compared),
    'report.xml': junit(report),
    'report.tap': tap(report),
  }
  for (const [name, text] of Object.entries(forms)) await appear(join(folder, name), text)
}

/** False when there is none to write. */
export async function writeProfile(file: string, { profile }: Report): Promise<boolean> {
  if (profile !== undefined) await appear(file, `${JSON.stringify(profile, null, 2)}\n`)
  return profile !== undefined
}

const VERDICTS: readonly Verdict[] = ['passed', 'failed', 'crashed', 'hung', 'inapplicable', 'skipped']

/** A run in a few lines. */
export function summary(report: Report, folder: string, earlier: Report | undefined): string {
  const { results, complete, token } = report
  const bad = results.filter(isBad)
  const counts = VERDICTS.map(
    (verdict) => [results.filter((each) => each.verdict === verdict).length, verdict] as const,
  )
  const changed = earlier && compare(earlier, report)
  const changes = changed ? [`since then: ${changed.better.length} better, ${changed.worse.length} worse`] : []
  return `${[
    ...bad.map(({ verdict, severity, id, title }) => `${verdict.padEnd(8)}${severity.padEnd(9)}${id}: ${title}`),
    `${token.label} (${token.manufacturer} ${token.model}): ${counts
      .filter(([count]) => count > 0)
      .map(([count, verdict]) => `${count} ${verdict}`)
      .join(', ')}${complete ? '' : '; not to its end'}`,
    ...changes,
    `${join(folder, 'report.html')} tells all of it`,
  ].join('\n')}\n`
}

/** Whether all that was tried holds, but for what is only a note. What crashes or hangs is never only a note. */
export function holds({ complete, results }: Report): boolean {
  return complete && !results.some((each) => isBad(each) && !(each.severity === 'note' && each.verdict === 'failed'))
}
