/** The hot verbs: what they write, and that no buffer can lead them astray. */
// The verbs of the hot path: what they write where, and that no argument leads them astray.

import test from 'ava'

import type { Verbs } from '../../bindings/node/index.js'
import { ALL, collect, hello, OVERHEAD, refuses, scene, SPEC } from './device.ts'

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
