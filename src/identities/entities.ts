/** What there is in IAM: users, roles, groups, policies, access keys and sessions, as readonly records. */
import type { Instant } from '../clock.ts'

export type Tags = Readonly<Record<string, string>>

interface Base {
  readonly account: string
  readonly name: string
  readonly created: Instant
}

/** Whom policies can be attached to. */
interface Holder extends Base {
  /** `/`, or `/one/two/` */
  readonly path: string
  /** `AIDA…`, `AROA…`, `AGPA…`: unlike that of any other, even one of the same name later. */
  readonly id: string
  /** Inline policies, the texts by their names. */
  readonly policies: Readonly<Record<string, string>>
  /** ARNs of managed policies. */
  readonly attached: readonly string[]
}

export interface UserEntity extends Holder {
  readonly kind: 'user'
  readonly groups: readonly string[]
  /** The ARN of the managed policy that bounds what others allow. */
  readonly boundary: string | undefined
  readonly tags: Tags
}

export interface RoleEntity extends Holder {
  readonly kind: 'role'
  /** Who may assume it. */
  readonly trust: string
  readonly description: string
  /** Seconds. */
  readonly maxSessionDuration: number
  readonly boundary: string | undefined
  readonly tags: Tags
}

export interface GroupEntity extends Holder {
  readonly kind: 'group'
}

export interface PolicyEntity extends Base {
  readonly kind: 'policy'
  readonly path: string
  /** `ANPA…` */
  readonly id: string
  readonly description: string
  readonly updated: Instant
  readonly versions: readonly PolicyVersion[]
  readonly defaultVersion: string
  readonly tags: Tags
}

export interface PolicyVersion {
  /** `v1` */
  readonly id: string
  readonly document: string
  readonly created: Instant
}

export interface AccessKeyEntity extends Base {
  /** Its name is its id, `AKIA…`. */
  readonly kind: 'accessKey'
  /** Whose it is; '' for the root of the account. */
  readonly user: string
  readonly secret: string
  readonly active: boolean
  /** Of temporary credentials that a configuration lists. */
  readonly sessionToken?: string
}

export interface SessionEntity extends Base {
  /** Its name is the id of its access key, `ASIA…`. */
  readonly kind: 'session'
  readonly secret: string
  readonly token: string
  readonly expires: Instant
  readonly mfa: boolean
  readonly of: SessionOf
  /** Session policies; undefined when it was started without. */
  readonly policies: readonly string[] | undefined
  readonly policyArns: readonly string[]
  readonly tags: Tags
  readonly sourceIdentity: string | undefined
}

export type SessionOf =
  | {
      readonly type: 'AssumedRole'
      readonly role: string
      /** Another role of the same name has another id. */
      readonly roleId?: string
      readonly sessionName: string
    }
  | { readonly type: 'FederatedUser'; readonly name: string; readonly user: string; readonly userId?: string }
  | { readonly type: 'User'; readonly user: string; readonly userId?: string }
  | { readonly type: 'Root' }

export type Entity = UserEntity | RoleEntity | GroupEntity | PolicyEntity | AccessKeyEntity | SessionEntity
export type Kind = Entity['kind']
export type EntityOf<K extends Kind> = Extract<Entity, { readonly kind: K }>

/** The ARN of what has one. */
export function arnOfEntity({
  kind,
  account,
  path,
  name,
}: UserEntity | RoleEntity | GroupEntity | PolicyEntity): string {
  return `arn:aws:iam::${account}:${kind}${path}${name}`
}

/** What is secret about an entity is stored sealed, apart from the rest. */
export function secretsOf(entity: Entity): Readonly<Record<string, string>> | undefined {
  if (entity.kind === 'session') return { secret: entity.secret, token: entity.token }
  if (entity.kind !== 'accessKey') return undefined
  const { secret, sessionToken } = entity
  return sessionToken === undefined ? { secret } : { secret, sessionToken }
}
