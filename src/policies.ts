/** Key policies: the default one, what a document must be to be one, and whether it leaves its author a way back. */
import { partitionOf } from './arn.ts'
import { fail } from './errors.ts'
import type { Caller } from './identity.ts'
import type { Key } from './keys.ts'
import type { Known } from './policy/conditions.ts'
import { surelyAllows } from './policy/decide.ts'
import { invalidPrincipal, parseDocument, type Condition } from './policy/document.ts'
import { isPrincipalArn } from './policy/principal.ts'

/** The one name a customer's key policy has. */
export const POLICY_NAME = 'default'

export const POLICY_BYTES = 32_768

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

/** Refuses what can be no key policy: too long, malformed, without principals, or permissive against its own meaning. */
export function requirePolicy(text: string): void {
  if (Buffer.byteLength(text) > POLICY_BYTES) {
    fail('LimitExceededException', `The key policy is longer than ${POLICY_BYTES} bytes.`)
  }
  for (const { principal, conditions } of parseDocument(text).statements) {
    if (principal === undefined) invalidPrincipal()
    conditions.forEach(refuseOverlyPermissive)
  }
}

/** Refuses a policy that names users or roles there are not, where it is known who there is. */
export function requirePrincipals(text: string | undefined, knows: (arn: string) => boolean | undefined): void {
  const named = text ? parseDocument(text).statements.flatMap(({ principal }) => principal?.of.AWS ?? []) : []
  if (named.some((principal) => isPrincipalArn(principal) && knows(principal) === false)) invalidPrincipal()
}

/** ForAllValues is met by a request without the key at all: of a key with one value, that is never what was meant. */
function refuseOverlyPermissive({ set, key }: Condition): void {
  const what = key.startsWith('kms:encryptioncontext:')
    ? 'encryption context'
    : key.startsWith('aws:requesttag/')
      ? 'tag'
      : undefined
  if (set !== 'ForAllValues' || what === undefined) return
  const matched = `matches requests without the specified ${what} or with an unspecified ${what}`
  fail(
    'MalformedPolicyDocumentException',
    `OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key ${matched}. To fix, remove ForAllValues.`,
  )
}

/** What the lockout check is asked about: the policy that comes with a request, unless it asks not to be asked. */
export interface PolicyInput {
  readonly Policy?: string | undefined
  readonly BypassPolicyLockoutSafetyCheck?: boolean | undefined
}

/** Refuses a new policy of `key` under which `caller` could not put the next one. The default policy always lets it. */
export function refuseLockout({ Policy, BypassPolicyLockoutSafetyCheck }: PolicyInput, caller: Caller, key: Key): void {
  if (!Policy || BypassPolicyLockoutSafetyCheck || permits(Policy, caller, 'kms:PutKeyPolicy', key)) return
  fail(
    'MalformedPolicyDocumentException',
    'The new key policy will not allow you to update the key policy in the future.',
  )
}

/** Whether the key policy `text` is sure to let `caller` do `action` to `key`, calling for itself. */
function permits(text: string, caller: Caller, action: string, key: Key): boolean {
  return surelyAllows(parseDocument(text), {
    principal: caller.arn,
    role: caller.roleArn,
    action,
    resource: key.arn,
    known: knownOf(caller, key),
  })
}

/** The condition keys with one answer for whatever a caller does to a key itself, through no service. */
function knownOf(caller: Caller, key: Key): Known {
  return new Map([
    ['aws:principalaccount', caller.account],
    ['aws:principalarn', caller.roleArn ?? caller.arn],
    ['aws:principalisawsservice', 'false'],
    ['aws:principalservicename', undefined],
    ['aws:requestedregion', key.region],
    ['aws:resourceaccount', key.account],
    ['aws:sourceaccount', undefined],
    ['aws:sourcearn', undefined],
    ['aws:viaawsservice', 'false'],
    ['kms:bypasspolicylockoutsafetycheck', 'false'],
    ['kms:calleraccount', caller.account],
    ['kms:grantisforawsresource', 'false'],
    ['kms:keyorigin', key.origin],
    ['kms:keyspec', key.spec],
    ['kms:keyusage', key.usage],
    ['kms:viaservice', undefined],
  ])
}
