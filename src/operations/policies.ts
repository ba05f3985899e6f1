/** Key policies as stored: GetKeyPolicy, PutKeyPolicy, ListKeyPolicies. */
import { fail } from '../errors.ts'
import { withFields } from '../keys.ts'
import { existing } from '../locators.ts'
import { operation } from '../operation.ts'
import { pageOf } from '../paging.ts'
import { POLICY_NAME, policyOf, refuseLockout, requirePolicy, requirePrincipals } from '../policies.ts'
import { edits } from '../store/cache.ts'

const key = existing('KeyId')

export const getKeyPolicy = operation('GetKeyPolicy', {
  on: { key },
  run({ key, input: { PolicyName = POLICY_NAME } }) {
    if (PolicyName !== POLICY_NAME) fail('NotFoundException', 'No such policy exists')
    return { Policy: policyOf(key), PolicyName }
  },
})

export const putKeyPolicy = operation('PutKeyPolicy', {
  on: { key },
  mutates: true,
  check({ PolicyName = POLICY_NAME, Policy }) {
    if (PolicyName !== POLICY_NAME) fail('ValidationException', `The only valid policy name is ${POLICY_NAME}.`)
    requirePolicy(Policy)
  },
  require: ({ input, knows }) => requirePrincipals(input.Policy, knows),
  run(call) {
    const { input, caller, key } = call
    refuseLockout(input, caller, key)
    call.put(edits.putKey(withFields(key, { policy: input.Policy })))
  },
})

export const listKeyPolicies = operation('ListKeyPolicies', {
  on: { key },
  run({ input }) {
    const { after } = pageOf('ListKeyPolicies', input, 100, 1000)
    return { PolicyNames: after === undefined ? [POLICY_NAME] : [], Truncated: false }
  },
})
