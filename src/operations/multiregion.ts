/** One key in several Regions: ReplicateKey, UpdatePrimaryRegion. */
import { arnOf, partitionOf } from '../arn.ts'
import { NEVER } from '../clock.ts'
import { fail, MissingResource } from '../errors.ts'
import { isGone, isPrimary, keyOf, NEW_KEY, withFields, type Key, type Material } from '../keys.ts'
import { roomForKey } from '../keycount.ts'
import { metadataOf } from '../metadata.ts'
import type { KeyState } from '../model/kms.ts'
import { existing } from '../locators.ts'
import { operation, type Call, type Locator } from '../operation.ts'
import { policyOf, refuseLockout, requirePolicy, requirePrincipals } from '../policies.ts'
import { refuseReplica, relatedKeys } from '../related.ts'
import { edits } from '../store/cache.ts'
import { erasure } from '../sweep.ts'
import { mergeTags } from '../tags.ts'

export const replicateKey = operation('ReplicateKey', {
  on: { key: primary(['Enabled']) },
  mutates: true,
  check({ Policy, Tags = [] }) {
    if (Policy) requirePolicy(Policy)
    mergeTags([], Tags)
  },
  /** To replicate is to create there, too. */
  asks({ input: { ReplicaRegion: region, Tags } }) {
    const actions = ['kms:CreateKey', ...(Tags?.length ? ['kms:TagResource'] : [])]
    return actions.map((action) => ({ action, resource: undefined, region }))
  },
  require: ({ input, knows }) => requirePrincipals(input.Policy, knows),
  async run(call) {
    const { input, key, records, now, settle } = call
    const { ReplicaRegion: region } = input
    call.regions.require(region)
    if (partitionOf(region) !== partitionOf(key.region)) {
      fail('ValidationException', `Region ${region} is not in the partition of ${key.arn}.`)
    }
    const members = await relatedKeys(records, key, now)
    const arn = arnOf(region, key.account, `key/${key.id}`)
    if (members.some((member) => member.region === region)) {
      fail('AlreadyExistsException', `Key '${arn}' already exists`)
    }
    const related = [
      ...key.multiRegion!.related.filter((each) => each.deletion > now && each.region !== region),
      { region, deletion: NEVER },
    ]
    const multiRegion = { primary: key.region, related }
    const replica = keyOf({
      ...NEW_KEY,
      region,
      account: key.account,
      id: key.id,
      spec: key.spec,
      usage: key.usage,
      origin: key.origin,
      created: now,
      description: input.Description ?? '',
      policy: input.Policy ?? '',
      tags: mergeTags([], input.Tags ?? []),
      publicKey: key.publicKey,
      rotation: key.rotation,
      onDemandRotations: key.onDemandRotations,
      multiRegion,
      transition: settle > 0 ? { state: 'Creating', until: now + settle } : undefined,
      currentId: key.currentId,
      materials: key.materials.map((material) => replicated(key, material)),
    })
    refuseLockout(input, call.caller, replica)
    // An earlier replica in this Region, whose date has passed, may not have been swept yet.
    const earlier = await records.key(region, key.account, key.id)
    if (earlier) call.put(...(await erasure(records, earlier)))
    for (const member of members) {
      const changed = key.origin === 'EXTERNAL' ? member.materials.filter(isWaiting).map(heldBack) : []
      const materials = member.materials.map((each) => changed.find(({ id }) => id === each.id) ?? each)
      const next = withFields(member, { multiRegion, materials })
      call.put(edits.putKey(next), ...changed.map((material) => edits.putMaterial(next, material)))
    }
    const counted = await roomForKey(records.scope(region, key.account), call)
    call.put(
      counted(edits.putKey(replica)),
      ...replica.materials.map((material) => edits.putMaterial(replica, material)),
    )
    return {
      // Whatever the replica turns into, and however soon: AWS answers that it is being created, without its material.
      ReplicaKeyMetadata: { ...metadataOf(replica, now, 'Creating'), CurrentKeyMaterialId: undefined },
      ReplicaPolicy: policyOf(replica),
      ReplicaTags: [...replica.tags],
    }
  },
})

export const updatePrimaryRegion = operation('UpdatePrimaryRegion', {
  on: { key: primary(['Enabled', 'Updating']), destination: replicaIn('PrimaryRegion') },
  mutates: true,
  async run(call) {
    const { key, destination, records, now, settle } = call
    const multiRegion = { ...key.multiRegion!, primary: destination.region }
    const updating = settle > 0 ? { state: 'Updating' as const, until: now + settle } : undefined
    for (const member of await relatedKeys(records, key, now)) {
      const moves = member.region === key.region || member.region === destination.region
      const transition = moves ? updating : member.transition
      call.put(edits.putKey(withFields(member, { multiRegion, transition })))
    }
  },
})

/** A primary key, in one of these states. */
function primary(states: readonly KeyState[]): Locator<Key> {
  const rest = existing('KeyId', states)
  return {
    ...rest,
    admit(key, call) {
      rest.admit(key, call)
      if (!isPrimary(key)) refuseReplica(key)
    },
  }
}

/** The replica, in the Region that `field` names, of the primary key that was found before. */
function replicaIn(field: string): Locator<Key> {
  const { admit } = existing(field, ['Enabled', 'Updating'])
  return {
    async find(call) {
      const { key, records, now } = call
      // Its own admission refuses a key that is no primary.
      if (!isPrimary(key)) return key
      const region = (call.input as Record<string, string>)[field]!
      if (region === key.region) fail('ValidationException', `${key.arn} is the primary key already.`)
      const replica = await records.key(region, key.account, key.id)
      return replica && !isGone(replica, now) ? replica : missing(call, region)
    },
    admit(replica, call) {
      call.regions.require(replica.region)
      admit(replica, call)
    },
  }
}

function missing({ key }: Call, region: string): never {
  const arn = arnOf(region, key.account, `key/${key.id}`)
  throw new MissingResource(`Key '${arn}' does not exist`, arn, key.account)
}

/** A material as a new replica has it: the same, unless it was imported, for then it must be imported there, too. */
function replicated({ origin }: Key, material: Material): Material {
  const own = { ...material, version: 0, opened: { slot: 0 } }
  if (origin !== 'EXTERNAL') return own
  return { ...own, token: undefined, expires: NEVER, state: isWaiting(material) ? HELD_BACK : own.state }
}

const HELD_BACK = 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'

/** Imported material cannot become current before every related key has it; a new replica has not. */
function heldBack(material: Material): Material {
  return { ...material, state: HELD_BACK }
}

function isWaiting({ state }: Material): boolean {
  return state === 'PENDING_ROTATION'
}
