/** The room's clock as people turn it: forward, and what comes due on the way is done in its turn. */
import { DAY, type Instant, type RoomClock } from './clock.ts'

/** What turning the clock has to do with. */
export interface ScheduleWorld {
  readonly time: RoomClock
  /** Where it is remembered how far the clock is ahead. */
  readonly kept: { put(value: Ahead): Promise<void> }
  /** Does all that is due by `until`, telling `reach` of each date before. */
  readonly upkeep: { sweep(until: Instant, reach: (at: Instant) => void): Promise<unknown> }
}

/** Milliseconds that a room's clock is ahead of the machine's. */
export interface Ahead {
  readonly ahead: number
}

/** A span of time: `8 days`, `8d`, `24h`, `90 minutes`, `1500ms`, `2 weeks`, or milliseconds. */
export type Span = string | number

/** The last date that all formats can write. */
const LAST = Date.UTC(9999, 11, 31)

export class Schedule {
  readonly #world: ScheduleWorld
  #turning: Promise<unknown> = Promise.resolve()

  constructor(world: ScheduleWorld) {
    this.#world = world
  }

  now(): Date {
    return new Date(this.#world.time.now())
  }

  /** Milliseconds that the clock is ahead of the machine's. */
  get ahead(): number {
    return this.#world.time.ahead
  }

  /** Puts the clock to a later date: a Date, ISO 8601 text, or epoch milliseconds. What it then is. */
  set(to: Date | string | number): Promise<Date> {
    return this.#turn(() => instantOf(to))
  }

  /** Puts the clock ahead. Keys are deleted and rotated, material and grants and sessions expire, as though time had passed. */
  advance(by: Span): Promise<Date> {
    return this.#turn(() => this.#world.time.now() + millisOf(by))
  }

  /** One after the other, each from where the one before has left the clock. */
  #turn(target: () => Instant): Promise<Date> {
    const turned = this.#turning.then(() => this.#reach(target()))
    this.#turning = turned.catch(() => undefined)
    return turned
  }

  async #reach(target: Instant): Promise<Date> {
    const { time, kept, upkeep } = this.#world
    requireForward(time.now(), target)
    const ahead = time.aheadAt(target)
    // Remembered before it is used: should the process end on the way, what is left is done when the room opens again.
    await kept.put({ ahead })
    try {
      await upkeep.sweep(target, (at) => {
        if (at > time.now()) time.ahead = time.aheadAt(at)
      })
    } finally {
      time.ahead = ahead
    }
    return this.now()
  }
}

function requireForward(now: Instant, target: Instant): void {
  if (target < now) {
    const [from, to] = [now, target].map((instant) => new Date(instant).toISOString())
    throw new RangeError(`a room's clock goes forward only, for what happened has happened: it is ${from}, past ${to}`)
  }
  if (target > LAST) throw new RangeError('a room lasts until the end of the year 9999')
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

function instantOf(date: Date | string | number): Instant {
  const instant = typeof date === 'string' && !ISO.test(date) ? NaN : new Date(date).getTime()
  if (Number.isFinite(instant)) return instant
  throw new RangeError(`\`${String(date)}\` is no date like 2027-01-31 or 2027-01-31T12:00:00Z`)
}

const UNITS: Readonly<Record<string, number>> = {
  ...{ ms: 1, millisecond: 1 },
  ...{ s: 1000, second: 1000 },
  ...{ m: 60_000, minute: 60_000 },
  ...{ h: 3_600_000, hour: 3_600_000 },
  ...{ d: DAY, day: DAY },
  ...{ w: 7 * DAY, week: 7 * DAY },
}

/** The milliseconds of a span of time. */
export function millisOf(span: Span): number {
  if (typeof span === 'number') return Number.isFinite(span) ? Math.round(span) : refuseSpan(span)
  const [, count, name = ''] = /^\s*(-?\d+(?:\.\d+)?)\s*([a-z]+)\s*$/.exec(span) ?? []
  const unit = [name, name.replace(/s$/, '')].find((each) => Object.hasOwn(UNITS, each))
  return count === undefined || unit === undefined ? refuseSpan(span) : Math.round(Number(count) * UNITS[unit]!)
}

function refuseSpan(span: Span): never {
  throw new RangeError(`\`${span}\` is no span of time like 8 days, 8d, 24h, 90 minutes or 1500ms`)
}
