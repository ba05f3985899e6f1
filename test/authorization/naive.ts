/**
 * The decision a second time: literal, slow, straight over the JSON of the policies, and without anything of the first. What it
 * leaves out (dates, addresses, bytes, grants) the generator does not make.
 */

export interface NaiveRequest {
  readonly principal: string
  readonly action: string
  readonly resource: string
  readonly context: Readonly<Record<string, string | readonly string[]>>
  readonly keyPolicy: NaivePolicy
  readonly identityPolicies: readonly NaivePolicy[]
  readonly permissionsBoundary?: NaivePolicy
  readonly sessionPolicies?: readonly NaivePolicy[]
  readonly serviceControlPolicies: readonly (readonly NaivePolicy[])[]
  readonly resourceControlPolicies: readonly NaivePolicy[]
}

export interface NaivePolicy {
  readonly Version: string
  readonly Statement: readonly NaiveStatement[]
}

export interface NaiveStatement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: { readonly AWS: readonly string[] }
  readonly NotPrincipal?: { readonly AWS: readonly string[] }
  readonly Action?: string
  readonly NotAction?: string
  readonly Resource: string
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>
}

export type Verdict = 'Allow' | 'explicit' | 'implicit'

export function naive(request: NaiveRequest): Verdict {
  const { principal, resource, keyPolicy, identityPolicies, permissionsBoundary, sessionPolicies } = request
  const { serviceControlPolicies, resourceControlPolicies } = request
  const every = [
    ...[keyPolicy, ...identityPolicies, ...(permissionsBoundary ? [permissionsBoundary] : [])],
    ...[...(sessionPolicies ?? []), ...serviceControlPolicies.flat(), ...resourceControlPolicies],
  ]
  const some = (policies: readonly NaivePolicy[], effect: string, how?: readonly string[]) =>
    policies.some((policy) => policy.Statement.some((it) => it.Effect === effect && matches(it, policy, request, how)))
  const allow = (policies: readonly NaivePolicy[]) => some(policies, 'Allow')
  if (some(every, 'Deny')) return 'explicit'
  if (!serviceControlPolicies.every(allow)) return 'implicit'
  const inBoundary = permissionsBoundary === undefined || allow([permissionsBoundary])
  const inSession = sessionPolicies === undefined || allow(sessionPolicies)
  const byIdentity = allow(identityPolicies) && inBoundary && inSession
  const key = (...how: string[]) => some([keyPolicy], 'Allow', how)
  if (accountIn(principal) !== accountIn(resource)) {
    if (request.action === 'kms:DisableKey') return 'implicit'
    return key('direct', 'role', 'account') && byIdentity ? 'Allow' : 'implicit'
  }
  if (key('direct')) return 'Allow'
  if (key('role') && inBoundary && inSession) return 'Allow'
  return key('account') && byIdentity ? 'Allow' : 'implicit'
}

function accountIn(arn: string): string {
  return arn.split(':')[4]!
}

function roleOf(principal: string): string | undefined {
  const [, role] = /:assumed-role\/(.*)\//.exec(principal) ?? []
  return role && `arn:aws:iam::${accountIn(principal)}:role/${role}`
}

function matches(it: NaiveStatement, policy: NaivePolicy, request: NaiveRequest, how?: readonly string[]): boolean {
  const { principal, action, resource } = request
  if (it.Principal || it.NotPrincipal) {
    const way = it.Principal ? wayOf(it.Principal.AWS, principal) : exceptedWay(it, principal)
    if (way === undefined || (how && !how.includes(way))) return false
  }
  const named = like((it.Action ?? it.NotAction!).toLowerCase(), action.toLowerCase())
  if (named === (it.NotAction !== undefined)) return false
  const variables = policy.Version === '2012-10-17'
  const wanted = it.Resource === '*' || !variables ? it.Resource : substitute(it.Resource, request)
  if (wanted === undefined || !like(wanted, resource)) return false
  return Object.entries(it.Condition ?? {}).every(([operator, keys]) =>
    Object.entries(keys).every(([key, values]) => holds(operator, key, values, variables, request)),
  )
}

