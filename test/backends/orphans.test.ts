/** What a token is left with by calls that come to nothing, and by keys that are gone: nothing. */
import test, { type ExecutionContext } from 'ava'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { CKA, CKO } from '../../src/backends/pkcs11/numbers.ts'
import { findAll } from '../../src/backends/pkcs11/objects.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import { pkcs11, Strongroom, type StrongroomOptions } from '../../src/index.ts'
import { bring, FOREVER } from '../helpers/import.ts'
import { recordsOf } from '../helpers/inside.ts'
import { bytes, refuses } from '../helpers/scene.ts'
import { softTokens, type SoftToken } from '../helpers/softhsm.ts'

const { one } = softTokens('one')
const Plaintext = bytes('attack at dawn')
const DAY = 86_400_000

interface Setting {
  readonly room: Strongroom
  readonly lines: string[]
  pass(days: number): void
  /** Objects in the token that are secret. */
  count(): Promise<number>
}

async function setting(t: ExecutionContext, options: StrongroomOptions = {}): Promise<Setting> {
  const lines: string[] = []
  let now = Date.UTC(2026, 0, 1)
  const log = (line: string) => lines.push(line)
  const backend = pkcs11(one)
  const room = await Strongroom.open({
    ...{ memory: true, audit: 'off', backend, now: () => new Date(now), log },
    ...options,
  })
  t.teardown(() => room.close())
  return { room, lines, pass: (days) => (now += days * DAY), count: () => secrets(one) }
}

async function secrets(options: SoftToken): Promise<number> {
  const { module, choice } = located(options)
  const token = new Token(await Library.open(module), choice)
  try {
    return await token.apart((session) => {
      const of = (cls: number) =>
        findAll(token, session, [
          { type: CKA.TOKEN, value: true },
          { type: CKA.CLASS, value: cls },
        ])
      return of(CKO.SECRET_KEY).length + of(CKO.PRIVATE_KEY).length
    })
  } finally {
    await token.close()
  }
}

/** Has the next commits of `room` end so, in the store or on their way from it. */
function striking(t: ExecutionContext, room: Strongroom, ends: readonly ('conflict' | 'refused' | 'lost')[]): void {
  const { store } = recordsOf(room)
  const rightly = store.commit.bind(store)
  const left = [...ends]
  store.commit = async (changes) => {
    const end = left.shift()
    if (end === 'conflict') throw Object.assign(new Error('somebody was first'), { code: 'Conflict' })
    if (end === 'refused') throw Object.assign(new Error('no space'), { code: 'Full' })
    const done = await rightly(changes)
    if (end === 'lost') throw Object.assign(new Error('nobody knows'), { code: 'Io' })
    return done
  }
  t.teardown(() => (store.commit = rightly))
}

test.serial('a key whose commit fails is not left in the token', async (t) => {
  const { room, count } = await setting(t)
  const before = await count()
  striking(t, room, ['refused'])
  await t.throwsAsync(room.createKey())
  t.is(await count(), before)
  await room.createKey()
  t.is(await count(), before + 1)
})

test.serial('a pair whose commit fails is not left in the token', async (t) => {
  const { room, count } = await setting(t)
  const before = await count()
  striking(t, room, ['refused'])
  await t.throwsAsync(room.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }))
  t.is(await count(), before)
})

test.serial('a key that is made anew because somebody else was first is in the token once', async (t) => {
  const { room, count } = await setting(t)
  const before = await count()
  striking(t, room, ['conflict', 'conflict'])
  const { KeyId } = (await room.createKey()).KeyMetadata!
  t.is(await count(), before + 1)
  t.truthy((await room.encrypt({ KeyId, Plaintext })).CiphertextBlob)
})

test.serial('a key whose commit is durable stays, whatever was told of it', async (t) => {
  const { room, count } = await setting(t)
  const before = await count()
  striking(t, room, ['lost'])
  await t.throwsAsync(room.createKey())
  t.is(await count(), before + 1)
  const [{ KeyId }] = (await room.listKeys()).Keys! as [{ KeyId: string }]
  t.truthy((await room.encrypt({ KeyId, Plaintext })).CiphertextBlob)
})

