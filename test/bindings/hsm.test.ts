// The device through its N-API door: every verb, every refusal with its code, and threads that share one device.

import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'

import test, { type ExecutionContext } from 'ava'

import { Hsm, type HsmOptions, type Verbs } from '../../bindings/node/index.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const ALL = 15
const ENCRYPT = 1
const ROOT = new Uint8Array(32).fill(7)
const SPEC = 'AES_256'
const OVERHEAD = 44

/** A device with one key in a slot, closed when the test ends. */
function scene(t: ExecutionContext, options?: HsmOptions, usages = ALL) {
  const hsm = Hsm.create(ROOT, options)
  t.teardown(() => {
    hsm.close()
  })
  const token = hsm.generate(SPEC, usages)
  const slot = hsm.load(token)
  const verbs = hsm.verbs()
  return { hsm, token, slot, verbs, ...handy(verbs) }
}

/** The verbs with buffers of their own, for tests that are about something else. */
function handy(verbs: Verbs) {
  const aad = (text: string) => Buffer.from(text).copy(verbs.scratch)
  return {
    seal(slot: number, plaintext: Uint8Array, context = '', prefix = 0) {
      const out = Buffer.alloc(prefix + plaintext.length + OVERHEAD)
      return out.subarray(0, verbs.encrypt(slot, plaintext, 0, aad(context), prefix, out, 0))
    },
    open(slot: number, body: Uint8Array, context = '') {
      const out = Buffer.alloc(body.length)
      return out.subarray(0, verbs.decrypt(slot, body, 0, 0, aad(context), out, 0))
    },
  }
}

const refuses = (t: ExecutionContext, code: string, act: () => unknown) => t.throws(act, { code }, code)

const hello = Buffer.from('attack at dawn')

test('what is sealed is opened again, whatever the sizes and places', (t) => {
  const { verbs, slot } = scene(t)
  for (const size of [0, 1, 15, 16, 17, 255, 1024, 4096, 100_000]) {
    const plaintext = Buffer.from(Array.from({ length: size }, (_, i) => i % 251))
    verbs.scratch.set(Buffer.from('…HEADERcontext'), 100)
    const [aadAt, aadLength, prefix, at] = [103, 13, 6, 5]
    const out = Buffer.alloc(at + prefix + size + OVERHEAD + 2, 0xaa)
    const written = verbs.encrypt(slot, plaintext, aadAt, aadLength, prefix, out, at)
    t.is(written, prefix + size + OVERHEAD)
    t.is(out.toString('latin1', at, at + prefix), 'HEADER')
    t.deepEqual([...out.subarray(0, at), ...out.subarray(at + written)], Array<number>(7).fill(0xaa))

    const blob = out.subarray(at, at + written)
    const opened = Buffer.alloc(3 + size)
    t.is(verbs.decrypt(slot, blob, prefix, aadAt, aadLength, opened, 3), size)
    t.deepEqual(opened.subarray(3), plaintext)
  }
})

test('every failed decryption has one code', (t) => {
  const { slot, hsm, seal, open } = scene(t)
  const body = seal(slot, hello, 'to: bob')
  const other = hsm.load(hsm.generate(SPEC, ALL))
  const changed = Buffer.from(body)
  changed[30]! ^= 1
  refuses(t, 'DecryptionFailed', () => open(slot, changed, 'to: bob'))
  refuses(t, 'DecryptionFailed', () => open(slot, body, 'to: eve'))
  refuses(t, 'DecryptionFailed', () => open(slot, body.subarray(0, -1), 'to: bob'))
  refuses(t, 'DecryptionFailed', () => open(slot, body.subarray(0, 43), 'to: bob'))
  refuses(t, 'DecryptionFailed', () => open(slot, Buffer.alloc(0), 'to: bob'))
  refuses(t, 'DecryptionFailed', () => open(other, body, 'to: bob'))
  t.deepEqual(open(slot, body, 'to: bob'), hello)
})

test('data keys come plain and sealed, or sealed alone', (t) => {
  const { verbs, slot, open } = scene(t)
  const plain = Buffer.alloc(40)
  const out = Buffer.alloc(200)
  const length = verbs.dataKey(slot, 32, plain, 4, 0, 0, 0, out, 10)
  t.is(length, 32 + OVERHEAD)
  t.deepEqual(open(slot, out.subarray(10, 10 + length)), plain.subarray(4, 36))
  t.true(plain.subarray(4, 36).some((byte) => byte !== 0))

  const sealed = verbs.dataKey(slot, 16, undefined, 0, 0, 0, 0, out, 0)
  t.is(open(slot, out.subarray(0, sealed)).length, 16)
  refuses(t, 'InvalidLength', () => verbs.dataKey(slot, 1025, undefined, 0, 0, 0, 0, Buffer.alloc(2000), 0))
  refuses(t, 'BufferTooSmall', () => verbs.dataKey(slot, 37, plain, 4, 0, 0, 0, out, 0))
  refuses(t, 'BufferTooSmall', () => verbs.dataKey(slot, 32, plain, 0, 0, 0, 0, out, 125))
})

