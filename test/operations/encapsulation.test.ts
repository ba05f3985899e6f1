/** Encapsulate and Decapsulate. */
import test from 'ava'
import type { KeySpec } from '../../src/model/kms.ts'
import { keyring } from '../helpers/keyring.ts'
import { refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const EncapsulationAlgorithm = 'ML_KEM'
const SPECS: readonly [KeySpec, publicKey: number, ciphertext: number][] = [
  ['ML_KEM_512', 800, 768],
  ['ML_KEM_768', 1184, 1088],
  ['ML_KEM_1024', 1568, 1568],
]

for (const [spec, publicKey, length] of SPECS) {
  test(`${spec} gives a secret, and again from what carries it`, async (t) => {
    const { id: KeyId, arn, spki } = await key(spec, 'ENCAPSULATE_DECAPSULATE')
    t.is(spki.length, publicKey + 22)
    const made = await room.encapsulate({ KeyId, EncapsulationAlgorithm })
    const { SharedSecret, SharedSecretCiphertextBlob: blob, ...rest } = made
    t.deepEqual(rest, { KeyId: arn, EncapsulationAlgorithm })
    t.is(SharedSecret!.length, 32)
    t.is(blob!.length, length)
    const about = { KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob: blob! } as const
    t.deepEqual(await room.decapsulate(about), { KeyId: arn, SharedSecret, EncapsulationAlgorithm })
    const again = await room.encapsulate({ KeyId, EncapsulationAlgorithm })
    t.notDeepEqual(again.SharedSecret, SharedSecret)
  })

  test(`${spec} rejects a wrong ciphertext without saying so, and one of the wrong length with an error`, async (t) => {
    const { id: KeyId } = await key(spec, 'ENCAPSULATE_DECAPSULATE')
    const { SharedSecret, SharedSecretCiphertextBlob: blob } = await room.encapsulate({ KeyId, EncapsulationAlgorithm })
    const bent = Uint8Array.from(blob!)
    bent[7]! ^= 1
    const wrong = { KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob: bent } as const
    const one = await room.decapsulate(wrong)
    t.is(one.SharedSecret!.length, 32)
    t.notDeepEqual(one.SharedSecret, SharedSecret)
    t.deepEqual((await room.decapsulate(wrong)).SharedSecret, one.SharedSecret)
    for (const SharedSecretCiphertextBlob of [blob!.subarray(1), Buffer.concat([blob!, Buffer.of(0)]), Buffer.of(1)]) {
      const short = room.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
      await refuses(t, short, 'InvalidCiphertextException', '')
    }
  })
}

test('another key decapsulates another secret', async (t) => {
  const { room } = await scene(t)
  const make = async () => {
    const { KeyMetadata } = await room.createKey({ KeySpec: 'ML_KEM_768', KeyUsage: 'ENCAPSULATE_DECAPSULATE' })
    return KeyMetadata!.KeyId
  }
  const [one, two] = [await make(), await make()]
  const { SharedSecret, SharedSecretCiphertextBlob } = await room.encapsulate({ KeyId: one, EncapsulationAlgorithm })
  const about = { EncapsulationAlgorithm, SharedSecretCiphertextBlob: SharedSecretCiphertextBlob! } as const
  t.notDeepEqual((await room.decapsulate({ ...about, KeyId: two })).SharedSecret, SharedSecret)
  await refuses(t, room.decapsulate({ ...about, KeyId: one, DryRun: true }), 'DryRunOperationException')
  await refuses(t, room.encapsulate({ KeyId: one, EncapsulationAlgorithm, DryRun: true }), 'DryRunOperationException')
  await room.disableKey({ KeyId: one })
  await refuses(t, room.decapsulate({ ...about, KeyId: one }), 'DisabledException')
  await refuses(t, room.encapsulate({ KeyId: one, EncapsulationAlgorithm }), 'DisabledException')
})

test('only a key for encapsulation encapsulates', async (t) => {
  const { id: KeyId, arn } = await key('ML_DSA_44', 'SIGN_VERIFY')
  const not = (operation: string) => `${arn} key usage is SIGN_VERIFY which is not valid for ${operation}.`
  const encapsulated = room.encapsulate({ KeyId, EncapsulationAlgorithm })
  await refuses(t, encapsulated, 'InvalidKeyUsageException', not('Encapsulate'))
  const SharedSecretCiphertextBlob = new Uint8Array(768)
  const decapsulated = room.decapsulate({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob })
  await refuses(t, decapsulated, 'InvalidKeyUsageException', not('Decapsulate'))
})
