/** Conditions under what is known of a request. What is not known is no answer, neither yes nor no. */
import type { Condition, Operator } from './document.ts'
import { matches, matchesArn } from './match.ts'

/** Condition keys in lower case, with their values; `undefined` for one that is known to be absent. */
export type Known = ReadonlyMap<string, string | undefined>

type Comparison = (pattern: string, value: string) => boolean

const same: Comparison = (pattern, value) => pattern === value
const sameLetters: Comparison = (pattern, value) => pattern.toLowerCase() === value.toLowerCase()

/** The operators that names and truths are compared with. Numbers, dates and addresses are not told of any request yet. */
const COMPARISONS: Readonly<Partial<Record<Operator, { readonly compare: Comparison; readonly negated?: true }>>> = {
  StringEquals: { compare: same },
  StringNotEquals: { compare: same, negated: true },
  StringEqualsIgnoreCase: { compare: sameLetters },
  StringNotEqualsIgnoreCase: { compare: sameLetters, negated: true },
  StringLike: { compare: matches },
  StringNotLike: { compare: matches, negated: true },
  ArnEquals: { compare: matchesArn },
  ArnLike: { compare: matchesArn },
  ArnNotEquals: { compare: matchesArn, negated: true },
  ArnNotLike: { compare: matchesArn, negated: true },
  Bool: { compare: sameLetters },
}

/** Whether `condition` is met; `undefined` when what is known does not tell. */
export function isMet(condition: Condition, known: Known): boolean | undefined {
  const { key, operator, values } = condition
  // A variable stands for something else of the request.
  if (!known.has(key) || values.some((value) => value.includes('${'))) return undefined
  const value = known.get(key)
  if (operator === 'Null') return values.some((wanted) => sameLetters(wanted, String(value === undefined)))
  const row = COMPARISONS[operator]
  if (row === undefined) return undefined
  if (value === undefined) return isMetByAbsence(condition, row.negated ?? false)
  return values.some((pattern) => row.compare(pattern, value)) !== (row.negated ?? false)
}

function isMetByAbsence({ set, ifExists }: Condition, negated: boolean): boolean {
  if (set !== undefined) return set === 'ForAllValues' || ifExists
  return ifExists || negated
}
