/** A backend that fails on cue: each of its verbs asks first whether it is to, and how. */
import { after, type Backend, type Disclosing, type Eventually } from './backend.ts'

/** What a verb is to do otherwise, once it has been asked and did not throw. */
export interface Whim {
  /** A byte of its answer is another. */
  readonly wrong?: boolean
  /** The device forgets its sessions before. */
  readonly forgets?: boolean
}

/** Throws, takes its time, or says what else is to go wrong. */
type Strike = () => Eventually<Whim | undefined>

/** What ends something, and is not to fail. */
const SPARED = new Set<PropertyKey>(['release', 'close', 'forget'])

export function faulty(backend: Backend, strike: Strike): Backend {
  return struck(backend, () =>
    after(strike(), (whim) => {
      if (whim?.forgets) backend.forget?.()
      return whim
    }),
  )
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
  return (...given) =>
    after(strike(), (whim) =>
      whim?.wrong ? after(act.apply(part, given), (answer) => spoilt(answer, given)) : act.apply(part, given),
    )
}

/** The answer with a byte changed in the first bytes of it; a yes becomes a no. */
function spoilt(answer: unknown, given: readonly unknown[]): unknown {
  if (typeof answer === 'boolean') return !answer
  // What is written into a buffer comes back as its length, and the buffer was given last.
  const bytes = typeof answer === 'number' ? (given.at(-1) as Uint8Array).subarray(0, answer) : bytesIn(answer)
  if (bytes && bytes.length > 0) bytes[bytes.length >> 1]! ^= 1
  return answer
}

function bytesIn(answer: unknown): Uint8Array | undefined {
  if (answer instanceof Uint8Array) return answer
  if (typeof answer !== 'object' || answer === null) return undefined
  return Object.values(answer).find((member): member is Uint8Array => member instanceof Uint8Array)
}
