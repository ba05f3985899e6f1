/** What a document says to a request: which of its statements apply, and which parts of the request they can ask for. */
import { isMet } from './conditions.ts'
import type { ContextReader } from './context.ts'
import type { Document } from './document.ts'
import { fold } from './match.ts'
import type { Asker, Naming } from './principal.ts'
import type { Rule } from './rule.ts'

/** A statement that applies. */
export interface Applying {
  /** Where in its document, from 0. */
  readonly index: number
  readonly sid: string | undefined
  readonly effect: 'Allow' | 'Deny'
  /** By what it names the asker; undefined in policies that are attached to somebody rather than naming them. */
  readonly naming: Naming | undefined
}

/** What is asked of a document. */
export interface Wanted {
  readonly asker: Asker
  readonly action: string
  readonly resource: string
  readonly context: ContextReader
}

/** The statements of `document` that apply to the request, in order. */
export function applying({ rules }: Document, { asker, action, resource, context }: Wanted): Applying[] {
  const folded = fold(action)
  const found: Applying[] = []
  for (let index = 0; index < rules.length; index++) {
    const rule = rules[index]!
    const named = rule.names(asker)
    if (named === undefined || !rule.action(folded) || !rule.resource(resource, context)) continue
    if (rule.requirements.every((requirement) => isMet(requirement, context))) found.push(applied(rule, index, named))
  }
  return found
}

function applied({ statement: { sid, effect } }: Rule, index: number, named: ReturnType<Rule['names']>): Applying {
  return { index, sid, effect, naming: named === 'bearer' ? undefined : named }
}

const NOTHING: ReadonlySet<string> = new Set()

/**
 * The condition keys, in lower case, that statements about this asker, action and resource can ask for. Whatever else of the
 * request changes, the statements that apply stay the same.
 */
export function consulted(
  { rules }: Document,
  { asker, action, resource }: Omit<Wanted, 'context'>,
): ReadonlySet<string> {
  const folded = fold(action)
  const keys = rules
    .filter((rule) => rule.names(asker) && rule.action(folded))
    .flatMap((rule) => keysOf(rule, resource))
  return keys.length === 0 ? NOTHING : new Set(keys)
}

function keysOf(rule: Rule, resource: string): string[] {
  const conditions = rule.requirements.flatMap(({ keys }) => keys)
  if (rule.resourceKeys.length > 0) return [...rule.resourceKeys, ...conditions]
  return rule.resource(resource, () => undefined) ? conditions : []
}

/** A statement, and why it applies or does not. */
export interface Examined extends Applying {
  readonly applies: boolean
  /** The first part that is not about the request: `principal`, `action`, `resource` or `condition StringEquals kms:ViaService`. */
  readonly because: string
}

/** For each statement why it applies, or does not. */
export function examine({ rules }: Document, wanted: Wanted): Examined[] {
  return rules.map((rule, index) => {
    const named = rule.names(wanted.asker)
    const amiss = amissOf(rule, wanted)
    return { ...applied(rule, index, named), applies: amiss === undefined, because: amiss ?? 'all of it is met' }
  })
}

function amissOf(rule: Rule, { asker, action, resource, context }: Wanted): string | undefined {
  if (rule.names(asker) === undefined) return 'principal'
  if (!rule.action(fold(action))) return 'action'
  if (!rule.resource(resource, context)) return 'resource'
  const unmet = rule.requirements.find((requirement) => !isMet(requirement, context))
  return unmet && `condition ${unmet.condition.title}`
}
