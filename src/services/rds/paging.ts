/** Lists a page at a time: what comes after the name that the marker says. */
import { invalid } from './refusals.ts'

const MOST = 100
const LEAST = 20

export function paged<T extends { readonly name: string }>(
  all: readonly T[],
  { MaxRecords = MOST, Marker = '' }: { readonly MaxRecords?: number; readonly Marker?: string },
): { items: readonly T[]; Marker?: string } {
  if (MaxRecords < LEAST || MaxRecords > MOST) {
    invalid(`Invalid value ${MaxRecords} for MaxRecords. Must be between ${LEAST} and ${MOST}.`)
  }
  const rest = Marker === '' ? all : all.slice(all.findIndex(({ name }) => name === Marker) + 1)
  const items = rest.slice(0, MaxRecords)
  return { items, ...(rest.length > items.length && { Marker: items.at(-1)!.name }) }
}
