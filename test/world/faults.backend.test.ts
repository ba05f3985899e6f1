/** Faults of the HSM in detail: hanging, wrong answers, lost sessions, scripts; what AWS's error is, and that the next call works. */
import test, { type ExecutionContext } from 'ava'
import { KMS } from '@aws-sdk/client-kms'
import { type Fault, type Strongroom } from '../../src/index.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const Plaintext = bytes('attack at dawn')

async function stage(t: ExecutionContext, options: object = {}) {
  const all = await scene(t, { now: () => new Date(), ...options })
  const make = async (
    KeySpec: 'ECC_NIST_P256' | 'HMAC_256' | 'RSA_2048',
    KeyUsage: 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC',
  ) => (await all.room.createKey({ KeySpec, KeyUsage })).KeyMetadata!.KeyId
  const [signing, mac] = [await make('ECC_NIST_P256', 'SIGN_VERIFY'), await make('HMAC_256', 'GENERATE_VERIFY_MAC')]
  return { ...all, signing, mac }
}

const outcome = async (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string; name: string }).code ?? (error as Error).name,
  )

// At both doors -----------------------------------------------------------------------------------

type Calls = Pick<KMS, 'encrypt'> | Pick<Strongroom, 'encrypt'>

const DOORS: Readonly<Record<string, (room: Strongroom, t: ExecutionContext) => Promise<Calls>>> = {
  'in process': (room) => Promise.resolve(room),
  async 'over HTTP'(room, t) {
    const { url } = await room.listen()
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
    const kms = new KMS({ region: 'us-east-1', credentials, maxAttempts: 1, endpoint: url })
    t.teardown(() => kms.destroy())
    return kms
  },
}

const BLOWS: readonly (readonly [fault: Fault, outcome: string])[] = [
  [{ backend: 'hsm', times: 1 }, 'KMSInternalException'],
  [{ backend: 'hsm', error: 'KeyUnavailableException', times: 1 }, 'KeyUnavailableException'],
  [{ backend: 'hsm', error: 'DependencyTimeoutException', latency: '5ms', times: 1 }, 'DependencyTimeoutException'],
  [{ backend: 'hsm', latency: '5ms', times: 1 }, 'ok'],
  [{ backend: 'hsm', forget: true, times: 1 }, 'ok'],
  [{ backend: 'hsm', probability: 1, seed: 1, times: 1 }, 'KMSInternalException'],
  [{ operation: 'Encrypt', error: 'ThrottlingException', times: 1 }, 'ThrottlingException'],
  [{ operation: 'Encrypt', drop: true, times: 1 }, 'ECONNRESET'],
]
for (const [door, enter] of Object.entries(DOORS)) {
  for (const [fault, expected] of BLOWS) {
    test(`${door}: ${JSON.stringify(fault)} is ${expected}, and the next call works`, async (t) => {
      const { room, id } = await stage(t)
      const kms = await enter(room, t)
      room.faults.add(fault)
      t.is(await outcome(kms.encrypt({ KeyId: id, Plaintext })), expected)
      t.is(await outcome(kms.encrypt({ KeyId: id, Plaintext })), 'ok')
    })
  }

  test(`${door}: what hangs keeps nobody else, and fails when the room closes`, async (t) => {
    const { room, id } = await stage(t)
    const kms = await enter(room, t)
    for (const fault of [{ backend: 'hsm' }, { operation: 'Encrypt' }] as const) {
      const active = room.faults.add({ ...fault, hang: true })
      const hanging = outcome(kms.encrypt({ KeyId: id, Plaintext }))
      while (active.hits === 0) await new Promise(setImmediate)
      active.remove()
      t.is(await outcome(kms.encrypt({ KeyId: id, Plaintext })), 'ok')
      if ('operation' in fault) {
        await room.close()
        t.is(await hanging, 'KMSInternalException')
      }
    }
  })
}

test('a caller that gives up leaves nothing in the way', async (t) => {
  const { room, id } = await stage(t)
  const { url } = await room.listen()
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const kms = new KMS({ region: 'us-east-1', credentials, maxAttempts: 1, endpoint: url })
  t.teardown(() => kms.destroy())
  const fault = room.faults.add({ backend: 'hsm', hang: true, times: 1 })
  const giving = new AbortController()
  const act = kms.encrypt({ KeyId: id, Plaintext }, { abortSignal: giving.signal })
  while (fault.hits === 0) await new Promise(setImmediate)
  giving.abort()
  await t.throwsAsync(act, { name: 'AbortError' })
  t.is(await outcome(kms.encrypt({ KeyId: id, Plaintext })), 'ok')
  await t.notThrowsAsync(room.close())
})

// Wrong answers -----------------------------------------------------------------------------------

test('a wrong ciphertext does not decrypt', async (t) => {
  const { room, id } = await stage(t)
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  await refuses(t, room.decrypt({ CiphertextBlob }), 'InvalidCiphertextException')
  const sound = await room.encrypt({ KeyId: id, Plaintext })
  t.deepEqual(bytes('attack at dawn'), Uint8Array.from((await room.decrypt(sound)).Plaintext!))
})

test('a wrong plaintext is another, once', async (t) => {
  const { room, id } = await stage(t)
  const { CiphertextBlob } = await room.encrypt({ KeyId: id, Plaintext })
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  const wrong = (await room.decrypt({ CiphertextBlob })).Plaintext!
  t.is(wrong.length, Plaintext.length)
  t.is(wrong.filter((byte, i) => byte !== Plaintext[i]).length, 1)
  t.deepEqual(Uint8Array.from((await room.decrypt({ CiphertextBlob })).Plaintext!), Uint8Array.from(Plaintext))
})

