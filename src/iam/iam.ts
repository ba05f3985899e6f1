/** IAM, as far as setting up callers needs it: the query protocol in front of the identities there are. */
import { readerOf } from '../conditions.ts'
import type { Context } from '../context.ts'
import { decide, denialText } from '../decision.ts'
import { fail, KmsError } from '../errors.ts'
import { arnOfEntity, type PolicyEntity } from '../identities/entities.ts'
import type { Identities } from '../identities/identities.ts'
import { IAM } from '../model/iam.ts'
import { serviceOf } from '../model/query.ts'
import type { Call } from '../operation.ts'
import type { ContextReader } from '../policy/context.ts'
import { HOLDERS } from './holders.ts'
import { ACCESS_KEYS } from './keys.ts'
import { POLICIES } from './policies.ts'
import type { Action, Holder, Input, World } from './world.ts'

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
function requirePermission(name: string, world: World, context: Context): void {
  const { caller } = world
  const action = `iam:${name}`
  const target = targetOf(name, world)
  const decision = decide({
    ...{ asker: caller, action, resource: target.arn, owner: caller.account, policies: caller.policies },
    ...{ resourcePolicy: undefined, resourceControl: [], endpoint: context.origin.endpoint?.policy, grant: undefined },
    context: conditionsOf(name, target, world, context),
  })
  if (!decision.allowed) fail('AccessDenied', denialText(caller, action, target.arn, decision))
}

/** What a request is about: as policies name it, and as it is, if it is there. */
interface Target {
  readonly arn: string
  readonly entity?: Holder | PolicyEntity | undefined
}

/** What users ask about themselves when they name nobody. */
const OWN = new Set(['GetUser', 'CreateAccessKey', 'ListAccessKeys', 'UpdateAccessKey', 'DeleteAccessKey'])

function targetOf(operation: string, { account, caller, input, identities }: World): Target {
  const { PolicyArn, RoleName, UserName, GroupName, PolicyName, Path = '/' } = input
  const at = (kind: 'user' | 'role' | 'group' | 'policy', name: string): Target => {
    const entity = identities.entity(kind, account, name)
    return { arn: entity ? arnOfEntity(entity) : `arn:aws:iam::${account}:${kind}${Path}${name}`, entity }
  }
  if (RoleName !== undefined) return at('role', RoleName)
  // Before the user: whom a group gets or loses is a question about the group.
  if (GroupName !== undefined) return at('group', GroupName)
  if (UserName !== undefined) return at('user', UserName)
  if (OWN.has(operation) && caller.type === 'User') return at('user', caller.userName!)
  if (PolicyArn === undefined) return PolicyName === undefined ? { arn: '*' } : at('policy', PolicyName)
  const { entity } = at('policy', PolicyArn.replace(/.*\//, ''))
  return { arn: PolicyArn, entity: entity && arnOfEntity(entity) === PolicyArn ? entity : undefined }
}

/** The condition keys that all services know, and IAM's own. */
function conditionsOf(operation: string, { arn, entity }: Target, world: World, context: Context): ContextReader {
  const { caller, account, input, identities } = world
  const Tags = input.Tags?.map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }))
  const request = { ...(Tags && { Tags }), ...(input.TagKeys && { TagKeys: input.TagKeys }) }
  const call = { operation, input: request, caller, now: identities.clock() } as Partial<Call> as Call
  const common = readerOf({
    ...{ call, context, action: `iam:${operation}`, region: context.region, resource: { arn, account } },
    ...{ key: undefined, aliases: undefined, lastUse: undefined },
  })
  const bounded = entity && 'boundary' in entity ? entity.boundary : undefined
  const tags = Object.entries(entity && 'tags' in entity ? entity.tags : {})
  return (key) => {
    if (key === 'iam:policyarn') return input.PolicyArn
    if (key === 'iam:permissionsboundary') return input.PermissionsBoundary ?? bounded
    const [, name] = /^(?:aws|iam):resourcetag\/(.+)$/s.exec(key) ?? []
    return name === undefined ? common(key) : tags.find(([tag]) => tag.toLowerCase() === name)?.[1]
  }
}
