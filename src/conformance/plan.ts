/** Which checks a run is to make, and in which order. */
import type { Check } from './check.ts'

/** What is told of a check without running it. */
export type Planned = Omit<Check, 'run'>

/** The checks that a module exports as CHECKS, by its URL; ours when there is none. */
export async function checksOf(url: string | undefined): Promise<readonly Check[]> {
  if (url === undefined) return (await import('./checks/index.ts')).CHECKS
  return ((await import(url)) as { readonly CHECKS: readonly Check[] }).CHECKS
}

/**
 * The checks whose ids fit one of the patterns, or all: a pattern is an id, the beginning of one up to a dot, or has stars for
 * anything. In the order of their ids.
 */
export function planOf(checks: readonly Check[], patterns: readonly string[] = []): readonly Planned[] {
  const expressions = patterns.map(expression)
  const chosen = checks.filter(({ id }) => expressions.length === 0 || expressions.some((each) => each.test(id)))
  return chosen.sort((one, other) => (one.id < other.id ? -1 : 1))
}

function expression(pattern: string): RegExp {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[^\w-]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}(\\.|$)`)
}