test('reencryption moves a message to another key and context', (t) => {
  const { hsm, verbs, slot, seal, open } = scene(t)
  const other = hsm.load(hsm.generate(SPEC, ALL))
  const blob = Buffer.concat([Buffer.from('HD'), seal(slot, hello, 'old')])
  verbs.scratch.set(Buffer.from('oldNEW'))
  const out = Buffer.alloc(100)
  const length = verbs.reencrypt(slot, blob, 2, 0, 3, other, 3, 3, 1, out, 7)
  t.is(out.toString('latin1', 7, 8), 'N')
  t.deepEqual(open(other, out.subarray(8, 7 + length), 'NEW'), hello)
})

test('a batch is sealed and opened in one call, all or nothing', (t) => {
  const { verbs, slot, open } = scene(t)
  const parts = [hello, Buffer.alloc(0), Buffer.alloc(300, 3)]
  const lengths = Uint32Array.from(parts, (part) => part.length)
  verbs.scratch.set(Buffer.from('HDcontext'))
  const out = Buffer.alloc(1000)
  const written = verbs.encryptMany(slot, Buffer.concat(parts), lengths, 0, 9, 2, out, 1)
  const frames = Buffer.from(out.subarray(1, 1 + written))
  const framed = lengths.map((length) => length + 2 + OVERHEAD)
  t.is(written, framed[0]! + framed[1]! + framed[2]!)
  t.deepEqual(open(slot, frames.subarray(2, framed[0]), 'HDcontext'), hello)

  const opened = Buffer.alloc(400)
  const length = verbs.decryptMany(slot, frames, framed, 2, 0, 9, opened, 3)
  t.deepEqual(opened.subarray(3, 3 + length), Buffer.concat(parts))
  frames[written - 1]! ^= 1
  refuses(t, 'DecryptionFailed', () => verbs.decryptMany(slot, frames, framed, 2, 0, 9, opened, 3))
  t.true(opened.subarray(3, 3 + length).every((byte) => byte === 0))
  refuses(t, 'InvalidLength', () => verbs.encryptMany(slot, hello, Uint32Array.of(3, 4), 0, 0, 0, out, 0))
})

test('random bytes go where they were asked for', (t) => {
  const { verbs } = scene(t)
  const out = Buffer.alloc(1000)
  verbs.random(out, 100, 800)
  t.true(out.subarray(0, 100).every((byte) => byte === 0) && out.subarray(900).every((byte) => byte === 0))
  t.true(new Set(out.subarray(100, 900)).size > 100)
  refuses(t, 'BufferTooSmall', () => verbs.random(out, 500, 501))
  refuses(t, 'BufferTooSmall', () => verbs.random(out, 1001, 0))
})

test('keys are wrapped and unwrapped, padded or not', (t) => {
  const { hsm, slot } = scene(t)
  const secret = Buffer.alloc(24, 5)
  t.deepEqual(hsm.unwrap(slot, hsm.wrap(slot, secret, false), false), secret)
  t.deepEqual(hsm.unwrap(slot, hsm.wrap(slot, hello, true), true), hello)
  refuses(t, 'InvalidLength', () => hsm.wrap(slot, hello, false))
  refuses(t, 'DecryptionFailed', () => hsm.unwrap(slot, hsm.wrap(slot, secret, false), true))
})

test('usages bind a key to its verbs', (t) => {
  const { hsm, slot, seal, open } = scene(t, {}, ENCRYPT)
  const body = seal(slot, hello)
  refuses(t, 'UsageNotPermitted', () => open(slot, body))
  refuses(t, 'UsageNotPermitted', () => hsm.wrap(slot, Buffer.alloc(32), false))
  refuses(t, 'UsageNotPermitted', () => hsm.generate(SPEC, 0))
  refuses(t, 'UsageNotPermitted', () => hsm.generate(SPEC, 65_537))
  refuses(t, 'UnknownSpec', () => hsm.generate('AES_257', ALL))
})

