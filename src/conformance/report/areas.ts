/** Results by what they are about: the first word of their ids. */
import type { Result } from '../report.ts'

export function areaOf({ id }: Pick<Result, 'id'>): string {
  return id.split('.', 1)[0]!
}

/** In the order in which the areas come first. */
export function areasOf(results: readonly Result[]): (readonly [string, readonly Result[]])[] {
  return [...Map.groupBy(results, areaOf)]
}
