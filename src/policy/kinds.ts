/** What some kinds of policy must say, and must not, besides being in IAM's language. The words are those of IAM. */
import { fail } from '../errors.ts'
import type { Statement } from './language.ts'

/** A demand on each statement, and what is said when one does not meet it. */
type Demand = readonly [isMet: (statement: Statement) => boolean, message: string]

const RESOURCE = /^(\*+|arn:.+)$/s

const IDENTITY: readonly Demand[] = [
  [({ principal }) => principal === undefined, 'Policy document should not specify a principal.'],
  [({ sid = '' }) => /^[A-Za-z0-9]*$/.test(sid), 'Statement IDs (SID) should be alpha numeric.'],
  [({ action }) => hasSome(action), 'Policy statement must contain actions.'],
  [({ resource }) => hasSome(resource), 'Policy statement must contain resources.'],
  [({ resource }) => resource!.of.every((text) => RESOURCE.test(text)), 'Resource must be in ARN format or "*".'],
]

const TRUST: readonly Demand[] = [
  [({ principal }) => principal !== undefined, 'Missing required field Principal'],
  [({ resource }) => resource === undefined, 'Has prohibited field Resource'],
  [({ action }) => hasSome(action), 'Missing required field Action'],
  [
    ({ action }) => action!.of.every((text) => /^sts:/i.test(text)),
    'AssumeRole policy may only specify STS AssumeRole actions.',
  ],
]

export function requireIdentityPolicy(statements: readonly Statement[]): void {
  requireEach(statements, IDENTITY)
  const sids = statements.flatMap(({ sid = '' }) => (sid === '' ? [] : sid))
  if (new Set(sids).size < sids.length) refuse('Statement IDs (SID) in a single policy must be unique.')
}

export function requireTrustPolicy(statements: readonly Statement[]): void {
  requireEach(statements, TRUST)
}

function requireEach(statements: readonly Statement[], demands: readonly Demand[]): void {
  for (const [isMet, message] of demands) if (!statements.every(isMet)) refuse(message)
}

function hasSome(element: Statement['action']): boolean {
  return element !== undefined && element.of.length > 0
}

function refuse(message: string): never {
  fail('MalformedPolicyDocumentException', message)
}
