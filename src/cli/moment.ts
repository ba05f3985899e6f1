/** Moments as people type them: how long ago, or a date. */
import type { Instant } from '../clock.ts'
import { UsageError } from './flags.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `30m`, `24h`, `7d`: before `now`. `2026-01-31`, `2026-01-31T12:00Z`: then; without a zone it is UTC. */
export function momentOf(flag: string, text: string | undefined, now: Instant): Instant | undefined {
  if (text === undefined) return undefined
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) return now - Number(count) * UNITS[unit]!
  const [date, time, zone] = DATE.exec(text)?.slice(1) ?? []
  const moment = date === undefined ? NaN : Date.parse(`${date}${time ?? 'T00:00'}${zone ?? 'Z'}`)
  if (Number.isNaN(moment)) throw new UsageError(`\`--${flag}\` must be like 24h, 30m, 7d or 2026-01-31T12:00:00Z`)
  return moment
}

const DATE = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/
