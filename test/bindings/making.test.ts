/** How keys are made: aside, ahead of time, from a seed, and not at all once the device is closed. */
import test from 'ava'

import { Hsm } from '../../bindings/node/index.js'
import { hello, refuses, ROOT } from './device.ts'

const SIGN = 16

test('a seed repeats keys, tokens, nonces and random answers', (t) => {
  const play = (seed: number) => {
    const hsm = Hsm.create(ROOT, { seed, slots: 4 })
    const verbs = hsm.verbs()
    const tokens = ['AES_256', 'RSA_2048', 'ECC_P521', 'ED25519', 'ML_DSA_65', 'SM2'].map((spec) =>
      hsm.create(spec, spec === 'AES_256' ? 3 : SIGN),
    )
    const sealed = Buffer.alloc(100)
    verbs.encrypt(hsm.load(tokens[0]!.token), hello, 0, 0, 0, sealed, 0)
    const random = Buffer.alloc(100)
    verbs.random(random, 0, 100)
    hsm.close()
    return { tokens, sealed, random }
  }
  t.deepEqual(play(7), play(7))
  t.notDeepEqual(play(7), play(8))
})

test('keys made ahead are handed out once each', async (t) => {
  const hsm = Hsm.create(ROOT, { pregenerate: { ECC_P256: 4, RSA_2048: 1 } })
  t.teardown(() => {
    hsm.close()
  })
  const seen = new Set<string>()
  for (let count = 1; count <= 20; count++) {
    const { publicKey } = await hsm.createAsync(count % 5 === 0 ? 'RSA_2048' : 'ECC_P256', SIGN)
    seen.add(publicKey!.toString('hex'))
    t.is(seen.size, count)
  }
  refuses(t, 'UnknownSpec', () => Hsm.create(ROOT, { pregenerate: { RSA_2047: 1 } }))
})

test('closing gives up what is being made', async (t) => {
  const hsm = Hsm.create(ROOT, { pregenerate: { RSA_4096: 100 } })
  const making = [1, 2, 3, 4].map(() => hsm.createAsync('RSA_4096', SIGN))
  const settled = Promise.allSettled(making)
  hsm.close()
  for (const { status, ...rest } of await settled) {
    if (status === 'rejected') t.is((rest as { reason: { code: string } }).reason.code, 'DeviceClosed')
  }
  await t.throwsAsync(hsm.createAsync('ECC_P256', SIGN), { code: 'DeviceClosed' })
})