test('a wrong signature and a wrong code do not verify', async (t) => {
  const { room, signing, mac } = await stage(t)
  const signed = { KeyId: signing, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const
  const coded = { KeyId: mac, Message: Plaintext, MacAlgorithm: 'HMAC_SHA_256' } as const
  room.faults.add({ backend: 'hsm', wrong: true, times: 2 })
  const [{ Signature }, { Mac }] = [await room.sign(signed), await room.generateMac(coded)]
  await refuses(t, room.verify({ ...signed, Signature: Signature! }), 'KMSInvalidSignatureException')
  await refuses(t, room.verifyMac({ ...coded, Mac: Mac! }), 'KMSInvalidMacException')
  const right = { ...signed, Signature: (await room.sign(signed)).Signature! }
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  await refuses(t, room.verify(right), 'KMSInvalidSignatureException')
  t.true((await room.verify(right)).SignatureValid)
})

test('a wrong data key, a wrong key pair, a wrong re-encryption: none of them opens', async (t) => {
  const { room, id } = await stage(t)
  const sound = await room.encrypt({ KeyId: id, Plaintext })
  const acts = [
    () => room.generateDataKeyWithoutPlaintext({ KeyId: id, KeySpec: 'AES_256' }),
    () => room.generateDataKey({ KeyId: id, KeySpec: 'AES_256' }),
    () => room.reEncrypt({ CiphertextBlob: sound.CiphertextBlob, DestinationKeyId: id }),
  ]
  for (const act of acts) {
    room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
    const { CiphertextBlob } = await act()
    await refuses(t, room.decrypt({ CiphertextBlob }), 'InvalidCiphertextException')
    await t.notThrowsAsync(room.decrypt({ CiphertextBlob: (await act()).CiphertextBlob }))
  }
})

test('what stands for a new key is wrong: that key is of no use, and others are', async (t) => {
  const { room } = await stage(t)
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  const { KeyId } = (await room.createKey()).KeyMetadata!
  await refuses(t, room.encrypt({ KeyId, Plaintext }), 'KMSInternalException')
  const { KeyId: next } = (await room.createKey()).KeyMetadata!
  await t.notThrowsAsync(room.encrypt({ KeyId: next, Plaintext }))
})

test('into a buffer of the caller, too, a wrong answer is wrong', async (t) => {
  const { room, id } = await stage(t)
  const key = room.key(id)
  const out = new Uint8Array(200)
  room.faults.add({ backend: 'hsm', wrong: true, times: 1 })
  const length = await key.encryptInto(Plaintext, out)
  const opens = async () => key.decryptInto(out.subarray(0, length), new Uint8Array(200))
  await t.throwsAsync(opens, { code: 'InvalidCiphertextException' })
})

// Scripts -----------------------------------------------------------------------------------------

test('a script is played once, from step to step', async (t) => {
  const { room, id } = await stage(t)
  const script = [
    { error: 'ThrottlingException' },
    {},
    { drop: true },
    { latency: '1ms' },
    { error: 'KMSInternalException' },
  ]
  const fault = room.faults.add({ operation: 'Encrypt', script })
  const told: string[] = []
  for (let i = 0; i < 7; i++) told.push(await outcome(room.encrypt({ KeyId: id, Plaintext })))
  t.deepEqual(told, ['ThrottlingException', 'ok', 'ECONNRESET', 'ok', 'KMSInternalException', 'ok', 'ok'])
  t.is(fault.hits, 5)
  t.deepEqual(room.faults.list(), [])
})

test('a script of the HSM, again and again after so many calls', async (t) => {
  const { room, id } = await stage(t)
  room.faults.add({ backend: 'hsm', script: [{ error: 'KeyUnavailableException' }, {}], after: 1, times: 4 })
  const told: string[] = []
  for (let i = 0; i < 6; i++) told.push(await outcome(room.encrypt({ KeyId: id, Plaintext })))
  t.deepEqual(told, ['ok', 'KeyUnavailableException', 'ok', 'KeyUnavailableException', 'ok', 'ok'])
})

test('faults a room is opened with strike from the start', async (t) => {
  const faults = [{ operation: 'ListKeys', error: 'ThrottlingException', times: 1 }] as const
  const { room } = await stage(t, { faults })
  t.is(await outcome(room.listKeys()), 'ThrottlingException')
  t.is(await outcome(room.listKeys()), 'ok')
})

const refusesFault = test.macro({
  title: (_, fault: object) => `no fault: ${JSON.stringify(fault)}`,
  exec: async (t, fault: object, why: RegExp) => {
    const { room } = await scene(t)
    t.throws(() => room.faults.add(fault as Fault), { message: why })
    t.deepEqual(room.faults.list(), [])
  },
})
test(refusesFault, { wrong: true }, /only a backend/)
test(refusesFault, { operation: 'Encrypt', forget: true }, /only a backend/)
test(refusesFault, { script: [] }, /`script` of a fault takes a list/)
test(refusesFault, { script: [{ eror: 'x' }] }, /`script` of a fault takes a list/)
test(refusesFault, { script: [{}], error: 'ThrottlingException' }, /says all that goes wrong/)
test(refusesFault, { script: [{ wrong: true }] }, /only a backend/)
test(refusesFault, { backend: 'hsm', script: [{ drop: true }] }, /breaks no connection/)
test(refusesFault, { hang: 'yes' }, /`hang` of a fault takes true or false/)
test(refusesFault, { hang: false }, /has an `error`/)