test('tokens: described, imported, refused', (t) => {
  const { hsm, token } = scene(t)
  t.deepEqual(hsm.describe(token), { spec: SPEC, usages: ALL })
  const secret = new Uint8Array(32).fill(9)
  const imported = hsm.import(SPEC, ENCRYPT, secret)
  t.true(
    secret.every((byte) => byte === 0),
    'the copy of the caller is wiped',
  )
  t.deepEqual(hsm.describe(imported), { spec: SPEC, usages: ENCRYPT })
  refuses(t, 'InvalidLength', () => hsm.import(SPEC, ENCRYPT, new Uint8Array(31)))

  for (const at of token.keys()) {
    const changed = Buffer.from(token)
    changed[at]! ^= 128
    refuses(t, 'InvalidToken', () => hsm.load(changed))
    refuses(t, 'InvalidToken', () => hsm.load(token.subarray(0, at)))
  }
  refuses(t, 'InvalidToken', () => Hsm.create(ROOT).load(token))
})

test('a domain is reopened with its secret alone', (t) => {
  const passphrase = Buffer.from('correct horse')
  for (const root of [ROOT, passphrase]) {
    const first = Hsm.create(root)
    const token = first.generate(SPEC, ALL)
    const again = Hsm.open(root, first.sealedDomain())
    t.deepEqual(again.describe(token), { spec: SPEC, usages: ALL })
    t.deepEqual(again.sealedDomain(), first.sealedDomain())
    refuses(t, 'InvalidToken', () => Hsm.open(Buffer.from('wrong'), first.sealedDomain()))
    refuses(t, 'InvalidToken', () => Hsm.open(root, first.sealedDomain().subarray(1)))
  }
  refuses(t, 'InvalidLength', () => Hsm.create(new Uint8Array(0)))
})

test('slots: evicted, unloaded, stale', (t) => {
  const { hsm, token, slot, seal } = scene(t, { slots: 2 })
  t.true(Number.isSafeInteger(slot))
  const second = hsm.load(token)
  seal(slot, hello)
  const third = hsm.load(token)
  refuses(t, 'StaleSlot', () => seal(second, hello))
  seal(slot, hello)
  hsm.unload(third)
  refuses(t, 'StaleSlot', () => seal(third, hello))
  refuses(t, 'StaleSlot', () => hsm.unload(third))
  for (const none of [0, -1, 1.5, NaN, Infinity, 2 ** 53, slot + 1]) refuses(t, 'StaleSlot', () => seal(none, hello))
  const { secretMemory, warning, ...counts } = hsm.stats()
  t.deepEqual(counts, { slots: 1, capacity: 2, evictions: 1 })
  t.is(warning === undefined, secretMemory === 'memfd_secret')
  for (const slots of [0, 2 ** 20 + 1]) refuses(t, 'InvalidLength', () => Hsm.create(ROOT, { slots }))
})

test('rate limits say how long to wait', (t) => {
  const { hsm, slot, verbs, seal } = scene(t, { slotRate: 1, slotBurst: 2 })
  seal(slot, hello)
  seal(slot, hello)
  const limited = t.throws<Limited>(() => seal(slot, hello), { code: 'RateLimited' })
  t.true(limited.wait > 0 && limited.wait <= 1000, String(limited.wait))
  hsm.limitSlot(slot, 1, 3)
  const batch =
    (...lengths: number[]) =>
    () =>
      verbs.encryptMany(slot, hello, Uint32Array.from(lengths), 0, 0, 0, Buffer.alloc(999), 0)
  t.is(batch(7, 7)(), 2 * 51)
  refuses(t, 'RateLimited', batch(7, 7))
  refuses(t, 'InvalidLength', batch(2, 2, 2, 8))
  hsm.limitSlot(slot, 0, 0)
  for (let i = 0; i < 100; i++) seal(slot, hello)
  const device = scene(t, { deviceRate: 1, deviceBurst: 1 })
  device.seal(device.slot, hello)
  const wrap = () => device.hsm.wrap(device.slot, hello, true)
  const wrapping = t.throws<Limited>(wrap, { code: 'RateLimited' })
  t.true(wrapping.wait > 0 && wrapping.wait <= 1000)
})

