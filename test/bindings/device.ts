/** A device for the tests of its door, closed when a test ends. */
// A device for a test, and its verbs with buffers of their own.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import type { ExecutionContext } from 'ava'

import { Hsm, type HsmOptions, type Verbs } from '../../bindings/node/index.js'

setFlagsFromString('--expose-gc')

/** Collects garbage. Finalizers run some time later. */
export const collect = runInNewContext('gc') as () => void

export const ALL = 15
export const ENCRYPT = 1
export const ROOT = new Uint8Array(32).fill(7)
export const SPEC = 'AES_256'
export const OVERHEAD = 44

/** A device with one key in a slot, closed when the test ends. */
export function scene(t: ExecutionContext, options?: HsmOptions, usages = ALL) {
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
export function handy(verbs: Verbs) {
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

export const refuses = (t: ExecutionContext, code: string, act: () => unknown) => t.throws(act, { code }, code)

export const hello = Buffer.from('attack at dawn')