function wayOf(AWS: readonly string[], principal: string): 'direct' | 'role' | 'account' | undefined {
  const isRoot = principal.endsWith(':root')
  if (!isRoot && AWS.includes(principal)) return 'direct'
  const role = roleOf(principal)
  if (role && AWS.includes(role)) return 'role'
  if (AWS.includes('*')) return 'direct'
  const account = accountIn(principal)
  return AWS.includes(account) || AWS.includes(`arn:aws:iam::${account}:root`) ? 'account' : undefined
}

/** A Deny spares those of whom every part is listed, an Allow passes over those of whom any is. */
function exceptedWay({ Effect, NotPrincipal }: NaiveStatement, principal: string): 'direct' | undefined {
  const { AWS } = NotPrincipal!
  if (Effect === 'Allow' || AWS.includes('*')) return wayOf(AWS, principal) ? undefined : 'direct'
  const account = accountIn(principal)
  const isListed = AWS.includes(account) || AWS.includes(`arn:aws:iam::${account}:root`)
  const role = roleOf(principal)
  const parts = [...(principal.endsWith(':root') ? [] : [principal]), ...(role ? [role] : [])]
  return isListed && parts.every((part) => AWS.includes(part)) ? undefined : 'direct'
}

function read({ context, principal }: NaiveRequest, key: string): readonly string[] | undefined {
  const found = Object.entries({ 'aws:PrincipalArn': roleOf(principal) ?? principal, ...context }).find(
    ([name]) => name.toLowerCase() === key.toLowerCase(),
  )
  if (!found) return undefined
  return typeof found[1] === 'string' ? [found[1]] : found[1]
}

function substitute(text: string, request: NaiveRequest): string | undefined {
  let missing = false
  const filled = text.replace(/\$\{(\w+:[\w/]+)(?:, '(.*?)')?\}/g, (_, key: string, fallback?: string) => {
    const values = read(request, key)
    const value = values?.length === 1 ? values[0] : fallback
    missing ||= value === undefined
    return value ?? ''
  })
  return missing ? undefined : filled
}

function like(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}

type Test = (value: string, wanted: string) => boolean

const TESTS: Readonly<Record<string, Test>> = {
  StringEquals: (value, wanted) => value === wanted,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: (value, wanted) => like(wanted, value),
  NumericEquals: (value, wanted) => Number(value) === Number(wanted),
  NumericLessThan: (value, wanted) => Number(value) < Number(wanted),
  NumericGreaterThanEquals: (value, wanted) => Number(value) >= Number(wanted),
  Bool: (value, wanted) => /^(true|false)$/i.test(wanted) && value.toLowerCase() === wanted.toLowerCase(),
  ArnLike: (value, wanted) => {
    const [parts, patterns] = [value.split(':'), wanted.split(':')]
    return parts.length === 6 && patterns.length === 6 && patterns.every((pattern, i) => like(pattern, parts[i]!))
  },
}

function holds(title: string, key: string, values: readonly string[], variables: boolean, request: NaiveRequest) {
  const [, set, name, ifExists] = /^(?:(For\w+):)?(\w+?)(IfExists)?$/.exec(title)!
  const found = read(request, key)
  const isAbsent = found === undefined || found.length === 0
  if (name === 'Null') return values.some((value) => value.toLowerCase() === String(isAbsent))
  const isNot = name!.includes('Not')
  if (isAbsent) return ifExists !== undefined || (set ? set === 'ForAllValues' : isNot)
  const operator = name!.replace('Not', '')
  const fills = variables && /^(String|Arn)/.test(operator)
  const equal = (value: string) =>
    values.some((each) => {
      const wanted = fills ? substitute(each, request) : each
      return wanted !== undefined && TESTS[operator]!(value, wanted)
    })
  if (set === 'ForAllValues') return found.every((value) => equal(value) !== isNot)
  if (set === 'ForAnyValue') return found.some((value) => equal(value) !== isNot)
  return found.some(equal) !== isNot
}
