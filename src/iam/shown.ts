/** Identities as IAM's answers show them. */
import type { Value } from '../model/query.ts'
import {
  arnOfEntity,
  type AccessKeyEntity,
  type GroupEntity,
  type PolicyEntity,
  type PolicyVersion,
  type RoleEntity,
  type UserEntity,
} from '../identities/entities.ts'
import { tagsOf, type Holder, type World } from './world.ts'

type Shown = Readonly<Record<string, Value | undefined>>

/** Policies come percent-encoded in answers. */
export function encoded(document: string): string {
  return encodeURIComponent(document)
}

export function holderShown(entity: Holder, whole: boolean): Shown {
  if (entity.kind === 'user') return userShown(entity, whole)
  return entity.kind === 'role' ? roleShown(entity, whole) : groupShown(entity)
}

/** The root is nobody that was made: IAM knows its account and nothing else. */
export function rootShown({ caller }: World): Shown {
  return { Path: '/', UserName: 'root', UserId: caller.account, Arn: caller.arn, CreateDate: new Date(0) }
}

/** Lists leave tags and boundaries out. */
function userShown(user: UserEntity, whole: boolean): Shown {
  return {
    ...{ Path: user.path, UserName: user.name, UserId: user.id, Arn: arnOfEntity(user) },
    CreateDate: new Date(user.created),
    ...(whole && marks(user)),
  }
}

function roleShown(role: RoleEntity, whole: boolean): Shown {
  return {
    ...{ Path: role.path, RoleName: role.name, RoleId: role.id, Arn: arnOfEntity(role) },
    CreateDate: new Date(role.created),
    AssumeRolePolicyDocument: encoded(role.trust),
    Description: role.description === '' ? undefined : role.description,
    MaxSessionDuration: role.maxSessionDuration,
    ...(whole && marks(role)),
  }
}

function groupShown(group: GroupEntity): Shown {
  return {
    ...{ Path: group.path, GroupName: group.name, GroupId: group.id, Arn: arnOfEntity(group) },
    CreateDate: new Date(group.created),
  }
}

function marks({ boundary, tags }: UserEntity | RoleEntity): Shown {
  return {
    PermissionsBoundary: boundary === undefined ? undefined : boundaryShown(boundary),
    Tags: Object.keys(tags).length > 0 ? (tagsOf(tags) as unknown as Value) : undefined,
  }
}

function boundaryShown(PermissionsBoundaryArn: string): Value {
  return { PermissionsBoundaryType: 'Policy', PermissionsBoundaryArn }
}

/** By how many a policy is used. */
export interface Uses {
  readonly attached: number
  readonly bounding: number
}

export function policyShown(policy: PolicyEntity, { attached, bounding }: Uses, whole: boolean): Shown {
  return {
    ...{ PolicyName: policy.name, PolicyId: policy.id, Arn: arnOfEntity(policy), Path: policy.path },
    ...{ DefaultVersionId: policy.defaultVersion, AttachmentCount: attached, PermissionsBoundaryUsageCount: bounding },
    ...{ IsAttachable: true, Description: whole && policy.description !== '' ? policy.description : undefined },
    ...{ CreateDate: new Date(policy.created), UpdateDate: new Date(policy.updated) },
    Tags: whole && Object.keys(policy.tags).length > 0 ? (tagsOf(policy.tags) as unknown as Value) : undefined,
  }
}

export function versionShown({ defaultVersion }: PolicyEntity, version: PolicyVersion, whole: boolean): Shown {
  return {
    Document: whole ? encoded(version.document) : undefined,
    ...{
      VersionId: version.id,
      IsDefaultVersion: version.id === defaultVersion,
      CreateDate: new Date(version.created),
    },
  }
}

export function keyShown(key: AccessKeyEntity): Shown {
  return {
    ...{ UserName: key.user, AccessKeyId: key.name, Status: key.active ? 'Active' : 'Inactive' },
    CreateDate: new Date(key.created),
  }
}
