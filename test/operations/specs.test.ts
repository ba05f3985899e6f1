/** CreateKey, DescribeKey and GetPublicKey of every key spec and usage there is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { SPECS } from '../../src/algorithms.ts'
import { Strongroom } from '../../src/index.ts'
import type { KeySpec, KeyUsageType } from '../../src/model/kms.ts'
import { keyring } from '../helpers/keyring.ts'
import { refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const USAGES: readonly KeyUsageType[] = [
  'ENCRYPT_DECRYPT',
  'SIGN_VERIFY',
  'GENERATE_VERIFY_MAC',
  'KEY_AGREEMENT',
  'ENCAPSULATE_DECAPSULATE',
]
const LISTS = {
  ENCRYPT_DECRYPT: 'EncryptionAlgorithms',
  SIGN_VERIFY: 'SigningAlgorithms',
  GENERATE_VERIFY_MAC: 'MacAlgorithms',
  KEY_AGREEMENT: 'KeyAgreementAlgorithms',
  ENCAPSULATE_DECAPSULATE: 'EncapsulationAlgorithms',
} as const

/** Object identifiers as SubjectPublicKeyInfo names them, in DER, hexadecimal. */
const OIDS: Partial<Record<KeySpec, string>> = {
  RSA_2048: '06092a864886f70d010101',
  RSA_3072: '06092a864886f70d010101',
  RSA_4096: '06092a864886f70d010101',
  ECC_NIST_P256: '06072a8648ce3d020106082a8648ce3d030107',
  ECC_NIST_P384: '06072a8648ce3d020106052b81040022',
  ECC_NIST_P521: '06072a8648ce3d020106052b81040023',
  ECC_SECG_P256K1: '06072a8648ce3d020106052b8104000a',
  ECC_NIST_EDWARDS25519: '06032b6570',
  ML_DSA_44: '0609608648016503040311',
  ML_DSA_65: '0609608648016503040312',
  ML_DSA_87: '0609608648016503040313',
  ML_KEM_512: '0609608648016503040401',
  ML_KEM_768: '0609608648016503040402',
  ML_KEM_1024: '0609608648016503040403',
  SM2: '06072a8648ce3d020106082a811ccf5501822d',
}

for (const spec of Object.keys(SPECS) as KeySpec[]) {
  for (const usage of USAGES) {
    const algorithms = SPECS[spec].algorithms[usage]
    if (!algorithms) {
      test(`${spec} is not for ${usage}`, async (t) => {
        const made = room.createKey({ KeySpec: spec, KeyUsage: usage })
        await refuses(t, made, 'ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`)
      })
      continue
    }
    test(`a key of ${spec} for ${usage} is what it was asked to be`, async (t) => {
      const { id, arn, room, spki } = await key(spec, usage)
      const { KeyMetadata } = await room.describeKey({ KeyId: id })
      t.is(KeyMetadata!.KeySpec, spec)
      t.is(KeyMetadata!.KeyUsage, usage)
      t.is(KeyMetadata!.KeyState, 'Enabled')
      for (const each of USAGES) t.deepEqual(KeyMetadata![LISTS[each]], each === usage ? [...algorithms] : undefined)
      if (SPECS[spec].family !== 'asymmetric') {
        const message = `${arn} key spec is ${spec} which is not valid for GetPublicKey.`
        await refuses(t, room.getPublicKey({ KeyId: id }), 'UnsupportedOperationException', message)
        return
      }
      const { PublicKey, ...rest } = await room.getPublicKey({ KeyId: arn })
      t.deepEqual(Buffer.from(PublicKey!), spki)
      t.deepEqual(rest as unknown, {
        KeyId: arn,
        CustomerMasterKeySpec: spec,
        KeySpec: spec,
        KeyUsage: usage,
        [LISTS[usage]]: [...algorithms],
      })
      t.true(spki.toString('hex').includes(OIDS[spec]!))
    })
  }
}

test('SM2 keys are made in China alone', async (t) => {
  const about = { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' } as const
  const message = 'KeySpec SM2 is not supported in us-east-1.'
  await refuses(t, room.createKey(about), 'UnsupportedOperationException', message)
  await refuses(t, room.as({ region: 'us-gov-west-1' }).createKey(about), 'UnsupportedOperationException')
  const { KeyMetadata } = await room.as({ region: 'cn-northwest-1' }).createKey(about)
  t.regex(KeyMetadata!.Arn!, /^arn:aws-cn:kms:cn-northwest-1:/)
})

test('two keys of a spec have two public keys', async (t) => {
  for (const [spec, usage] of [
    ['RSA_2048', 'SIGN_VERIFY'],
    ['ECC_NIST_P256', 'SIGN_VERIFY'],
    ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'],
  ] as const) {
    const { KeyMetadata } = await room.createKey({ KeySpec: spec, KeyUsage: usage })
    const { PublicKey } = await room.getPublicKey({ KeyId: KeyMetadata!.KeyId })
    t.notDeepEqual(Buffer.from(PublicKey!), (await key(spec, usage)).spki)
  }
})

test('a public key is given out by alias, of a disabled key too, and of none that is to be deleted', async (t) => {
  const { room } = await scene(t)
  const { KeyMetadata } = await room.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const { KeyId, Arn } = KeyMetadata!
  await room.createAlias({ AliasName: 'alias/signer', TargetKeyId: KeyId })
  const { PublicKey } = await room.getPublicKey({ KeyId: 'alias/signer' })
  // What is handed out is the caller's: scribbling on it changes nothing here.
  PublicKey!.fill(0)
  await room.disableKey({ KeyId })
  t.is((await room.getPublicKey({ KeyId })).PublicKey![0], 0x30)
  await room.scheduleKeyDeletion({ KeyId })
  await refuses(t, room.getPublicKey({ KeyId }), 'KMSInvalidStateException', `${Arn!} is pending deletion.`)
})

test('a key outlives the room: its public key, and what it signs with', async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'strongroom-specs-'))
  t.teardown(() => rm(data, { recursive: true }))
  const Message = Buffer.from('remember me')
  const kept: { KeyId: string; spec: KeySpec; PublicKey: Uint8Array; Signature: Uint8Array }[] = []
  const specs = ['RSA_2048', 'ECC_NIST_P521', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519', 'ML_DSA_65'] as const
  const first = await Strongroom.open({ data })
  for (const spec of specs) {
    const { KeyMetadata } = await first.createKey({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })
    const { KeyId, SigningAlgorithms } = KeyMetadata!
    const { PublicKey } = await first.getPublicKey({ KeyId })
    const { Signature } = await first.sign({ KeyId, Message, SigningAlgorithm: SigningAlgorithms![0]! })
    kept.push({ KeyId, spec, PublicKey: PublicKey!, Signature: Signature! })
  }
  await first.close()
  const second = await Strongroom.open({ data })
  t.teardown(() => second.close())
  for (const { KeyId, spec, PublicKey, Signature } of kept) {
    const again = await second.getPublicKey({ KeyId })
    t.deepEqual(Buffer.from(again.PublicKey!), Buffer.from(PublicKey))
    const SigningAlgorithm = SPECS[spec].algorithms.SIGN_VERIFY![0]!
    t.true((await second.verify({ KeyId, Message, Signature, SigningAlgorithm })).SignatureValid)
  }
})
