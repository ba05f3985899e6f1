/** The cells of the state table for what rotates, relates, enables and deletes keys: each operation in each state. */
import test from 'ava'
import { randomBytes } from 'node:crypto'
import type { Client } from '../../src/index.ts'
import { withFields } from '../../src/keys.ts'
import type { KeyState } from '../../src/model/kms.ts'
import { edits } from '../../src/store/cache.ts'
import { family, metadata, type Family } from '../helpers/family.ts'
import { bring } from '../helpers/import.ts'
import { recordsOf } from '../helpers/inside.ts'
import { refuses } from '../helpers/scene.ts'
import { cluster, make } from '../helpers/stores.ts'

/** How a key comes into each state; gives the Region it is in, and its id. */
const STATES: Partial<Record<KeyState, (all: Family) => Promise<[Client, string]>>> = {
  Enabled: async ({ virginia, KeyId }) => {
    await replicate(virginia, KeyId)
    return [virginia, KeyId]
  },
  Disabled: async ({ virginia, KeyId }) => {
    await replicate(virginia, KeyId)
    await virginia.disableKey({ KeyId })
    return [virginia, KeyId]
  },
  PendingDeletion: async ({ virginia, KeyId }) => {
    await virginia.scheduleKeyDeletion({ KeyId })
    return [virginia, KeyId]
  },
  PendingReplicaDeletion: async ({ virginia, KeyId }) => {
    await replicate(virginia, KeyId)
    await virginia.scheduleKeyDeletion({ KeyId })
    return [virginia, KeyId]
  },
  PendingImport: async ({ virginia }) => {
    const key = await virginia.createKey({ MultiRegion: true, Origin: 'EXTERNAL' })
    return [virginia, key.KeyMetadata!.KeyId]
  },
  Unavailable: async ({ room, id }) => {
    const customKeyStoreId = await make(room, cluster('disconnected'))
    const records = recordsOf(room)
    const key = (await records.key('us-east-1', '000000000000', id))!
    await records.commit([edits.putKey(withFields(key, { customKeyStoreId, origin: 'AWS_CLOUDHSM' }))])
    return [room, id]
  },
  Creating: async ({ virginia, ireland, KeyId }) => {
    await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
    return [ireland, KeyId]
  },
  Updating: async ({ virginia, ireland, KeyId, pass }) => {
    await replicate(virginia, KeyId)
    pass(1)
    await virginia.updatePrimaryRegion({ KeyId, PrimaryRegion: 'eu-west-1' })
    return [ireland, KeyId]
  },
}

const replicate = (room: Client, KeyId: string) => room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
const elsewhere = (room: Client) => ('eu-west-1' === regionOf(room) ? 'us-east-1' : 'eu-west-1')
const regionOf = (room: Client) => (room as unknown as { context: { region: string } }).context.region

const works = 'works'
const disabled = 'DisabledException'
const invalid = 'KMSInvalidStateException'
const unsupported = 'UnsupportedOperationException'
/** No such cell: keys of custom key stores have no relatives, and here only a primary key with a replica can be moved. */
const never = undefined

type Cell = string | undefined
const OPERATIONS: [name: string, act: (room: Client, KeyId: string) => Promise<unknown>, ...cells: Cell[]][] = [
  //  Ena, Dis, PD, PRD, PI, Una, Cre, Upd
  [
    'EnableKeyRotation',
    (room, KeyId) => room.enableKeyRotation({ KeyId }),
    ...[works, disabled, invalid, invalid, unsupported, unsupported, invalid, works],
  ],
  [
    'DisableKeyRotation',
    (room, KeyId) => room.disableKeyRotation({ KeyId }),
    ...[works, disabled, invalid, invalid, unsupported, unsupported, invalid, works],
  ],
  [
    'GetKeyRotationStatus',
    (room, KeyId) => room.getKeyRotationStatus({ KeyId }),
    ...[works, works, works, works, unsupported, unsupported, works, works],
  ],
  [
    'ListKeyRotations',
    (room, KeyId) => room.listKeyRotations({ KeyId }),
    ...[works, works, works, works, works, unsupported, works, works],
  ],
  [
    'RotateKeyOnDemand',
    (room, KeyId) => room.rotateKeyOnDemand({ KeyId }),
    ...[works, disabled, invalid, invalid, invalid, unsupported, invalid, works],
  ],
  [
    'ReplicateKey',
    (room, KeyId) => room.replicateKey({ KeyId, ReplicaRegion: 'us-west-2' }),
    ...[works, disabled, invalid, invalid, invalid, never, invalid, invalid],
  ],
  [
    'UpdatePrimaryRegion',
    (room, KeyId) => room.updatePrimaryRegion({ KeyId, PrimaryRegion: elsewhere(room) }),
    ...[works, disabled, never, invalid, never, never, invalid, works],
  ],
  [
    'EnableKey',
    (room, KeyId) => room.enableKey({ KeyId }),
    ...[works, works, invalid, invalid, invalid, works, invalid, invalid],
  ],
  [
    'DisableKey',
    (room, KeyId) => room.disableKey({ KeyId }),
    ...[works, works, invalid, invalid, invalid, works, invalid, invalid],
  ],
  [
    'ScheduleKeyDeletion',
    (room, KeyId) => room.scheduleKeyDeletion({ KeyId }),
    ...[works, works, invalid, invalid, works, works, works, invalid],
  ],
  [
    'CancelKeyDeletion',
    (room, KeyId) => room.cancelKeyDeletion({ KeyId }),
    ...[invalid, invalid, works, works, invalid, invalid, invalid, invalid],
  ],
]