test('bounds are checked against every buffer', (t) => {
  const { verbs, slot, seal } = scene(t)
  const out = Buffer.alloc(100)
  const body = seal(slot, hello)
  const encrypt = (aadAt: number, aadLength: number, prefix: number, at: number) => () =>
    verbs.encrypt(slot, hello, aadAt, aadLength, prefix, out, at)
  refuses(t, 'BufferTooSmall', encrypt(0, 0, 0, 43))
  refuses(t, 'BufferTooSmall', encrypt(0, 0, 0, 101))
  refuses(t, 'BufferTooSmall', encrypt(0, 0, 0, -1))
  refuses(t, 'BufferTooSmall', encrypt(0, 0, 0, 2 ** 32 - 1))
  refuses(t, 'InvalidLength', encrypt(32 * 1024, 1, 0, 0))
  refuses(t, 'InvalidLength', encrypt(32 * 1024 + 1, 0, 0, 0))
  refuses(t, 'InvalidLength', encrypt(-1, 5, 0, 0))
  refuses(t, 'InvalidLength', encrypt(5, -1, 0, 0))
  refuses(t, 'InvalidLength', encrypt(0, 5, 6, 0))
  refuses(t, 'DecryptionFailed', () => verbs.decrypt(slot, body, body.length + 1, 0, 0, out, 0))
  refuses(t, 'BufferTooSmall', () => verbs.decrypt(slot, body, 0, 0, 0, out, 87))
  t.is(encrypt(32 * 1024 - 5, 5, 5, 0)(), 63)
})

test('inputs and outputs are kept apart', (t) => {
  const { verbs, slot } = scene(t)
  const one = new Uint8Array(200)
  refuses(t, 'InvalidLength', () => verbs.encrypt(slot, one.subarray(0, 20), 0, 0, 0, one, 19))
  t.is(verbs.encrypt(slot, one.subarray(0, 20), 0, 0, 0, one, 20), 64, 'neighbours may share a buffer')
  refuses(t, 'InvalidLength', () => verbs.encrypt(slot, hello, 0, 0, 0, verbs.scratch, 0))
  refuses(t, 'InvalidLength', () => verbs.random(verbs.scratch, 0, 1))
})

test('detached buffers are empty', (t) => {
  const { verbs, slot, seal, open } = scene(t)
  const gone = new Uint8Array(100)
  structuredClone(gone, { transfer: [gone.buffer] })
  refuses(t, 'BufferTooSmall', () => verbs.encrypt(slot, hello, 0, 0, 0, gone, 0))
  refuses(t, 'BufferTooSmall', () => verbs.random(gone, 0, 1))
  refuses(t, 'DecryptionFailed', () => verbs.decrypt(slot, gone, 0, 0, 0, Buffer.alloc(9), 0))
  t.is(open(slot, seal(slot, gone)).length, 0)
})

test('the scratch outlives whatever is tried on it', (t) => {
  const { hsm, slot, seal } = scene(t)
  const body = seal(slot, hello, 'kept')
  const verbs = hsm.verbs()
  verbs.scratch.set(Buffer.from('kept'))
  structuredClone(verbs.scratch, { transfer: [verbs.scratch.buffer as ArrayBuffer] })
  t.is(verbs.decrypt(slot, body, 0, 0, 4, Buffer.alloc(14), 0), 14)
  const { decrypt } = hsm.verbs()
  collect()
  refuses(t, 'DecryptionFailed', () => decrypt(slot, body, 0, 0, 4, Buffer.alloc(14), 0))
})

test('arguments of another type are refused', (t) => {
  const { hsm, verbs, slot, token } = scene(t)
  const call =
    (verb: keyof Verbs, ...args: unknown[]) =>
    () =>
      (verbs[verb] as (...args: unknown[]) => unknown)(...args)
  const out = Buffer.alloc(100)
  const wrong = [
    call('encrypt'),
    call('encrypt', 'slot', hello, 0, 0, 0, out, 0),
    call('encrypt', BigInt(slot), hello, 0, 0, 0, out, 0),
    call('encrypt', slot, 'text', 0, 0, 0, out, 0),
    call('encrypt', slot, hello, '0', 0, 0, out, 0),
    call('encrypt', slot, hello, 0, 0, 0, null, 0),
    call('encrypt', slot, new Uint32Array(4), 0, 0, 0, out, 0),
    call('encrypt', slot, new DataView(new ArrayBuffer(4)), 0, 0, 0, out, 0),
    call('encrypt', slot, hello, 0, 0, 0, new ArrayBuffer(100), 0),
    call('encryptMany', slot, hello, new Uint8Array(1), 0, 0, 0, out, 0),
    call('dataKey', slot, 32, null, 0, 0, 0, 0, out, 0),
    call('random', out, {}, 1),
    () => hsm.load('token' as unknown as Uint8Array),
    () => hsm.generate(5 as unknown as string, ALL),
  ]
  for (const act of wrong) t.throws(act)
  for (const act of wrong.slice(0, -2)) t.throws(act, { code: 'InvalidArg', instanceOf: TypeError })
  t.is(hsm.stats().slots, 1)
  t.deepEqual(hsm.describe(token), { spec: SPEC, usages: ALL }, 'the device is none the worse for it')
})

