/** Faults on cue: whom they strike, how often, what they leave, and what may not be said of one. */
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { DependencyTimeoutException, KMS } from '@aws-sdk/client-kms'
import type { Strongroom } from '../../src/index.ts'
import { type CloudTrailRecord, type Fault } from '../../src/index.ts'
import { Unreachable } from '../../src/errors.ts'
import { bytes, refuses, scene } from '../helpers/scene.ts'

const THROTTLED = 'ThrottlingException'
const RATE = 'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.'
const OTHER = '111122223333'

async function stage(t: ExecutionContext) {
  const all = await scene(t, { now: () => new Date() })
  const { KeyId: other } = (await all.room.createKey()).KeyMetadata!
  await all.room.createAlias({ AliasName: 'alias/first', TargetKeyId: all.id })
  const encrypt = (KeyId: string, room = all.room as Pick<Strongroom, 'encrypt'>) =>
    room.encrypt({ KeyId, Plaintext: bytes('x') })
  return { ...all, other, encrypt }
}

async function recorded(room: Strongroom, eventName: string): Promise<CloudTrailRecord[]> {
  const found: CloudTrailRecord[] = []
  for await (const event of room.audit.events({ eventName })) found.push(event)
  return found
}

// Whom they strike --------------------------------------------------------------------------------

test('a fault of an operation strikes it, and no other', async (t) => {
  const { room, id, encrypt } = await stage(t)
  const { CiphertextBlob } = await encrypt(id)
  room.faults.add({ operation: 'Encrypt', error: THROTTLED })
  await refuses(t, encrypt(id), THROTTLED, RATE)
  await t.notThrowsAsync(room.decrypt({ CiphertextBlob }))
})

test('a fault of a key strikes whatever is about it, however it is named, and no other key', async (t) => {
  const { room, id, arn, other, encrypt } = await stage(t)
  const [mine, theirs] = [(await encrypt(id)).CiphertextBlob!, (await encrypt(other)).CiphertextBlob!]
  const fault = room.faults.add({ key: id, error: 'KMSInternalException' })
  for (const act of [
    encrypt(id),
    encrypt(arn),
    encrypt('alias/first'),
    room.describeKey({ KeyId: id }),
    room.decrypt({ CiphertextBlob: mine }),
    room.reEncrypt({ CiphertextBlob: theirs, DestinationKeyId: id }),
    room.reEncrypt({ CiphertextBlob: mine, DestinationKeyId: other }),
  ]) {
    await refuses(t, act, 'KMSInternalException')
  }
  t.is(fault.hits, 7)
  await t.notThrowsAsync(encrypt(other))
  await t.notThrowsAsync(room.listKeys())
})

test('a fault of an alias strikes who calls the key so', async (t) => {
  const { room, id, encrypt } = await stage(t)
  room.faults.add({ key: 'alias/first', error: THROTTLED })
  await refuses(t, encrypt('alias/first'), THROTTLED)
  await t.notThrowsAsync(encrypt(id))
})

test('a fault of an account strikes its callers, and nobody else', async (t) => {
  const { room, id, encrypt } = await stage(t)
  room.faults.add({ account: OTHER, error: THROTTLED })
  await refuses(t, room.as({ account: OTHER }).listKeys(), THROTTLED)
  await t.notThrowsAsync(encrypt(id))
})

test('a fault of a Region strikes there, and nowhere else', async (t) => {
  const { room, id, encrypt } = await stage(t)
  room.faults.add({ region: 'eu-west-1', error: THROTTLED })
  await refuses(t, room.as({ region: 'eu-west-1' }).listKeys(), THROTTLED)
  await t.notThrowsAsync(encrypt(id))
})

test('a fault strikes where all holds that is said of it', async (t) => {
  const { room, id, other, encrypt } = await stage(t)
  const fault = { operation: 'Encrypt', key: id, account: '000000000000', region: 'us-east-1' } as const
  room.faults.add({ ...fault, error: THROTTLED })
  await refuses(t, encrypt(id), THROTTLED)
  await t.notThrowsAsync(encrypt(other))
  await t.notThrowsAsync(room.generateDataKey({ KeyId: id, KeySpec: 'AES_256' }))
})