for (const [name, act, ...cells] of OPERATIONS) {
  for (const [i, state] of (Object.keys(STATES) as KeyState[]).entries()) {
    const outcome = cells[i]
    if (outcome === never) continue
    test(`${name} of a key that is ${state}: ${outcome}`, async (t) => {
      const settleMillis = ['Creating', 'Updating'].includes(state) ? 60_000 : 0
      const [room, KeyId] = await STATES[state]!(await family(t, { settleMillis }))
      t.is((await metadata(room, KeyId)).KeyState, state)
      if (outcome === works) await t.notThrowsAsync(act(room, KeyId))
      else await refuses(t, act(room, KeyId), outcome)
    })
  }
}

// Kinds of key ------------------------------------------------------------------------------------

const ROTATING = OPERATIONS.filter(([name]) => !/Get|List/.test(name) && name.includes('Rotat'))

test('HMAC and asymmetric keys do not rotate: refused without a word, and their status is false', async (t) => {
  const { room } = await family(t)
  for (const [KeySpec, KeyUsage] of [
    ['HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['ECC_NIST_P256', 'SIGN_VERIFY'],
  ] as const) {
    const KeyId = (await room.createKey({ KeySpec, KeyUsage })).KeyMetadata!.KeyId
    for (const [, act] of ROTATING) await refuses(t, act(room, KeyId), unsupported, '')
    await refuses(t, room.listKeyRotations({ KeyId }), unsupported, '')
    t.false((await room.getKeyRotationStatus({ KeyId })).KeyRotationEnabled)
  }
})

test('a key with imported material has no schedule, and rotates to what was imported alone', async (t) => {
  const { room } = await family(t)
  const { KeyId, Arn } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  const refused = `${Arn!} origin is EXTERNAL which is not valid for this operation.`
  for (const ready of [false, true]) {
    if (ready) await bring(room, KeyId, randomBytes(32))
    await refuses(t, room.enableKeyRotation({ KeyId }), unsupported, refused)
    await refuses(t, room.disableKeyRotation({ KeyId }), unsupported, refused)
    if (!ready) await refuses(t, room.getKeyRotationStatus({ KeyId }), unsupported, refused)
    else t.false((await room.getKeyRotationStatus({ KeyId })).KeyRotationEnabled)
  }
  await refuses(
    t,
    room.rotateKeyOnDemand({ KeyId }),
    invalid,
    `No available key material pending rotation for the key: ${Arn!}.`,
  )
})

test('related keys can be of any kind: a signature of one Region is verified in another', async (t) => {
  const { virginia, ireland } = await family(t)
  const Message = randomBytes(100)
  const SigningAlgorithm = 'ECDSA_SHA_256'
  const { KeyMetadata } = await virginia.createKey({
    MultiRegion: true,
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
  })
  const KeyId = KeyMetadata!.KeyId
  await replicate(virginia, KeyId)
  const { Signature } = await ireland.sign({ KeyId, Message, SigningAlgorithm })
  t.true((await virginia.verify({ KeyId, Message, SigningAlgorithm, Signature: Signature! })).SignatureValid)
  t.deepEqual((await ireland.getPublicKey({ KeyId })).PublicKey, (await virginia.getPublicKey({ KeyId })).PublicKey)
})
