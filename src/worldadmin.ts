/** What `/_strongroom/clock`, `/_strongroom/regions` and `/_strongroom/faults` tell and change. */
import type { Fault, Faults } from './faults.ts'
import type { Regions } from './regions.ts'
import type { Schedule } from './schedule.ts'

/** A room, as far as it can be turned from outside. */
export interface Turnable {
  readonly clock: Schedule
  readonly regions: Regions
  readonly faults: Faults
}

type Route = (method: string, body: string) => Promise<{ readonly status: number; readonly body: string }>

/** What the body of a request says. It may be anything, and is refused by those who are told it. */
interface Asked extends Fault {
  readonly set?: string
  readonly advance?: string | number
  readonly down?: string
  readonly up?: string
  readonly id?: number
}

/** Does what is asked, by its method; what there is to tell then. */
type Verbs = Readonly<Record<string, (asked: Asked) => unknown>>

export function worldRoutes({ clock, regions, faults }: Turnable): Readonly<Record<string, Route>> {
  const time = () => ({ now: clock.now().toISOString(), ahead: clock.ahead })
  const lost = () => ({ lost: regions.outages.map(({ region, from }) => ({ region, since: new Date(from) })) })
  const active = () => ({ faults: faults.list().map(({ id, fault, hits }) => ({ id, ...fault, hits })) })
  return {
    clock: route({
      GET: time,
      async POST({ set, advance }) {
        const turns = [set !== undefined, advance !== undefined].filter(Boolean)
        if (turns.length !== 1) throw new TypeError('`set` or `advance` is needed')
        await (set === undefined ? clock.advance(advance!) : clock.set(set))
        return time()
      },
    }),
    regions: route({
      GET: lost,
      async POST({ down, up }) {
        if (down === undefined && up === undefined)
          throw new TypeError('`down` or `up` is needed, the name of a Region')
        if (down !== undefined) await regions.down(down)
        if (up !== undefined) await regions.up(up)
        return lost()
      },
    }),
    faults: route({
      GET: active,
      POST(fault) {
        const { id } = faults.add(fault)
        return { id, ...active() }
      },
      /** The one of this id, or all. */
      DELETE({ id }) {
        if (id === undefined) faults.clear()
        else (faults.list().find((each) => each.id === id) ?? refuse(`there is no fault ${id}`)).remove()
        return active()
      },
    }),
  }
}

function refuse(problem: string): never {
  throw new RangeError(problem)
}

/** A route that answers in JSON; what is wrong with a request is said in 400. */
function route(verbs: Verbs): Route {
  return async (method, body) => {
    const verb = Object.hasOwn(verbs, method) ? verbs[method]! : undefined
    if (!verb) return answer(405, { message: `${method} is none of ${Object.keys(verbs).join(', ')}` })
    try {
      return answer(200, await verb(asked(body)))
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError)) throw error
      return answer(400, { message: error.message })
    }
  }
}

function asked(body: string): Asked {
  const value: unknown = body === '' ? {} : JSON.parse(body)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new TypeError('a JSON object is needed')
}

function answer(status: number, body: unknown): { status: number; body: string } {
  return { status, body: JSON.stringify(body) }
}