test('a fault strikes before anything is decided: who may not is told of it all the same', async (t) => {
  const { room, arn, encrypt } = await stage(t)
  const stranger = room.as({ account: OTHER })
  await refuses(t, encrypt(arn, stranger), 'AccessDeniedException')
  room.faults.add({ operation: 'Encrypt', error: THROTTLED })
  await refuses(t, encrypt(arn, stranger), THROTTLED)
})

test('a fault of the HSM strikes in the cryptography, after all has been decided', async (t) => {
  const { room, id, arn, encrypt } = await stage(t)
  const fault = room.faults.add({ backend: 'hsm' })
  await refuses(t, encrypt(arn, room.as({ account: OTHER })), 'AccessDeniedException')
  await refuses(t, room.encrypt({ KeyId: id, Plaintext: bytes('x'), DryRun: true }), 'DryRunOperationException')
  await t.notThrowsAsync(room.describeKey({ KeyId: id }))
  t.is(fault.hits, 0)
  await refuses(t, encrypt(id), 'KMSInternalException')
  await refuses(t, room.generateRandom({ NumberOfBytes: 1 }), 'KMSInternalException')
  await refuses(t, room.createKey(), 'KMSInternalException')
  t.throws(() => room.key(id).encryptInto(bytes('x'), new Uint8Array(200)), { message: '' })
  t.is(fault.hits, 4)
})

