/** Who calls: a principal with all its policies, as a snapshot; and how identities are written down in configurations. */
import type { Instant } from './clock.ts'
import type { CallerPolicies } from './decision.ts'
import type { Asker } from './policy/principal.ts'

/** INVARIANT: a snapshot. Whatever changes about a caller makes another object, so decisions may be kept by it. */
export interface Caller extends Asker {
  /** '' for a caller in process, who needs none. */
  readonly accessKeyId: string
  /** `AIDA…`, `AROA…:session`, the account's id for its root, a service's name. */
  readonly principalId: string
  readonly userName: string | undefined
  /** Tags of the principal, and those of the session over them. */
  readonly tags: Readonly<Record<string, string>>
  readonly session: Session | undefined
  readonly organization: Organization | undefined
  readonly policies: CallerPolicies
}

/** Of temporary credentials. */
export interface Session {
  readonly created: Instant
  readonly expires: Instant
  readonly mfa: boolean
  readonly sourceIdentity: string | undefined
  /** The role of an assumed role's session. */
  readonly issuer:
    | {
        readonly type: 'Role'
        readonly principalId: string
        readonly arn: string
        readonly account: string
        readonly userName: string
      }
    | undefined
}

export interface Organization {
  readonly id: string
  /** Where in the organization the account is: `o-id/r-root/ou-unit/` */
  readonly paths: readonly string[]
  readonly managementAccount: string
}

export interface Credential {
  readonly secret: string
  /** Of temporary credentials: requests must carry the same. */
  readonly sessionToken?: string | undefined
  readonly expires: Instant
  readonly caller: Caller
}

export interface AccessKeyConfig {
  readonly id: string
  readonly secret: string
  /** Present for temporary credentials: requests must then carry the same token. */
  readonly sessionToken?: string
}

/** An IAM policy: its text, or the object that the text stands for. */
export type PolicyDocument = string | object

export interface InlinePolicyConfig {
  readonly name: string
  readonly document: PolicyDocument
}

interface PrincipalConfig {
  readonly name: string
  /** Default `/`. */
  readonly path?: string
  readonly policies?: readonly InlinePolicyConfig[]
  /** ARNs of managed policies. */
  readonly attachedPolicies?: readonly string[]
  readonly permissionsBoundary?: string
  readonly tags?: Readonly<Record<string, string>>
}

export interface UserConfig extends PrincipalConfig {
  readonly accessKeys?: readonly AccessKeyConfig[]
  readonly groups?: readonly string[]
}

export interface RoleConfig extends PrincipalConfig {
  readonly trustPolicy: PolicyDocument
  readonly description?: string
  /** Seconds, 3,600 to 43,200. Default 3,600. */
  readonly maxSessionDuration?: number
}

export type GroupConfig = Omit<PrincipalConfig, 'permissionsBoundary' | 'tags'>

export interface ManagedPolicyConfig extends InlinePolicyConfig {
  readonly path?: string
  readonly description?: string
}

export interface AccountConfig {
  /** Twelve digits. */
  readonly id: string
  /** Of the account's root. */
  readonly accessKeys?: readonly AccessKeyConfig[]
  readonly users?: readonly UserConfig[]
  readonly groups?: readonly GroupConfig[]
  readonly roles?: readonly RoleConfig[]
  /** Customer managed policies. */
  readonly policies?: readonly ManagedPolicyConfig[]
}

/** An organization: its accounts in units, each level with its policies. */
export interface OrganizationConfig {
  /** `o-exampleorgid` */
  readonly id: string
  readonly managementAccount: string
  readonly root: UnitConfig
}

/** The root, or an organizational unit. */
export interface UnitConfig {
  /** Default: `root`, and the unit's place. */
  readonly id?: string
  readonly accounts?: readonly MemberConfig[]
  readonly units?: readonly UnitConfig[]
  /** Default: one that allows all, FullAWSAccess. */
  readonly serviceControlPolicies?: readonly InlinePolicyConfig[]
  readonly resourceControlPolicies?: readonly InlinePolicyConfig[]
}

export interface MemberConfig {
  readonly id: string
  readonly serviceControlPolicies?: readonly InlinePolicyConfig[]
  readonly resourceControlPolicies?: readonly InlinePolicyConfig[]
}

/** `test`/`test`, the root user of `account`: what a server without a config file accepts. Public, and meant to be. */
export const defaultAccounts = (account = '000000000000'): AccountConfig[] => [
  { id: account, accessKeys: [{ id: 'test', secret: 'test' }] },
]
