/** Key policies as documents: the default one, and what a document must be to be taken. Nothing here decides. */
import { partitionOf } from './arn.ts'
import { fail } from './errors.ts'
import type { Key } from './keys.ts'

/** The one name a customer's key policy has. */
export const POLICY_NAME = 'default'

const MAX_BYTES = 32_768
const VERSIONS = ['2012-10-17', '2008-10-17']
/** Tab, line feed, carriage return, and U+0020 to U+00FF. */
const CHARACTERS = /^[\t\n\r\u0020-\u00ff]*$/

/** The text GetKeyPolicy gives: what was put, or the default, which leaves the key to the account's IAM policies. */
export function policyOf(key: Key): string {
  return key.policy || defaultPolicy(key.region, key.account)
}

function defaultPolicy(region: string, account: string): string {
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:${partitionOf(region)}:iam::${account}:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

/** Refuses what can be no key policy: too long, not JSON, or without statements that name an effect and a principal. */
export function requirePolicy(text: string): void {
  if (Buffer.byteLength(text) > MAX_BYTES)
    fail('LimitExceededException', `The key policy is longer than ${MAX_BYTES} bytes.`)
  const document = CHARACTERS.test(text) ? parse(text) : undefined
  if (!isRecord(document) || !VERSIONS.includes((document['Version'] ?? '2008-10-17') as string)) malformed()
  const statements = [document['Statement']].flat()
  if (statements.length === 0 || !statements.every(isStatement)) malformed()
}

function isStatement(statement: unknown): boolean {
  if (!isRecord(statement)) return false
  const effect = statement['Effect']
  return (effect === 'Allow' || effect === 'Deny') && ('Principal' in statement || 'NotPrincipal' in statement)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function malformed(): never {
  fail('MalformedPolicyDocumentException', 'Syntax errors in policy.')
}
