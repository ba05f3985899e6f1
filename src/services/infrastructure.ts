/** A service at work for one of its resources, by itself: a principal of its own, whom grants let in. */
import type { Instant } from '../clock.ts'
import type { Source } from '../decision.ts'
import type { Caller } from '../identity.ts'

/**
 * The session called `id` of a service's role, `aws:ec2-infrastructure` say. No policy is attached to it as to keys of its
 * account, so that grants alone let it in; what another account grants takes leave of its own, which `identity` is.
 */
export function infrastructure(
  role: string,
  account: string,
  id: string,
  now: Instant,
  identity: readonly Source[] = [],
): Caller {
  const roleArn = `arn:aws:iam::${account}:role/${role}`
  const principalId = `${account}:${role}`
  return {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${account}:assumed-role/${role}/${id}`,
    roleArn,
    account,
    accessKeyId: '',
    principalId: `${principalId}:${id}`,
    userName: undefined,
    tags: {},
    session: {
      created: now,
      expires: Infinity,
      mfa: false,
      sourceIdentity: undefined,
      issuer: { type: 'Role', principalId, arn: roleArn, account, userName: role },
    },
    organization: undefined,
    policies: { identity, boundary: undefined, session: undefined, serviceControl: [] },
  }
}
