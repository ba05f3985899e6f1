/** Sign and Verify: every spec, every algorithm, every form of a message, ours against node:crypto's. */
import { constants, createHash, verify as nodeVerifies } from 'node:crypto'
import test from 'ava'
import { SIGNING, SPECS } from '../../src/algorithms.ts'
import type { KeySpec, MessageType, SigningAlgorithmSpec } from '../../src/model/kms.ts'
import { verifiesEd25519ph } from '../helpers/edwards.ts'
import { keyring, type Held } from '../helpers/keyring.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const { room, key } = await keyring()
test.after.always(() => room.close())

const Message = bytes('pay the bearer a hundred')
const TYPES: readonly MessageType[] = ['RAW', 'DIGEST', 'EXTERNAL_MU']

const PAIRS = (Object.keys(SPECS) as KeySpec[]).flatMap((spec) =>
  (SPECS[spec].algorithms.SIGN_VERIFY ?? []).map((algorithm) => [spec, algorithm] as const),
)

/** The message in the form a type stands for: itself, its digest, or ML-DSA's μ of it. */
function inForm(type: MessageType, algorithm: SigningAlgorithmSpec, held: Held, message = Message): Uint8Array {
  if (type === 'RAW') return message
  if (type === 'EXTERNAL_MU') return mu(held.spki, message)
  return algorithm === 'SM2DSA' ? sm2Digest(held.spki, message) : hash(`sha${/\d+$/.exec(algorithm)![0]}`, message)
}

for (const [spec, SigningAlgorithm] of PAIRS) {
  for (const MessageType of SIGNING[SigningAlgorithm].types) {
    test(`${spec} signs ${MessageType} by ${SigningAlgorithm}, and verifies nothing else`, async (t) => {
      const held = await key(spec, 'SIGN_VERIFY')
      const { id: KeyId, arn, room } = held
      const message = inForm(MessageType, SigningAlgorithm, held)
      const about = { KeyId, SigningAlgorithm, MessageType }
      const signed = await room.sign({ ...about, Message: message })
      t.deepEqual({ ...signed, Signature: undefined }, { KeyId: arn, SigningAlgorithm, Signature: undefined })
      const Signature = signed.Signature!
      const verified = await room.verify({ ...about, Message: message, Signature })
      t.deepEqual(verified, { KeyId: arn, SignatureValid: true, SigningAlgorithm })

      const other = inForm(MessageType, SigningAlgorithm, held, bytes('pay the bearer a thousand'))
      const wrong: [Uint8Array, Uint8Array][] = [
        [other, Signature],
        [message, bent(Signature, 0)],
        [message, bent(Signature, Signature.length - 1)],
        [message, Signature.subarray(1)],
        [message, Buffer.concat([Signature, Buffer.of(0)])],
        [message, Buffer.of(1)],
        [message, new Uint8Array(6144)],
      ]
      for (const [Message, Signature] of wrong) {
        await refuses(t, room.verify({ ...about, Message, Signature }), 'KMSInvalidSignatureException', '')
      }
    })
  }
}

for (const [spec, SigningAlgorithm] of PAIRS) {
  const { types } = SIGNING[SigningAlgorithm]
  if (types.length === 1) continue
  test(`${spec} by ${SigningAlgorithm}: the forms of one message have one signature between them`, async (t) => {
    const held = await key(spec, 'SIGN_VERIFY')
    for (const made of types) {
      const { Signature } = await held.room.sign({
        KeyId: held.id,
        SigningAlgorithm,
        MessageType: made,
        Message: inForm(made, SigningAlgorithm, held),
      })
      for (const checked of types) {
        const verified = await held.room.verify({
          KeyId: held.id,
          SigningAlgorithm,
          MessageType: checked,
          Message: inForm(checked, SigningAlgorithm, held),
          Signature: Signature!,
        })
        t.true(verified.SignatureValid)
      }
    }
  })
}

const NODE = PAIRS.filter(([, algorithm]) => /^(RSASSA|ECDSA|ED25519_SHA)/.test(algorithm))
for (const [spec, SigningAlgorithm] of NODE) {
  test(`node:crypto verifies what ${spec} signs by ${SigningAlgorithm}`, async (t) => {
    const held = await key(spec, 'SIGN_VERIFY')
    for (const MessageType of SIGNING[SigningAlgorithm].types) {
      const { Signature } = await held.room.sign({
        KeyId: held.id,
        SigningAlgorithm,
        MessageType,
        Message: inForm(MessageType, SigningAlgorithm, held),
      })
      const digest = SigningAlgorithm === 'ED25519_SHA_512' ? null : `sha${/\d+$/.exec(SigningAlgorithm)![0]}`
      const options = SigningAlgorithm.includes('PSS')
        ? // A salt of exactly the digest's length, no other.
          { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SIGNING[SigningAlgorithm].digest }
        : {}
      t.true(nodeVerifies(digest, Message, { key: held.publicKey(), ...options }, Signature!))
    }
  })
}

