/**
 * What a document is sure to say about a request. A statement counts when it applies beyond doubt: an Allow under a
 * condition nobody can decide yet is no assurance, and a Deny under one (the usual fence against calls without TLS or a
 * second factor) is no refusal.
 */
import { isMet, type Known } from './conditions.ts'
import type { Document } from './document.ts'
import { fold } from './match.ts'
import { askerOf, type Asker } from './principal.ts'
import type { Rule } from './rule.ts'

export interface Request {
  /** Who asks, by ARN. */
  readonly principal: string
  /** The ARN of the role whose session that is. */
  readonly role?: string | undefined
  readonly action: string
  readonly resource: string
  readonly known: Known
}

/** Whether some statement is sure to allow it and none is sure to deny it. */
export function surelyAllows({ rules }: Document, request: Request): boolean {
  const asker = askerOf(request.principal, request.role)
  const applying = asker ? rules.filter((rule) => surelyApplies(rule, asker, request)) : []
  return applying.length > 0 && applying.every(({ statement }) => statement.effect === 'Allow')
}

function surelyApplies(rule: Rule, asker: Asker, { action, resource, known }: Request): boolean {
  const read = (key: string) => known.get(key)
  const isKnown = (key: string) => known.has(key)
  return (
    rule.names(asker) !== undefined &&
    rule.action(fold(action)) &&
    rule.resourceKeys.every(isKnown) &&
    rule.resource(resource, read) &&
    rule.requirements.every((requirement) => requirement.keys.every(isKnown) && isMet(requirement, read))
  )
}
