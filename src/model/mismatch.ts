/**
 * How AWS's front end refuses a value of the wrong type: always a SerializationException, before any constraint is looked at.
 *
 * No answer of KMS is recorded for this. The words are those recorded of sibling services behind the same front end
 * (SQS, Athena, DynamoDB; seen 2026), so each is unconfirmed here; the types Blob and Timestamp are ours by analogy.
 */

import { fail } from '../errors.ts'
import type { Shape } from './kms.ts'

type Type = Shape['type']

const SCALARS: Partial<Record<Type, string>> = {
  string: 'a String',
  integer: 'an Integer',
  boolean: 'a Boolean',
  blob: 'a Blob',
  timestamp: 'a Timestamp',
}

/** Refuses `got`, a value of JSON or of JavaScript, where the model has a `wanted`. */
export function mismatch(got: unknown, wanted: Type): never {
  if (Array.isArray(got)) fail('SerializationException', 'Start of list found where not expected')
  if (!isScalar(got)) fail('SerializationException', 'Start of structure or map found where not expected.')
  const scalar = SCALARS[wanted]
  if (scalar) fail('SerializationException', `${token(got)} can not be converted to ${scalar}`)
  fail('SerializationException', wanted === 'list' ? 'Expected list or null' : 'Expected null')
}

const isScalar = (value: unknown): boolean =>
  value === null || (typeof value !== 'object' && typeof value !== 'function')

function token(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'STRING_VALUE'
    case 'number':
    case 'bigint':
      return 'NUMBER_VALUE'
    case 'boolean':
      return value ? 'TRUE_VALUE' : 'FALSE_VALUE'
    default:
      return 'UNKNOWN_VALUE'
  }
}