test('Ed25519ph hashes the digest it is given once more: others verify it over the digest', async (t) => {
  const { id: KeyId, spki } = await key('ECC_NIST_EDWARDS25519', 'SIGN_VERIFY')
  const digest = hash('sha512', Message)
  const SigningAlgorithm = 'ED25519_PH_SHA_512'
  const { Signature } = await room.sign({ KeyId, SigningAlgorithm, MessageType: 'DIGEST', Message: digest })
  const raw = spki.subarray(-32)
  t.true(verifiesEd25519ph(raw, digest, Signature!))
  t.false(verifiesEd25519ph(raw, Message, Signature!))
})

test('the verifier of Ed25519ph that we trust verifies the vector of RFC 8032, 7.3', (t) => {
  const raw = Buffer.from('ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf', 'hex')
  const signature = Buffer.from(
    '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41' +
      '31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
    'hex',
  )
  t.true(verifiesEd25519ph(raw, bytes('abc'), signature))
  t.false(verifiesEd25519ph(raw, bytes('abd'), signature))
})

test('signatures have the length and the looks of their algorithm', async (t) => {
  const fixed: [KeySpec, SigningAlgorithmSpec, number][] = [
    ['RSA_2048', 'RSASSA_PSS_SHA_256', 256],
    ['RSA_3072', 'RSASSA_PKCS1_V1_5_SHA_512', 384],
    ['RSA_4096', 'RSASSA_PSS_SHA_512', 512],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 64],
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', 2420],
    ['ML_DSA_65', 'ML_DSA_SHAKE_256', 3309],
    ['ML_DSA_87', 'ML_DSA_SHAKE_256', 4627],
  ]
  for (const [spec, SigningAlgorithm, length] of fixed) {
    const { Signature } = await room.sign({ KeyId: (await key(spec, 'SIGN_VERIFY')).id, SigningAlgorithm, Message })
    t.is(Signature!.length, length, spec)
  }
  // ECDSA's is DER: a sequence of two integers.
  const { id } = await key('ECC_NIST_P521', 'SIGN_VERIFY')
  const { Signature } = await room.sign({ KeyId: id, SigningAlgorithm: 'ECDSA_SHA_512', Message })
  t.is(Signature![0], 0x30)
  t.true(Signature!.length <= 139)
})

test('PKCS#1 v1.5 and Ed25519 sign alike every time; PSS, ECDSA and ML-DSA never do', async (t) => {
  const once: [KeySpec, SigningAlgorithmSpec, boolean][] = [
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256', true],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', true],
    ['RSA_2048', 'RSASSA_PSS_SHA_256', false],
    ['ECC_NIST_P256', 'ECDSA_SHA_256', false],
    ['ML_DSA_44', 'ML_DSA_SHAKE_256', false],
  ]
  for (const [spec, SigningAlgorithm, alike] of once) {
    const { id: KeyId } = await key(spec, 'SIGN_VERIFY')
    const one = await room.sign({ KeyId, SigningAlgorithm, Message })
    const two = await room.sign({ KeyId, SigningAlgorithm, Message })
    t.is(Buffer.compare(one.Signature!, two.Signature!) === 0, alike, SigningAlgorithm)
  }
})

for (const [spec, SigningAlgorithm] of PAIRS) {
  test(`${spec} by ${SigningAlgorithm} refuses a form or a length of message it does not take`, async (t) => {
    const { id: KeyId, room } = await key(spec, 'SIGN_VERIFY')
    const { types, digest } = SIGNING[SigningAlgorithm]
    const Signature = Buffer.of(1)
    for (const MessageType of TYPES) {
      const about = { KeyId, SigningAlgorithm, MessageType }
      const lengths = types.includes(MessageType) ? (MessageType === 'RAW' ? [] : [digest - 1, digest + 1]) : [digest]
      const message = types.includes(MessageType)
        ? `Digest is invalid length for algorithm ${SigningAlgorithm}.`
        : `Algorithm ${SigningAlgorithm} is incompatible with message type ${MessageType}.`
      for (const Message of lengths.map((length) => new Uint8Array(length))) {
        await refuses(t, room.sign({ ...about, Message }), 'ValidationException', message)
        await refuses(t, room.sign({ ...about, Message, DryRun: true }), 'ValidationException', message)
        await refuses(t, room.verify({ ...about, Message, Signature }), 'ValidationException', message)
      }
    }
  })
}

test('RAW is what a message is unless it is said otherwise; 1 to 4,096 bytes of it', async (t) => {
  const { id: KeyId } = await key('ECC_NIST_P256', 'SIGN_VERIFY')
  const SigningAlgorithm = 'ECDSA_SHA_256'
  for (const length of [1, 32, 4096]) {
    const Message = new Uint8Array(length)
    const { Signature } = await room.sign({ KeyId, SigningAlgorithm, Message })
    const verified = await room.verify({
      KeyId,
      SigningAlgorithm,
      Message,
      MessageType: 'RAW',
      Signature: Signature!,
    })
    t.true(verified.SignatureValid)
  }
  for (const length of [0, 4097]) {
    const Message = new Uint8Array(length)
    await refuses(t, room.sign({ KeyId, SigningAlgorithm, Message }), 'ValidationException', /constraint/)
  }
})

