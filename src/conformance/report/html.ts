/** A report as one page that needs nothing else: to be read by who buys or makes tokens, on a screen or on paper. */
import type { Report } from '../report.ts'
import type { Comparison } from './compare.ts'
import { checks, mechanisms } from './html/checks.ts'
import { comparison } from './html/comparison.ts'
import { disasters, failures } from './html/failures.ts'
import { NOTHING } from '../../page/markup.ts'
import { pageOf } from '../../page/page.ts'
import { matrix } from './html/matrix.ts'
import { header, verdict } from './html/overview.ts'
import { throughput } from './html/throughput.ts'

export function html(report: Report, compared?: Comparison): string {
  const sections = [
    verdict(report),
    compared ? comparison(compared) : NOTHING,
    disasters(report),
    failures(report),
    matrix(report),
    throughput(report),
    checks(report),
    mechanisms(report),
  ]
  return pageOf({
    title: `${report.token.label || report.token.model}: PKCS#11 conformance`,
    header: header(report),
    sections,
    titles: TITLES,
    footer: `Made by strongroom ${report.strongroom} from its report in JSON (${report.schema}), which has everything that is on this page.`,
  })
}

const TITLES: Readonly<Record<string, string>> = {
  verdict: 'Verdict',
  comparison: 'What changed',
  disasters: 'Crashes and hangs',
  failures: 'Failures',
  matrix: 'KMS',
  throughput: 'Speed',
  checks: 'All checks',
  mechanisms: 'Mechanisms',
}
