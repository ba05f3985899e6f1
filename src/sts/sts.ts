/** STS: who one is, and temporary credentials. */
import type { Context } from '../context.ts'
import type { Identities } from '../identities/identities.ts'
import {
  assumeRole,
  getFederationToken,
  getSessionToken,
  type Issued,
  type SessionTag,
} from '../identities/sessions.ts'
import { serviceOf } from '../model/query.ts'
import { STS } from '../model/sts.ts'

/** Members of requests; the walker vouches for their types. */
interface Input {
  readonly RoleArn: string
  readonly RoleSessionName: string
  readonly Name: string
  readonly DurationSeconds?: number
  readonly Policy?: string
  readonly PolicyArns?: readonly { readonly arn?: string }[]
  readonly Tags?: readonly SessionTag[]
  readonly TransitiveTagKeys?: readonly string[]
  readonly ExternalId?: string
  readonly SourceIdentity?: string
  readonly SerialNumber?: string
  readonly TokenCode?: string
}

type Action = (identities: Identities, input: Input, context: Context) => object | Promise<object>

const ACTIONS: Readonly<Record<string, Action>> = {
  GetCallerIdentity: (_, __, { caller }) => ({ UserId: caller.principalId, Account: caller.account, Arn: caller.arn }),
  async AssumeRole(identities, input, context) {
    const issued = await assumeRole(identities, {
      ...common(input, context),
      ...limits(input),
      ...{ roleArn: input.RoleArn, roleSessionName: input.RoleSessionName, externalId: input.ExternalId },
      ...{ transitiveTagKeys: input.TransitiveTagKeys, sourceIdentity: input.SourceIdentity },
    })
    const AssumedRoleUser = { AssumedRoleId: issued.caller.principalId, Arn: issued.caller.arn }
    return { ...credentials(issued), AssumedRoleUser, SourceIdentity: issued.caller.session?.sourceIdentity }
  },
  async GetSessionToken(identities, input, context) {
    return credentials(await getSessionToken(identities, common(input, context)))
  },
  async GetFederationToken(identities, input, context) {
    const issued = await getFederationToken(identities, {
      ...common(input, context),
      ...limits(input),
      name: input.Name,
    })
    const FederatedUser = { FederatedUserId: issued.caller.principalId, Arn: issued.caller.arn }
    return { ...credentials(issued), FederatedUser }
  },
}

function common(input: Input, { caller, origin }: Context) {
  const device = { serialNumber: input.SerialNumber, tokenCode: input.TokenCode }
  return { caller, origin, durationSeconds: input.DurationSeconds, ...device }
}

function limits({ Policy, PolicyArns, Tags }: Input) {
  return { policy: Policy, policyArns: PolicyArns?.flatMap(({ arn }) => arn ?? []), tags: Tags }
}

function credentials({ accessKeyId, secret, token, expires, packedPolicySize }: Issued) {
  const keys = { AccessKeyId: accessKeyId, SecretAccessKey: secret, SessionToken: token, Expiration: new Date(expires) }
  return { Credentials: keys, PackedPolicySize: packedPolicySize }
}

type Called = Context & { readonly requestId: string }

export function sts(identities: Identities) {
  return serviceOf(STS, (name, input: Input, context: Called) => ACTIONS[name]!(identities, input, context))
}
