/** Who asks for sessions of which roles, for tests of what comes of it. */
import type { Identities } from '../../src/identities/identities.ts'
import { assumeRole, type AssumeRoleRequest } from '../../src/identities/sessions.ts'
import type { AccountConfig, RoleConfig } from '../../src/identity.ts'
import { allow, HERE, role, roleArn, THERE, trusts, user } from './people.ts'

export const caller = (identities: Identities, arn = user('ops/alice')) => identities.principal(arn)
export const APP = roleArn('service/app')

/** Alice assumes a role, or whatever else is said instead. */
export const asks = (identities: Identities, request: Partial<AssumeRoleRequest> = {}) =>
  assumeRole(identities, {
    ...{ roleArn: APP, roleSessionName: 'one', ...request },
    caller: request.caller ?? caller(identities),
  })

export const ALICE = { name: 'alice', policies: [{ name: 'assume', document: allow('sts:AssumeRole') }] }
export const BOB = { name: 'bob' }
const DENIED = {
  name: 'denied',
  policies: [{ name: 'no', document: { Statement: { Effect: 'Deny', Action: '*', Resource: '*' } } }],
}

/** Accounts of two, in which `app` trusts as it is said. */
export const stage = (trust: object, more: Partial<RoleConfig> = {}): AccountConfig[] => [
  { id: HERE, users: [ALICE, BOB, DENIED], roles: [role('app', trust, more), role('mid', trusts(user('alice')))] },
  { id: THERE, users: [ALICE, BOB] },
]

/** A device that proves who she is. */
export const DEVICE = { serialNumber: `arn:aws:iam::${HERE}:mfa/alice`, tokenCode: '123456' }
