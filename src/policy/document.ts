/**
 * IAM's policy language read into values: everything a document may say, and nothing else. What it says it about, a key
 * or a bucket, makes no difference here.
 */
import { fail } from '../errors.ts'
import { parseStrictly } from './json.ts'
import { isAccountId, isPrincipalArn, isProvider, isService } from './principal.ts'

export interface Document {
  readonly version: Version
  readonly id: string | undefined
  readonly statements: readonly Statement[]
}

export interface Statement {
  readonly sid: string | undefined
  readonly effect: 'Allow' | 'Deny'
  /** Absent in an identity's policy, which is about the identity it is attached to. */
  readonly principal: Either<Principals> | undefined
  /** A statement without actions, or without resources, is about nothing. */
  readonly action: Either<readonly string[]> | undefined
  readonly resource: Either<readonly string[]> | undefined
  readonly conditions: readonly Condition[]
}

/** An element or its negation: Action or NotAction. */
export interface Either<T> {
  readonly not: boolean
  readonly of: T
}

export interface Principals {
  readonly AWS: readonly string[]
  readonly Service: readonly string[]
  readonly Federated: readonly string[]
}

/** One key under one operator; all of a statement's must be met. */
export interface Condition {
  readonly operator: Operator
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined
  readonly ifExists: boolean
  /** In lower case, as condition keys have none. */
  readonly key: string
  readonly values: readonly string[]
}

/** Policy variables are in the later one alone. */
const VERSIONS = ['2008-10-17', '2012-10-17'] as const
export type Version = (typeof VERSIONS)[number]

const OPERATORS = [
  'StringEquals',
  'StringNotEquals',
  'StringEqualsIgnoreCase',
  'StringNotEqualsIgnoreCase',
  'StringLike',
  'StringNotLike',
  'NumericEquals',
  'NumericNotEquals',
  'NumericLessThan',
  'NumericLessThanEquals',
  'NumericGreaterThan',
  'NumericGreaterThanEquals',
  'DateEquals',
  'DateNotEquals',
  'DateLessThan',
  'DateLessThanEquals',
  'DateGreaterThan',
  'DateGreaterThanEquals',
  'Bool',
  'BinaryEquals',
  'IpAddress',
  'NotIpAddress',
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
  'Null',
] as const
export type Operator = (typeof OPERATORS)[number]

/** Reads a document. Throws MalformedPolicyDocumentException for whatever IAM would not take. */
export function parseDocument(text: string): Document {
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

const ACTION = /^(\*|[\w-]+:[\w*?]+)$/

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
      key: key === '' ? malformed() : key.toLowerCase(),
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
