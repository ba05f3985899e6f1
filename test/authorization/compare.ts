/** Runs both evaluators over the same requests. */
import { authorize } from '../../src/authorization.ts'
import { generate, randomFrom } from './generate.ts'
import { naive, type NaiveRequest, type Verdict } from './naive.ts'

export interface Comparison {
  readonly shares: Readonly<Record<Verdict, number>>
  readonly disagreements: readonly { readonly request: NaiveRequest; readonly naive: Verdict; readonly fast: Verdict }[]
}

export function compare(cases: number, seed: number): Comparison {
  const random = randomFrom(seed)
  const shares = { Allow: 0, explicit: 0, implicit: 0 }
  const disagreements = []
  for (let i = 0; i < cases; i++) {
    const request = generate(random)
    const [fast, slow] = [verdictOf(request), naive(request)]
    shares[slow]++
    if (fast !== slow) disagreements.push({ request, naive: slow, fast })
  }
  return { shares, disagreements }
}

function verdictOf(request: NaiveRequest): Verdict {
  const { effect, explicit } = authorize(request)
  if (effect === 'Allow') return 'Allow'
  return explicit ? 'explicit' : 'implicit'
}
