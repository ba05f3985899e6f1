/**
 * Whether somebody may start a session. Of a role its trust policy has to say so; and the caller's own policies, too, when they
 * are of another account, or when trust is put in the account as a whole. Of a federated user the caller's own policies decide.
 */
import type { Instant } from '../clock.ts'
import { decide, type Decision, type Question, type Source } from '../decision.ts'
import type { Caller } from '../identity.ts'
import type { Origin } from '../origin.ts'
import type { ContextReader, Values } from '../policy/context.ts'
import { parseTrustPolicy } from '../policy/document.ts'
import { applying } from '../policy/evaluate.ts'
import { arnOfEntity, type RoleEntity, type Tags } from './entities.ts'

/** What a request for a session says of itself. */
export interface Wish {
  readonly caller: Caller
  readonly origin: Origin | undefined
  readonly now: Instant
  readonly mfa: boolean
  readonly tags: Tags
  /** What only requests for a role's session say. */
  readonly role?: RoleEntity
  readonly sessionName?: string
  readonly externalId?: string | undefined
  readonly sourceIdentity?: string | undefined
  readonly transitive?: readonly string[]
}

/** Whether `action`, `sts:AssumeRole` or what comes with it, is allowed. */
export function isTrusted(
  action: string,
  wish: Wish & { readonly role: RoleEntity },
  resourceControl: readonly Source[],
): boolean {
  const { caller, role } = wish
  const trust: Source = { kind: 'resource', name: 'trust policy', document: parseTrustPolicy(role.trust) }
  const own = questionOf(action, arnOfEntity(role), wish)
  const question: Question = { ...own, owner: role.account, resourcePolicy: trust, resourceControl }
  if (caller.account === role.account) return decide(question).allowed
  const statements = applying(trust.document, question)
  const isAllowed = statements.length > 0 && statements.every(({ effect }) => effect === 'Allow')
  return isAllowed && decide({ ...question, owner: caller.account, resourcePolicy: undefined }).allowed
}

/** What the caller's own policies say to `action`, where nobody else's are asked. */
export function ownDecision(action: string, resource: string, wish: Wish): Decision {
  return decide(questionOf(action, resource, wish))
}

function questionOf(action: string, resource: string, wish: Wish): Question {
  const { caller, origin } = wish
  return {
    ...{ asker: caller, action, resource, owner: caller.account, policies: caller.policies, context: readerOf(wish) },
    ...{ resourcePolicy: undefined, resourceControl: [], endpoint: origin?.endpoint?.policy, grant: undefined },
  }
}

type Read = (wish: Wish) => Values

const KEYS: Readonly<Record<string, Read>> = {
  'sts:externalid': ({ externalId }) => externalId,
  'sts:rolesessionname': ({ sessionName }) => sessionName,
  'sts:sourceidentity': ({ sourceIdentity }) => sourceIdentity,
  'sts:transitivetagkeys': ({ transitive = [] }) => (transitive.length > 0 ? transitive : undefined),
  'aws:tagkeys': ({ tags }) => (Object.keys(tags).length > 0 ? Object.keys(tags) : undefined),
  'aws:principalaccount': ({ caller }) => caller.account,
  'aws:principalarn': ({ caller }) => caller.roleArn ?? caller.arn,
  'aws:principalorgid': ({ caller }) => caller.organization?.id,
  'aws:principalorgpaths': ({ caller }) => caller.organization?.paths,
  'aws:principaltype': ({ caller }) => (caller.type === 'Root' ? 'Account' : caller.type),
  'aws:principalisawsservice': ({ caller }) => String(caller.type === 'Service'),
  'aws:userid': ({ caller }) => caller.principalId,
  'aws:username': ({ caller }) => (caller.type === 'User' ? caller.userName : undefined),
  'aws:sourceidentity': ({ caller }) => caller.session?.sourceIdentity,
  // Absent, not false, for those who have permanent keys and brought no device.
  'aws:multifactorauthpresent': ({ caller, mfa }) => (mfa || caller.session ? String(mfa) : undefined),
  'aws:multifactorauthage': ({ mfa }) => (mfa ? '0' : undefined),
  'aws:resourceaccount': ({ role, caller }) => role?.account ?? caller.account,
  'aws:sourceip': ({ origin }) => (origin?.endpoint ? undefined : origin?.sourceIp),
  'aws:sourcevpc': ({ origin }) => origin?.endpoint?.vpc,
  'aws:sourcevpce': ({ origin }) => origin?.endpoint?.id,
  'aws:securetransport': ({ origin }) => origin && String(origin.secure),
  'aws:useragent': ({ origin }) => origin?.userAgent,
  'aws:currenttime': ({ now }) => new Date(now).toISOString(),
  'aws:epochtime': ({ now }) => String(Math.floor(now / 1000)),
}

const FAMILIES: readonly (readonly [prefix: string, tags: (wish: Wish) => Tags])[] = [
  ['aws:principaltag/', ({ caller }) => caller.tags],
  ['aws:requesttag/', ({ tags }) => tags],
  ['aws:resourcetag/', ({ role }) => role?.tags ?? {}],
  ['iam:resourcetag/', ({ role }) => role?.tags ?? {}],
]

function readerOf(wish: Wish): ContextReader {
  return (key) => {
    if (Object.hasOwn(KEYS, key)) return KEYS[key]!(wish)
    const [prefix = '', tags] = FAMILIES.find(([start]) => key.startsWith(start)) ?? []
    return tags && inAnyCase(tags(wish), key.slice(prefix.length))
  }
}

/** Tags' keys are compared whatever their case. */
function inAnyCase(tags: Tags, name: string): string | undefined {
  return Object.entries(tags).find(([key]) => key.toLowerCase() === name)?.[1]
}
