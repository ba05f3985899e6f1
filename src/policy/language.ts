/** The words of IAM's policy language and the values a document is read into. */

/** Policy variables are in the later one alone. */
export const VERSIONS = ['2008-10-17', '2012-10-17'] as const
export type Version = (typeof VERSIONS)[number]

export const OPERATORS = [
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
  /** Operator and key as they are written, for people: `StringEqualsIfExists kms:ViaService`. */
  readonly title: string
  readonly operator: Operator
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined
  readonly ifExists: boolean
  /** In lower case, as condition keys have none. */
  readonly key: string
  readonly values: readonly string[]
}