test('every capability of the HSM fails on cue, and works again', async (t) => {
  const { room } = await stage(t)
  const make = async (KeySpec: 'ECC_NIST_P256' | 'HMAC_256', KeyUsage: 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC') =>
    (await room.createKey({ KeySpec, KeyUsage })).KeyMetadata!.KeyId
  const [signing, mac] = [await make('ECC_NIST_P256', 'SIGN_VERIFY'), await make('HMAC_256', 'GENERATE_VERIFY_MAC')]
  const acts = [
    () => room.sign({ KeyId: signing, Message: bytes('x'), SigningAlgorithm: 'ECDSA_SHA_256' }),
    () => room.generateMac({ KeyId: mac, Message: bytes('x'), MacAlgorithm: 'HMAC_SHA_256' }),
  ]
  for (const act of acts) {
    room.faults.add({ backend: 'hsm', error: 'KeyUnavailableException', times: 1 })
    await refuses(t, act(), 'KeyUnavailableException')
    await t.notThrowsAsync(act())
  }
})

// How often, and what they leave ------------------------------------------------------------------

test('a fault strikes so many times, after so many that it lets through', async (t) => {
  const { room, id, encrypt } = await stage(t)
  const fault = room.faults.add({ operation: 'Encrypt', error: THROTTLED, after: 2, times: 2 })
  const outcomes: string[] = []
  for (let i = 0; i < 6; i++) {
    outcomes.push(
      await encrypt(id).then(
        () => 'ok',
        (error: unknown) => (error as { code: string }).code,
      ),
    )
  }
  t.deepEqual(outcomes, ['ok', 'ok', THROTTLED, THROTTLED, 'ok', 'ok'])
  t.is(fault.hits, 2)
  t.deepEqual(room.faults.list(), [], 'it is gone once it has struck its last')
})

test('faults of a seed strike the same each time, those of another otherwise', async (t) => {
  const { room, id, encrypt } = await stage(t)
  const outcomes = async (seed: number) => {
    const fault = room.faults.add({ error: THROTTLED, probability: 0.5, seed })
    const struck: boolean[] = []
    for (let i = 0; i < 40; i++)
      struck.push(
        await encrypt(id).then(
          () => false,
          () => true,
        ),
      )
    fault.remove()
    return struck
  }
  const first = await outcomes(1)
  t.deepEqual(await outcomes(1), first)
  t.notDeepEqual(await outcomes(2), first)
})

test('what never strikes never does, and what is sure always', async (t) => {
  const { room, id, encrypt } = await stage(t)
  const never = room.faults.add({ error: THROTTLED, probability: 0 })
  for (let i = 0; i < 20; i++) await encrypt(id)
  t.is(never.hits, 0)
  room.faults.add({ error: THROTTLED, probability: 1 })
  await refuses(t, encrypt(id), THROTTLED)
})

test('a fault that is removed strikes no more, and leaves nothing in the way', async (t) => {
  const { room, id, encrypt } = await stage(t)
  const { gates } = (room as unknown as { service: { parts: { gates: unknown[] } } }).service.parts
  const before = [...gates]
  const one = room.faults.add({ operation: 'Encrypt', error: THROTTLED })
  const two = room.faults.add({ backend: 'hsm' })
  t.deepEqual(
    room.faults.list().map(({ id: number, fault }) => [number, fault]),
    [
      [1, { operation: 'Encrypt', error: THROTTLED }],
      [2, { backend: 'hsm' }],
    ],
  )
  one.remove()
  await refuses(t, encrypt(id), 'KMSInternalException')
  two.remove()
  two.remove()
  await t.notThrowsAsync(encrypt(id))
  t.deepEqual(gates, before)
  room.faults.add({ error: THROTTLED })
  room.faults.clear()
  t.deepEqual(gates, before)
})

test('a failure on cue is on record as any other', async (t) => {
  const { room, id, arn, encrypt } = await stage(t)
  room.faults.add({ operation: 'Encrypt', error: THROTTLED, times: 1 })
  room.faults.add({ backend: 'hsm', times: 1 })
  await t.throwsAsync(encrypt(id))
  await t.throwsAsync(encrypt(id))
  const [throttled, broken] = (await recorded(room, 'Encrypt')) as [CloudTrailRecord, CloudTrailRecord]
  t.like(throttled, { errorCode: THROTTLED, errorMessage: RATE })
  t.like(broken, { errorCode: 'KMSInternalException' })
  for (const event of [throttled, broken])
    t.deepEqual(
      event.resources!.map(({ ARN }) => ARN),
      [arn],
    )
})

test('what changes something changes nothing when it fails on cue', async (t) => {
  const { room, id } = await stage(t)
  room.faults.add({ operation: 'DisableKey', error: 'DependencyTimeoutException', times: 1 })
  await refuses(t, room.disableKey({ KeyId: id }), 'DependencyTimeoutException')
  t.is((await room.describeKey({ KeyId: id })).KeyMetadata!.KeyState, 'Enabled')
})

test('whoever is slowed down comes after those that came later', async (t) => {
  const { room, id, other, encrypt } = await stage(t)
  room.faults.add({ key: id, latency: '300ms' })
  const order: string[] = []
  await Promise.all([encrypt(id).then(() => order.push('slowed down')), encrypt(other).then(() => order.push('not'))])
  room.faults.clear()
  room.faults.add({ backend: 'hsm', latency: 300, times: 1 })
  await Promise.all([encrypt(id).then(() => order.push('slowed down')), encrypt(other).then(() => order.push('not'))])
  t.deepEqual(order, ['not', 'slowed down', 'not', 'slowed down'])
})

test('an error may come late', async (t) => {
  const { room, id, encrypt } = await stage(t)
  room.faults.add({ latency: '10ms' })
  room.faults.add({ latency: '10ms', error: THROTTLED })
  await refuses(t, encrypt(id), THROTTLED)
})

// Broken connections, and clients -----------------------------------------------------------------

test('a connection that breaks brings no answer at any door', async (t) => {
  const { room, id, encrypt } = await stage(t)
  room.faults.add({ drop: true })
  const error = await t.throwsAsync(encrypt(id), { instanceOf: Unreachable })
  t.is(error.code, 'ECONNRESET')
  const { url } = await room.listen()
  for (const door of [{ endpoint: url }, { requestHandler: room.requestHandler() as never }]) {
    const failed = await t.throwsAsync(client(door, 1).encrypt({ KeyId: id, Plaintext: bytes('x') }))
    t.is((failed as { code?: string }).code, 'ECONNRESET')
  }
})

function client(door: object, maxAttempts: number): KMS {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  return new KMS({ region: 'us-east-1', credentials, maxAttempts, ...door })
}

const FAULTS: readonly [name: string, fault: Fault][] = [
  [THROTTLED, { error: THROTTLED }],
  ['KMSInternalException', { error: 'KMSInternalException' }],
  ['DependencyTimeoutException', { error: 'DependencyTimeoutException' }],
  ['KeyUnavailableException', { error: 'KeyUnavailableException' }],
  ['a broken connection', { drop: true }],
  ['a broken HSM', { backend: 'hsm' }],
]
for (const [name, fault] of FAULTS) {
  test(`an unchanged SDK survives two times ${name} in three attempts, and gives up at the third`, async (t) => {
    const { room, id } = await stage(t)
    const { url } = await room.listen()
    const kms = client({ endpoint: url }, 3)
    t.teardown(() => kms.destroy())
    room.faults.add({ ...fault, times: 2 })
    const answer = await kms.encrypt({ KeyId: id, Plaintext: bytes('x') })
    t.is(answer.$metadata.attempts, 3)
    const persistent = room.faults.add(fault)
    await t.throwsAsync(kms.encrypt({ KeyId: id, Plaintext: bytes('x') }))
    t.is(persistent.hits, 3)
  })
}

test('an SDK is told what it was by its class', async (t) => {
  const { room, id } = await stage(t)
  const kms = client({ requestHandler: room.requestHandler() }, 1)
  room.faults.add({ error: 'DependencyTimeoutException', times: 1 })
  const error = await t.throwsAsync(kms.describeKey({ KeyId: id }), { instanceOf: DependencyTimeoutException })
  t.is(error.$metadata.httpStatusCode, 500)
})

// What may be said --------------------------------------------------------------------------------

const refusesFault = test.macro({
  title: (_, fault: object, why: RegExp) => `no fault: ${JSON.stringify(fault)}: ${why.source}`,
  exec: async (t, fault: object, why: RegExp) => {
    const { room } = await scene(t)
    t.throws(() => room.faults.add(fault as Fault), { message: why })
    t.deepEqual(room.faults.list(), [])
  },
})
test(refusesFault, {}, /has an `error`, a `latency`, or `drop/)
test(refusesFault, { operation: 'Encrypt' }, /has an `error`/)
test(refusesFault, { operation: 'Encript', error: THROTTLED }, /`operation` of a fault takes the name of an operation/)
test(refusesFault, { operatoin: 'Encrypt', error: THROTTLED }, /`operatoin` is nothing a fault has/)
test(refusesFault, { error: 'throttled' }, /`error` of a fault takes the name of an exception/)
test(refusesFault, { account: '12', error: THROTTLED }, /12 digits/)
test(refusesFault, { backend: 'cloud' }, /`backend` of a fault takes `hsm`/)
test(refusesFault, { backend: 'hsm', operation: 'Encrypt' }, /strikes whoever calls/)
test(refusesFault, { backend: 'hsm', drop: true }, /breaks no connection/)
test(refusesFault, { drop: true, error: THROTTLED }, /brings no `error`/)
test(refusesFault, { latency: 'long' }, /no span of time/)
test(refusesFault, { latency: -1 }, /`latency` of a fault takes a span of time/)
test(refusesFault, { error: THROTTLED, times: 0 }, /`times` of a fault takes a whole number from 1 on/)
test(refusesFault, { error: THROTTLED, after: 1.5 }, /`after` of a fault takes a whole number/)
test(refusesFault, { error: THROTTLED, probability: 2 }, /`probability` of a fault takes a number from 0 to 1/)
test(refusesFault, { error: THROTTLED, seed: 'x' }, /`seed` of a fault takes a whole number/)
