/**
 * What a document is sure to say about a request. A statement counts when it applies beyond doubt: an Allow under a
 * condition nobody can decide yet is no assurance, and a Deny under one (the usual fence against calls without TLS or a
 * second factor) is no refusal.
 */
import { isMet, type Known } from './conditions.ts'
import type { Document, Either, Statement } from './document.ts'
import { matches, names } from './match.ts'

export interface Request {
  /** Who asks, by ARN. */
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly known: Known
}

/** Whether some statement is sure to allow it and none is sure to deny it. */
export function surelyAllows({ statements }: Document, request: Request): boolean {
  const applying = statements.filter((statement) => applies(statement, request))
  return applying.length > 0 && applying.every(({ effect }) => effect === 'Allow')
}

function applies({ principal, action, resource, conditions }: Statement, request: Request): boolean {
  const wanted = request.action.toLowerCase()
  return (
    has(principal, (principals) => names(principals, request.principal)) &&
    has(action, (patterns) => patterns.some((pattern) => matches(pattern.toLowerCase(), wanted))) &&
    has(resource, (patterns) => patterns.some((pattern) => matches(pattern, request.resource))) &&
    conditions.every((condition) => isMet(condition, request.known) === true)
  )
}

/** Whether an element is there and says so, itself or by its negation. */
function has<T>(element: Either<T> | undefined, says: (of: T) => boolean): boolean {
  return element !== undefined && says(element.of) !== element.not
}
