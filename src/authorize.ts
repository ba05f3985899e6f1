/**
 * Who may. Every identity is its account's root so far, and a key is its account's alone: policies and grants are kept
 * and shown, but ask for nobody's leave yet.
 */
import { KmsError } from './errors.ts'
import type { Caller } from './identity.ts'
import type { Resource } from './operation.ts'

/** Throws AccessDeniedException unless `caller` may do `action` to `resource`. */
export function authorize(caller: Caller, action: string, resource: Resource): void {
  if (caller.account !== resource.account) throw denied(caller, action, resource.arn)
}

/** What a stranger hears of somebody else's resource, whether or not there is one. */
export function denied(caller: Caller, action: string, arn: string): KmsError {
  const reason = `because no resource-based policy allows the ${action} action`
  const message = `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn} ${reason}`
  return new KmsError('AccessDeniedException', message)
}
