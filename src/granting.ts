/** What grants say: which of them allows a request, who may retire one, and how narrow a child has to be. */
import type { Instant } from './clock.ts'
import type { Grant } from './grants.ts'
import type { CreateGrantRequest, GrantConstraints, GrantOperation } from './model/kms.ts'
import type { Asker } from './policy/principal.ts'

/** What is asked of the grants of a key. */
export interface GrantQuestion {
  readonly operation: GrantOperation
  /** Every name the caller answers to: user, session and role, its account's root; or a service's. */
  readonly grantees: readonly string[]
  readonly encryptionContext: Context | undefined
  /** The resource that a service acts for. */
  readonly sourceArn: string | undefined
  readonly now: Instant
  /** Milliseconds until a grant is known without its token. */
  readonly delay: number
  /** Ids of the grants whose tokens came along. */
  readonly tokens: ReadonlySet<string>
  /** The grant to be made, when the operation is CreateGrant. */
  readonly child: CreateGrantRequest | undefined
}

type Context = Readonly<Record<string, string>>

/**
 * The first of `grants` that allows it. One to an account is found for each of its principals; that others than the root need
 * an identity policy besides, as where a key policy names the account, is for the decision to see to (the guide does not say).
 */
export function granting(grants: readonly Grant[], question: GrantQuestion): Grant | undefined {
  return grants.find((grant) => allows(grant, question))
}

function allows(grant: Grant, { operation, grantees, now, delay, tokens, ...asked }: GrantQuestion): boolean {
  return (
    grant.operations.includes(operation) &&
    grantees.includes(grant.grantee) &&
    now < grant.expires &&
    (grant.created + delay <= now || tokens.has(grant.id)) &&
    isFrom(grant.constraints, asked.sourceArn) &&
    (asked.child ? isWithin(asked.child, grant) : fits(grant.constraints, operation, asked.encryptionContext))
  )
}

/** A call on behalf of a resource that the grant names; of any, when it names none. */
function isFrom(constraints: GrantConstraints | undefined, sourceArn: string | undefined): boolean {
  return !constraints?.SourceArn || constraints.SourceArn === sourceArn
}

/** DescribeKey has no encryption context, and is not held to one. */
function fits(constraints: GrantConstraints | undefined, operation: GrantOperation, context: Context = {}): boolean {
  if (operation === 'DescribeKey' || !constraints) return true
  const { EncryptionContextEquals: equal, EncryptionContextSubset: subset } = constraints
  return (!equal || isEqual(equal, context)) && (!subset || isSubset(subset, context))
}

/** A child grant allows nothing that its parent does not: fewer operations, or as many, under constraints as strict. */
function isWithin({ Operations, Constraints = {} }: CreateGrantRequest, parent: Grant): boolean {
  const { EncryptionContextEquals: equal, EncryptionContextSubset: subset, SourceArn } = parent.constraints ?? {}
  const { EncryptionContextEquals, EncryptionContextSubset } = Constraints
  if (!Operations.every((operation) => parent.operations.includes(operation))) return false
  if (SourceArn && Constraints.SourceArn !== SourceArn) return false
  if (equal) return EncryptionContextEquals !== undefined && isEqual(equal, EncryptionContextEquals)
  return !subset || isSubset(subset, EncryptionContextEquals ?? EncryptionContextSubset ?? {})
}

/** Names and values are compared as they are written; which of the two ways AWS compares names in, its pages disagree on. */
function isSubset(part: Context, whole: Context): boolean {
  return Object.entries(part).every(([name, value]) => Object.hasOwn(whole, name) && whole[name] === value)
}

function isEqual(one: Context, other: Context): boolean {
  return Object.keys(one).length === Object.keys(other).length && isSubset(one, other)
}

/** Every name that a grant to `asker` can have been made in. */
export function granteesOf({ type, arn, roleArn, account }: Asker): string[] {
  if (type === 'Service') return [arn]
  const root = `${arn.split(':', 2).join(':')}:iam::${account}:root`
  return [...new Set([arn, roleArn ?? arn, root])]
}

/**
 * Who may retire a grant: its retiring principal; its grantee, if RetireGrant is among the operations; in the account that
 * made it, whomever that account's own policies allow it.
 */
export function mayRetire(grant: Grant, grantees: readonly string[], asker: Asker, identityAllows: boolean): boolean {
  if (grant.retiring !== '' && grantees.includes(grant.retiring)) return true
  if (grant.operations.includes('RetireGrant') && grantees.includes(grant.grantee)) return true
  return identityAllows && asker.account === grant.issuer
}
