/**
 * IAM's policy language read into values: everything a document may say, and nothing else. What it says it about, a key
 * or a bucket, makes no difference here.
 */
import { fail } from '../errors.ts'
import { parseStrictly } from './json.ts'
import { requireIdentityPolicy, requireTrustPolicy } from './kinds.ts'
import {
  OPERATORS,
  VERSIONS,
  type Condition,
  type Either,
  type Principals,
  type Statement,
  type Version,
} from './language.ts'
import { fold } from './match.ts'
import { isAccountId, isPrincipalArn, isProvider, isService } from './principal.ts'
import { ruleOf, type Rule, type Unnamed } from './rule.ts'

export type { Condition, Either, Principals, Statement } from './language.ts'

export interface Document {
  readonly version: Version
  readonly id: string | undefined
  readonly statements: readonly Statement[]
  /** The same statements, ready to be asked. */
  readonly rules: readonly Rule[]
}

/** Reads a resource's policy. Throws MalformedPolicyDocumentException for whatever IAM would not take. */
export function parseDocument(text: string): Document {
  return ready(parse(text), undefined)
}

/** Reads a policy of an identity or of many: about whomever it is attached to, it names nobody. */
export function parseIdentityPolicy(text: string): Document {
  const parsed = parse(text)
  requireIdentityPolicy(parsed.statements)
  return ready(parsed, 'bearer')
}

/** Reads a role's trust policy, which says who may assume the role it is a part of. */
export function parseTrustPolicy(text: string): Document {
  const { statements, ...parsed } = parse(text)
  requireTrustPolicy(statements)
  return ready(
    { ...parsed, statements: statements.map((statement) => ({ ...statement, resource: ITSELF })) },
    undefined,
  )
}

/** A trust policy is about its role alone. */
const ITSELF: Statement['resource'] = { not: false, of: ['*'] }

type Parsed = Omit<Document, 'rules'>

function ready(parsed: Parsed, unnamed: Unnamed): Document {
  return { ...parsed, rules: parsed.statements.map((statement) => ruleOf(statement, parsed.version, unnamed)) }
}

function parse(text: string): Parsed {
  const { Version, Id, Statement, ...others } = record(parseStrictly(text))
  none(others)
  const version = Version === undefined ? '2008-10-17' : oneOf(VERSIONS, Version)
  const statements = listed(Statement).map(parseStatement)
  if (statements.length === 0) malformed()
  return { version, id: optionalText(Id), statements }
}

function parseStatement(value: unknown): Statement {
  const { Sid, Effect, ...elements } = record(value)
  const { Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition, ...others } = elements
  none(others)
  return {
    sid: optionalText(Sid),
    effect: oneOf(['Allow', 'Deny'] as const, Effect),
    principal: either(Principal, NotPrincipal, parsePrincipals),
    action: either(Action, NotAction, parseActions),
    resource: either(Resource, NotResource, texts),
    conditions: Condition === undefined ? [] : parseConditions(Condition),
  }
}

/** Of an element and its negation a statement has one at the most. */
function either<T>(element: unknown, negation: unknown, parse: (value: unknown) => T): Either<T> | undefined {
  if (element !== undefined && negation !== undefined) malformed()
  if (element !== undefined) return { not: false, of: parse(element) }
  return negation === undefined ? undefined : { not: true, of: parse(negation) }
}

const ACTION = /^(\*|(\*|[\w.-]+):[\w*?]+)$/

function parseActions(value: unknown): string[] {
  const actions = texts(value)
  if (!actions.every((action) => ACTION.test(action))) malformed()
  return actions
}

/** Everyone may be written as `"*"`, too. */
function parsePrincipals(value: unknown): Principals {
  if (typeof value === 'string') return value === '*' ? { AWS: ['*'], Service: [], Federated: [] } : invalidPrincipal()
  const { AWS = [], Service = [], Federated = [], ...others } = record(value)
  // CanonicalUser, the one other kind, is S3's.
  if (Object.keys(others).length > 0) invalidPrincipal()
  const principals = {
    AWS: principalsOf(AWS, (text) => text === '*' || isAccountId(text) || isPrincipalArn(text)),
    Service: principalsOf(Service, isService),
    Federated: principalsOf(Federated, isProvider),
  }
  return Object.values(principals).every((list) => list.length === 0) ? invalidPrincipal() : principals
}

function principalsOf(value: unknown, isPrincipal: (text: string) => boolean): string[] {
  const list = texts(value)
  return list.every(isPrincipal) ? list : invalidPrincipal()
}

function parseConditions(value: unknown): Condition[] {
  return Object.entries(record(value)).flatMap(([name, keys]) => {
    const operator = parseOperator(name)
    return Object.entries(record(keys)).map(([key, values]) => ({
      ...operator,
      title: `${name} ${key}`,
      key: key === '' ? malformed() : fold(key),
      values: listed(values).map(scalar),
    }))
  })
}

const OPERATOR = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/

function parseOperator(name: string): Pick<Condition, 'operator' | 'set' | 'ifExists'> {
  const [, set, base, ifExists] = OPERATOR.exec(name) ?? malformed()
  const operator = oneOf(OPERATORS, base)
  // Whether the key exists is what Null asks.
  if (operator === 'Null' && ifExists) malformed()
  return { operator, set: set as Condition['set'], ifExists: ifExists !== undefined }
}

/** Numbers and booleans of JSON stand for what they are written as. */
function scalar(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : malformed()
}

/** One or many. */
function listed(value: unknown): unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function texts(value: unknown): string[] {
  return listed(value).map((item) => (typeof item === 'string' && item !== '' ? item : malformed()))
}

function optionalText(value: unknown): string | undefined {
  return value === undefined || typeof value === 'string' ? value : malformed()
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T {
  return values.includes(value as T) ? (value as T) : malformed()
}

function record(value: unknown): Record<string, unknown> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isRecord ? (value as Record<string, unknown>) : malformed()
}

function none(others: object): void {
  if (Object.keys(others).length > 0) malformed()
}

/** AWS's words for syntax that is wrong are unconfirmed; these are the ones its emulators use. */
function malformed(): never {
  fail('MalformedPolicyDocumentException', 'Syntax errors in policy.')
}

export function invalidPrincipal(): never {
  fail('MalformedPolicyDocumentException', 'Policy contains a statement with one or more invalid principals.')
}
