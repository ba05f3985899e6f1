/** From what is on record about a principal to a caller: a snapshot with every policy that has a say in what it may do. */
import { NEVER } from '../clock.ts'
import type { CallerPolicies, PolicyKind, Source } from '../decision.ts'
import type { Caller, Organization, Session } from '../identity.ts'
import { parseIdentityPolicy } from '../policy/document.ts'
import {
  arnOfEntity,
  type EntityOf,
  type GroupEntity,
  type RoleEntity,
  type SessionEntity,
  type UserEntity,
} from './entities.ts'

/** What snapshots are made from. */
export interface Directory {
  entity<K extends 'user' | 'role' | 'group'>(kind: K, account: string, name: string): EntityOf<K> | undefined
  /** The text of a managed policy. */
  managedPolicy(arn: string): string | undefined
  organizationOf(account: string): Organization | undefined
  serviceControl(account: string): CallerPolicies['serviceControl']
}

const EVERYTHING: Source = {
  kind: 'identity',
  name: 'root user',
  document: parseIdentityPolicy('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'),
}

/** Nobody limits what the root of an account may do in it but the organization. */
export function rootCaller(directory: Directory, account: string, accessKeyId = '', session?: Session): Caller {
  return {
    type: 'Root',
    arn: `arn:aws:iam::${account}:root`,
    account,
    accessKeyId,
    principalId: account,
    userName: undefined,
    tags: {},
    session,
    organization: directory.organizationOf(account),
    policies: {
      identity: [EVERYTHING],
      boundary: undefined,
      session: undefined,
      serviceControl: directory.serviceControl(account),
    },
  }
}

export function userCaller(directory: Directory, user: UserEntity, accessKeyId = '', session?: Session): Caller {
  return {
    type: 'User',
    arn: arnOfEntity(user),
    account: user.account,
    accessKeyId,
    principalId: user.id,
    userName: user.name,
    tags: user.tags,
    session,
    organization: directory.organizationOf(user.account),
    policies: policiesOf(directory, user),
  }
}

/** A session of a role; one in process when it was started by nobody. */
export function roleCaller(
  directory: Directory,
  role: RoleEntity,
  sessionName: string,
  session?: SessionEntity,
): Caller {
  const { account, name } = role
  const roleArn = arnOfEntity(role)
  return {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${account}:assumed-role/${name}/${sessionName}`,
    account,
    roleArn,
    accessKeyId: session?.name ?? '',
    principalId: `${role.id}:${sessionName}`,
    userName: undefined,
    tags: { ...role.tags, ...session?.tags },
    session: {
      created: session?.created ?? role.created,
      expires: session?.expires ?? NEVER,
      mfa: session?.mfa ?? false,
      sourceIdentity: session?.sourceIdentity,
      issuer: { type: 'Role', principalId: role.id, arn: roleArn, account, userName: name },
    },
    organization: directory.organizationOf(account),
    policies: { ...policiesOf(directory, role), session: sessionPolicies(directory, session) },
  }
}

/** The caller whose session it is; undefined when the principal it was started for is gone. */
export function sessionCaller(directory: Directory, session: SessionEntity): Caller | undefined {
  const { account, name, of, mfa, created, expires, sourceIdentity } = session
  if (of.type === 'AssumedRole') {
    const role = directory.entity('role', account, of.role)
    // A role of the same name that was made later is another one.
    const isSame = role && (of.roleId === undefined || of.roleId === role.id)
    return isSame ? roleCaller(directory, role, of.sessionName, session) : undefined
  }
  const facts: Session = { created, expires, mfa, sourceIdentity, issuer: undefined }
  if (of.type === 'Root') return rootCaller(directory, account, name, facts)
  const user = directory.entity('user', account, of.user)
  // The root may federate, too.
  const isRoots = of.type === 'FederatedUser' && of.user === ''
  // So is a user of the same name.
  const isSame = user && (of.userId === undefined || of.userId === user.id)
  if (!isSame && !isRoots) return undefined
  const caller = user ? userCaller(directory, user, name, facts) : rootCaller(directory, account, name, facts)
  if (of.type === 'User') return caller
  return {
    ...caller,
    type: 'FederatedUser',
    arn: `arn:aws:sts::${account}:federated-user/${of.name}`,
    principalId: `${account}:${of.name}`,
    userName: of.name,
    tags: session.tags,
    // Without session policies a federated user may nothing.
    policies: { ...caller.policies, session: sessionPolicies(directory, session) ?? [] },
  }
}

function policiesOf(directory: Directory, holder: UserEntity | RoleEntity): CallerPolicies {
  const groups = holder.kind === 'user' ? holder.groups : []
  const inGroups = groups
    .map((name) => directory.entity('group', holder.account, name))
    .filter((it) => it !== undefined)
  return {
    identity: [holder, ...inGroups].flatMap((each) => attachedTo(directory, each)),
    boundary: holder.boundary === undefined ? undefined : managed(directory, holder.boundary, 'boundary'),
    session: undefined,
    serviceControl: directory.serviceControl(holder.account),
  }
}

function attachedTo(directory: Directory, holder: UserEntity | RoleEntity | GroupEntity): Source[] {
  const inline = Object.entries(holder.policies).map(([name, text]) =>
    sourceOf('identity', `inline policy ${name} of ${holder.kind}/${holder.name}`, text),
  )
  return [...inline, ...holder.attached.map((arn) => managed(directory, arn, 'identity'))]
}

function sessionPolicies(directory: Directory, session: SessionEntity | undefined): readonly Source[] | undefined {
  if (!session || (session.policies === undefined && session.policyArns.length === 0)) return undefined
  const inline = session.policies?.map((text) => sourceOf('session', 'session policy', text)) ?? []
  return [...inline, ...session.policyArns.map((arn) => managed(directory, arn, 'session'))]
}

/** A managed policy by its ARN; one that is gone says nothing. */
function managed(directory: Directory, arn: string, kind: PolicyKind): Source {
  const text = directory.managedPolicy(arn)
  return text === undefined ? { kind, name: arn, document: NOTHING } : sourceOf(kind, arn, text)
}

const NOTHING = { version: '2012-10-17', id: undefined, statements: [], rules: [] } as const

/** A policy ready to be asked; each text is read once. */
export function sourceOf(kind: PolicyKind, name: string, text: string): Source {
  let document = DOCUMENTS.get(text)
  if (!document) {
    if (DOCUMENTS.size >= 4096) DOCUMENTS.clear()
    DOCUMENTS.set(text, (document = parseIdentityPolicy(text)))
  }
  return { kind, name, document }
}

const DOCUMENTS = new Map<string, Source['document']>()
