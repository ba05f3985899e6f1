/** The device as JavaScript sees it: tokens, slots, limits, threads, and what it refuses. */
// The device through its N-API door: tokens, slots, limits, closing, and threads that share one device.

import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

import test from 'ava'

import { Hsm } from '../../bindings/node/index.js'
import { ALL, collect, ENCRYPT, hello, refuses, ROOT, scene, SPEC } from './device.ts'

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
    // The other threads may take the slot between the two calls.
    const seal = () => {
      for (;;) {
        try {
          return verbs.encrypt(hsm.load(token), out.subarray(0, 14), 0, length, 0, sealed, 0)
        } catch (error) {
          if (error.code !== 'StaleSlot') throw error
        }
      }
    }
    const written = seal()
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
