/** A backend that fails on cue: each of its verbs asks first whether it is to. */
import { after, type Backend, type Disclosing, type Eventually } from './backend.ts'

/** Throws, or takes its time, if it is to. */
type Strike = () => Promise<void> | undefined

/** What ends something, and is not to fail. */
const SPARED = new Set<PropertyKey>(['release', 'close'])

export function faulty(backend: Backend, strike: Strike): Backend {
  return struck(backend, strike)
}

function struck<T extends Backend | Disclosing>(part: T, strike: Strike): T {
  return new Proxy(part, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member === 'function') return verb(target, name, member as Verb, strike)
      return typeof member === 'object' && member !== null ? struck(member as Disclosing, strike) : member
    },
  })
}

type Verb = (this: object, ...given: unknown[]) => Eventually<unknown>

function verb(part: object, name: PropertyKey, act: Verb, strike: Strike): Verb {
  if (SPARED.has(name)) return act.bind(part)
  // The verbs for a recipient are the same verbs.
  if (name === 'disclosingTo') return (...given) => struck(act.apply(part, given) as Disclosing, strike)
  return (...given) => after(strike(), () => act.apply(part, given))
}
