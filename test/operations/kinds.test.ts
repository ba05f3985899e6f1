/** What rotates and relates, by the kind of key; by its state, test/conformance/states.ts tells. */
import test from 'ava'
import { randomBytes } from 'node:crypto'
import type { Client } from '../../src/index.ts'
import { family } from '../helpers/family.ts'
import { bring } from '../helpers/import.ts'
import { refuses } from '../helpers/scene.ts'

const unsupported = 'UnsupportedOperationException'

const ROTATING: readonly ((room: Client, KeyId: string) => Promise<unknown>)[] = [
  (room, KeyId) => room.enableKeyRotation({ KeyId }),
  (room, KeyId) => room.disableKeyRotation({ KeyId }),
  (room, KeyId) => room.rotateKeyOnDemand({ KeyId }),
]

test('HMAC and asymmetric keys do not rotate: refused without a word, and their status is false', async (t) => {
  const { room } = await family(t)
  for (const [KeySpec, KeyUsage] of [
    ['HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['ECC_NIST_P256', 'SIGN_VERIFY'],
  ] as const) {
    const KeyId = (await room.createKey({ KeySpec, KeyUsage })).KeyMetadata!.KeyId
    for (const act of ROTATING) await refuses(t, act(room, KeyId), unsupported, '')
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
    'KMSInvalidStateException',
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
  await virginia.replicateKey({ KeyId, ReplicaRegion: 'eu-west-1' })
  const { Signature } = await ireland.sign({ KeyId, Message, SigningAlgorithm })
  t.true((await virginia.verify({ KeyId, Message, SigningAlgorithm, Signature: Signature! })).SignatureValid)
  t.deepEqual((await ireland.getPublicKey({ KeyId })).PublicKey, (await virginia.getPublicKey({ KeyId })).PublicKey)
})
