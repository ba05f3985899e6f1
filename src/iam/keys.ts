/** Access keys of users. */
import { newAccessKey } from '../identities/ids.ts'
import type { AccessKeyEntity } from '../identities/entities.ts'
import { keyShown } from './shown.ts'
import { changing, exceeded, missing, pageOf, present, type Action, type World } from './world.ts'

const KEYS = 2

export const ACCESS_KEYS: Readonly<Record<string, Action>> = {
  CreateAccessKey: (world) =>
    changing(world, (created) => {
      const user = userOf(world)
      if (keysOf(world, user).length >= KEYS) exceeded(`Cannot exceed quota for AccessKeysPerUser: ${KEYS}`)
      const { id: name, secret } = newAccessKey(world.identities.entropy)
      const key: AccessKeyEntity = {
        kind: 'accessKey',
        account: world.account,
        name,
        created,
        user,
        secret,
        active: true,
      }
      return { edits: { put: [key] }, made: { AccessKey: { ...keyShown(key), SecretAccessKey: secret } } }
    }),
  ListAccessKeys: (world) => {
    const { items, ...end } = pageOf(keysOf(world, userOf(world)), world.input, ({ name }) => name)
    return { AccessKeyMetadata: items.map(keyShown), ...end }
  },
  UpdateAccessKey: (world) =>
    changing(world, () => {
      const key = named(world)
      return { edits: { put: [{ ...key, active: world.input.Status === 'Active' }] }, made: {} }
    }),
  DeleteAccessKey: (world) => changing(world, () => ({ edits: { remove: [named(world)] }, made: {} })),
  GetAccessKeyLastUsed: (world) => {
    const key = world.identities.entity('accessKey', world.account, world.input.AccessKeyId!)
    if (!key) missing(`The Access Key with id ${world.input.AccessKeyId!} cannot be found.`)
    // Nobody keeps count of when a key was used; the trail knows.
    return { UserName: key.user, AccessKeyLastUsed: { ServiceName: 'N/A', Region: 'N/A' } }
  },
}

/** The user a request names, or who asks; the root of the account has no name. */
function userOf(world: World): string {
  const { input, caller } = world
  const name = input.UserName ?? (caller.type === 'User' ? caller.userName! : '')
  return name === '' ? '' : present(world, 'user', name).name
}

function keysOf({ identities, account }: World, name: string): readonly AccessKeyEntity[] {
  return identities.entities('accessKey', account).filter(({ user }) => user === name)
}

function named(world: World): AccessKeyEntity {
  const { AccessKeyId = '' } = world.input
  const key = world.identities.entity('accessKey', world.account, AccessKeyId)
  return key?.user === userOf(world) ? key : missing(`The Access Key with id ${AccessKeyId} cannot be found.`)
}
