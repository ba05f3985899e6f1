/** Results by what they are about: the first word of their ids, or all but the last. */
import type { Result } from '../report.ts'

export function areaOf({ id }: Pick<Result, 'id'>): string {
  return id.split('.', 1)[0]!
}

export function areasOf(results: readonly Result[]): Grouped<Result> {
  return grouped(results, areaOf)
}

/** Kin: what differs in the last word of its id only, as a check of the same for another size does. */
export function kinOf({ id }: Pick<Result, 'id'>): string {
  return id.slice(0, id.lastIndexOf('.'))
}

/** In the order in which the groups come first. */
type Grouped<T> = readonly (readonly [string, readonly T[]])[]

export function grouped<T>(list: readonly T[], by: (each: T) => string): Grouped<T> {
  const groups = new Map<string, T[]>()
  for (const each of list) {
    const name = by(each)
    const group = groups.get(name)
    if (group) group.push(each)
    else groups.set(name, [each])
  }
  return [...groups]
}