test('an algorithm of another spec is refused, whatever the message', async (t) => {
  const { id: KeyId, arn } = await key('ECC_NIST_P384', 'SIGN_VERIFY')
  const about = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message, MessageType: 'DIGEST' } as const
  const message = 'Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384.'
  await refuses(t, room.sign(about), 'InvalidKeyUsageException', message)
  await refuses(t, room.sign({ ...about, KeyId: arn, DryRun: true }), 'InvalidKeyUsageException', message)
  await refuses(t, room.verify({ ...about, Signature: Buffer.of(1) }), 'InvalidKeyUsageException', message)
})

test('a key of another usage neither signs nor verifies', async (t) => {
  for (const [spec, usage] of [
    ['RSA_2048', 'ENCRYPT_DECRYPT'],
    ['ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
    ['ML_KEM_512', 'ENCAPSULATE_DECAPSULATE'],
  ] as const) {
    const { id: KeyId, arn } = await key(spec, usage)
    const about = { KeyId, SigningAlgorithm: 'RSASSA_PSS_SHA_256', Message } as const
    const not = (operation: string) => `${arn} key usage is ${usage} which is not valid for ${operation}.`
    await refuses(t, room.sign(about), 'InvalidKeyUsageException', not('Sign'))
    await refuses(t, room.verify({ ...about, Signature: Buffer.of(1) }), 'InvalidKeyUsageException', not('Verify'))
  }
})

test('a signature of one key is none of another’s', async (t) => {
  const { room, id: KeyId } = await scene(t)
  await refuses(t, room.sign({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message }), 'InvalidKeyUsageException')
  const make = () => room.createKey({ KeySpec: 'ECC_SECG_P256K1', KeyUsage: 'SIGN_VERIFY' })
  const [one, two] = [(await make()).KeyMetadata!.KeyId, (await make()).KeyMetadata!.KeyId]
  const about = { SigningAlgorithm: 'ECDSA_SHA_256', Message } as const
  const { Signature } = await room.sign({ ...about, KeyId: one })
  const stranger = room.verify({ ...about, KeyId: two, Signature: Signature! })
  await refuses(t, stranger, 'KMSInvalidSignatureException', '')
  const dry = { ...about, KeyId: one, DryRun: true }
  await refuses(t, room.sign(dry), 'DryRunOperationException')
  await refuses(t, room.verify({ ...dry, Signature: Signature! }), 'DryRunOperationException')
  await room.disableKey({ KeyId: one })
  await refuses(t, room.sign({ ...about, KeyId: one }), 'DisabledException')
  await refuses(t, room.verify({ ...about, KeyId: one, Signature: Signature! }), 'DisabledException')
})

test('more keys than slots, and more signatures at once than either: all of them right', async (t) => {
  const { room } = await scene(t, { slots: 2 })
  const specs = ['ML_DSA_44', 'ECC_NIST_P256', 'ML_DSA_65', 'ECC_NIST_EDWARDS25519', 'ML_DSA_87'] as const
  const keys = await Promise.all(
    specs.map(async (KeySpec) => {
      const { KeyMetadata } = await room.createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' })
      return { KeyId: KeyMetadata!.KeyId, SigningAlgorithm: SPECS[KeySpec].algorithms.SIGN_VERIFY![0]!, Message }
    }),
  )
  const all = Array.from({ length: 60 }, (_, i) => keys[i % keys.length]!)
  const signed = await Promise.all(all.map((about) => room.sign(about)))
  for (const [i, { Signature }] of signed.entries()) {
    t.true((await room.verify({ ...all[i]!, Signature: Signature! })).SignatureValid)
  }
})

function hash(name: string, ...parts: Uint8Array[]): Buffer {
  return createHash(name).update(Buffer.concat(parts)).digest()
}

function shake256(...parts: Uint8Array[]): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(Buffer.concat(parts)).digest()
}

/** FIPS 204: SHAKE256(SHAKE256(pk) ‖ 0 ‖ 0 ‖ M), pure signing with an empty context. */
function mu(spki: Buffer, message: Uint8Array): Buffer {
  const raw = spki.subarray(22)
  return shake256(shake256(raw), Buffer.of(0, 0), message)
}

/** GB/T 32918.2: SM3(ZA ‖ M), where ZA is of the usual user id, the curve and the public key. */
function sm2Digest(spki: Buffer, message: Uint8Array): Buffer {
  const curve = [
    'FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC',
    '28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93',
    '32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7',
    'BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0',
  ].map((coefficient) => Buffer.from(coefficient, 'hex'))
  const za = hash('sm3', Buffer.of(0, 128), bytes('1234567812345678'), ...curve, spki.subarray(-64))
  return hash('sm3', za, message)
}

function bent(signature: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(signature)
  copy[at]! ^= 1
  return copy
}
