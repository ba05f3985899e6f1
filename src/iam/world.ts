/** What an operation of IAM is given: who asks, in which account, with what; and how it says no in IAM's words. */
import { hash } from 'node:crypto'
import {
  arnOfEntity,
  type EntityOf,
  type GroupEntity,
  type PolicyEntity,
  type RoleEntity,
  type UserEntity,
} from '../identities/entities.ts'
import type { Identities } from '../identities/identities.ts'
import { AWS_MANAGED } from '../identities/managed.ts'
import type { Caller } from '../identity.ts'
import { KmsError } from '../errors.ts'

/** Members of requests, by AWS's names; the walker vouches for their types. */
export interface Input {
  readonly UserName?: string
  readonly RoleName?: string
  readonly GroupName?: string
  readonly NewUserName?: string
  readonly NewGroupName?: string
  readonly Path?: string
  readonly NewPath?: string
  readonly PathPrefix?: string
  readonly PermissionsBoundary?: string
  readonly Tags?: readonly Tag[]
  readonly TagKeys?: readonly string[]
  readonly AssumeRolePolicyDocument?: string
  readonly PolicyDocument?: string
  readonly PolicyName?: string
  readonly PolicyArn?: string
  readonly Description?: string
  readonly MaxSessionDuration?: number
  readonly AccessKeyId?: string
  readonly Status?: string
  readonly SetAsDefault?: boolean
  readonly VersionId?: string
  readonly Scope?: string
  readonly OnlyAttached?: boolean
  readonly EntityFilter?: string
  readonly Marker?: string
  readonly MaxItems?: number
}

export interface Tag {
  readonly Key: string
  readonly Value: string
}

export interface World {
  readonly identities: Identities
  readonly caller: Caller
  readonly account: string
  readonly input: Input
}

/** Does an operation; what its answer has in it. */
export type Action = (world: World) => object | Promise<object>

export type Holder = UserEntity | RoleEntity | GroupEntity
export type HolderKind = Holder['kind']

/** A kind of those whom policies are attached to: how requests and answers spell it. */
export interface Kind {
  readonly kind: HolderKind
  readonly title: 'User' | 'Role' | 'Group'
  readonly nameOf: (input: Input) => string | undefined
}

export const KINDS: Readonly<Record<HolderKind, Kind>> = {
  user: { kind: 'user', title: 'User', nameOf: ({ UserName }) => UserName },
  role: { kind: 'role', title: 'Role', nameOf: ({ RoleName }) => RoleName },
  group: { kind: 'group', title: 'Group', nameOf: ({ GroupName }) => GroupName },
}

/** The one of this name. Throws NoSuchEntity when there is none. */
export function present<K extends HolderKind>({ identities, account }: World, kind: K, name: string): EntityOf<K> {
  return identities.entity(kind, account, name) ?? missing(`The ${kind} with name ${name} cannot be found.`)
}

export function presentPolicy({ identities, account }: World, arn: string): PolicyEntity {
  const [, owner, name] = /^arn:[\w-]+:iam::(\d{12}):policy\/(?:.+\/)?([^/]+)$/.exec(arn) ?? []
  const policy = owner === account ? identities.entity('policy', account, name!) : undefined
  return policy && arnOfEntity(policy) === arn ? policy : missing(`Policy ${arn} was not found.`)
}

/** One of the account's own, or of AWS's. */
export function readablePolicy(world: World, arn: string): PolicyEntity {
  const managed = AWS_POLICIES.find((policy) => arnOfEntity(policy) === arn)
  return managed ?? presentPolicy(world, arn)
}

/** AWS made the first of them on this day; of the versions since, the one in force is all that is known. */
const AWS_CREATED = Date.UTC(2015, 1, 6, 18, 39, 46)

export const AWS_POLICIES: readonly PolicyEntity[] = AWS_MANAGED.map(({ arn, name, path, document }) => ({
  ...{ kind: 'policy', account: 'aws', name, path, description: '', created: AWS_CREATED, updated: AWS_CREATED },
  ...{ id: `ANPA${hash('sha256', arn).slice(0, 17).toUpperCase()}`, tags: {}, defaultVersion: 'v1' },
  versions: [{ id: 'v1', document, created: AWS_CREATED }],
}))

export function missing(message: string): never {
  throw new KmsError('NoSuchEntity', message)
}

export function taken(title: string, name: string): never {
  throw new KmsError('EntityAlreadyExists', `${title} with name ${name} already exists.`)
}

export function conflict(message: string): never {
  throw new KmsError('DeleteConflict', message)
}

export function exceeded(message: string): never {
  throw new KmsError('LimitExceeded', message)
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly IsTruncated: boolean
  readonly Marker: string | undefined
}

/** A page of `all`, which are in the order of what `name` gives: up to MaxItems of them, from after the Marker. */
export function pageOf<T>(all: readonly T[], { Marker, MaxItems = 100 }: Input, name: (item: T) => string): Page<T> {
  const after = Marker === undefined ? '' : Buffer.from(Marker, 'hex').toString()
  const rest = all.filter((item) => name(item) > after)
  const items = rest.slice(0, MaxItems)
  const IsTruncated = rest.length > items.length
  const last = items.at(-1)
  return { items, IsTruncated, Marker: IsTruncated && last ? Buffer.from(name(last)).toString('hex') : undefined }
}

const TAGS = 50

/** Tags as they are kept, with `more` put in. */
export function tagged(tags: Readonly<Record<string, string>>, more: readonly Tag[] = []): Record<string, string> {
  const keys = more.map(({ Key }) => Key.toLowerCase())
  if (new Set(keys).size < keys.length) {
    throw new KmsError('InvalidInput', 'Duplicate tag keys found. Please note that Tag keys are case insensitive.')
  }
  const merged = { ...untagged(tags, keys), ...Object.fromEntries(more.map(({ Key, Value }) => [Key, Value])) }
  if (Object.keys(merged).length > TAGS) exceeded('The number of tags has reached the maximum limit.')
  return merged
}

/** Tags without those of these keys, whatever their case: a key in another case is the same key. */
export function untagged(tags: Readonly<Record<string, string>>, keys: readonly string[] = []): Record<string, string> {
  const gone = new Set(keys.map((key) => key.toLowerCase()))
  return Object.fromEntries(Object.entries(tags).filter(([key]) => !gone.has(key.toLowerCase())))
}

/** In the order of their keys, as pages of them need it. */
export function tagsOf(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags)
    .map(([Key, Value]) => ({ Key, Value }))
    .toSorted((a, b) => (a.Key < b.Key ? -1 : 1))
}

/** Runs what a change is made of, and gives what it came to. */
export async function changing<T>(
  { identities }: World,
  edit: (
    now: number,
  ) => Parameters<Identities['change']>[0] extends (now: number) => infer E ? { edits: E; made: T } : never,
): Promise<T> {
  let result: { made: T } | undefined
  await identities.change((now) => {
    const { edits, made } = edit(now)
    result = { made }
    return edits
  })
  return result!.made
}
