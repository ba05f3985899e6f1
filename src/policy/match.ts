/** Whether what a statement names is what a request is about: patterns of actions and resources, forms of principals. */
import type { Principals } from './document.ts'
import { accountOf, isAccountId } from './principal.ts'

/** `*` stands for any run of characters, `?` for one. Goes back to the last star alone, so that no pattern takes long. */
export function matches(pattern: string, text: string): boolean {
  let [star, resume, p, t] = [-1, 0, 0, 0]
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (pattern[p] === '?' || pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** ARNs are compared component by component: no star reaches over one of the first five colons. */
export function matchesArn(pattern: string, arn: string): boolean {
  const patterns = components(pattern)
  const parts = components(arn)
  return patterns.length === parts.length && patterns.every((each, i) => matches(each, parts[i]!))
}

function components(arn: string): string[] {
  const parts = arn.split(':')
  return [...parts.slice(0, 5), parts.slice(5).join(':')]
}

/**
 * Whether the caller with this ARN is named, itself or by its account. To be named by its account is enough for the
 * root; any other principal of the account needs the leave of an identity policy besides.
 */
export function names({ AWS }: Principals, arn: string): boolean {
  const account = accountOf(arn)
  return AWS.some((text) => text === '*' || text === arn || (isAccount(text) && accountOf(text) === account))
}

function isAccount(principal: string): boolean {
  return isAccountId(principal) || principal.endsWith(':root')
}
