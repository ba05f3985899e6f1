/** Results by what they are about, the first word of their ids, in the order in which those come first. */
import type { Result } from '../report.ts'

export function areaOf({ id }: Pick<Result, 'id'>): string {
  return id.split('.', 1)[0]!
}

export function areasOf(results: readonly Result[]): Grouped<Result> {
  return grouped(results, areaOf)
}

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
