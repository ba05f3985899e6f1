/** The forms an IAM principal is written in. Whether there is such a principal is not to be seen from its name. */

import type { Principals } from './language.ts'

const ACCOUNT = /^\d{12}$/
const NAME = String.raw`[\w+=,.@-]+`
/**
 * A path may stand in front of the name of a user or role, but not of the role in a session's ARN; there the roles of AWS's
 * own services have colons in their names (`aws:ec2-infrastructure`).
 */
const ARN = new RegExp(
  String.raw`^arn:(aws[a-z-]*):(?:` +
    String.raw`iam::(?<owner>\d{12}):(?:root|(?:user|role)/(?:[\x21-\x29\x2b-\x3e\x40-\x7e]+/)?${NAME})|` +
    String.raw`sts::(?<issuer>\d{12}):(?:assumed-role/[\w+=,.@:-]+/${NAME}|federated-user/${NAME}))$`,
)
const SERVICE = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i
const PROVIDER = /^arn:aws[a-z-]*:iam::\d{12}:(saml|oidc)-provider\/\S+$/

/** Whether `text` is the ARN of an account's root, a user, a role, a role's session or a federated user. */
export function isPrincipalArn(text: string): boolean {
  return ARN.test(text)
}

export function isAccountId(text: string): boolean {
  return ACCOUNT.test(text)
}

/** The account of a principal given as its ARN or, for the account itself, its id. */
export function accountOf(principal: string): string | undefined {
  if (isAccountId(principal)) return principal
  const { owner, issuer } = ARN.exec(principal)?.groups ?? {}
  return owner ?? issuer
}

export function isService(text: string): boolean {
  return SERVICE.test(text)
}

/** A SAML or OpenID Connect provider by its ARN, or a web identity provider by its domain. */
export function isProvider(text: string): boolean {
  return PROVIDER.test(text) || SERVICE.test(text)
}

/** Who asks, as policies see it. */
export interface Asker {
  readonly type: 'Root' | 'User' | 'AssumedRole' | 'FederatedUser' | 'Service'
  /** Of the root, the user, the session or the federated user; a service's name: s3.amazonaws.com. */
  readonly arn: string
  /** A service acts in the account it works for. */
  readonly account: string
  /** Of a session: the role's ARN, with its path. */
  readonly roleArn?: string | undefined
}

/** By what a principal element names somebody. An account is named by its id or its root's ARN; that names the root, too. */
export type Naming = 'session' | 'user' | 'role' | 'service' | 'everyone' | 'account'

/** By what `principals` name `asker`: the closest of all the ways; undefined when they do not. */
export function naming({ AWS, Service }: Principals, { type, arn, roleArn, account }: Asker): Naming | undefined {
  if (type === 'Service') return Service.includes(arn) ? 'service' : AWS.includes('*') ? 'everyone' : undefined
  if (type !== 'Root' && AWS.includes(arn)) return type === 'User' ? 'user' : 'session'
  if (roleArn !== undefined && AWS.includes(roleArn)) return 'role'
  if (AWS.includes('*')) return 'everyone'
  return namesAccount(AWS, account) ? 'account' : undefined
}

/**
 * Whether an asker is among those that NotPrincipal excepts. To be spared by a Deny, all that the asker is must be listed:
 * the account, the role and the session; to be passed over by an Allow, any of it will do.
 */
export function isExcepted(principals: Principals, asker: Asker, effect: 'Allow' | 'Deny'): boolean {
  const { AWS } = principals
  const { type, arn, roleArn, account } = asker
  if (effect === 'Allow' || type === 'Service' || AWS.includes('*')) return naming(principals, asker) !== undefined
  const parts = [...(type === 'Root' ? [] : [arn]), ...(roleArn === undefined ? [] : [roleArn])]
  return namesAccount(AWS, account) && parts.every((part) => AWS.includes(part))
}

const ROOT = ':root'

/** An account by its id, or by the ARN of its root: no other principal's ends so. */
function namesAccount(AWS: readonly string[], account: string): boolean {
  return AWS.some(
    (text) => text === account || (text.endsWith(ROOT) && text.startsWith(account, text.length - ROOT.length - 12)),
  )
}

/** What a principal's ARN goes on with after its account. */
const TYPES = [
  ['root', 'Root'],
  ['user/', 'User'],
  ['assumed-role/', 'AssumedRole'],
  ['federated-user/', 'FederatedUser'],
] as const

/** The asker with this ARN; undefined when nobody asks under it. */
export function askerOf(arn: string, roleArn?: string): Asker | undefined {
  const account = accountOf(arn)
  const [, type] = TYPES.find(([start]) => arn.startsWith(`${account}:${start}`, arn.indexOf('::') + 2)) ?? []
  return account && type ? { type, arn, account, roleArn } : undefined
}
