/** Paces one after the other, each harder than the last, and which of them is the knee. */
import type { Pace, Step } from './measured.ts'

/** Twice as many connections each time, up to `most`; or tenths of a rate. */
export function paces(most: Pace): Pace[] {
  if ('rate' in most) return Array.from({ length: 10 }, (_, at) => ({ rate: (most.rate * (at + 1)) / 10 }))
  const doubled = []
  for (let closed = 1; closed < most.closed; closed *= 2) doubled.push({ closed })
  return [...doubled, { closed: most.closed }]
}

/** What of the best throughput a closed loop has to have at its knee: more connections would only wait. */
const ENOUGH = 0.9

/** What of a rate has to have been answered for it to have been kept up with. */
const KEPT_UP = 0.98

/**
 * The knee's place: of closed loops the first that comes near the best throughput of all, of rates the last that was kept up
 * with, counted from below. The first when none was.
 */
export function kneeOf(steps: readonly Pick<Step, 'pace' | 'perSecond' | 'generator'>[]): number {
  const best = Math.max(...steps.map(({ perSecond }) => perSecond))
  if (steps[0] && 'closed' in steps[0].pace) return steps.findIndex(({ perSecond }) => perSecond >= ENOUGH * best)
  const broken = steps.findIndex(
    ({ pace, perSecond, generator }) =>
      'rate' in pace && (perSecond < KEPT_UP * pace.rate || generator.unsent > (1 - KEPT_UP) * pace.rate),
  )
  return Math.max(0, (broken < 0 ? steps.length : broken) - 1)
}