test('a closed device refuses everything', (t) => {
  const { hsm, verbs, slot, token, seal } = scene(t)
  const body = seal(slot, hello)
  const joined = Hsm.attach(hsm.id)
  hsm.close()
  hsm.close()
  const out = Buffer.alloc(200)
  const closed: (() => unknown)[] = [
    () => hsm.generate(SPEC, ALL),
    () => hsm.import(SPEC, ALL, new Uint8Array(32)),
    () => joined.load(token),
    () => {
      hsm.unload(slot)
    },
    () => hsm.describe(token),
    () => {
      hsm.limitSlot(slot, 1, 1)
    },
    () => hsm.wrap(slot, hello, true),
    () => hsm.unwrap(slot, hello, true),
    () => Hsm.attach(hsm.id),
    () => verbs.encrypt(slot, hello, 0, 0, 0, out, 0),
    () => verbs.decrypt(slot, body, 0, 0, 0, out, 0),
    () => verbs.dataKey(slot, 32, undefined, 0, 0, 0, 0, out, 0),
    () => verbs.reencrypt(slot, body, 0, 0, 0, slot, 0, 0, 0, out, 0),
    () => verbs.encryptMany(slot, hello, Uint32Array.of(14), 0, 0, 0, out, 0),
    () => verbs.decryptMany(slot, body, Uint32Array.of(58), 0, 0, 0, out, 0),
    () => verbs.random(out, 0, 1),
  ]
  for (const act of closed) refuses(t, 'DeviceClosed', act)
})

test('worker threads join a device and share its slots', async (t) => {
  const { hsm, slot, token, seal, open } = scene(t, { slots: 2 })
  const body = seal(slot, hello, 'shared')
  const source = `
    import { parentPort, workerData } from 'node:worker_threads'
    const { Hsm } = await import(workerData.addon)
    const { id, slot, token, body } = workerData
    const hsm = Hsm.attach(id)
    const verbs = hsm.verbs()
    const out = Buffer.alloc(100)
    const length = Buffer.from('shared').copy(verbs.scratch)
    let opened = 0, stale = 0, current = slot
    for (let i = 0; i < 5000; i++) {
      try {
        verbs.decrypt(current, body, 0, 0, length, out, 0)
        opened++
      } catch (error) {
        if (error.code !== 'StaleSlot') throw error
        stale++
        current = hsm.load(token)
      }
      if (i % 7 === 0) current = hsm.load(token)
      if (i % 50 === 0) hsm.load(token), hsm.load(token)
    }
    const sealed = Buffer.alloc(100)
    const written = verbs.encrypt(hsm.load(token), out.subarray(0, 14), 0, length, 0, sealed, 0)
    parentPort.postMessage({ opened, stale, sealed: sealed.subarray(0, written) })
  `
  const addon = new URL('../../bindings/node/index.js', import.meta.url).href
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
  const workers = [1, 2, 3].map(() => new Worker(url, { workerData: { addon, id: hsm.id, slot, token, body } }))
  const answers = await Promise.all(workers.map(async (worker) => (await once(worker, 'message')) as [Answer]))
  await Promise.all(workers.map((worker) => worker.terminate()))
  for (const [{ opened, stale, sealed }] of answers) {
    t.is(opened + stale, 5_000)
    t.true(stale >= 100, 'two slots are too few even for one thread that loads three keys')
    t.deepEqual(open(hsm.load(token), sealed, 'shared'), hello)
  }
  t.true(hsm.stats().slots <= 2)
})

interface Limited extends Error {
  wait: number
}

interface Answer {
  opened: number
  stale: number
  sealed: Uint8Array
}

test('a device that nobody holds is gone', async (t) => {
  const verbsOf = (id: number) => Hsm.attach(id).verbs()
  const ids = Array.from({ length: 5 }, () => Hsm.create(ROOT).id)
  const kept = Hsm.create(ROOT)
  const gone = (id: number) => {
    try {
      verbsOf(id)
      return false
    } catch {
      return true
    }
  }
  // Finalizers run some time after a collection.
  for (let round = 0; round < 100 && !ids.every(gone); round++) {
    collect()
    await setImmediate()
  }
  t.true(ids.every(gone))
  t.is(typeof verbsOf(kept.id).encrypt, 'function')
})
