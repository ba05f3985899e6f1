/** ML-DSA of a token: the same keys in the Rust HSM and in Kryoptic, each verifying what the other signs. */
import { randomBytes } from 'node:crypto'
import test, { type ExecutionContext } from 'ava'
import { Hsm } from '../../bindings/node/index.js'
import type { Signer } from '../../src/backends/backend.ts'
import { nativeBackend } from '../../src/backends/native.ts'
import { located } from '../../src/backends/pkcs11/choice.ts'
import { Library } from '../../src/backends/pkcs11/cryptoki.ts'
import { parts } from '../../src/backends/pkcs11/der.ts'
import { CKA, CKK, CKO } from '../../src/backends/pkcs11/numbers.ts'
import { storedAs } from '../../src/backends/pkcs11/making.ts'
import { Token } from '../../src/backends/pkcs11/token.ts'
import type { Material } from '../../src/keys.ts'
import { pkcs11 } from '../../src/index.ts'
import { Roots } from '../../src/roots.ts'
import { kryopticTokens } from '../helpers/kryoptic.ts'
import { imported } from './contract/imports.ts'
import { flipped, materialOf, waiting, Workbench } from './contract/workbench.ts'

const { modern } = kryopticTokens('modern')
const CKA_SEED = 0x637
const ALGORITHM = 'ML_DSA_SHAKE_256'

/** RFC 9881's PrivateKeyInfo of a seed: its set of parameters is named by the last byte of the algorithm. */
const pkcs8 = (algorithm: number, seed: Buffer) =>
  Buffer.concat([
    Buffer.from('3034020100300b06096086480165030403', 'hex'),
    Buffer.of(algorithm, 0x04, 0x22, 0x80, 0x20),
    seed,
  ])

async function native(t: ExecutionContext): Promise<Workbench> {
  const bench = new Workbench([])
  bench.backend = nativeBackend(Hsm.create(randomBytes(32)), { roots: new Roots([]), window: 300_000 })
  t.teardown(() => bench.backend.close())
  return bench
}

/** Puts a pair into the token, behind the backend's back: the KMS lets no such key in. */
async function put(set: number, seed: Buffer, publicKey: Uint8Array): Promise<Material> {
  const { module, choice } = located(modern)
  const token = new Token(await Library.open(module), choice)
  const id = randomBytes(16)
  const common = [
    { type: CKA.KEY_TYPE, value: CKK.ML_DSA },
    { type: CKA.PARAMETER_SET, value: set },
    ...storedAs(id, 'of a seed'),
  ]
  await token.apart((session) => {
    const own = [
      { type: CKA.CLASS, value: CKO.PRIVATE_KEY },
      { type: CKA_SEED, value: seed },
      { type: CKA.SIGN, value: true },
    ]
    const open = [
      { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
      { type: CKA.VALUE, value: parts(publicKey)[1]!.content.subarray(1) },
      { type: CKA.VERIFY, value: true },
    ]
    token.cryptoki.C_CreateObject(session, [...common, ...own])
    token.cryptoki.C_CreateObject(session, [...common, ...open])
  })
  await token.close()
  return materialOf(id)
}

for (const [spec, set] of [
  ['ML_DSA_44', 1],
  ['ML_DSA_65', 2],
  ['ML_DSA_87', 3],
] as const) {
  test.serial(`${spec}: each verifies what the other signs, and nothing else`, async (t) => {
    const bench = await native(t)
    const seed = randomBytes(32)
    const key = waiting(spec, 'SIGN_VERIFY')
    const one = await imported(bench, key, pkcs8(0x10 + set, seed), 'RSA_AES_KEY_WRAP_SHA_256')
    const { backend } = await pkcs11(modern).open()
    t.teardown(() => backend.close())
    const two = await put(set, seed, one.publicKey!)

    const sides: readonly (readonly [Signer, Material])[] = [
      [bench.backend.signer!, one.material],
      [backend.signer!, two],
    ]
    for (const size of [1, 64, 4096]) {
      const message = randomBytes(size)
      for (const [signer, material] of sides) {
        const signature = Uint8Array.from(await signer.sign(material, ALGORITHM, 'RAW', message))
        for (const [other, by] of sides) {
          t.true(await other.verify(by, ALGORITHM, 'RAW', message, signature))
          t.false(await other.verify(by, ALGORITHM, 'RAW', flipped(message, 0), signature))
          t.false(await other.verify(by, ALGORITHM, 'RAW', message, flipped(signature, -1)))
        }
      }
    }
  })

  test.serial(`${spec}: what the token makes is written as the Rust HSM writes it`, async (t) => {
    const bench = await native(t)
    const { backend } = await pkcs11(modern).open()
    t.teardown(() => backend.close())
    const [ours, theirs] = await Promise.all([bench.backend.create(spec, 48), backend.create(spec, 48)])
    t.is(theirs.publicKey!.length, ours.publicKey!.length)
    const front = ours.publicKey!.length - parts(ours.publicKey!)[1]!.content.length
    t.deepEqual(Buffer.from(theirs.publicKey!.subarray(0, front)), Buffer.from(ours.publicKey!.subarray(0, front)))
  })
}
