/** The forms an IAM principal is written in. Whether there is such a principal is not to be seen from its name. */

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
