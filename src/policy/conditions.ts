/** Conditions made ready when their document is read, and whether a request meets them. */
import type { ContextReader, Values } from './context.ts'
import type { Condition, Version } from './language.ts'
import { ROWS } from './operators.ts'
import { fill, isConstant, keysOf, templateOf, type Template } from './variables.ts'

/** Condition keys in lower case, with their values; `undefined` for one that is known to be absent. */
export type Known = ReadonlyMap<string, Values>

export interface Requirement {
  readonly condition: Condition
  /** The condition keys it can ask for: its own and those of the variables in its values. */
  readonly keys: readonly string[]
  readonly tests: readonly ((value: string) => boolean)[]
  /** Values with variables, which make a test of every request. */
  readonly templates: readonly Template[]
}

export function requirementOf(condition: Condition, version: Version): Requirement {
  const { reading, test } = ROWS[condition.operator]
  const variables = reading.variables && version === '2012-10-17'
  const all = condition.values.map((value) => templateOf(value, { ...reading, variables }))
  const templates = all.filter((template) => !isConstant(template))
  const tests = all.filter(isConstant).map((template) => test(fill(template, () => undefined)!))
  return { condition, keys: [condition.key, ...templates.flatMap(keysOf)], tests, templates }
}

export function isMet(requirement: Requirement, read: ContextReader): boolean {
  const { operator, set, ifExists, key } = requirement.condition
  const { negated } = ROWS[operator]
  const found = read(key)
  const absent = found === undefined || (typeof found !== 'string' && found.length === 0)
  if (operator === 'Null') return equals(requirement, String(absent), read)
  if (absent) return ifExists || (set === undefined ? negated : set === 'ForAllValues')
  if (typeof found === 'string') return equals(requirement, found, read) !== negated
  if (set === 'ForAllValues') return found.every((value) => equals(requirement, value, read) !== negated)
  if (set === 'ForAnyValue') return found.some((value) => equals(requirement, value, read) !== negated)
  // Of a key with many values the negation is of all of them: none may be among the policy's.
  return found.some((value) => equals(requirement, value, read)) !== negated
}

/** Whether one of the policy's values fits; one whose variables the request does not tell never does. */
function equals({ condition, tests, templates }: Requirement, value: string, read: ContextReader): boolean {
  for (const test of tests) if (test(value)) return true
  return templates.some((template) => {
    const wanted = fill(template, read)
    return wanted !== undefined && ROWS[condition.operator].test(wanted)(value)
  })
}
