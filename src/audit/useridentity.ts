/** Who called, as CloudTrail's `userIdentity` has it. */
import type { JsonObject, UserIdentity } from './cloudtrail.ts'
import type { ObservedCaller, ObservedContext, ObservedSession } from './observed.ts'

const TYPES = {
  Root: 'Root',
  User: 'IAMUser',
  AssumedRole: 'AssumedRole',
  FederatedUser: 'FederatedUser',
  Service: 'AWSService',
} as const

/** In the words of the caller's own account. */
export function identityOf({ caller, via }: ObservedContext): UserIdentity {
  if (caller.type === 'Service') return { type: 'AWSService', invokedBy: via?.service ?? caller.arn }
  return {
    type: TYPES[caller.type],
    principalId: caller.principalId,
    arn: caller.arn,
    accountId: caller.account,
    ...(caller.accessKeyId !== '' && { accessKeyId: caller.accessKeyId }),
    ...(caller.type === 'User' && caller.userName !== undefined && { userName: caller.userName }),
    ...(caller.session && { sessionContext: sessionOf(caller, caller.session) }),
    ...(via && { invokedBy: via.service }),
  }
}

/** All that the account of a key learns of a caller from another one. */
export function strangerOf({ type, principalId, accountId, invokedBy }: UserIdentity): UserIdentity {
  if (type === 'AWSService') return { type, ...(invokedBy !== undefined && { invokedBy }) }
  return {
    type: 'AWSAccount',
    ...(principalId !== undefined && { principalId }),
    ...(accountId !== undefined && { accountId }),
  }
}

/** The account itself, when it is the KMS that acts. */
export function serviceItself(accountId: string): UserIdentity {
  return { accountId, invokedBy: 'AWS Internal' }
}

function sessionOf({ type }: ObservedCaller, { issuer, created, mfa, sourceIdentity }: ObservedSession): JsonObject {
  return {
    ...(issuer && {
      sessionIssuer: {
        type: issuer.type,
        principalId: issuer.principalId,
        arn: issuer.arn,
        accountId: issuer.account,
        userName: issuer.userName,
      },
    }),
    attributes: { creationDate: isoSeconds(created), mfaAuthenticated: String(mfa) },
    ...(sourceIdentity !== undefined && type === 'AssumedRole' && { sourceIdentity }),
  }
}

/** `2026-01-31T12:34:56Z` */
export function isoSeconds(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`
}