test.serial('a rotation whose commit fails leaves the key as it was, and nothing in the token', async (t) => {
  const { room, count } = await setting(t)
  const { KeyId } = (await room.createKey({ MultiRegion: true })).KeyMetadata!
  await room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-3' })
  const { CiphertextBlob } = await room.encrypt({ KeyId, Plaintext })
  const before = await count()
  striking(t, room, ['refused'])
  await t.throwsAsync(room.rotateKeyOnDemand({ KeyId }))
  t.is(await count(), before)
  for (const client of [room, room.as({ region: 'eu-west-3' })]) {
    t.deepEqual(Buffer.from((await client.decrypt({ KeyId, CiphertextBlob })).Plaintext!), Buffer.from(Plaintext))
  }
  await room.rotateKeyOnDemand({ KeyId })
  t.is(await count(), before + 1)
})

test.serial('a replica whose commit fails leaves the primary key what both would have had', async (t) => {
  const { room, count } = await setting(t)
  const { KeyId } = (await room.createKey({ MultiRegion: true })).KeyMetadata!
  const before = await count()
  striking(t, room, ['conflict', 'refused'])
  await t.throwsAsync(room.replicateKey({ KeyId, ReplicaRegion: 'eu-west-3' }))
  t.is(await count(), before)
  t.truthy((await room.encrypt({ KeyId, Plaintext })).CiphertextBlob)
})

test.serial('who may have no more keys leaves none in the token', async (t) => {
  const { room, count } = await setting(t, { quotas: { quotas: { Keys: 1 } } })
  await room.createKey()
  const before = await count()
  await refuses(t, room.createKey(), 'LimitExceededException')
  t.is(await count(), before)
})

test.serial('material that the key does not take is not left in the token', async (t) => {
  const { room, count } = await setting(t)
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await bring(room, KeyId, Buffer.alloc(32, 7))
  const before = await count()
  await refuses(t, bring(room, KeyId, Buffer.alloc(32, 8)), 'IncorrectKeyMaterialException')
  // The wrapping key of the second try.
  t.is(await count(), before + 1)
  striking(t, room, ['refused'])
  await t.throwsAsync(bring(room, KeyId, Buffer.alloc(32, 7)))
  t.is(await count(), before + 2)
})

test.serial('with a key that was to be imported, its wrapping keys go, and those of no other', async (t) => {
  const { room, count, pass } = await setting(t)
  const before = await count()
  const external = async () => (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!.KeyId
  const ask = (KeyId: string) =>
    room.getParametersForImport({ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' })
  const [gone, filled, stays] = [await external(), await external(), await external()]
  for (const KeyId of [gone, gone, filled, stays]) await ask(KeyId)
  await bring(room, filled, Buffer.alloc(32, 7), FOREVER)
  t.is(await count(), before + 6)
  for (const KeyId of [gone, filled]) await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  t.is(await room.sweep(), 2)
  t.is(await count(), before + 1)
})

test.serial('wrapping keys that cannot be destroyed are told of, and destroyed when they can be', async (t) => {
  const { room, lines, count, pass } = await setting(t)
  const before = await count()
  const { KeyId } = (await room.createKey({ Origin: 'EXTERNAL' })).KeyMetadata!
  await room.getParametersForImport({
    ...{ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' },
  })
  await room.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  pass(8)
  const { cryptoki } = await Library.open(one.module)
  const rightly = cryptoki.C_DestroyObject
  Object.assign(cryptoki, {
    C_DestroyObject: () => {
      throw new Error('CKR_DEVICE_ERROR:48')
    },
  })
  t.teardown(() => Object.assign(cryptoki, { C_DestroyObject: rightly }))
  t.is(await room.sweep(), 1)
  t.true(lines.includes('a key is deleted, but not yet destroyed in the device that keeps it: TokenFailed'))
  t.is(await count(), before + 1)
  Object.assign(cryptoki, { C_DestroyObject: rightly })
  await room.sweep()
  t.is(await count(), before)
})
