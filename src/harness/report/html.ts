/** A run as one page that needs nothing else: what was measured, how fast it was, how that varied, and where. */
import { pageOf } from '../../page/page.ts'
import type { Measured } from '../measured.ts'
import { curves } from './curves.ts'
import { environment, figures, header, operations } from './figures.ts'
import { ramp } from './ramp.ts'
import { seconds } from './seconds.ts'
import { CHARTS } from './style.ts'

export function benchPage(measured: Measured): string {
  const sections = [figures, ramp, curves, seconds, operations, environment].map((each) => each(measured))
  return pageOf({
    title: `${measured.workload.name} on ${measured.target.name}: strongroom bench`,
    style: CHARTS,
    header: header(measured),
    sections,
    titles: TITLES,
    footer: `Made by strongroom ${measured.version} from its report in JSON (${measured.schema}), which has everything that is on this page.`,
  })
}

const TITLES: Readonly<Record<string, string>> = {
  figures: 'Figures',
  ramp: 'Ramp',
  curves: 'Waiting',
  seconds: 'Seconds',
  operations: 'Operations',
  environment: 'Machine',
}
