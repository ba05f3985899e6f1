/**
 * Who may. Every identity is its account's root so far, and a key is its account's alone: policies and grants of customers
 * are kept and shown, but ask for nobody's leave yet. Those of AWS managed keys hold.
 */
import { KmsError } from './errors.ts'
import type { Caller } from './identity.ts'
import type { Key } from './keys.ts'
import type { Resource } from './operation.ts'
import { permits, policyOf } from './policies.ts'

/** Throws AccessDeniedException unless `caller` may do `action` to `resource`. */
export function authorize(caller: Caller, action: string, resource: Resource): void {
  if (caller.account !== resource.account) throw denied(caller, action, resource.arn)
  if (isManaged(resource) && !mayManaged(caller, action, resource)) throw denied(caller, action, resource.arn)
}

/** A key of AWS's own, which is in the customer's account to be looked at. */
function isManaged(resource: Resource): resource is Key {
  return (resource as Partial<Key>).manager === 'AWS'
}

/** Its policy is the one thing there is to ask; but who may retire a grant, no key policy has a say in. */
function mayManaged(caller: Caller, action: string, key: Key): boolean {
  return action === 'kms:RetireGrant' || permits(policyOf(key), caller, action, key)
}

/** What a stranger hears of somebody else's resource, whether or not there is one. */
export function denied(caller: Caller, action: string, arn: string): KmsError {
  const reason = `because no resource-based policy allows the ${action} action`
  const message = `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn} ${reason}`
  return new KmsError('AccessDeniedException', message)
}
