/** IAM, as far as setting up callers needs it: the query protocol in front of the identities there are. */
import type { Context } from '../context.ts'
import { decide, denialText } from '../decision.ts'
import { fail, KmsError } from '../errors.ts'
import type { Identities } from '../identities/identities.ts'
import { IAM } from '../model/iam.ts'
import { serviceOf } from '../model/query.ts'
import { HOLDERS } from './holders.ts'
import { ACCESS_KEYS } from './keys.ts'
import { POLICIES } from './policies.ts'
import type { Action, Input, World } from './world.ts'

const ACTIONS: Readonly<Record<string, Action>> = { ...HOLDERS, ...POLICIES, ...ACCESS_KEYS }

type Called = Context & { readonly requestId: string }

export function iam(identities: Identities) {
  return serviceOf(IAM, async (name, input: Input, context: Called) => {
    const { caller } = context
    const world = { identities, caller, account: caller.account, input }
    requirePermission(name, world, context)
    try {
      return await ACTIONS[name]!(world)
    } catch (error) {
      // What keys are told of malformed policies, IAM calls by another name.
      if (error instanceof KmsError && error.code === 'MalformedPolicyDocumentException') {
        throw new KmsError('MalformedPolicyDocument', error.message)
      }
      throw error
    }
  })
}

/** Who sets up callers needs leave like any other, by its own policies. */
function requirePermission(name: string, world: World, { region, origin, via }: Context): void {
  const { caller } = world
  const [action, resource] = [`iam:${name}`, resourceOf(name, world)]
  const told = new Map<string, string | undefined>([
    ['aws:principalarn', caller.roleArn ?? caller.arn],
    ['aws:principalaccount', caller.account],
    ['aws:username', caller.userName],
    ['aws:userid', caller.principalId],
    ['aws:requestedregion', region],
    ['aws:sourceip', origin.sourceIp],
    ['aws:securetransport', String(origin.secure)],
    ['aws:viaawsservice', String(via?.mode === 'forwarded')],
    ['iam:permissionsboundary', world.input.PermissionsBoundary],
    ['iam:policyarn', world.input.PolicyArn],
    ...Object.entries(caller.tags).map(([key, value]) => [`aws:principaltag/${key}`.toLowerCase(), value] as const),
  ])
  const question = {
    ...{ asker: caller, action, resource, owner: caller.account, policies: caller.policies },
    ...{ resourcePolicy: undefined, resourceControl: [], endpoint: origin.endpoint?.policy, grant: undefined },
    context: (key: string) => told.get(key),
  }
  const decision = decide(question)
  if (!decision.allowed) fail('AccessDenied', denialText(caller, action, resource, decision))
}

/** What users ask about themselves when they name nobody. */
const OWN = new Set(['GetUser', 'CreateAccessKey', 'ListAccessKeys', 'UpdateAccessKey', 'DeleteAccessKey'])

/** What a request is about, as policies name it. */
function resourceOf(operation: string, { account, caller, input, identities }: World): string {
  const { PolicyArn, RoleName, UserName, GroupName, PolicyName, Path = '/' } = input
  const at = (kind: 'user' | 'role' | 'group', name: string) =>
    `arn:aws:iam::${account}:${kind}${identities.entity(kind, account, name)?.path ?? Path}${name}`
  if (RoleName !== undefined) return at('role', RoleName)
  if (UserName !== undefined) return at('user', UserName)
  if (GroupName !== undefined) return at('group', GroupName)
  if (OWN.has(operation) && caller.type === 'User') return caller.arn
  if (PolicyArn !== undefined) return PolicyArn
  return PolicyName === undefined ? '*' : `arn:aws:iam::${account}:policy${Path}${PolicyName}`
}
